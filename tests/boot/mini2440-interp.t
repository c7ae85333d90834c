#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# The boots of mini2440.t on the interpreter, the reference that has no host
# code generator.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

Guest::arm_self_test("interp-$_", [
    '-M', 'mini2440', '-accel', 'tcg,interp=on', '-kernel', Guest::file("zImage-$_"),
    '-initrd', Guest::file('initramfs-v4t'), '-append', 'console=ttySAC0,115200 autotest'],
    slow => 10) for qw(mini2440 mini2440-plus);
done_testing();
