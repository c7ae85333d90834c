#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# OpenHCI, on versatilepb's PCI bus and in the S3C2440 of mini2440: a stick is
# read and written, keys and pointers arrive, devices come and go.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Usb;

my $dir = Guest::scratch();
my $sum = Usb::make_stick($dir, 'usb.img', 20_000_000);
system("cp --sparse=always $dir/usb.img $dir/second.img") == 0 or die;

sub boot
{
    my ($name, @args) = @_;
    my $g = Guest->start(name => "usb-$name", arm => 1, monitor => 1,
                         args => ['-no-reboot', '-net', 'none', @args]);

    $g->must(qr{GUEST-SHELL}, 120, "$name: a shell on the serial line");
    return $g;
}

sub check_stick
{
    my ($g, $device) = @_;

    Usb::await($g, "[ -b $device ]", 20, "the stick is $device");
    $g->run_ok("mkdir -p /mnt; mount -t ext2 $device /mnt && md5sum /mnt/data", 60,
               'it is mounted and its file is whole', qr/^$sum /m);
    $g->run_ok('cp /mnt/data /mnt/copy && umount /mnt', 60, 'and a copy of it is written');
}

my $g = boot('versatilepb', '-M', 'versatilepb', '-kernel', Guest::file('zImage-versatilepb'),
    '-dtb', Guest::file('versatile-pb.dtb'), '-initrd', Guest::file('initramfs-armel'),
    '-append', 'console=ttyAMA0 quiet noselftest',
    '-usb', '-usbdevice', 'tablet', '-usbdevice', 'keyboard', '-usbdevice', "disk:$dir/usb.img");

is($g->monitor('info usb') =~ s/\r//gr, <<'END', 'the third port has the hub, so that a fourth fits');
  Device 0.1, Port 1, Speed 12 Mb/s, Product QEMU USB Tablet
  Device 0.2, Port 2, Speed 12 Mb/s, Product QEMU USB Keyboard
  Device 0.3, Port 3, Speed 12 Mb/s, Product QEMU USB Hub
  Device 0.4, Port 3.1, Speed 12 Mb/s, Product QEMU USB HARDDRIVE
END
check_stick($g, '/dev/sda');
my $keyboard = Usb::event_device($g, 'USB Keyboard');
ok($keyboard, 'Linux has the keyboard') or $g->must(qr/^never$/, 1, 'a keyboard');
my @keys = grep { /^1 / } Usb::events($g, $keyboard, 'sendkey a', 'sendkey shift-f5');
is_deeply(\@keys, ['1 30 1', '1 30 0', '1 42 1', '1 63 1', '1 63 0', '1 42 0'],
          'each key goes down and up') or diag("@keys");
my @moves = Usb::events($g, Usb::event_device($g, 'USB Tablet'), 'mouse_move 1000 2000',
                        'mouse_button 1', 'mouse_move 1000 2001');
is_deeply([grep { /^[13] / } @moves], ['3 0 1000', '3 1 2000', '1 272 1', '3 1 2001'],
          'the tablet tells places and buttons') or diag(join "\n", @moves);

is($g->monitor("usb_add disk:format=raw:$dir/second.img"), '', 'another stick is plugged in');
Usb::await($g, '[ -b /dev/sdb ]', 20, 'Linux sees it');
$g->run_ok('mount -t ext2 -o ro /dev/sdb /mnt && md5sum /mnt/data; umount /mnt', 60,
           'it can be read', qr/^$sum /m);
like($g->monitor('info block'), qr/usb-disk1: .*second\.img/, 'its drive is there');
is($g->monitor('usb_del 0.5'), '', 'it is pulled out');
Usb::await($g, '[ ! -b /dev/sdb ]', 20, 'and gone');
unlike($g->monitor('info block'), qr/usb-disk1/, 'so is its drive');
like($g->monitor('usb_del 0.5'), qr/no device 0\.5/, 'it can be pulled out once');
like($g->monitor("usb_add disk:$dir/none"), qr/no such file/, 'a stick that is not there');
like($g->monitor('usb_add toaster'), qr/no device 'toaster'/, 'a device there is none of');
$g->monitor('usb_del 0.3');
Usb::await($g, '[ ! -b /dev/sda ]', 20, 'with the hub goes what is behind it');
$g->monitor('device_add usb-mouse,id=rat');
Usb::await($g, 'grep -q "USB Mouse" /proc/bus/input/devices', 20, 'device_add adds a mouse');
@moves = Usb::events($g, Usb::event_device($g, 'USB Mouse'), 'mouse_move 5 -7');
is_deeply([grep { /^2 / } @moves], ['2 0 5', '2 1 -7'], 'which moves');
is($g->monitor('device_del rat'), '', 'device_del');
Usb::await($g, '! grep -q "USB Mouse" /proc/bus/input/devices', 20, 'takes it away');
my $slept = $g->sleeps->{main};
sleep 5;
cmp_ok($g->sleeps->{main} - $slept, '<', 2500, 'nobody is woken for the 5000 frames of an idle bus');
$g->stop;
my ($copy, $clean, $fsck) = Usb::sum_on_stick("$dir/usb.img", '/copy');
is($copy, $sum, 'what the guest wrote is in the image');
ok($clean, 'whose file system is clean') or diag($fsck);

chdir $dir or die;
$g = boot('mini2440', '-M', 'mini2440', '-kernel', Guest::file('zImage-mini2440'),
    '-initrd', Guest::file('initramfs-v4t'), '-append', 'console=ttySAC0,115200 quiet noselftest',
    '-usb', '-usbdevice', 'disk::./usb.img', '-usbdevice', 'keyboard', '-usbdevice', 'mouse');
check_stick($g, '/dev/sda');
@keys = grep { /^1 / } Usb::events($g, Usb::event_device($g, 'USB Keyboard'), 'sendkey a');
is_deeply(\@keys, ['1 30 1', '1 30 0'], 'a key arrives') or diag("@keys");
$g->stop;
chdir '/';
done_testing();
