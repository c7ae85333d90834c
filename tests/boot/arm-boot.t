#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Linux 6.1 on versatilepb, with a device tree appended to the kernel and told by
# ATAGs.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $initrd = Guest::file('initramfs-armel');
my $append = 'console=ttyAMA0 earlyprintk autotest';

Guest::arm_self_test('arm-atags', [
    '-M', 'versatilepb', '-m', 64, '-initrd', $initrd, '-append', $append,
    '-kernel', Guest::file('zImage-versatilepb-lite-appended-dtb')]);
done_testing();
