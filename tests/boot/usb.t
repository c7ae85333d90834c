#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# USB of the PC, in Debian 12 from a disk: the PIIX3's UHCI and an OpenHCI card,
# each with a stick that is read and written; keys and a tablet; devices come and
# go.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Usb;

my $dir = Guest::scratch();
my $disk = Guest::copy_of(Guest::file('disk-i386'));
my $sum = Usb::make_stick($dir, 'uhci.img', 20_000_000);
system("cp --sparse=always $dir/uhci.img $dir/ohci.img") == 0 or die;

my $g = Guest->start(monitor => 1, args => [
    '-m', 256, '-no-reboot', '-hda', $disk, '-usb', '-usbdevice', 'tablet',
    '-usbdevice', "disk:$dir/uhci.img", '-device', 'pci-ohci,id=ohci',
    '-drive', "if=none,id=stick,format=raw,file=$dir/ohci.img",
    '-device', 'usb-storage,bus=ohci.0,drive=stick,removable=on,serial=ABC123456789',
    '-device', 'usb-kbd,bus=ohci.0']);

$g->login(300);
$g->run_ok('dmesg -n 1; modprobe usbhid; modprobe evdev', 60, 'drivers are loaded');
like($g->monitor('info usb') =~ s/\r//gr, qr/^  Device 0\.1, Port 1, .*Tablet$
  Device 0\.2, Port 2, .*Hub$
  Device 0\.3, Port 2\.1, .*HARDDRIVE$
  Device 1\.1, Port 1, .*HARDDRIVE$
  Device 1\.2, Port 2, .*Keyboard$/m, 'two buses, and a hub in the last port of the first');

for (['uhci', '0000:00:01.2'], ['ohci', '0000:00:0[3-9].0']) {
    my ($name, $where) = @$_;
    my $path = "/dev/disk/by-path/pci-$where-usb-0:*-scsi-0:0:0:0";

    Usb::await($g, "[ -b $path ]", 30, "$name: Linux sees the stick behind its controller");
    $g->run_ok("mount -t ext2 $path /mnt && md5sum /mnt/data", 90,
               'it is mounted and its file is whole', qr/^$sum /m);
    $g->run_ok('cp /mnt/data /mnt/copy && umount /mnt', 90, 'and a copy of it is written');
    my $speed = $g->run("dd if=\$(echo $path) of=/dev/null bs=1M count=40 iflag=direct 2>&1", 90) // '';
    diag("$name: $1") if $speed =~ /, ([\d.]+ .B\/s)/;
}
$g->run_ok('cat /sys/block/sd[bc]/removable', 20, 'the second is removable', qr/\b1\b/);
my $keyboard = Usb::event_device($g, 'USB Keyboard');
my @keys = grep { /^1 / } Usb::events($g, $keyboard, 'sendkey ctrl-b');
is_deeply(\@keys, ['1 29 1', '1 48 1', '1 48 0', '1 29 0'], 'keys arrive') or diag("@keys");
my @moves = Usb::events($g, Usb::event_device($g, 'USB Tablet'), 'mouse_move 1000 2000');
is_deeply([grep { /^3 / } @moves], ['3 0 1000', '3 1 2000'], 'and the tablet\'s places');

is($g->monitor('usb_add mouse'), '', 'usb_add');
Usb::await($g, 'grep -q "USB Mouse" /proc/bus/input/devices', 30, 'Linux has the mouse');
$g->monitor('usb_del 0.4');
Usb::await($g, '! grep -q "USB Mouse" /proc/bus/input/devices', 30, 'usb_del takes it away');
$g->monitor('usb_del 1.1');
Usb::await($g, '[ ! -b /dev/sdc ] || [ ! -b /dev/sdb ]', 30, 'a stick is pulled out');
$g->send("poweroff\n");
is($g->wait_exit(180), 0, 'shut-down ends the emulator with status 0');
is($g->stderr_text, '', 'which had nothing to complain about');
for my $name ('uhci', 'ohci') {
    my ($copy, $clean, $fsck) = Usb::sum_on_stick("$dir/$name.img", '/copy');
    is($copy, $sum, "$name: what the guest wrote is in the image");
    ok($clean, 'whose file system is clean') or diag($fsck);
}
done_testing();
