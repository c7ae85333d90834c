#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# GDB itself, attached to a PC with Debian's kernel and to a mini2440 that boots
# from NAND: steps from the reset vector, breakpoints, registers, watchpoints; it
# kills the machine, leaves it running, and sees it end.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use File::Temp 'tempdir';
use IO::Socket::INET;
use Test::More;

my $dir = tempdir(CLEANUP => 1);

# The path of a program, or undef: then what needs it is skipped.
sub program
{
    my ($name) = @_;
    my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};

    return $path;
}

# The output of GDB with these commands, after attaching.
sub gdb
{
    my ($program, $arch, $target, @commands) = @_;
    my $script = "$dir/commands";

    open my $f, '>', $script or die "$script: $!\n";
    print $f "$_\n" for 'set pagination off', 'set confirm off', 'set tcp connect-timeout 20',
        "set architecture $arch", "target remote $target", @commands;
    close $f;
    my $secs = int(60 * $Guest::scale);
    return scalar `timeout $secs $program -nx -batch -x $script 2>&1`;
}

# -s if nobody else has its port.
sub tcp
{
    my $s = IO::Socket::INET->new(Listen => 1, LocalPort => 1234, ReuseAddr => 1);

    return (['-s'], ':1234') if $s;
    $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!\n";
    my $port = $s->sockport;
    return (['-gdb', "tcp:127.0.0.1:$port"], "127.0.0.1:$port");
}

sub pc_from_reset
{
    my ($gdb, $kernel) = @_;
    my ($option, $target) = tcp();
    my $g = Guest->start(name => 'gdb-pc', monitor => 1,
                         args => ['-m', 256, '-kernel', $kernel, '-append', 'nokaslr', '-S', @$option]);

    like($g->monitor('info status'), qr/paused/, 'it waits');
    my $text = gdb($gdb, 'i386', $target, 'info registers eip cs', 'x/5xb 0xffff0', 'stepi',
                   'info registers eip', 'monitor info status', 'hbreak *0x100000', 'continue',
                   'info registers eip eflags cs', 'x/2i $pc', 'stepi', 'info registers eip',
                   'hbreak *0x1000000', 'delete 1', 'continue', 'printf "pc %x\n", $pc',
                   'set $ebx = 0x1234', 'printf "ebx %x\n", $ebx', 'watch *(int *)0x600',
                   'set $pc = 0x500', 'set $eax = *(int *)0x600 + 1',      # mov %eax,0x600
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
    my ($gdb, $kernel) = @_;
    my $initrd = Guest::file('initramfs-686');
    my $socket = Guest::scratch() . '/gdb';
    my $g = Guest->start(name => 'gdb-running', monitor => 1, args =>
                         ['-m', 256, '-kernel', $kernel, '-initrd', $initrd, '-append',
                          'console=ttyS0 quiet noselftest', '-gdb', "unix:$socket,server,nowait"]);

    $g->must(qr/GUEST-READY/, 120, 'a guest with the debugger still to come');
    my $text = gdb($gdb, 'i386', $socket, 'info threads', 'stepi', 'stepi', 'detach');

    like($text, qr/Thread 1 \(CPU#0 /, 'its processor is a thread');
    like($text, qr/detached\]/, 'detached');
    like($g->monitor('info status'), qr/running/, 'it runs on');
    $g->send("sleep 3; poweroff -f\n");
    $text = gdb($gdb, 'i386', $socket, 'continue');
    like($text, qr/exited normally\]/, 'the debugger sees it end');
    is($g->wait_exit(20), 0, 'with status 0');
}

sub mini2440
{
    my ($gdb) = @_;
    my ($qemu) = Guest::emulator('arm');
    my $tool = ($qemu =~ s{[^/]*$}{}r) . 'qemu-nandimg';
    my ($image, $socket) = ("$dir/nand.bin", Guest::scratch() . '/gdb');
    my @parts = ('boot=' . Guest::file('nandboot'), 'kernel=' . Guest::file('zImage-mini2440-plus'),
                 'root=' . Guest::file('rootfs-v4t-smallpage'));

    is(system($tool, 'create', '-s', '64M', $image, @parts), 0, 'a NAND image');
    my $g = Guest->start(name => 'gdb-mini2440', arm => 1, args =>
                         ['-M', 'mini2440', '-mtdblock', $image, '-S', '-gdb',
                          "unix:$socket,server,nowait"]);
    my $text = gdb($gdb, 'arm', $socket, 'hbreak *0', 'info registers pc cpsr', 'x/i $pc', 'stepi',
                   'info registers pc', 'break *0x30008000', 'continue',
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
}

my $gdb = program('gdb');
my $multi = program('gdb-multiarch');

SKIP: {
    skip('gdb: there is no such program', 1) unless $gdb;
    my $kernel = Guest::file('vmlinuz-686');

    pc_from_reset($gdb, $kernel);
    pc_running($gdb, $kernel);
}
SKIP: {
    skip('gdb-multiarch: there is no such program', 1) unless $multi;
    mini2440($multi);
}

my $g = Guest->start(name => 'gdb-bad', args => ['-gdb', 'nonsense']);
isnt($g->wait_exit(20), 0, 'a device that is none');
like($g->stderr_text, qr/^qemu-system-i386: gdb: 'nonsense' is no character device[^\n]*\n\z/,
     'is one sentence');
done_testing();
