#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Linux 6.1 on mini2440, started by -kernel as by a boot loader; keys and LEDs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $initrd = Guest::file('initramfs-v4t');
my $append = 'console=ttySAC0,115200';
my @machine = ('-M', 'mini2440', '-initrd', $initrd);

Guest::arm_self_test($_, [@machine, '-kernel', Guest::file("zImage-$_"),
                          '-append', "$append autotest"]) for qw(mini2440 mini2440-plus);

my $g = Guest->start(name => 'mini2440-keys', arm => 1, monitor => 1,
                     args => [@machine, '-kernel', Guest::file('zImage-mini2440'),
                              '-append', $append]);
$g->must(qr/GUEST-SHELL\s+\/ # $/, 120, 'a shell on the serial line');
my $presses = 'grep "Button 2" /proc/interrupts';
like($g->run($presses, 20), qr/:\s+0\s/, 'no key was pressed');
$g->monitor('sendkey 2');
sleep 1;
like($g->run($presses, 20), qr/:\s+2\s/, 'a key makes an interrupt, down and up');
like($g->monitor('info leds'), qr/^LED3 +off/m, 'LED3 is off');
$g->run('devmem 0x56000010 32 0x15555; devmem 0x56000014 32 0x160', 20);
my $leds = $g->monitor('info leds');
like($leds, qr/^LED3 +on/m, 'LED3 is on when GPB7 is low');
like($leds, qr/^LED1 +off.*^LED2 +off.*^LED4 +off/ms, 'the others are not');
$g->stop;
done_testing();
