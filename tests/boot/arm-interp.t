#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# The boots of arm-boot.t on the interpreter, the reference that has no host
# code generator.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $initrd = Guest::file('initramfs-armel');
my $append = 'console=ttyAMA0 earlyprintk autotest';
my @interp = ('-accel', 'tcg,interp=on');

Guest::arm_self_test('arm-interp-atags', [
    '-M', 'versatilepb', '-initrd', $initrd, '-append', $append, @interp,
    '-kernel', Guest::file('zImage-versatilepb-appended-dtb')], slow => 10);
Guest::arm_self_test('arm-interp-dtb', [
    '-M', 'versatilepb', '-initrd', $initrd, '-append', $append, @interp,
    '-kernel', Guest::file('zImage-versatilepb'), '-dtb', Guest::file('versatile-pb.dtb')],
    slow => 10);
done_testing();
