#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Debian's own 686 kernel, unmodified, with -kernel: it boots, its self test
# passes, and ACPI power-off ends the emulator with status 0.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

Guest::self_test_boot('686', 256);
done_testing();
