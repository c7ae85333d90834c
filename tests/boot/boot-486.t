#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# A 686 kernel on a 486: the kernel's own real-mode code must see that the CPU
# is too old (EFLAGS.ID or the family of CPUID) and say so; the emulator lives on.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $kernel = Guest::file('vmlinuz-686');
my $g = Guest->start(monitor => 1, args => [
    '-cpu', '486', '-m', 64, '-kernel', $kernel,
    '-append', 'earlyprintk=serial,ttyS0,115200']);
$g->must(qr/This kernel requires an i[56]86 CPU, but only detected an i486 CPU/,
         60, 'the kernel refuses a 486 by its own check');
$g->must(qr/use a kernel appropriate for your CPU/, 10,
         'and says what to do');
like($g->vga_text, qr/requires an i[56]86 CPU/, 'the same is on the screen');
sleep 2;
ok($g->alive, 'the emulator still runs');
like($g->monitor('info status'), qr/running/, 'and so does the guest');
syswrite($g->{mon}, "quit\n");
is($g->wait_exit(10), 0, 'quit ends it with status 0');
done_testing();
