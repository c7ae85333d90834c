# SPDX-License-Identifier: MIT
#
# Guest: drive one emulator from a test.
#
#     use FindBin; use lib "$FindBin::Bin/../lib"; use Guest;
#     use Test::More;
#     my $k = Guest::file('vmlinuz-686');     # skips the test if it can't be had
#     my $g = Guest->start(args => ['-m', 256, '-kernel', $k, ...]);
#     $g->must(qr/GUEST-READY/, 60, 'kernel reaches user space');
#     $g->send("poweroff -f\n");
#     is($g->wait_exit(20), 0, 'power-off ends the emulator with status 0');
#
# The emulator is $QEMU_I386 (words are split, so options may follow it), by
# default build/opt/qemu-system-i386; with arm => 1 it is $QEMU_ARM.  Serial port 0 is its stdin and stdout;
# the monitor, when asked for, is a unix socket.  Every wait is bounded: times
# are seconds and are multiplied by $TEST_TIMEOUT_SCALE.  All that the guest
# says is kept in build/tests/log/NAME.log, the emulator's own stderr in
# NAME.err.
#
# No emulator outlives its test: it is killed when the object goes, at exit, on
# a signal, and by a watchdog process when the test itself is killed with -9.
# Core modules only.

package Guest;

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Socket;
use Test::More;
use Time::HiRes qw(time sleep);

our $top = abs_path(dirname(__FILE__) . '/../..');
our $scale = $ENV{TEST_TIMEOUT_SCALE} || 1;

# A prompt on the serial line; messages of the kernel may come before and behind it.
our $shell = qr/GUEST-SHELL\b.*?^\/ # /ms;
my %live;

# a terminal's control sequences (ECMA-48 5.4, and character set selection)
my $escape = qr/\e(?:\[[0-?]*[ -\/]*[@-~]|[()][0-9A-B])/;

$SIG{$_} = sub { kill_all(); exit 130 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';

sub kill_all
{
    $_->stop for values %live;
}

END { my $status = $?; kill_all(); $? = $status; }

# ---- what a test needs before it starts ------------------------------------

# The emulator under test as a list: program, fixed options.
sub emulator
{
    my ($target) = @_;

    $target ||= 'i386';
    my @cmd = split ' ', $ENV{'QEMU_' . uc $target} ||
        "$top/build/opt/qemu-system-$target";
    my $path = $cmd[0] =~ m{/} ? $cmd[0] :
        (grep { -x } map { "$_/$cmd[0]" } split /:/, $ENV{PATH})[0];

    skip_all("$cmd[0]: no such emulator, build it or set QEMU_" . uc $target)
        if !defined $path || !-x $path;
    return (abs_path($path), @cmd[1 .. $#cmd]);
}

# True if the emulator under test is Debian's: used only to leave out options
# that are ours alone.
sub is_reference
{
    my ($bin) = emulator();

    return `$bin -version 2>/dev/null` =~ /\(Debian /;
}

# What is left is not run.
sub skip_all
{
    my ($why) = @_;

    plan(skip_all => $why) if !Test::More->builder->current_test;
  SKIP: {
        skip($why, 1);
    }
    done_testing();
    exit 0;
}

# The path of a guest file, built if need be; skips the test when it can't.
sub file
{
    my ($name) = @_;
    my $err = "$top/build/tests/log/get-$name.err";

    make_path(dirname($err));
    my $path = `'$top/tests/guests/get' '$name' 2>'$err'`;
    if ($? != 0) {
        my @lines = slurp($err);
        my $why = @lines ? $lines[-1] : "status $?";
        chomp $why;
        skip_all("guest $name: $why");
    }
    chomp $path;
    return $path;
}

# A fresh directory that goes away with the test.
sub scratch
{
    return tempdir('guest-XXXXXX', TMPDIR => 1, CLEANUP => 1);
}

# A private, sparse copy of an image, in a scratch directory.
sub copy_of
{
    my ($path) = @_;
    my $copy = tempdir('image-XXXXXX', DIR => image_dir(), CLEANUP => 1) .
        '/' . basename($path);

    system('cp', '--sparse=always', '--reflink=auto', $path, $copy) == 0
        or die "cp $path: failed\n";
    return $copy;
}

# A copy of an initramfs with more files in it: path in the guest => contents.
# Linux takes archives one after another (Documentation/driver-api/early-userspace/
# buffer-format); a file that begins with "\x7fELF" or "#!" can be run.
sub initrd_with
{
    my ($initrd, %files) = @_;
    my $path = scratch() . '/initrd';
    my ($data, $ino) = (join('', slurp($initrd)), 1000);

    for my $name (sort(keys %files), 'TRAILER!!!') {
        my $body = exists $files{$name} ? $files{$name} : '';
        my $mode = $body =~ /\A(\x7fELF|#!)/ ? 0100755 : 0100644;

        $data .= "\0" x (-length($data) % 4);
        $data .= sprintf('070701' . '%08x' x 13, $ino++, $mode, 0, 0, 1, 0, length $body,
                         0, 0, 0, 0, length($name) + 1, 0) . "$name\0";
        $data .= "\0" x (-length($data) % 4) . $body;
    }
    open(my $f, '>:raw', $path) or die "$path: $!\n";
    print $f $data;
    close $f or die "$path: $!\n";
    return $path;
}

# Images are large: they go on the build file system, not into a small /tmp.
sub image_dir
{
    my $dir = "$top/build/tests/images";

    make_path($dir);
    return $dir;
}

sub slurp
{
    my ($path) = @_;

    open(my $f, '<', $path) or return ();
    my @lines = <$f>;
    close $f;
    return @lines;
}

# The path, of a file with this content.
sub write_file
{
    my ($path, $content) = @_;

    open(my $f, '>:raw', $path) or die "$path: $!\n";
    print $f $content;
    close $f;
    return $path;
}

# ---- life ------------------------------------------------------------------

# start(args => [...], name => 'log name', monitor => 0|1, serial => 0|1,
#       arm => 1 for $QEMU_ARM, emulator => [program, option...] instead of
#       $QEMU_I386, plain => 1: of these only the monitor is added)
sub start
{
    my ($class, %o) = @_;
    my $dir = tempdir('guest-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    my $name = $o{name} || basename($0, '.t');
    my $logs = "$top/build/tests/log";
    my $monitor = $o{monitor} ? "unix:$dir/mon,server=on,wait=off" : 'none';
    my @cmd = $o{emulator} ? @{$o{emulator}} : emulator($o{arm} ? 'arm' : 'i386');
    my $self = bless {name => $name, dir => $dir, buf => '', all => '',
                      err => "$logs/$name.err"}, $class;

    push @cmd, '-display', 'none' unless $o{plain};
    push @cmd, '-monitor', $monitor;
    push @cmd, '-serial', 'stdio' unless $o{plain} || defined $o{serial} && !$o{serial};
    push @cmd, @{$o{args} || []};
    make_path($logs);
    open($self->{log}, '>', "$logs/$name.log") or die "$logs/$name.log: $!\n";
    $self->{log}->autoflush(1);
    pipe(my $in_r, my $in_w) or die "pipe: $!\n";
    pipe(my $out_r, my $out_w) or die "pipe: $!\n";
    my $pid = fork();
    die "fork: $!\n" unless defined $pid;
    if ($pid == 0) {
        exec_child($in_r, $out_w, $self->{err}, @cmd);
    }
    close $in_r;
    close $out_w;
    $in_w->autoflush(1);
    @$self{qw(pid in out cmd started)} = ($pid, $in_w, $out_r, \@cmd, time);
    $live{$pid} = $self;
    $self->watchdog;
    return $self;
}

sub exec_child
{
    my ($in, $out, $err, @cmd) = @_;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
    setpgrp(0, 0);
    open(STDIN, '<&', $in) or POSIX::_exit(126);
    open(STDOUT, '>&', $out) or POSIX::_exit(126);
    open(STDERR, '>', $err) or POSIX::_exit(126);
    no warnings 'exec';
    exec { $cmd[0] } @cmd or 1;
    print STDERR "$cmd[0]: $!\n";
    POSIX::_exit(127);
}

# A process that waits for the test to end; if it ends without a word (kill
# -9), the emulator is killed.
sub watchdog
{
    my ($self) = @_;

    pipe(my $r, my $w) or die "pipe: $!\n";
    my $pid = fork();
    die "fork: $!\n" unless defined $pid;
    if ($pid == 0) {
        $SIG{$_} = 'IGNORE' for qw(INT HUP);
        $SIG{TERM} = 'DEFAULT';
        close $w;
        # only the pipe may stay open here: the emulator must see the end of
        # its stdin, and prove the end of the test's stdout
        close $self->{$_} for qw(in out log);
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        my $n = sysread($r, my $word, 1);
        kill('KILL', $self->{pid}) unless $n;
        POSIX::_exit(0);
    }
    close $r;
    $w->autoflush(1);
    @$self{qw(dog dog_pid)} = ($w, $pid);
}

sub call_off_watchdog
{
    my ($self) = @_;
    my $pid = delete $self->{dog_pid} or return;

    syswrite($self->{dog}, 'q');
    close $self->{dog};
    waitpid($pid, 0);
}

# Note the emulator's end if it has ended: true when it has.
sub reap
{
    my ($self, $flags) = @_;

    return 1 if defined $self->{status};
    local ($?, $!);
    my $got = waitpid($self->{pid}, $flags);
    return 0 if $got == 0;
    $self->{status} = WIFEXITED($?) ? WEXITSTATUS($?) : -WTERMSIG($?);
    delete $live{$self->{pid}};
    $self->call_off_watchdog;
    return 1;
}

sub stop
{
    my ($self) = @_;

    return if $self->reap(WNOHANG);
    kill('KILL', $self->{pid});
    $self->reap(0);
}

sub DESTROY
{
    my ($self) = @_;

    $self->stop if $self->{pid};
}

# Wait for the emulator to end: its exit status, or -N for signal N, or undef
# (and it is killed) if it is still there after that time.
sub wait_exit
{
    my ($self, $secs) = @_;
    my $end = time + $secs * $scale;

    while (!$self->reap(WNOHANG)) {
        if (time > $end) {
            diag("$self->{name}: still running after $secs s");
            $self->stop;
            return undef;
        }
        $self->pump(0.05);
    }
    while ($self->pump(0)) { }
    return $self->{status};
}

sub alive
{
    my ($self) = @_;

    return !$self->reap(WNOHANG);
}

# Its stderr so far, as one string.
sub stderr_text
{
    my ($self) = @_;

    return join '', slurp($self->{err});
}

# Host seconds of CPU time used so far by all its threads.
sub cpu_seconds
{
    my ($self) = @_;
    my ($stat) = slurp("/proc/$self->{pid}/stat");

    return undef unless defined $stat;
    $stat =~ s/^.*\) //s;
    my @f = split ' ', $stat;
    return ($f[11] + $f[12]) / POSIX::sysconf(&POSIX::_SC_CLK_TCK);
}

# How often its main thread, and the threads named vcpu, have gone to sleep so far
# (Linux, Documentation/filesystems/proc.rst, voluntary_ctxt_switches).
sub sleeps
{
    my ($self) = @_;
    my %num = (main => 0, vcpu => 0);

    for my $task (glob "/proc/$self->{pid}/task/*") {
        my $status = join '', slurp("$task/status");
        my $who = $task =~ m{/$self->{pid}$} ? 'main' : $status =~ /^Name:\s*(\S+)/ ? $1 : next;
        $num{$who} += $1 if $status =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
    }
    return \%num;
}

# ---- the serial line -------------------------------------------------------

# Take in what has come within secs: true if something came.
sub pump
{
    my ($self, $secs) = @_;

    if ($self->{eof}) {
        sleep($secs) if $secs > 0;
        return 0;
    }
    return 0 unless IO::Select->new($self->{out})->can_read($secs);
    my $n = sysread($self->{out}, my $text, 65536);
    if (!$n) {
        $self->{eof} = 1;
        return 0;
    }
    print {$self->{log}} $text;
    $self->{buf} .= $text;
    $self->{buf} =~ s/$escape//g;
    $self->{all} .= $text;
    return 1;
}

sub send
{
    my ($self, $text) = @_;
    my $end = time + 30 * $scale;

    while (length $text && time < $end) {
        # a guest's UART holds 16 bytes and a tty line 4 KiB: small bites
        my $n = syswrite($self->{in}, $text, 64);
        last unless $n;
        substr($text, 0, $n, '');
        $self->pump(0.01);
    }
    return length $text == 0;
}

# Wait for a match in what has not been looked at yet, control sequences left
# out; the text up to the end of the match is consumed.  Returns the match ('' is never a match) and sets
# $g->{groups}; undef after secs or when the emulator is gone.
sub expect
{
    my ($self, $re, $secs) = @_;
    my $end = time + $secs * $scale;

    for (;;) {
        if ($self->{buf} =~ $re) {
            my $hit = substr($self->{buf}, $-[0], $+[0] - $-[0]);
            $self->{groups} = [map { defined $-[$_] ?
                substr($self->{buf}, $-[$_], $+[$_] - $-[$_]) : undef }
                1 .. $#+];
            substr($self->{buf}, 0, $+[0], '');
            return $hit;
        }
        return undef if $self->{eof} || time > $end;
        $self->pump(0.2);
    }
}

# expect() that is a test of its own and ends the file when it fails: what
# follows would make no sense.
sub must
{
    my ($self, $re, $secs, $what) = @_;
    my $hit = $self->expect($re, $secs);

    return $hit if ok(defined $hit, $what);
    diag("waited $secs s (x $scale) for $re; the serial line ends with:");
    diag($_) for $self->tail(12);
    my $gone = $self->reap(WNOHANG);
    diag("the emulator ended with status $self->{status}") if $gone;
    my $err = $self->stderr_text;
    diag("its stderr: $err") if length $err;
    $self->stop;
    done_testing();
    exit 1;
}

sub tail
{
    my ($self, $n) = @_;
    my @lines = split /\r*\n/, $self->{all};

    splice(@lines, 0, @lines - $n) if @lines > $n;
    return @lines;
}

# Log in as root where "login:" is awaited, and start a plain shell.
sub login
{
    my ($self, $secs) = @_;

    $self->must(qr/login: $/, $secs, 'a login prompt on the serial line');
    $self->send("root\n");
    $self->must(qr/Password: $/, 60, 'it asks for the password');
    # login throws away what was typed before it was ready
    $self->pump(0.5);
    $self->send("root\n");
    $self->must(qr/[#\$] $/, 60, 'the login is let in');
    $self->send("exec env PS1='# ' TERM=dumb HISTFILE= sh\n");
    $self->must(qr/[\r\n]# $/, 30, 'and has a shell');
}

# Run a shell command in the guest (a shell must be waiting): its output with
# the echo taken off, and its status in $g->{rc}.
sub run
{
    my ($self, $cmd, $secs) = @_;
    my $tag = sprintf 'T%06d', int(rand(1e6));

    # the tag is sent in two halves so that the echo does not match
    my ($a, $b) = ($tag =~ /^(...)(.*)$/);
    $self->{buf} = '';
    $self->send("echo $a''$b; $cmd; echo $a''$b rc=\$?\n");
    my $re = qr/$tag\r?\n(.*?)$tag rc=(\d+)\r?\n/s;
    if (!defined $self->expect($re, $secs)) {
        $self->{rc} = undef;
        return undef;
    }
    my ($out, $rc) = @{$self->{groups}};
    $self->{rc} = $rc;
    $out =~ s/\r//g;
    return $out;
}

# run() as a test: the command must end with status 0 and its output match.
sub run_ok
{
    my ($self, $cmd, $secs, $what, $re) = @_;
    my $out = $self->run($cmd, $secs);
    my $good = defined $out && $self->{rc} == 0 && (!$re || $out =~ $re);

    if (!ok($good, $what)) {
        diag("command: $cmd");
        diag('status: ' . (defined $self->{rc} ? $self->{rc} : 'no answer'));
        diag('output: ' . (defined $out ? $out : join("\n", $self->tail(8))));
    }
    return $good;
}

# ---- what several tests do -------------------------------------------------

# Boot the kernel of that flavour with its initramfs, run the self test in it,
# power off.  More: name => log name, slow => factor on all times, free_mib =>
# RAM the guest must find.
sub self_test_boot
{
    my ($flavour, $mib, $more, %o) = @_;
    my $kernel = file("vmlinuz-$flavour");
    my $initrd = file("initramfs-$flavour");
    my $slow = $o{slow} || 1;
    my $g = Guest->start(name => $o{name}, args => [
        '-m', $mib, '-no-reboot', @{$more || []},
        '-kernel', $kernel, '-initrd', $initrd,
        '-append', 'console=ttyS0 autotest']);

    $g->must(qr/Linux version \d/, 60 * $slow, 'the kernel starts');
    $g->must(qr/GUEST-READY uptime=([\d.]+)/, 120 * $slow,
             'it reaches user space');
    $g->must(qr/SELFTEST-DONE ok=(\d+) bad=(\d+)/, 180 * $slow,
             'the self test runs to its end');
    my ($good, $bad) = @{$g->{groups}};
    cmp_ok($good, '>=', 20, 'its checks were made');
    if (!is($bad, 0, 'none of them failed')) {
        diag($_) for grep { /^bad - / } split /\r*\n/, $g->{all};
    }
    if ($o{free_mib}) {
        my ($kib) = $g->{all} =~ /MemTotal: +(\d+) kB/;
        cmp_ok($kib / 1024, '>', $o{free_mib}, 'all of the RAM was found');
    }
    is($g->wait_exit(60 * $slow), 0, 'power-off ends the emulator, status 0');
    is($g->stderr_text, '', 'which had nothing to complain about');
}

# The same on an ARM board: args are what is special about it.  The guest
# reboots when it is done, which ends the emulator.
sub arm_self_test
{
    my ($name, $args, %o) = @_;
    my $slow = $o{slow} || 1;
    my $g = Guest->start(name => $name, arm => 1, args => ['-no-reboot', @$args]);

    $g->must(qr/Linux version \d/, 60 * $slow, "$name: the kernel starts");
    $g->must(qr/GUEST-READY \S+ \S+ uptime=([\d.]+)/, 60 * $slow,
             'it reaches user space');
    $g->must(qr/SELFTEST-DONE ok=(\d+) bad=(\d+)/, 120 * $slow,
             'the self test runs to its end');
    my ($good, $bad) = @{$g->{groups}};
    cmp_ok($good, '>=', $o{tests} || 14, 'its checks were made');
    if (!is($bad, 0, 'none of them failed')) {
        diag($_) for grep { /^TEST .* BAD/ } split /\r*\n/, $g->{all};
    }
    is($g->wait_exit(60 * $slow), 0, 'reset ends the emulator, status 0');
    is($g->stderr_text, '', 'which had nothing to complain about');
    return $g;
}

# ---- the monitor -----------------------------------------------------------

sub monitor_connect
{
    my ($self) = @_;
    my $end = time + 10 * $scale;

    until ($self->{mon}) {
        $self->{mon} = IO::Socket::UNIX->new(Type => SOCK_STREAM,
                                             Peer => "$self->{dir}/mon");
        last if $self->{mon};
        die "monitor: no answer\n" if time > $end || !$self->alive;
        sleep(0.05);
    }
    $self->monitor_read(10);
}

# Read up to the next prompt.
sub monitor_read
{
    my ($self, $secs) = @_;
    my $end = time + $secs * $scale;
    my $sel = IO::Select->new($self->{mon});
    my $text = '';

    until ($text =~ /\(qemu\) $/) {
        last if time > $end;
        $self->pump(0);
        next unless $sel->can_read(0.1);
        my $n = sysread($self->{mon}, my $part, 65536);
        last unless $n;
        $text .= $part;
    }
    return $text;
}

# Give one command to the human monitor: what it answers, without echo.
sub monitor
{
    my ($self, $cmd, $secs) = @_;

    $self->monitor_connect unless $self->{mon};
    syswrite($self->{mon}, "$cmd\n");
    my $text = $self->monitor_read($secs || 20);
    $text =~ s/\e\[[0-9;]*[A-Za-z]//g;
    $text =~ s/\r//g;
    $text =~ s/^[^\n]*\n//;             # the echoed line
    $text =~ s/\(qemu\) $//;
    return $text;
}

# Type on the guest's PS/2 keyboard: words of sendkey.
sub type_keys
{
    my ($self, @words) = @_;

    for my $k (@words) {
        $self->monitor("sendkey $k");
        sleep(0.12);
    }
}

# The 80x25 text screen as lines, read from guest memory.
sub vga_text
{
    my ($self) = @_;
    my $dump = $self->monitor('xp /1000xw 0xb8000');
    my @bytes;

    while ($dump =~ /0x([0-9a-f]{8})(?=\s|$)/g) {
        my $w = hex $1;
        push @bytes, $w & 255, ($w >> 16) & 255;
    }
    my @rows;
    while (@bytes >= 80) {
        my $row = join '', map { $_ >= 32 && $_ < 127 ? chr : ' ' }
            splice(@bytes, 0, 80);
        $row =~ s/\s+$//;
        push @rows, $row;
    }
    return join("\n", @rows[0 .. ($#rows < 24 ? $#rows : 24)]) . "\n";
}

# Wait until the text screen matches: the screen, or undef.
sub expect_screen
{
    my ($self, $re, $secs) = @_;
    my $end = time + $secs * $scale;

    while (time < $end && $self->alive) {
        my $screen = $self->vga_text;
        $self->{screen} = $screen;
        return $screen if $screen =~ $re;
        $self->pump(0.5);
    }
    return undef;
}

# A picture of the screen: {w, h, rgb => bytes, colours => number of them}.
sub screendump
{
    my ($self) = @_;
    my $file = "$self->{dir}/screen.ppm";
    my $end = time + 10 * $scale;

    unlink $file;
    $self->monitor("screendump $file");
    while (time < $end) {
        if (-s $file) {
            my $data = join '', slurp($file);
            if ($data =~ /\AP6\s+(\d+)\s+(\d+)\s+255\s/) {
                my ($w, $h, $rgb) = ($1, $2, substr($data, $+[0]));
                if (length $rgb == $w * $h * 3) {
                    my %seen;
                    $seen{$_}++ for unpack '(a3)*', $rgb;
                    return {w => $w, h => $h, rgb => $rgb,
                            colours => scalar(keys %seen)};
                }
            }
        }
        sleep(0.1);
    }
    return undef;
}

1;
