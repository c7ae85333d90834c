#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# An idle guest leaves the host idle.  Nothing but the guest's tick, 250 times a second,
# wakes the emulator, and after each its two threads go to sleep.  A thread that polls
# would sleep more often, one that spins would not sleep.  That is counted, since what a
# tick costs is the host's affair.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $g = Guest->start(args => [
    '-m', 128, '-kernel', Guest::file('vmlinuz-686'),
    '-initrd', Guest::file('initramfs-686'),
    '-append', 'console=ttyS0 quiet nomods']);
$g->must(qr/GUEST-READY/, 120, 'the guest is up');
$g->must(qr/# /, 30, 'its shell waits');
# let the kernel's own after-work end
$g->expect(qr/never/, 8);
# a tick: twice the main loop, once the vCPU, which may wait for the other's lock too
my %most = (main => 4, vcpu => 6);
my ($slept, $cpu) = ($g->sleeps, $g->cpu_seconds);
my $out = $g->run('tick() { grep LOC: /proc/interrupts; }; tick; sleep 12; tick', 60);
my $end = $g->sleeps;
my ($from, $to) = $out =~ /LOC: *(\d+)/g;
my $ticks = $to - $from;
cmp_ok($ticks, '>', 100, "$ticks ticks");
for my $who (sort keys %most) {
    my $num = $end->{$who} - $slept->{$who};

    cmp_ok($num, '>', 0.5 * $ticks, "$who: asleep between them, $num times");
    cmp_ok($num, '<', $most{$who} * $ticks, 'and hardly woken for anything else');
}
diag(sprintf 'host CPU: %.0f us a tick', ($g->cpu_seconds - $cpu) / $ticks * 1e6);
$g->stop;
done_testing();
