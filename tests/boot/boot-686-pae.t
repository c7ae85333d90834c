#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Debian's 686-pae kernel: three-level page tables, no-execute, and 5 GiB of
# RAM, so that pages above 4 GiB are used.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

Guest::self_test_boot('686-pae', 256);
Guest::self_test_boot('686-pae', 5120, ['-cpu', 'max'],
                      name => 'boot-686-pae-5g', free_mib => 4096);
done_testing();
