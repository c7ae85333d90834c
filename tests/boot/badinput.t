#!/usr/bin/perl
# level: fast
# SPDX-License-Identifier: MIT
#
# What the user can get wrong: the emulator ends with status 1 within seconds,
# says nothing on stdout, and on stderr one sentence that names the object.
#
# QEMU 7.2 passes most rows; where it says more than one line, does not name the
# object or does not end, the row is marked "ours" and left out for it.

use strict;
use warnings;
no warnings 'qw';
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket;
use Test::More;

my $dir = Guest::scratch();
my $seconds = 20 * $Guest::scale;

sub make_file
{
    my ($name, $content) = @_;

    return Guest::write_file("$dir/$name", $content);
}

my $text = make_file('text', "this is no kernel and no disk\n" x 100);
my $empty = make_file('empty', '');
my $odd = make_file('odd-bios', 'x' x 1000);
my $tiny = make_file('kernel-cut', "\0" x 0x1f1 . "\x04" . "\0" x 0x0c .
                     "\x55\xaa" . "\xeb\x66HdrS\x0f\x02" . "\0" x 100);
my $qcow = make_file('cut.qcow2', "QFI\xfb\0\0\0\3" . "\0" x 20);
my $none = "$dir/none";
my $full = make_file('disk', "\0" x 65536);
my $kernel = make_file('k', "\0" x 4096);

# what is wrong, its options, what the sentence must name
my @rows = (
    ['a kernel that is not there', ['-kernel', $none], qr/\Q$none\E/],
    ['a text file as kernel', ['-kernel', $text], qr/\Q$text\E|kernel/],
    ['an empty kernel', ['-kernel', $empty], qr/\Q$empty\E|kernel/],
    ['a kernel cut off in its header', ['-kernel', $tiny], qr/kernel/],
    ['a directory as kernel', ['-kernel', $dir], qr/\Q$dir\E|kernel/],
    ['-append without -kernel', ['-append', 'x'], qr/-append/],
    ['-initrd without -kernel', ['-initrd', $text], qr/-initrd/],
    ['a BIOS that is not there', ['-bios', $none], qr/\Q$none\E/],
    ['a BIOS of 1000 bytes', ['-bios', $odd], qr/\Q$odd\E/],
    ['a disk that is not there', ['-hda', $none], qr/\Q$none\E/],
    ['a CD that is not there', ['-cdrom', $none], qr/\Q$none\E/],
    ['a floppy that is not there', ['-fda', $none], qr/\Q$none\E/],
    ['a directory as disk', ['-hda', $dir], qr/\Q$dir\E/],
    ['a qcow2 image cut off', ['-drive', "file=$qcow,format=qcow2"], qr/\Q$qcow\E|qcow2/],
    ['a format that does not exist', ['-drive', "file=$full,format=nosuch"], qr/nosuch/],
    ['an interface that does not exist', ['-drive', "file=$full,if=nosuch"], qr/nosuch/],
    ['a -drive key that does not exist', ['-drive', "file=$full,format=raw,nosuch=1"], qr/nosuch/],
    ['the same drive twice', ['-drive', "file=$full,format=raw,if=ide,index=0",
                             '-drive', "file=$text,format=raw,if=ide,index=0"], qr/index|ide/i],
    ['an option that does not exist', ['-nosuchoption'], qr/-?nosuchoption/],
    ['an option without its value', ['-m'], qr/-?m\b/],
    ['a machine that does not exist', ['-M', 'nosuch'], qr/nosuch/, 'ours'],
    ['a CPU that does not exist', ['-cpu', 'nosuch'], qr/nosuch/],
    ['an accelerator that does not exist', ['-accel', 'nosuch'], qr/nosuch/],
    ['a device that does not exist', ['-device', 'nosuch'], qr/nosuch/],
    ['a device property that does not exist', ['-device', 'isa-debug-exit,nosuch=1'], qr/nosuch/],
    ['a network model that does not exist', ['-net', 'nic,model=nosuch', '-net', 'user'], qr/nosuch/],
    ['a network that does not exist', ['-net', 'nosuch'], qr/nosuch/],
    ['a display adapter that does not exist', ['-vga', 'nosuch'], qr/nosuch/],
    ['a character device that does not exist', ['-serial', 'nosuch:x'], qr/nosuch/, 'ours'],
    ['a serial file that cannot be made', ['-serial', "file:$dir/no/such"], qr{no/such}, 'ours'],
    ['no memory', ['-m', '0k'], qr/memory|RAM|-m\b/i, 'ours'],
    ['a memory size that is no number', ['-m', 'lots'], qr/lots/, 'ours'],
    ['a memory size beyond all', ['-m', '99999999999999G'], qr/99999999999999G|memory|size/],
    ['no CPU', ['-smp', '0'], qr/0|CPU/i, 'ours'],
    ['a CPU count that is no number', ['-smp', 'many'], qr/many/, 'ours'],
    ['a boot order that does not exist', ['-boot', 'xyz'], qr/x/],
    ['a screen that does not exist', ['-display', 'nosuch'], qr/nosuch/],
    ['a firmware folder without firmware', ['-L', $dir, '-bios', 'none.bin'], qr/none\.bin/],
    ['a snapshot without a place for it', ['-loadvm', 'x', '-drive', "file=$full,format=raw"], qr/loadvm|snapshot/i],
);

for my $row (@rows) {
    my ($what, $args, $names, $ours) = @$row;
    SKIP: {
        skip("$what: judged for ours only", 3) if $ours && Guest::is_reference();
        my $g = Guest->start(serial => 0, args => ['-S', @$args]);
        my $status = $g->wait_exit(20);
        is($status, 1, "$what: status 1");
        my @lines = grep { !/: warning: / } Guest::slurp($g->{err});
        chomp @lines;
        is(scalar @lines, 1, "$what: one line on stderr") or diag(join "\n", @lines);
        like(join("\n", @lines), $names, "$what: it names the object");
    }
}

# What only we are judged by: how options say that they are wrong.
mkdir "$dir/sub" or die "$dir/sub: $!\n";
symlink('loop', "$dir/loop") or die "$dir/loop: $!\n";
POSIX::mkfifo("$dir/pipe", 0600) or die "$dir/pipe: $!\n";
my $listener = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "$dir/live", Listen => 1);
my $busy = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
my $port = $busy->sockport;
my $drive = "file=$full,format=raw";

my %ours = (
    'files' => [
        [qr/none/, map { [$_, $none] } qw(-kernel -bios -hda -hdd -cdrom -fda -L)],
        [qr/loop/, map { [$_, "$dir/loop"] } qw(-kernel -bios -hda -cdrom -fda -L -D -pidfile)],
        [qr/empty/, map { [$_, $empty] } qw(-kernel -bios -hda -cdrom -fda)],
        [qr/\Q$dir\E/, map { [$_, $dir] } qw(-kernel -bios -hda -cdrom -fda -D -pidfile)],
        [qr/pipe/, map { [$_, "$dir/pipe"] } qw(-kernel -bios -hda -cdrom -fda -L -pidfile)],
        [qr{/dev/null}, map { [$_, '/dev/null'] } qw(-kernel -bios -hda -fda -L -pidfile)],
        [qr{text/x}, map { [$_, "$text/x"] } qw(-kernel -bios -hda -cdrom -D -pidfile)],
    ],
    '-drive' => [
        [qr/file=/, ['-drive', ''], ['-drive', 'if=ide'], ['-drive', 'file=']],
        [qr/name/, ['-drive', ','], ['-drive', '=x']],
        [qr/no place/, map { ['-drive', "$drive,$_"] }
            qw(index=9 index=4 bus=2 unit=2 if=floppy,index=2 if=scsi if=virtio if=pflash if=sd)],
        [qr/(\w+)=/, map { ['-drive', "$drive,$_"] }
            qw(if= index=-1 index=x bus= media=tape cache=x snapshot=maybe readonly=2 werror=x
               rerror=enospc trans=x aio=x discard=x cyls=x cyls=1 cyls=99999,heads=1,secs=1
               cyls=1,heads=17,secs=1 cyls=1,heads=1,secs=64 media=cdrom,if=floppy
               serial=012345678901234567890)],
        [qr/index/, ['-drive', "$drive,index=1,unit=1"]],
        [qr/named a/, ['-drive', "$drive,if=none,id=a", '-drive', "$drive,if=none,id=a"]],
        [qr/read/, ['-drive', "$drive,readonly=on"]],
        [qr/twice/, ['-hda', $full, $full], ['-fda', $full, '-fda', $full]],
    ],
    'sizes and counts' => [
        [qr/^[^:]+: (-m|pc): /, map { ['-m', $_] } '', 0, -5, ' 5', '+5', '0x10', '1T', '3.6G', '64G',
            '512X', 'size=', 'size=0', '16T', 5000000, '1k', '99999999999999999999'],
        [qr/^[^:]+: (-smp|pc): /, map { ['-smp', $_] } '', -1, 17, 256, 'cpus=0', '1x'],
        [qr/tb-size/, ['-tb-size', 0], ['-tb-size', 'x'], ['-accel', 'tcg,tb-size=9999999']],
    ],
    'names' => [
        [qr/-M: /, map { ['-M', $_] } '', 'pc,', 'help,x'],
        [qr/-cpu: /, map { ['-cpu', $_] } '', 'qemu32,', ',+sse', 'qemu32,sse', 'qemu32,+nosuch',
            'qemu32,foo=1', 'qemu32,family=x', 'qemu32,vendor=short'],
        [qr/-boot/, map { ['-boot', $_] } '', 'aa', 'cdna', 'order=', 'menu=x', 'foo=1', ','],
        [qr/-accel: /, map { ['-accel', $_] } '', 'tcg,x', 'tcg,x=on', 'tcg,chain=x', ',tcg'],
        [qr/-rtc: /, map { ['-rtc', $_] } '', 'x', 'base=', 'base=x', 'base=2024-13-01',
            'base=2023-02-29', 'base=9999-01-01', 'base=1969-12-31', 'base=2024-01-01T99:00:00'],
        [qr/-d: /, map { ['-d', $_] } 'x', 'exec,x', ','],
        [qr/-display /, map { ['-display', $_] } '', 'none,x', 'curses'],
        [qr/-vga/, ['-vga', '']],
    ],
    '-device' => [
        [qr/-device/, map { ['-device', $_] } '', ',', 'help,x', 'i440fx', 'isa-debug-exit,id=',
            'VGA,addr=99', 'VGA,addr=2.9'],
        [qr/isa-debug-exit/, map { ['-device', "isa-debug-exit,$_"] } qw(foo=1 iobase=x iobase=-1
            iobase=0xffff iobase addr=5 bus=pci.0 help,x)],
        [qr/VGA/, map { ['-device', "VGA,$_"] } qw(addr=1 vgamem_mb=0 vgamem_mb=3 vgamem_mb=4097)],
        [qr/ide-hd/, map { ['-device', $_] } 'ide-hd', 'ide-hd,drive=x', 'ide-hd,bus=ide.7'],
    ],
    'character devices' => [
        [qr/serial0: /, map { ['-serial', $_] } '', 'file', 'file:', "file:$dir", 'tcp', 'tcp:',
            'tcp:x', 'tcp::99999', 'tcp::x', 'tcp:256.256.256.256:1', "tcp:127.0.0.1:$port,server,nowait",
            "unix:$dir,server,nowait", "unix:$text,server,nowait", "unix:$none", 'unix:',
            "unix:$dir/live,server,nowait", 'unix:' . 'a' x 200 . ',server,nowait', "unix:$none/x",
            "unix:$none,foo", 'mon:', 'mon:x', 'mon:mon:null', 'stdio,x', 'null,x', 'pty:x'],
        [qr/monitor: /, map { ['-monitor', $_] } 'x', 'file:', 'tcp:x', "unix:$none"],
        [qr/debugcon: /, ['-debugcon', 'x']],
        [qr/serial1: /, ['-serial', 'stdio', '-serial', 'stdio'],
            ['-serial', "unix:$dir/s,server,nowait", '-serial', "unix:$dir/s,server,nowait"]],
        [qr/four/, [map { ('-serial', 'null') } 1 .. 5]],
    ],
    'the background' => [
        [qr/daemonize/, map { ['-daemonize', @$_] } ['-serial', 'stdio'], ['-monitor', 'stdio'],
            ['-serial', 'mon:stdio'], ['-nographic'], ['-display', 'curses']],
        [qr/nosuch/, ['-daemonize', '-M', 'nosuch']],
        [qr/none/, ['-daemonize', '-kernel', $none], ['-daemonize', '-hda', $none]],
    ],
);

sub listing
{
    my ($where) = @_;
    opendir(my $d, $where) or die "$where: $!\n";
    return join ' ', sort grep { !/^guest-/ } readdir $d;       # not Guest's own
}

sub bad_sentence
{
    my ($names, @args) = @_;
    my $g = Guest->start(serial => 0, args => ['-S', @args]);
    my $status = $g->wait_exit(20);
    my @lines = Guest::slurp($g->{err});

    return 'status ' . ($status // 'none') if ($status // -1) != 1;
    return 'said on stdout: ' . $g->{all} if length $g->{all};
    return "said: @lines" if @lines != 1 || $lines[0] !~ /^qemu[-\w]+: \S.*: \S.*[^.]$/ ||
        $lines[0] !~ $names;
    return '';
}

SKIP: {
    skip('options: judged for ours only', scalar keys %ours) if Guest::is_reference();
    local $ENV{TMPDIR} = "$dir/sub";
    my $before = listing($dir);
    for my $group (sort keys %ours) {
        my (@bad, $n);
        for my $row (@{$ours{$group}}) {
            my ($names, @uses) = @$row;
            for my $args (@uses) {
                # with what has to go again: temporary files, a pid file, a socket
                my $error = bad_sentence($names, '-snapshot', '-pidfile', "$dir/sub/pid",
                                         '-debugcon', "unix:$dir/sub/s,server,nowait", @$args);
                push @bad, "@$args: $error" if $error;
                $n++;
            }
        }
        is(join("\n", @bad), '', "$group: $n that are wrong, each in a sentence");
        is(listing($dir) . listing("$dir/sub"), "$before. ..", "$group: no trace is left");
    }
}

# A user who gives up waiting: a socket that nobody connects to.
SKIP: {
    skip('judged for ours only', 2) if Guest::is_reference();
    my $g = Guest->start(serial => 0, args => ['-serial', "unix:$dir/wait,server"]);
    for (1 .. 100) {
        last if -S "$dir/wait";
        select(undef, undef, undef, 0.05);
    }
    select(undef, undef, undef, 0.2);
    kill('TERM', $g->{pid});
    is($g->wait_exit(20), 1, 'a signal ends the wait for a connection');
    ok(!-e "$dir/wait", '... and the socket is gone');
}

# two at once: the first is enough, but it must not hang or crash
my $g = Guest->start(serial => 0, args => ['-M', 'nosuch', '-kernel', $none, '-hda', $none]);
is($g->wait_exit(20), 1, 'several at once: status 1');
done_testing();
