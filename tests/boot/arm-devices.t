#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Linux uses the devices of versatilepb: SCSI disk and CD-ROM drive behind PCI,
# SD card, network with DHCP and ping, NOR flash.  The kernel's own
# drivers are the judges; the guest's self test checks what it reads and writes.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my @board = ('-M', 'versatilepb', '-m', 128, '-kernel', Guest::file('zImage-versatilepb'),
             '-initrd', Guest::file('initramfs-armel'));
my $words = 'console=ttyAMA0 autotest disktest diskwrite nettest';
my $disk = Guest::file('disk-armel');

my $scsi = Guest::copy_of($disk);
my $g = Guest::arm_self_test('arm-scsi', [
    @board, '-dtb', Guest::file('versatile-pb.dtb'), '-append', $words,
    '-net', 'nic', '-net', 'user', '-drive', "file=$scsi,format=raw"], tests => 17);
like($g->{all}, qr/TEST md5sums-sda1 ok/, 'files on the SCSI disk are as they were made');
like($g->{all}, qr/TEST write-sda ok/, 'what is written to it is there');
like($g->{all}, qr/TEST dhcp ok/, 'DHCP gives the address');
like($g->{all}, qr/mtd0: 04000000 00040000/, 'the NOR flash is found');
like($g->{all}, qr/ARM AC'97 Interface PL041/, 'and the sound interface');

my $sd = Guest::copy_of($disk);
$g = Guest::arm_self_test('arm-sd', [
    @board, '-dtb', Guest::file('versatile-pb-sd.dtb'), '-append', $words,
    '-net', 'nic', '-net', 'user', '-sd', $sd], tests => 17);
like($g->{all}, qr/TEST md5sums-mmcblk0p1 ok/, 'files on the SD card are as they were made');
like($g->{all}, qr/TEST write-mmcblk0 ok/, 'what is written to it is there');
done_testing();
