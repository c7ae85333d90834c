#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# The boots and self tests of all three machines with each fast path of the
# engine switched off, and with all of them off.  The interpreter has tests of
# its own.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

Guest::skip_all('fast paths are switched off by options of our emulator only')
    if Guest::is_reference();

my @each = qw(chain=off pin=off opt=off fastfp=off tlb=off copy=off selfcheck=off selfcheck=on);
my $most = join ',', grep { $_ ne 'selfcheck=on' } @each;
my %arm = (
    versatilepb => ['-kernel', Guest::file('zImage-versatilepb-appended-dtb'),
                    '-initrd', Guest::file('initramfs-armel'),
                    '-append', 'console=ttyAMA0 earlyprintk autotest'],
    mini2440 => ['-kernel', Guest::file('zImage-mini2440'),
                 '-initrd', Guest::file('initramfs-v4t'),
                 '-append', 'console=ttySAC0,115200 autotest']);

for my $off (@each, $most) {
    my @accel = ('-accel', "tcg,$off");

    Guest::self_test_boot('686', 256, \@accel, slow => 10, name => "686 $off");
    Guest::arm_self_test("$_ $off", ['-M', $_, @{$arm{$_}}, @accel], slow => 10)
        for sort keys %arm;
}
done_testing();
