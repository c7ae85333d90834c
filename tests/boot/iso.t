#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# A live CD: El Torito boot, GRUB, kernel, squashfs from the CD drive, a login;
# a package installed from the same CD; power-off.  Then the same image booted as
# a disk, which its hybrid MBR allows.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $cd = Guest::file('iso-i386');
my $g = Guest->start(args => ['-m', 256, '-no-reboot', '-boot', 'd', '-cdrom', $cd]);

$g->must(qr/GNU GRUB/, 60, 'GRUB comes up from the CD');
$g->must(qr/LIVE-READY/, 240, 'the live system starts');
$g->login(60);
$g->run_ok('mount', 20, 'its root is an overlay on the squashfs',
           qr{^live on / type overlay}m);
$g->run_ok('cat /proc/mounts', 20, 'from the CD drive', qr{^/dev/sr0 /media/cdrom iso9660}m);
$g->run_ok('apt-get -q update && apt-get -q -y install tree </dev/null', 240,
           'apt installs a package from the CD', qr/Setting up tree/);
$g->run_ok('tree --noreport /media/cdrom/live', 20, 'which works', qr/root\.squashfs/);
$g->run_ok('cd /media/cdrom && cat live/root.squashfs | wc -c', 120,
           'the whole squashfs can be read', qr/^\d{7,}$/m);
$g->send("poweroff\n");
is($g->wait_exit(60), 0, 'power-off ends the emulator with status 0');
is($g->stderr_text, '', 'which had nothing to complain about');

$g = Guest->start(name => 'iso-as-disk', args => [
    '-m', 256, '-no-reboot', '-snapshot',
    '-drive', "file=$cd,format=raw,if=ide,index=0,media=disk"]);
$g->must(qr/GNU GRUB/, 60, 'as a disk, GRUB comes up from its MBR');
$g->must(qr/LIVE-READY/, 240, 'and the live system starts');
$g->stop;
done_testing();
