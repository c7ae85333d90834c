#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# The 686 and 686-pae boots and self tests once more on the interpreter, the
# reference that has no host code generator.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

Guest::skip_all('the interpreter is an option of our emulator only')
    if Guest::is_reference();
Guest::self_test_boot($_, 256, ["-accel", "tcg,interp=on"], slow => 10, name => $_)
    for "686", "686-pae";
done_testing();
