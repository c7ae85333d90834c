#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# GDB itself, attached to a mini2440 that boots from NAND: from the first instruction
# to the kernel's, which is then left to boot.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gdb;
use Guest;
use Test::More;

my $gdb = Gdb::program('gdb-multiarch');
my ($qemu) = Guest::emulator('arm');
my $tool = ($qemu =~ s{[^/]*$}{}r) . 'qemu-nandimg';
my ($image, $socket) = map { Guest::scratch() . "/$_" } qw(nand.bin gdb);
my @parts = ('boot=' . Guest::file('nandboot'), 'kernel=' . Guest::file('zImage-mini2440-plus'),
             'root=' . Guest::file('rootfs-v4t-smallpage'));

is(system($tool, 'create', '-s', '64M', $image, @parts), 0, 'a NAND image');
my $g = Guest->start(name => 'gdb-mini2440', arm => 1, args =>
                     ['-M', 'mini2440', '-mtdblock', $image, '-S', '-gdb',
                      "unix:$socket,server,nowait"]);
my $text = Gdb::run($gdb, 'arm', $socket, 'hbreak *0', 'info registers pc cpsr', 'x/i $pc',
    'stepi', 'info registers pc', 'break *0x30008000', 'continue',
    'info registers r1 r2 pc cpsr', 'x/i $pc', 'stepi', 'printf "pc %x\n", $pc',
    'printf "tag %x\n", *(int *)($r2 + 4)', 'detach');

like($text, qr/^pc\s+0x0\s.*\ncpsr\s+0xd3\s/m, 'it starts at 0 in Supervisor mode');
like($text, qr/^=> 0x0:\s+b\s+0x20\n.*^pc\s+0x20\s/ms, 'one step is the branch there');
like($text, qr/^Breakpoint 2, 0x30008000 in/m, 'a breakpoint at the unpacked kernel');
like($text, qr/^r1\s+0x7cf\s/m, 'r1 is the number of the board');
like($text, qr/^=> 0x30008000:\s+msr\s+CPSR_c, #211/m, 'its code');
like($text, qr/^pc 30008004\ntag 54410001$/m, 'a step; r2 points to ATAG_CORE');
like($text, qr/detached\]/, 'detached');
$g->must(qr/GUEST-READY/, 120, 'and it boots');
$g->stop;
done_testing();
