#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Linux 6.1 on versatilepb with a device tree, which the loader completes.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $initrd = Guest::file('initramfs-armel');
my $append = 'console=ttyAMA0 earlyprintk autotest';

Guest::arm_self_test('arm-dtb', [
    '-M', 'versatilepb', '-m', 256, '-initrd', $initrd, '-append', $append,
    '-kernel', Guest::file('zImage-versatilepb'), '-dtb', Guest::file('versatile-pb.dtb')]);
done_testing();
