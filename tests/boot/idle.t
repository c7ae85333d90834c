#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# An idle guest leaves the host idle: under 3 % of one processor while its shell
# waits for input.  It is woken 250 times a second: where that alone costs the host more
# than 0.3 %, it may take ten times that.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

# Microseconds of CPU that a sleep and its end take here.
sub wake_cost
{
    my ($num, $before) = (2000, (times)[0] + (times)[1]);

    select undef, undef, undef, 0.001 for 1 .. $num;
    return ((times)[0] + (times)[1] - $before) / $num * 1e6;
}

my $g = Guest->start(args => [
    '-m', 128, '-kernel', Guest::file('vmlinuz-686'),
    '-initrd', Guest::file('initramfs-686'),
    '-append', 'console=ttyS0 quiet nomods']);
$g->must(qr/GUEST-READY/, 120, 'the guest is up');
$g->must(qr/# /, 30, 'its shell waits');
# let the kernel's own after-work end
$g->expect(qr/never/, 8);
my ($cpu, $wall) = ($g->cpu_seconds, time);
$g->expect(qr/never/, 12);
my $used = $g->cpu_seconds - $cpu;
my $percent = 100 * $used / (time - $wall);
my $cost = wake_cost();
cmp_ok($percent, '<', max(3, 10 * 250 * $cost / 1e6 * 100),
       sprintf 'host CPU %.1f %% (%.2f s) while idle, %.0f us a wakeup', $percent, $used, $cost);
$g->run_ok('sleep 1; echo awake', 20, 'it still answers', qr/^awake$/m);
$g->stop;
done_testing();
