#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# GDB itself, attached to a PC with Debian's kernel: steps from the reset vector,
# breakpoints, registers, watchpoints; it kills the machine, leaves it running, and
# sees it end.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gdb;
use Guest;
use Test::More;

my $gdb = Gdb::program('gdb');
my $kernel = Guest::file('vmlinuz-686');
my $initrd = Guest::file('initramfs-686');

sub pc_from_reset
{
    my ($option, $target) = Gdb::tcp();
    my $g = Guest->start(name => 'gdb-pc', monitor => 1, args =>
                         ['-m', 256, '-kernel', $kernel, '-append', 'nokaslr', '-S', @$option]);

    like($g->monitor('info status'), qr/paused/, 'it waits');
    my $text = Gdb::run($gdb, 'i386', $target, 'info registers eip cs', 'x/5xb 0xffff0',
        'stepi', 'info registers eip', 'monitor info status', 'hbreak *0x100000', 'continue',
        'info registers eip eflags cs', 'x/2i $pc', 'stepi', 'info registers eip',
        'hbreak *0x1000000', 'delete 1', 'continue', 'printf "pc %x\n", $pc',
        'set $ebx = 0x1234', 'printf "ebx %x\n", $ebx', 'watch *(int *)0x600',
        'set $pc = 0x500', 'set $eax = *(int *)0x600 + 1',              # mov %eax,0x600
        'set *(int *)0x500 = 0x000600a3', 'set *(int *)0x504 = 0x90909000', 'continue',
        'printf "stored at %x\n", $pc', 'monitor info registers', 'kill');

    like($text, qr/^eip\s+0xfff0\s.*\ncs\s+0xf000\s/m, 'it starts at f000:fff0');
    like($text, qr/^0xffff0:\s+0xea\s/m, 'where there is a far jump');
    like($text, qr/^eip\s+0xe05b\s/m, 'which one step takes');
    like($text, qr/^VM status: paused \(debug\)$/m, 'the monitor says what it is');
    like($text, qr/^Breakpoint 1, 0x0*100000 in/m, 'a breakpoint at the entry of the kernel');
    like($text, qr/^cs\s+0x10\s/m, 'in protected mode');
    like($text, qr/^=> 0x0*100000:\s+cld\n\s+0x0*100001:\s+cli/m, 'its code');
    like($text, qr/^eip\s+0x100001\s/m, 'a step from a breakpoint');
    like($text, qr/^Breakpoint 2, .*\npc 1000000$/ms, 'one at the unpacked kernel');
    like($text, qr/^ebx 1234$/m, 'a register is written');
    like($text, qr/Hardware watchpoint 3: .*^New value.*^stored at 505$/ms,
         'a watchpoint stops behind a store');
    like($text, qr/^EAX=[0-9a-f]{8} EBX=00001234 /m, 'the monitor sees the same');
    like($text, qr/killed\]/, 'killed');
    is($g->wait_exit(20), 0, 'it ends');
}

# Attached while it runs; then the guest powers off.
sub pc_running
{
    my $socket = Guest::scratch() . '/gdb';
    my $g = Guest->start(name => 'gdb-running', monitor => 1, args =>
                         ['-m', 256, '-kernel', $kernel, '-initrd', $initrd, '-append',
                          'console=ttyS0 quiet noselftest', '-gdb', "unix:$socket,server,nowait"]);

    $g->must(qr/GUEST-READY/, 120, 'a guest with the debugger still to come');
    my $text = Gdb::run($gdb, 'i386', $socket, 'info threads', 'stepi', 'stepi', 'detach');

    like($text, qr/Thread 1 \(CPU#0 /, 'its processor is a thread');
    like($text, qr/detached\]/, 'detached');
    like($g->monitor('info status'), qr/running/, 'it runs on');
    $g->send("sleep 3; poweroff -f\n");
    $text = Gdb::run($gdb, 'i386', $socket, 'continue');
    like($text, qr/exited normally\]/, 'the debugger sees it end');
    is($g->wait_exit(20), 0, 'with status 0');
}

pc_from_reset();
pc_running();

my $g = Guest->start(name => 'gdb-bad', args => ['-gdb', 'nonsense']);
isnt($g->wait_exit(20), 0, 'a device that is none');
like($g->stderr_text, qr/^qemu-system-i386: gdb: 'nonsense' is no character device[^\n]*\n\z/,
     'is one sentence');
done_testing();
