#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# Linux's CD driver as block/host-cdrom.c sees it: compiled and run in a guest,
# whose drive is ours.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Copy;
use Guest;
use Test::More;

my $disk = Guest::copy_of(Guest::file('disk-i386'));
my $cd = Guest::file('iso-i386');
my $size = -s $cd;
my $top = "$FindBin::Bin/../..";
my $dir = Guest::scratch() . '/src';

mkdir $_ for $dir, "$dir/block";
copy("$FindBin::Bin/host-cdrom.c", $dir);
copy("$top/block/host-cdrom.$_", "$dir/block") for qw(c h);

my $g = Guest->start(monitor => 1, args => [
    '-m', 256, '-no-reboot', '-drive', "file=$disk,format=raw,if=ide,index=0",
    '-drive', "file=fat:rw:$dir,format=raw,if=ide,index=1",
    '-drive', 'if=ide,index=2,media=cdrom,id=cd']);
$g->login(300);
$g->run_ok('mount -o ro /dev/sdb1 /mnt && cd /mnt && ' .
           'gcc -D_FILE_OFFSET_BITS=64 -I. -o /root/t host-cdrom.c block/host-cdrom.c && cd /',
           180, 'compiled in the guest');
my $t = '/root/t /dev/sr0';

$g->run_ok('! /root/t /dev/sda', 20, 'a disk is no CD drive', qr/^no drive$/m);
$g->run_ok($t, 20, 'an empty drive has no disc', qr/^disc 0, /m);
$g->monitor("change cd $cd");
$g->run_ok("sleep 3; $t", 30, 'a disc that came has changed once, and its size',
           qr/^disc 1, changed 1 then 0, $size bytes$/m);
$g->run_ok($t, 20, 'and is the same from then on', qr/^disc 1, changed 0 then 0, /m);

$g->run_ok("($t lock &) ; sleep 2", 30, 'a program locks it');
like($g->monitor('eject cd'), qr/holds it locked/, 'for the drive, too');
$g->run_ok('kill $(pidof t); sleep 1', 20, 'whoever locked it ends');
$g->run_ok("$t open; sleep 3", 30, 'the tray opens', qr/^disc 0, /m);
$g->run_ok($t, 20, 'with the disc in it', qr/^disc 0, /m);
$g->run_ok("$t close; sleep 3; $t", 30, 'closed, the disc is there again',
           qr/^disc 1, changed \d then 0, $size bytes$/ms);
is($g->monitor('eject -f cd'), '', 'taken out by the user');
$g->run_ok("sleep 3; $t", 30, 'it is gone', qr/^disc 0, /m);

$g->send("poweroff\n");
is($g->wait_exit(180), 0, 'the guest shuts down');
done_testing();
