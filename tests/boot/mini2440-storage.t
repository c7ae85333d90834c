#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# mini2440's SD slot and a USB stick: files of the host are whole in the guest and
# the other way round; how fast SD and NAND are read.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Usb;

my $dir = Guest::scratch();
my $head = 8 << 20;
my $usb_sum = Usb::make_stick($dir, 'usb.img', 20_000_000);
my $sd_sum = Usb::make_stick($dir, 'sd.img', 50_000_000);
my ($head_sum) = `head -c $head $dir/files/data | md5sum` =~ /^(\w+)/;
my ($qemu) = Guest::emulator('arm');
my $tool = ($qemu =~ s{[^/]*$}{}r) . 'qemu-nandimg';

is(system($tool, 'create', '-s', '64M', "$dir/nand.bin", "root=$dir/files/data"), 0,
   'a NAND image with a file');

chdir $dir or die;
my $g = Guest->start(name => 'mini2440-storage', arm => 1, args => [
    '-M', 'mini2440', '-kernel', Guest::file('zImage-mini2440-plus'), '-initrd',
    Guest::file('initramfs-v4t'), '-append', 'console=ttySAC0,115200 quiet noselftest',
    '-sd', 'sd.img', '-mtdblock', 'nand.bin', '-usb', '-usbdevice', 'disk::./usb.img']);
chdir '/';
$g->must(qr/GUEST-SHELL/, 120, 'a shell on the serial line');

Usb::await($g, '[ -b /dev/mmcblk0 ]', 20, 'the SD card is found');
$g->run_ok('mkdir -p /mnt; mount -t ext2 /dev/mmcblk0 /mnt && md5sum /mnt/data', 60,
           'it is mounted and its 50 MB are whole', qr/^$sd_sum /m);
$g->run_ok('dd if=/mnt/data of=/mnt/copy bs=1M count=8 && umount /mnt', 60, 'it is written');

Usb::await($g, '[ -b /dev/sda ]', 20, 'the USB stick is found');
$g->run_ok('mount -t ext2 /dev/sda /mnt && md5sum /mnt/data; umount /mnt', 60,
           'its file is whole', qr/^$usb_sum /m);

$g->run_ok('head -c 50000000 /dev/mtdblock3 | md5sum', 60, 'the NAND chip has the file',
           qr/^$sd_sum /m);
for (['SD', '/dev/mmcblk0'], ['USB', '/dev/sda'], ['NAND', '/dev/mtdblock3'], ['NAND, raw', '/dev/mtd3']) {
    my ($what, $device) = @$_;
    my $cpu = $g->cpu_seconds;
    my $out = $g->run('echo 3 >/proc/sys/vm/drop_caches; ' .
                      "dd if=$device of=/dev/null bs=1M count=40", 60);

    $cpu = $g->cpu_seconds - $cpu;
    like($out, qr/^41943040 bytes/m, "$what: $device is read");
    diag(sprintf '%s: %s, %.0f MB for a second of CPU time', $what,
         $out =~ m{, ([\d.]+MB/s)}, 40 / $cpu);
}
$g->stop;
my ($copy, $clean, $fsck) = Usb::sum_on_stick("$dir/sd.img", '/copy');
is($copy, $head_sum, 'what the guest wrote is in the SD image');
ok($clean, 'whose file system is clean') or diag($fsck);
done_testing();
