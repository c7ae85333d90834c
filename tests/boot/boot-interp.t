#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# The 686 kernel's boot and self test once more on the interpreter, the
# reference that has no host code generator.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

Guest::skip_all('the interpreter is an option of our emulator only')
    if Guest::is_reference();
Guest::self_test_boot('686', 256, ['-accel', 'tcg,interp=on'], slow => 10);
done_testing();
