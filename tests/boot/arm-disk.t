#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# Debian 12 for armel from its own disk, on the SCSI adapter and in the SD slot:
# a login, a C program, DHCP, a file over HTTP from the host's loopback,
# shut-down, a clean file system.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::MD5;
use Guest;
use Http;
use Test::More;

my $image = Guest::file('disk-debian-armel');
my @kernel = ('-M', 'versatilepb', '-m', 256, '-no-reboot',
              '-kernel', Guest::file('zImage-versatilepb'));
my $file = join('', map { chr(($_ * 131 + ($_ >> 8)) & 255) } 0 .. 2_999_999);
my $port = Http::serve($file);

check('scsi', 'versatile-pb.dtb', '/dev/sda1', 'scsi');
check('sd', 'versatile-pb-sd.dtb', '/dev/mmcblk0p1', 'sd');
done_testing();

sub check
{
    my ($name, $dtb, $root, $if) = @_;
    my $disk = Guest::copy_of($image);
    my $g = Guest->start(arm => 1, name => "arm-disk-$name", args => [
        @kernel, '-dtb', Guest::file($dtb), '-net', 'nic', '-net', 'user',
        '-drive', "file=$disk,format=raw,if=$if",
        '-append', "console=ttyAMA0 root=$root rootwait rw"]);

    # the kernel has no source of randomness but its interrupts: dhclient waits
    $g->must(qr/armel login:/, 600, "$name: Debian comes up to a login");
    $g->send("root\n");
    $g->must(qr/Password:/, 60, 'asks for the password');
    $g->send("root\n");
    $g->must(qr/root\@armel:~# $/, 120, 'lets root in');
    run($g, 'ip -4 -o addr show dev eth0', qr{inet 10\.0\.2\.15/24}, 'an address came by DHCP');
    run($g, q{printf '#include <stdio.h>\nint main(void){double x=2;printf("sum %%d %%.3f\\\\n",6*7,x/3);return 0;}\n' >a.c},
        qr/# $/, 'a C program is written');
    run($g, 'gcc -O2 -o a a.c && ./a', qr/sum 42 0\.667/, 'compiled, and runs', 240);
    run($g, "wget -q -O f http://10.0.2.2:$port/f && md5sum f", qr/([0-9a-f]{32})  f/,
        'a file comes over HTTP', 120);
    is($g->{groups}[0], Digest::MD5::md5_hex($file), 'as the host has it');
    $g->send("shutdown -h now\n");
    $g->must(qr/reboot: (System halted|Power down)/, 120, 'it shuts down');
    $g->stop;
    fsck($disk);
}

sub run
{
    my ($g, $cmd, $want, $what, $secs) = @_;

    $g->send("$cmd\n");
    $g->must($want, $secs || 60, $what);
}

sub fsck
{
    my ($disk) = @_;

    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/sbin";
    my $out = `e2fsck -fn '$disk?offset=1048576' 2>&1`;
    is($? >> 8, 0, 'its file system is clean') or diag($out);
}
