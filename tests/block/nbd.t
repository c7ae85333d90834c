#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# NBD: our server for the clients of others, our client at the servers of others,
# ours at ours; a server that is killed and comes back; one that never does; clients
# that talk nonsense.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Images qw(run ours theirs slurp spew new_dir random_writes);
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);

my $dir = new_dir();
my $SIZE = 8 << 20;
my %server;                             # socket => pid
my $count = 0;

sub has { my ($tool) = @_; return grep { -x "$_/$tool" } qw(/usr/bin /bin) }
sub uri { my ($socket, $export) = @_; return "nbd+unix:///" . ($export // '') . "?socket=$socket" }
sub new_socket { return "$dir/s" . $count++ }

# A server that stays in the foreground; returns when its socket is there.
sub start {
    my ($socket, @command) = @_;
    unlink $socket;
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        open(STDERR, '>>', "$dir/server.log");
        open(STDOUT, '>&', \*STDERR);
        open(STDIN, '<', '/dev/null');
        exec(@command) or die "$command[0]: $!\n";
    }
    $server{$socket} = $pid;
    for (1 .. 100) {
        return if -S $socket && IO::Socket::UNIX->new(Peer => $socket);
        sleep 0.05;
    }
    die "no server at $socket: " . (slurp("$dir/server.log") // '') . "\n";
}

sub stop {
    my ($socket, $signal) = @_;
    my $pid = delete $server{$socket} // return;
    kill $signal // 'TERM', $pid;
    waitpid $pid, 0;
    return $?;
}

END { my $status = $?; stop($_, 'KILL') for keys %server; $? = $status; }

sub quiet_ok {
    my ($name, @command) = @_;
    my ($status, $out) = run(@command);
    ok($status == 0, $name) or diag("@command\n$out");
    return $out;
}

# Data, a hole, data: not the same everywhere.
sub pattern {
    my ($seed) = @_;
    my $data = pack('N*', map { ($_ * 2654435761 + $seed) % 4294967296 } 1 .. $SIZE / 16);
    return $data . "\0" x ($SIZE / 2) . substr($data, 0, $SIZE / 4);
}

my $image = "$dir/disk.raw";
my $content = pattern(1);
spew($image, $content);
my $s = new_socket();
my @serve = (ours('nbd'), '-f', 'raw', '-k', $s, '-t', '-e', 8, '-x', 'disk', '-D', 'a disk',
             '--discard=unmap', $image);

# -- Our server and our client -------------------------------------------------

start($s, @serve);
my $out = quiet_ok('-L lists the export', ours('nbd'), '-L', '-k', $s);
like($out, qr/exports available: 1\n export: 'disk'\n  description: a disk\n  size:  $SIZE\n/,
     'its name, description and size');
like($out, qr/available meta contexts: 1\n   base:allocation\n/, 'and base:allocation');
quiet_ok('our convert reads ours', ours('img'), 'convert', '-f', 'raw', '-O', 'raw',
         uri($s, 'disk'), "$dir/copy.raw");
ok(slurp("$dir/copy.raw") eq $content, 'the same bytes');
my ($status);
($status, $out) = run(ours('img'), 'info', uri($s, 'other'));
isnt($status, 0, 'another export is refused');
like($out, qr/no export "other"/, 'by name');
($status, $out) = run(ours('nbd'), '-f', 'raw', '-k', $s, $image);
isnt($status, 0, 'a socket that is served is not taken away');

my $shadow = $content;
eval { random_writes(ours('io'), uri($s, 'disk'), 'raw', \$shadow, 3, 60); };
is($@, '', 'random writes through our client');
stop($s);
ok(slurp($image) eq $shadow, 'are in the file');

# -- Images, as exports ----------------------------------------------------------

# A qcow2 file ends where its data does; that of others, where somebody cut it.
for my $w (['qcow2', 0], ['vdi', 4096]) {
    my ($format, $cut) = @$w;
    my $file = "$dir/short.$format";
    quiet_ok("make $format", ours('img'), 'create', '-q', '-f', $format, $file, '1M');
    quiet_ok("write $format", ours('io'), '-f', $format, '-c', 'write -q -P 5 0 512', $file);
    truncate $file, (-s $file) - $cut;
    start($s, ours('nbd'), '-r', '-f', 'raw', '-k', $s, '-t', $file);
    $out = quiet_ok("read a $format file that ends within a cluster", ours('io'), '-r', '-f',
                    $format, '-c', 'read -P 5 0 512', '-c', 'read -P 0 512 1048064', uri($s));
    unlike($out, qr/failed/, 'its data, then zeroes');
    stop($s);
}

# -- Partitions ----------------------------------------------------------------

# 1: sectors 8 to 15; 2: extended, in it 5: sectors 34 to 37.
sub mbr_entry { return pack('C x3 C x3 V V', 0, @_) }
my $disk = $content;
substr($disk, 446, 66) = mbr_entry(0x83, 8, 8) . mbr_entry(5, 32, 64) . "\0" x 32 . "\x55\xaa";
substr($disk, 32 * 512 + 446, 66) = mbr_entry(0x83, 2, 4) . "\0" x 48 . "\x55\xaa";
spew("$dir/parts.raw", $disk);
for my $w ([1, 8, 8], [5, 34, 4]) {
    my ($number, $first, $num) = @$w;
    start($s, ours('nbd'), '-f', 'raw', '-k', $s, '-t', '-P', $number, "$dir/parts.raw");
    quiet_ok("partition $number is read", ours('img'), 'convert', '-f', 'raw', '-O', 'raw',
             uri($s, ''), "$dir/part.raw");
    ok(slurp("$dir/part.raw") eq substr($disk, $first * 512, $num * 512), 'it alone');
    stop($s);
}
for my $w ([qr/has no partition 2/, '-P', 2], [qr/Invalid partition '0'/, '-P', 0],
           [qr/-P and -o: choose one/, '-P', 1, '-o', 512],
           [qr/--bitmap is not supported: .* data is/, '-B', 'b'],
           [qr/--object is not supported: .* TLS/, '--object', 'secret,id=a'],
           [qr/--image-opts is not supported: .* -f$/, '--image-opts'],
           [qr/--selinux-label is not supported: .*chcon/, '--selinux-label', 'l'],
           map({ [qr/$_ is not supported: .* ssh/, $_, 'x'] } map { "--tls-$_" } qw(creds hostname authz)),
           [qr/--trace is not supported: -v/, '-T', 'nbd*']) {
    my ($text, @args) = @$w;
    ($status, $out) = run(ours('nbd'), '-f', 'raw', '-k', $s, @args, "$dir/parts.raw");
    ok($status && $out =~ $text, "refused: @args") or diag($out);
}

# -- A server that goes and comes back -------------------------------------------

sub kill_and_restart {
    my ($times, $pause, @command) = @_;
    my $pid = fork() // die "fork: $!\n";
    return $pid if $pid;
    for (1 .. $times) {
        sleep 0.25;
        stop($s, 'KILL');
        sleep $pause;
        start($s, @command);
    }
    open(my $f, '>', "$dir/pid");
    print $f $server{$s};
    close $f;
    %server = ();
    POSIX::_exit(0);
}

require POSIX;
start($s, @serve);
my @work;
my $want = slurp($image);
for my $i (0 .. 39) {
    my ($off, $len) = ($i * 180_000, 65_536);
    push @work, '-c', "write -q -P " . ($i + 1) . " $off $len", '-c', 'flush',
        '-c', 'sleep 40', '-c', "read -q -P " . ($i + 1) . " $off $len";
    substr($want, $off, $len) = chr($i + 1) x $len;
}
my $killer = kill_and_restart(3, 0.3, @serve);
my $began = time;
($status, $out) = run(ours('io'), '-f', 'raw', @work, uri($s, 'disk'));
is($status, 0, 'writes go on when the server is killed and comes back');
my $lost = () = $out =~ /closed the connection/g;
my $again = () = $out =~ /connected to the NBD server again/g;
ok($lost >= 1 && $again == $lost, "lost $lost times, connected again $again times") or diag($out);
unlike($out, qr/failed|error/i, 'without an error');
waitpid $killer, 0;
$server{$s} = slurp("$dir/pid");
kill 'TERM', $server{$s};
for (1 .. 100) { last unless -S $s; sleep 0.05 }
delete $server{$s};
ok(slurp($image) eq $want, 'every byte is there');

start($s, @serve);
my $pid = fork() // die;
if (!$pid) { sleep 0.4; kill 'KILL', $server{$s}; POSIX::_exit(0); }
$began = time;
($status, $out) = run(ours('io'), '-f', 'raw', '-c', 'sleep 800', '-c', 'read -P 1 0 512',
                      'nbd:unix:' . $s . ':exportname=disk');
ok(time - $began < 15, 'a server that stays away is not waited for');
like($out, qr/Input\/output error/, 'the request fails');
waitpid $pid, 0;
stop($s, 'KILL');

# -- Flags -------------------------------------------------------------------------

# The error in the simple answer to a request for 512 bytes.
sub answer_to {
    my ($type, $flags) = @_;
    my $c = IO::Socket::UNIX->new(Peer => $s) or die "no server\n";
    sysread($c, my $hello, 18);
    syswrite($c, pack('N', 3) . pack('a8NN', 'IHAVEOPT', 1, 4) . 'disk');
    sysread($c, my $info, 10);
    syswrite($c, pack('NnnNNNNN', 0x25609513, $flags, $type, 1, 2, 0, 0, 512));
    sysread($c, my $answer, 16);
    return (unpack('NN', $answer))[1];
}

start($s, @serve);
# "NBD_CMD_FLAG_FUA": valid with every command, once NBD_FLAG_SEND_FUA is offered.
for my $w (['read', 0], ['flush', 3], ['trim', 4], ['cache', 5], ['zeroes', 6]) {
    is(answer_to($w->[1], 1), 0, "$w->[0] with FUA");
}
is(answer_to(0, 8), 22, 'a read with REQ_ONE is invalid');
stop($s);

# -- Clients that talk nonsense ---------------------------------------------------

start($s, @serve);
srand(7);
for my $i (1 .. 60) {
    my $c = IO::Socket::UNIX->new(Peer => $s) or next;
    sysread($c, my $hello, 18);
    my $msg = pack('N', 3);
    $msg .= pack('a8NN', 'IHAVEOPT', int(rand 12), (0, 4, 1 << 31, 100, 70_000)[rand 5]) if $i % 3;
    $msg .= join('', map { chr(rand 256) } 1 .. int(rand 300));
    syswrite($c, $msg);
    close $c;
}
for my $i (1 .. 40) {                   # in the transmission phase
    my $c = IO::Socket::UNIX->new(Peer => $s) or next;
    sysread($c, my $hello, 18);
    syswrite($c, pack('N', 3) . pack('a8NN', 'IHAVEOPT', 1, 4) . 'disk');
    sysread($c, my $info, 10);
    syswrite($c, pack('NnnNNNNN', $i % 5 ? 0x25609513 : rand 1e9, rand 32, rand 9, 1, 2,
                      (0, 0xffffffff)[rand 2], rand 4e9, (512, 0xffffffff, 0, 1 << 30)[rand 4]));
    close $c;
}
quiet_ok('the server lives, and serves', ours('io'), '-r', '-f', 'raw', '-c', 'read -q 0 1M',
         uri($s, 'disk'));
is(stop($s) & 127, 0, 'and ends in peace');

# -- The programs of others ---------------------------------------------------------

SKIP: {
    skip 'no libnbd here (package libnbd-bin)', 7 unless has('nbdinfo') && has('nbdcopy');
    spew($image, $content);
    start($s, @serve);
    $out = quiet_ok('nbdinfo', 'nbdinfo', uri($s, 'disk'));
    like($out, qr/export="disk".*description: a disk.*export-size: $SIZE .*can_multi_conn: true/s,
         'nbdinfo sees what we offer');
    $out = quiet_ok('nbdinfo --map', 'nbdinfo', '--map', uri($s, 'disk'));
    quiet_ok('nbdcopy from us', 'nbdcopy', uri($s, 'disk'), "$dir/n.raw");
    ok(slurp("$dir/n.raw") eq $content, 'the same bytes');
    spew("$dir/n.raw", pattern(2));
    quiet_ok('nbdcopy to us', 'nbdcopy', '--flush', "$dir/n.raw", uri($s, 'disk'));
    stop($s);
    ok(slurp($image) eq pattern(2), 'the same bytes');
}

SKIP: {
    local $ENV{PATH} = '/usr/bin:/bin';
    my ($no) = run('/usr/bin/python3', '-c', 'import nbd');
    skip 'no nbdsh here (package python3-libnbd)', 2 if $no || !has('nbdsh');
    spew($image, $content);
    start($s, @serve);
    my $script = <<"END";
h.set_request_structured_replies(True)
h.add_meta_context("base:allocation")
h.set_export_name("disk")
h.connect_unix("$s")
want = open("$image", "rb").read()
assert h.get_size() == $SIZE
assert h.pread($SIZE, 0) == want
pieces = []
whole = h.pread_structured(1 << 20, 3 << 20, lambda b, o, s, e: pieces.append(s), nbd.CMD_FLAG_DF)
assert whole == want[3 << 20:4 << 20] and pieces == [nbd.READ_DATA]
assert h.pread(777, $SIZE - 777) == want[-777:]
h.trim(1 << 20, 3 << 20)
extents = []
h.block_status($SIZE, 0, lambda m, o, e, err: extents.extend(e))
assert sum(extents[0::2]) == $SIZE and 3 in extents[1::2] and 0 in extents[1::2]
h.set_strict_mode(0)
def fails(f, number):
    try:
        f()
    except nbd.Error as e:
        assert e.errnum == number, e
    else:
        assert False, "must fail"
import errno
fails(lambda: h.pread(512, $SIZE), errno.EINVAL)
fails(lambda: h.pread(512, $SIZE - 1), errno.EINVAL)
fails(lambda: h.pread(512, 2**63 - 1), errno.EINVAL)
fails(lambda: h.pwrite(b"x" * 512, $SIZE - 511), errno.ENOSPC)
fails(lambda: h.zero(512, $SIZE), errno.ENOSPC)
h.pwrite(b"x" * 1000, 333, nbd.CMD_FLAG_FUA)
h.zero(4096, 65536, nbd.CMD_FLAG_NO_HOLE)
h.trim(65536, 1 << 20, nbd.CMD_FLAG_FUA)
h.cache(1 << 20, 0)
h.flush()
assert h.pread(1002, 332) == want[332:333] + b"x" * 1000 + want[1333:1334]
assert h.pread(4096, 65536) == bytes(4096)
assert h.pread(65536, 1 << 20) == bytes(65536)
for i in range(200):
    h.aio_pread(nbd.Buffer(4096), i * 4096)
while h.aio_in_flight():
    h.poll(-1)
h.shutdown()
END
    quiet_ok('nbdsh: reads, writes, zeroes, trim, status, errors', 'nbdsh', '-c', $script);
    quiet_ok('nbdsh: the socket it opened is ours', 'nbdsh', '-c',
             'h.connect_systemd_socket_activation(["' . ours('nbd') . "\", \"-f\", \"raw\", \"$dir/copy.raw\"])",
             '-c', "assert h.get_size() == $SIZE");
    stop($s);
}

SKIP: {
    skip 'no nbdkit here', 18 unless has('nbdkit');
    for my $case (['as it is'], ['simple replies', '--no-sr'],
                  ['EXPORT_NAME', '--mask-handshake=0'],
                  ['no extents, zeroes or trim', '--filter=noextents', '--filter=nozero', 'zeromode=notrim'],
                  ['blocks of 4096', '--filter=blocksize-policy', 'blocksize-minimum=4096',
                   'blocksize-error-policy=error'],
                  ['requests that fail now and then', '--filter=retry-request', '--filter=error',
                   'error-rate=5%']) {
        my ($name, @more) = @$case;
        my @filters = grep { /^--/ } @more;
        my @settings = grep { !/^--/ } @more;
        spew($image, $content);
        start($s, 'nbdkit', '-f', '-U', $s, @filters, 'file', $image, @settings);
        my $copy = $content;
        eval { random_writes(ours('io'), uri($s), 'raw', \$copy, 9, 40); };
        is($@, '', "nbdkit, $name: writes");
        quiet_ok('reads', ours('img'), 'convert', '-f', 'raw', '-O', 'raw', uri($s),
                 "$dir/kit.raw");
        ok(slurp("$dir/kit.raw") eq $copy && slurp($image) eq $copy, 'the same bytes');
        stop($s);
    }
}

SKIP: {
    skip "no qemu-nbd of Debian (package qemu-utils)", 7 unless -x theirs('nbd');
    spew($image, $content);
    start($s, theirs('nbd'), '-f', 'raw', '-k', $s, '-t', '-e', 4, $image);
    my $copy = $content;
    eval { random_writes(ours('io'), uri($s), 'raw', \$copy, 11, 60); };
    is($@, '', "our client at Debian's server");
    quiet_ok('reads', ours('img'), 'convert', '-f', 'raw', '-O', 'qcow2', uri($s), "$dir/q.qcow2");
    stop($s);
    ok(slurp($image) eq $copy, 'the same bytes');
    start($s, ours('nbd'), '-f', 'qcow2', '-k', $s, '-t', '-e', 4, '--discard=unmap', "$dir/q.qcow2");
    eval { random_writes(theirs('io'), uri($s), 'raw', \$copy, 12, 60); };
    is($@, '', "Debian's client at our server of a qcow2 image");
    quiet_ok('reads', theirs('img'), 'convert', '-f', 'raw', '-O', 'raw', uri($s), "$dir/t.raw");
    stop($s);
    ok(slurp("$dir/t.raw") eq $copy, 'the same bytes');
    quiet_ok('the image is clean', theirs('img'), 'check', "$dir/q.qcow2");
}
done_testing();
