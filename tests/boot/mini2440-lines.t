#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# The command lines that users of the mini2440 type, as they stand, in a directory
# with nand.bin, usb.img, sd.img and uImage; only a monitor is added to look inside.

use strict;
use warnings;
use Compress::Zlib 'crc32';
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Usb;

my $dir = Guest::scratch();
my ($qemu) = Guest::emulator('arm');
my $tool = ($qemu =~ s{[^/]*$}{}r) . 'qemu-nandimg';
my $shell = $Guest::shell;
my $kernel = Guest::file('zImage-mini2440-plus');

is(system($tool, 'create', '-s', '64M', "$dir/nand.bin", 'boot=' . Guest::file('nandboot'),
          "kernel=$kernel", 'root=' . Guest::file('rootfs-v4t-smallpage')), 0, 'nand.bin');
my $usb_sum = Usb::make_stick($dir, 'usb.img', 3_000_000);
my $sd_sum = Usb::make_stick($dir, 'sd.img', 3_000_000);
make_uimage("$dir/uImage", $kernel);
chdir $dir or die;

# The board from power-on: boot loader, kernel, root in NAND.
my $g = line('nand', '-M mini2440 -serial stdio -nographic -mtdblock nand.bin');
$g->must($shell, 120, 'a shell from NAND');
$g->run_ok('mount', 20, 'its root is in NAND', qr/ on \/ type jffs2/);
$g->stop;

$g = line('usb', '-M mini2440 -serial stdio -mtdblock nand.bin -usb -usbdevice disk::./usb.img');
$g->must($shell, 120, 'a shell');
Usb::await($g, '[ -b /dev/sda ]', 20, 'the stick is there');
$g->run_ok('mkdir -p /mnt; mount -t ext2 /dev/sda /mnt && md5sum /mnt/data', 60,
           'and its file whole', qr/^$usb_sum /m);
$g->run_ok('echo kept >/mnt/new && umount /mnt', 60, 'it is written');
$g->stop;
like(`debugfs -R 'cat new' usb.img 2>/dev/null`, qr/^kept$/, 'usb.img has what was written')
    if system('command -v debugfs >/dev/null') == 0;

# A display, and no serial line: what Linux says is looked at with the monitor.
$g = line('screen', '-M mini2440 -show-cursor -usb -usbdevice keyboard -usbdevice mouse ' .
                    '-mtdblock nand.bin');
my $lit = 0;
for (1 .. 60) {
    sleep 1;
    last if ($lit = $g->monitor('info leds') =~ /^backlight +off/m &&
                    $g->monitor('info usb') =~ /Keyboard.*Mouse/s);
}
ok($lit, 'the kernel starts, keyboard and mouse are plugged in');
my $picture = $g->screendump;
is(join('x', @$picture{'w', 'h'}), '240x320', 'the screen is that of the panel');
is($g->stderr_text, '', 'nothing to complain about without a window system');
$g->monitor('quit');
is($g->wait_exit(20), 0, 'it ends');

# No root is named, so Linux ends in a panic, which tells of it on the screen.
$g = line('sd', '-M mini2440 -kernel uImage -sd sd.img -net nic,vlan=0 -net user,vlan=0');
my $text = '';
for (1 .. 60) {
    sleep 1;
    last if ($text = log_in_memory($g)) =~ /Unable to mount root fs on [^%]/;
}
like($text, qr/Unable to mount root fs on [^%]/, 'Linux starts and wants a root');
like($text, qr/eth0: dm9000\S* at /, 'it has found the network card');
$g->stop;

# The same with a serial line and a root: the card is read and the network works.
$g = line('sd-shell', '-M mini2440 -kernel uImage -sd sd.img -net nic,vlan=0 -net user,vlan=0',
          '-serial', 'stdio', '-initrd', Guest::file('initramfs-v4t'),
          '-append', 'console=ttySAC0,115200 noselftest');
$g->must($shell, 120, 'with an initramfs: a shell');
Usb::await($g, '[ -b /dev/mmcblk0 ]', 20, 'the card is there');
$g->run_ok('mkdir -p /mnt; mount -t ext2 /dev/mmcblk0 /mnt && md5sum /mnt/data', 60,
           'the card\'s file is whole', qr/^$sd_sum /m);
$g->run_ok('udhcpc -i eth0 -n -q -t 5 -s /udhcpc.sh && ping -c 2 10.0.2.2', 60,
           'an address by DHCP, and an answer', qr/ 0% packet loss/);
$g->stop;
chdir '/';
done_testing();

# One of the lines; more: what a user adds.
sub line
{
    my ($name, $words, @more) = @_;

    return Guest->start(name => "mini2440-line-$name", plain => 1, monitor => 1,
                        emulator => [$qemu, split(' ', $words), @more]);
}

# U-Boot, include/image.h: a header of 64 bytes, big endian; Linux, ARM, kernel, plain.
sub make_uimage
{
    my ($path, $zimage) = @_;
    my $data = join '', Guest::slurp($zimage);
    my $head = sub {
        pack 'N7C4a32', 0x27051956, $_[0], 0, length $data, 0x30008000, 0x30008000,
            crc32($data), 5, 2, 2, 0, 'Linux';
    };

    open my $f, '>:raw', $path or die;
    print $f $head->(crc32($head->(0))), $data;
    close $f or die;
}

# The kernel's log, where memory has it: SDRAM as the monitor saves it.
sub log_in_memory
{
    my ($guest) = @_;

    $guest->monitor('pmemsave 0x30000000 0x4000000 ram.bin', 60);
    my $ram = join '', Guest::slurp('ram.bin');
    return join "\n", $ram =~ /((?:eth0: dm9000|VFS: Unable to mount root)[ -~]+)/g;
}
