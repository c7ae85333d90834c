#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# mini2440's DM9000: DHCP, and 20 MB over HTTP from the host's loopback.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::MD5;
use Guest;
use Http;
use Test::More;
use Time::HiRes qw(time);

my $size = 20_000_000;
my $file = pack 'N*', map { $_ * 2654435761 % 2**32 } 1 .. $size / 4;
my $port = Http::serve($file);
my $g = Guest->start(name => 'mini2440-net', arm => 1, monitor => 1, args => [
    '-M', 'mini2440', '-net', 'nic,vlan=0', '-net', 'user,vlan=0',
    '-kernel', Guest::file('zImage-mini2440'), '-initrd', Guest::file('initramfs-v4t'),
    '-append', 'console=ttySAC0,115200 quiet noselftest']);

$g->must(qr/GUEST-SHELL/, 120, 'a shell on the serial line');
$g->run_ok('ip link set eth0 up && udhcpc -n -q -i eth0 -s /udhcpc.sh', 60, 'DHCP');
$g->run_ok('ip -4 -o addr show dev eth0', 20, 'an address', qr{inet 10\.0\.2\.15/24});
$g->run_ok('ping -c 2 10.0.2.2', 30, 'ping', qr/ 0% packet loss/);
my $begin = time;
$g->run_ok("wget -q -O - http://10.0.2.2:$port/f | md5sum", 180, 'a file comes, as the host has it',
           qr/^${\Digest::MD5::md5_hex($file)} /m);
diag(sprintf 'DM9000: %.1f MB/s', $size / 1e6 / (time - $begin));
$g->run_ok('grep eth0 /proc/net/dev', 20, 'without errors', qr/eth0: *\d{8} +\d+ +0 +0 +0 +0 /);
like($g->monitor('info network'), qr/dm9000/, 'info network names it');
$g->stop;
done_testing();
