#!/usr/bin/perl
# level: check
# qemu-img and qemu-io as scripts use them: what they print, the status they end
# with, and that a wrong use is one clear sentence.  Where Debian's tools are
# there, a list of commands must print the same, byte for byte, with both.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Images qw(run ours theirs slurp spew have_theirs new_dir);
use Test::More;

my $dir = new_dir();
chdir $dir or die;
my ($img, $io) = (ours('img'), ours('io'));
-x $img && -x $io or plan skip_all => "no $img: run make";

sub must {
    my ($status, $out) = run(@_);
    die "@_: status $status: $out\n" if $status;
    return $out;
}

sub make_files {
    my ($qemu_img, $qemu_io) = @_;
    must($qemu_img, qw(create -q -f qcow2 a.qcow2 8M));
    must($qemu_io, qw(-f qcow2 -c), 'write -q -P 1 0 1M', '-c', 'write -q -P 2 3M 64k', 'a.qcow2');
    must($qemu_img, qw(create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2));
    must($qemu_io, qw(-f qcow2 -c), 'write -q -P 3 64k 64k', 'b.qcow2');
    must($qemu_img, qw(create -q -f raw r.raw 8M));
    must($qemu_io, qw(-f raw -c), 'write -q -P 1 0 1M', 'r.raw');
}
make_files($img, $io);

# -- Wrong uses -----------------------------------------------------------------

my $TRY = qr/^Try 'qemu-img --help' for more information$/;
for my $w (
    [1, qr/Not enough arguments/],
    [1, qr/Command not found: shrink/, 'shrink'],
    [1, qr/unrecognized option '--sideways'/, 'info', '--sideways', 'a.qcow2'],
    [1, qr/missing argument for option '-o'/, 'create', '-o'],
    [1, qr/Expecting one image file name/, 'info'],
    [1, qr/Expecting one image file name/, 'info', 'a.qcow2', 'b.qcow2'],
    [1, qr/no such file/, 'info', 'nowhere.img'],
    [1, qr/a directory/, 'info', '.'],
    [1, qr/--output must be used with human or json/, 'info', '--output=xml', 'a.qcow2'],
    [1, qr/--image-opts is not supported/, 'info', '--image-opts', 'driver=raw'],
    [1, qr/--object is not supported: .* TLS/, 'info', '--object', 'secret,id=a', 'a.qcow2'],
    [1, qr/--bitmaps is not supported: .* data/, 'convert', '--bitmaps', 'a.qcow2', 'x'],
    [1, qr/--target-image-opts is not supported: .* -O/, 'convert', '--target-image-opts', 'a', 'x'],
    [1, qr{nbd\+unix:///x: write nbd://}, 'info', 'nbd+unix:///x'],
    [1, qr/needs a size/, 'create', '-f', 'qcow2', 'x'],
    [1, qr/Unknown file format 'zip'/, 'create', '-f', 'zip', 'x', '1M'],
    [1, qr/'bochs' does not support image creation/, 'create', '-f', 'bochs', 'x', '1M'],
    [1, qr/no option "colour"; (?!.*(preallocation).*\1)/, 'create', '-f', 'qcow2', '-o', 'colour=red', 'x', '1M'],
    [1, qr/too large/, 'create', '-q', '-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', 'x',
     '9T'],
    [1, qr/power of two/, 'create', '-q', '-f', 'qcow2', '-o', 'cluster_size=3', 'x', '1M'],
    [1, qr/without backing format/, 'create', '-f', 'qcow2', '-b', 'a.qcow2', 'x'],
    [1, qr/same filename as the backing file/, 'create', '-f', 'qcow2', '-b', 'x', '-F', 'raw',
     'x', '1M'],
    [1, qr/Unexpected argument: 2/, 'create', 'x', '1', '2'],
    [63, qr/does not support checks/, 'check', 'r.raw'],
    [1, qr/expecting 'leaks' or 'all'/, 'check', '-r', 'some', 'a.qcow2'],
    [1, qr/no such file/, 'check', 'nowhere.img'],
    [1, qr/does not have a backing file/, 'commit', 'a.qcow2'],
    [1, qr/Did not find 'z'/, 'commit', '-b', 'z', 'b.qcow2'],
    [1, qr/Expecting two image file names/, 'compare', 'a.qcow2'],
    [2, qr/no such file/, 'compare', 'a.qcow2', 'nowhere.img'],
    [1, qr/Must specify image file name/, 'convert', 'a.qcow2'],
    [1, qr/between 1 and 16/, 'convert', '-m', '17', 'a.qcow2', 'x'],
    [1, qr/multiples of 512/, 'convert', '-S', '513', 'a.qcow2', 'x'],
    [1, qr/Compression not supported/, 'convert', '-c', '-O', 'raw', 'a.qcow2', 'x'],
    [1, qr/Invalid cache option: fast/, 'convert', '-t', 'fast', 'a.qcow2', 'x'],
    [1, qr/Invalid source cache option: fast/, 'convert', '-T', 'fast', 'a.qcow2', 'x'],
    [1, qr/has no snapshot z/, 'convert', '-l', 'z', 'a.qcow2', 'x'],
    [1, qr/explicit backing format/, 'convert', '-B', 'a.qcow2', '-O', 'qcow2', 'b.qcow2', 'x'],
    [1, qr/unrecognized operand/, 'dd', 'nonsense'],
    [1, qr/both input and output/, 'dd', 'if=a.qcow2'],
    [1, qr/Invalid bs/, 'dd', 'if=a.qcow2', 'of=x', 'bs=0'],
    [1, qr/--size N or one filename/, 'measure'],
    [1, qr/does not support size measurement/, 'measure', '-O', 'vmdk', '--size', '1M'],
    [1, qr/\(-b\) or use unsafe mode/, 'rebase', 'b.qcow2'],
    [1, qr/backing format must be specified/, 'rebase', '-b', 'a.qcow2', 'b.qcow2'],
    [1, qr/size must be positive/, 'resize', '-f', 'raw', 'r.raw', '-9M'],
    [1, qr/--shrink/, 'resize', '-f', 'raw', 'r.raw', '4M'],
    [1, qr/no preallocation=metadata/, 'resize', '--preallocation=metadata', '-f', 'raw', 'r.raw',
     '9M'],
    [1, qr/Invalid preallocation mode 'no'/, 'resize', '--preallocation=no', 'r.raw', '9M'],
    [1, qr/Cannot mix/, 'snapshot', '-c', 'a', '-d', 'a', 'a.qcow2'],
    [1, qr/snapshot not found/, 'snapshot', '-d', 'z', 'a.qcow2'],
    [1, qr/does not support snapshots/, 'snapshot', '-q', '-a', 'z', 'r.raw'],
    [1, qr/Must specify options/, 'amend', 'a.qcow2'],
    [1, qr/does not support option amendment/, 'amend', '-f', 'raw', '-o', 'size=1', 'r.raw'],
    [1, qr/Invalid queue depth/, 'bench', '-d', '0', 'a.qcow2'],
    [1, qr/only available in write tests/, 'bench', '--flush-interval=9', 'a.qcow2'],
    [1, qr/no FAT or ext/, 'ls', 'a.qcow2'],
    [1, qr/no partition 3/, 'ls', '-P', '3', 'a.qcow2'],
    [1, qr/Invalid partition/, 'ls', '-P', 'x', 'a.qcow2'],
) {
    my ($want, $text, @args) = @$w;
    my ($status, $out) = run($img, @args);
    my @lines = grep { !/$TRY/ && !/^Optional suffix|^and exabytes|^Detected format/ }
                split /\n/, $out;
    my @warnings = grep { /warning: Shrinking|kilobytes, megabytes/ } @lines;
    ok($status == $want && $out =~ $text && @lines == 1 + @warnings && $out =~ /^qemu-img: /,
       "refused: @args") or diag("status $status: $out");
}
ok(!-e 'x', 'nothing was made by a refused command');
is(-s 'r.raw', 8 << 20, 'nor grown');

for my $w (
    [qr/command "fly" not found/, 'fly'], [qr/expected at least 2 arguments/, 'read 0'],
    [qr/non-numeric argument/, 'read 0 x'], [qr/not a valid pattern byte/, 'write -P 300 0 1k'],
    [qr/Input\/output error/, 'read 20M 1'], [qr/-u requires -z/, 'write -u 0 512'],
    [qr/foo: No such file/, 'write -s foo 0 512'], [qr/verification failed/, 'read -P 9 0 512'],
    [qr/expected 1 arguments/, 'sleep'], [qr/no file open/, 'close', 'length'],
) {
    my ($text, @commands) = @$w;
    my ($status, $out) = run($io, (map { ('-c', $_) } @commands), 'a.qcow2');
    ok($status == 1 && $out =~ $text, "qemu-io refuses: @commands") or diag("$status: $out");
}

{
    my ($status, $out) = run($io, '--object', 'secret,id=a', 'a.qcow2');
    ok($status == 1 && $out =~ /--object is not supported: .* TLS/, 'nor has it --object') or diag($out);
}

# -- The same as Debian's -------------------------------------------------------

my @both = map { [split ' '] } grep { /\S/ && !/^\s*#/ } split /\n/, <<'END';
img create -f qcow2 n.qcow2 64M
img create -f qcow2 -o compat=0.10 -b a.qcow2 -F qcow2 n2.qcow2 1M
img create -f qcow2 -o cluster_size=4k,lazy_refcounts=on,refcount_bits=8 n3.qcow2 1.5M
img create -f qcow2 -b a.qcow2 -F qcow2 longer.qcow2 99M
img create -f qcow n.qcow 1
img create -f raw n.raw 64M
img create -f vdi n.vdi 64M
img create -f vpc n.vpc 64M
img create -f vhdx n.vhdx 64M
img create -f vmdk n.vmdk 64M
img create -f parallels n.parallels 64M
img info a.qcow2
img info --output=json a.qcow2
img info b.qcow2
img info --output=json b.qcow2
img info --backing-chain b.qcow2
img info --backing-chain --output=json b.qcow2
img info n2.qcow2
img info n3.qcow2
img info n.qcow
img info n.raw
img info --output=json n.raw
img info n.vdi
img info --output=json n.vpc
img info n.vhdx
img map a.qcow2
img map --output=json a.qcow2
img map b.qcow2
img map --output=json b.qcow2
img map --output=json longer.qcow2
img map --start-offset=1M --max-length=3M --output=json b.qcow2
img map r.raw
img map --output=json r.raw
img check a.qcow2
img check --output=json a.qcow2
img check -r all a.qcow2
img check -q b.qcow2
img compare a.qcow2 a.qcow2
img compare a.qcow2 r.raw
img compare -s a.qcow2 r.raw
img compare -q a.qcow2 r.raw
img compare b.qcow2 r.raw
img compare n.raw r.raw
img convert -O raw a.qcow2 c.raw
img convert -p -O raw n.qcow2 e.raw
img convert -O qcow2 b.qcow2 c.qcow2
img map c.qcow2
img convert -B a.qcow2 -F qcow2 -O qcow2 b.qcow2 d.qcow2
img map --output=json d.qcow2
img convert -f raw -O qcow2 r.raw r.raw rr.qcow2
img info rr.qcow2
img convert -c -O qcow2 a.qcow2 p.qcow2
img check p.qcow2
img measure --size 1G -O qcow2
img measure --size 1G --output=json -O raw
img measure -O qcow2 a.qcow2
img measure -O qcow2 --output=json b.qcow2
img measure -O qcow2 -o cluster_size=4k --size 1G
img resize a.qcow2 +4M
img resize --shrink a.qcow2 8M
img resize -f raw r.raw 9M
img resize -q -f raw --shrink r.raw 8M
img commit b.qcow2
img compare a.qcow2 b.qcow2
img commit -q -d b.qcow2
img rebase -b n.qcow2 -F qcow2 b.qcow2
img compare a.qcow2 b.qcow2
img rebase -u -b a.qcow2 -F qcow2 b.qcow2
img info b.qcow2 --output=json
img dd if=a.qcow2 of=d1.raw bs=1M count=2
img info d1.raw
img dd if=a.qcow2 of=d2.qcow2 -O qcow2 bs=64k skip=10
img compare -f raw -F qcow2 d1.raw d2.qcow2
img amend -o compat=0.10 n.qcow2
img info n.qcow2
img amend -o compat=1.1,lazy_refcounts=on n.qcow2
img info n.qcow2
img create -f qcow2 grown.qcow2 1M
img resize --preallocation=metadata grown.qcow2 3M
img map --output=json grown.qcow2
img check grown.qcow2
img create -f qcow2 -o data_file=out.raw out.qcow2 1M
io write+-P+5+64k+128k out.qcow2
img map out.qcow2
img map --output=json out.qcow2
img check out.qcow2
img snapshot -c one a.qcow2
img snapshot -a one a.qcow2
img snapshot -d one a.qcow2
img snapshot -l a.qcow2
img bench -c 10 -d 2 -w a.qcow2
img create -f vmdk -o help
img amend -f vmdk -o help
io length a.qcow2
io read+0+4k a.qcow2
io read+-P+3+64k+64k b.qcow2
io read+-v+0+40 a.qcow2
io writev+-P+9+0+512+1024 a.qcow2
io readv+-P+9+0+512+1024 a.qcow2
io write+-c+4M+64k a.qcow2
io aio_write+0+4k a.qcow2
io discard+0+64k a.qcow2
io truncate+9M a.qcow2
io info a.qcow2
io alloc+1M+64k a.qcow2
io map b.qcow2
END

# Seconds, sizes on the host's disk and what images have by chance.
sub plain {
    my ($out) = @_;
    $out =~ s/[\d.]+ sec \(.*\)|Run completed in .*/TIME/g;
    $out =~ s/^disk size: .*|"actual-size": \d+/SIZE/gm;
    $out =~ s/^.*extent_size_hint=.*\n|^.*nocow=.*\n|^.*encrypt.*\n|^.*preallocation=.*\n//gm;
    $out =~ s/ - .*$/ - HELP/gm if $out =~ /^Supported /;
    $out =~ s/\((\d+\.\d+)\/100%\)\s*//g;
    return $out;
}

SKIP: {
    skip 'no qemu-utils of Debian', scalar @both unless have_theirs();
    for my $who (\&ours, \&theirs) {
        mkdir($who == \&ours ? 'ours' : 'theirs');
    }
    my %result;
    for my $who ('ours', 'theirs') {
        chdir "$dir/$who";
        my $tool = $who eq 'ours' ? \&ours : \&theirs;
        make_files($tool->('img'), $tool->('io'));
        for my $i (0 .. $#both) {
            my ($name, @args) = @{$both[$i]};
            if ($name eq 'io') {
                my ($command, $file) = @args;
                $command =~ tr/+/ /;
                @args = ('-f', 'qcow2', '-c', $command, $file);
            }
            my ($status, $out) = run($tool->($name), @args);
            $result{$who}[$i] = "status $status\n" . plain($out);
        }
    }
    chdir $dir;
    for my $i (0 .. $#both) {
        is($result{ours}[$i], $result{theirs}[$i], "as Debian's: @{$both[$i]}");
    }
}

# -- A vmdk knows its parent again, however a commit into it ends ---------------------

sub chain {
    must($img, qw(create -q -f vmdk v0.vmdk 64M));
    must($io, qw(-f vmdk -c), 'write -q -P 1 0 16M', 'v0.vmdk');
    must($img, qw(create -q -f vmdk -b v0.vmdk -F vmdk v1.vmdk));
    must($img, qw(create -q -f vmdk -b v1.vmdk -F vmdk v2.vmdk));
    must($io, qw(-f vmdk -c), 'write -q -P 2 4M 32M', 'v2.vmdk');
}

sub holds {
    my ($what) = @_;
    my ($s, $out) = run($io, qw(-r -f vmdk -c), 'read -P 1 0 4M', '-c', 'read -P 2 4M 32M', 'v2.vmdk');
    is($s, 0, "vmdk: after $what") or diag($out);
}

chain();
must($img, qw(commit -q -f vmdk -b v0.vmdk v2.vmdk));
holds('a commit two images down');
chain();
must($img, qw(commit -q -f vmdk -d v2.vmdk));
holds('a commit that keeps the image');
chain();
{
    my ($s, $out) = run('sh', '-c', "trap '' XFSZ; ulimit -f 20000; $img commit -q -f vmdk v2.vmdk");
    isnt($s, 0, 'vmdk: a commit without room fails');
    holds('a commit without room');
    must($img, qw(commit -q -f vmdk v2.vmdk));
    holds('one that is repeated');
}

# -- What cannot be written is an error when an image is opened again ------------------

must($img, qw(create -q -f qcow2 h.qcow2 1M));
spew('h.cfg', qq([inject-error]\nevent = "write_aio"\nsector = "256"\n));
like((run($io, '-c', 'write -q -P 1 0 64k', '-c', 'reopen -r', 'blkdebug:h.cfg:h.qcow2'))[1],
     qr/cannot be written/, 'reopen: what was written does not reach the file');

# -- Names of files ---------------------------------------------------------------

my ($status, $out);
spew('a,help', "\0" x 4096);
for my $o ('backing_file=a,,help,backing_fmt=raw', 'backing_fmt=raw,backing_file=a,,help') {
    ($status, $out) = run($img, qw(create -q -f qcow2 -o), $o, 'comma.qcow2');
    is("$status $out", '0 ', "no request for help: $o");
}
($status, $out) = run($img, qw(create -f qcow2 -o), 'backing_file=a,,b,help', 'comma.qcow2');
like($out, qr/^Supported options:/, 'a request for help');

# RFC 8259: JSON is UTF-8.  A character beyond U+FFFF; malformed, too long a form, half a
# surrogate; what is cut short; 0xff; a control character.
my $odd = "odd\xc3\xa9\xf0\x9f\x98\x80\xc0\xaf\xed\xa0\x80\xe2\x82\xff\n\x7f";
spew($odd, "\0" x 4096);
($status, $out) = run($img, qw(info -f raw --output=json), $odd);
like($out, qr/"filename": "odd\\u00E9\\uD83D\\uDE00(\\uFFFD){4}\\n\\u007F"/,
     'JSON with the name of a file that is not UTF-8');

my $long = join('/', map { $_ x 240 } 'a' .. 'd') . '/data';
must('mkdir', '-p', dirname($long));
for my $w (['123', '"123"'], ["a\nb", '"a\\nb"'], ["a\n\tb", '"a\\n\\tb"'], [$long, "\"$long\""]) {
    my ($file, $json) = @$w;
    must($img, qw(create -q -f qcow2 -o), "data_file=$file", 'named.qcow2', '1M');
    ($status, $out) = run($img, qw(info --output=json named.qcow2));
    like($out, qr/"refcount-bits":\ 16,\n\s+"data-file":\ \Q$json\E,\n\s+"data-file-raw":\ false,
                  \n\s+"corrupt":\ false,\n\s+"extended-l2":\ false\n/x,
         'the data file ' . substr($json, 0, 12));
}
($status, $out) = run($img, qw(info named.qcow2));
like($out, qr/    data file: \Q$long\E\n    data file raw: false\n    corrupt: false\n/, 'not cut');

# -- Every way to convert gives the same disk --------------------------------------

must($img, qw(create -q -f qcow2 -o cluster_size=4k in.qcow2 5000k));
must($io, qw(-f qcow2), (map { ('-c', 'write -q -P ' . ($_ % 200 + 1) . ' ' . $_ * 31000 . ' 9000') }
                         1 .. 120), 'in.qcow2');
must($img, qw(convert -f qcow2 -O raw in.qcow2 in.raw));
for my $w (
    [qw(-O raw -S 0)], [qw(-O raw -S 64k)], [qw(-O raw -m 1)], [qw(-O raw -W -m 16)],
    [qw(-O raw -n)], [qw(-O qcow2 -n)], [qw(-O qcow2 -c)], [qw(-O qcow2 -c -W)],
    [qw(-O qcow2 -c -S 0)], [qw(-O qcow2 -c -o cluster_size=2M)], [qw(-O qcow2 -t none -T none)],
    [qw(-O qcow2 -t writethrough)], [qw(-O raw --salvage)], [qw(-O raw -r 100M)], [qw(-O raw -C)],
    [qw(-O qcow2 -o data_file=out.data)], [qw(-O qcow2 -o preallocation=full)],
    [qw(-O raw -n --target-is-zero)],
) {
    my @how = @$w;
    my $format = $how[1];
    unlink 'out', 'out.data';
    if (grep { $_ eq '-n' } @how) {
        must($img, 'create', '-q', '-f', $format, 'out', '5000k');
        # What was there must not shine through the zeroes.
        must($io, '-f', $format, '-c', 'write -q -P 99 0 5000k', 'out')
            unless grep { /target/ } @how;
    }
    my ($s, $said) = run($img, 'convert', '-f', 'qcow2', @how, 'in.qcow2', 'out');
    my ($same, $what) = run($img, qw(compare -f raw -F), $format, 'in.raw', 'out');
    ok($s == 0 && $same == 0, "convert @how") or diag("$said $what");
}
for my $c ([], ['-c']) {
    must($img, 'convert', @$c, qw(-f raw -O qcow2 in.raw in.raw r.raw out));
    spew('all.raw', slurp('in.raw') . slurp('in.raw') . slurp('r.raw'));
    is((run($img, qw(compare -f raw -F qcow2 all.raw out)))[0], 0, "three images in one, @$c");
}

# -- What can be read of a broken image ---------------------------------------------

must($img, qw(create -q -f qcow2 -o cluster_size=4k broken.qcow2 10M));
must($io, qw(-f qcow2), (map { ('-c', "write -q -P $_ ${_}M 64k") } 0 .. 9), 'broken.qcow2');
my $broken = slurp('broken.qcow2');
my $l1 = unpack('Q>', substr($broken, 40, 8));
# No L2 table, of 2 MiB each, is where these say.
substr($broken, $l1 + 8 * $_, 8) = pack('Q>', 1 << 63 | 1 << 40) for 0, 3;
spew('broken.qcow2', $broken);
my @warnings = map { "qemu-img: warning: error while reading offset $_: Input/output error\n" }
               '0, 2097152 bytes', '6291456, 2097152 bytes';
for my $how (['-O', 'raw'], ['-O', 'qcow2', '-c']) {
    ($status, $out) = run($img, qw(convert --salvage -f qcow2), @$how, 'broken.qcow2', 'saved');
    is("$status $out", join('', '0 ', @warnings), "salvage, @$how: a warning for each run");
    my @want = map { $_ =~ /[0167]/ ? 0 : $_ } 0 .. 9;
    ($status, $out) = run($io, '-r', '-f', $how->[1],
                          (map { ('-c', "read -q -P $want[$_] ${_}M 64k") } 0 .. 9), 'saved');
    is("$status $out", '0 ', 'the rest is there');
}

# -- Another backing file shows the same disk ---------------------------------------

must($img, qw(create -q -f qcow2 full.qcow2 1M));
must($io, qw(-f qcow2 -c), 'write -q -P 7 0 1M', 'full.qcow2');
must($img, qw(create -q -f qcow2 short.qcow2 192k));
must($io, qw(-f qcow2 -c), 'write -q -P 8 0 100k', 'short.qcow2');
for my $compat ('0.10', '1.1') {
    for my $from ('', 'short.qcow2', 'full.qcow2') {
        for my $to ('', 'short.qcow2', 'full.qcow2') {
            unlink 're.qcow2';
            must($img, qw(create -q -f qcow2 -o), "compat=$compat",
                 $from ? ('-b', $from, '-F', 'qcow2') : (), 're.qcow2', '2M');
            must($io, qw(-f qcow2 -c), 'write -q -z 64k 64k', '-c', 'write -q -P 3 160k 5k',
                 're.qcow2');
            must($img, qw(convert -O raw re.qcow2 re.raw));
            must($img, 'rebase', '-b', $to, $to ? ('-F', 'qcow2') : (), 're.qcow2');
            is((run($img, qw(compare -f qcow2 -F raw re.qcow2 re.raw)))[0], 0,
               "rebase, $compat, from " . ($from || 'none') . ' to ' . ($to || 'none'));
        }
    }
}

# -- Growing ----------------------------------------------------------------------

# A raw data file is the disk at any time, and may be written to by others.
must($img, qw(create -q -f qcow2 -o), 'data_file=data.raw,data_file_raw=on', 'raw.qcow2', '200k');
must($img, qw(resize -q raw.qcow2 400k));
must($io, qw(-f raw -c), 'write -q -P 7 300k 64k', 'data.raw');
must($io, qw(-f qcow2 -c), 'read -q -P 7 300k 64k', 'raw.qcow2');

# What was in clusters of the old size, or in the backing file below them, stays.
must($img, qw(create -q -f qcow2 -b in.qcow2 -F qcow2 grown.qcow2 200k));
must($img, qw(convert -f qcow2 -O raw grown.qcow2 before.raw));
for my $how (qw(metadata falloc full)) {
    must($img, 'resize', '-q', "--preallocation=$how", 'grown.qcow2', '+200k');
    must($img, qw(resize -q -f raw before.raw +200k));
    is((run($img, qw(compare -f qcow2 -F raw grown.qcow2 before.raw)))[0], 0,
       "grown with preallocation=$how: zeroes behind what was there");
}

# -- A disk that is full ------------------------------------------------------------

# No write succeeds any more after so many of the header.
sub full_after {
    my ($headers) = @_;
    my @rules = map { "[set-state]\nevent = write_aio\nsector = 0\nstate = $_\nnew_state = " .
                      ($_ + 1) } 1 .. $headers;
    return join("\n", @rules, '[inject-error]', 'event = write_aio', 'errno = 28',
                'state = ' . ($headers + 1), '');
}
spew('full1.conf', full_after(1));
spew('full2.conf', full_after(2));
spew('flush.conf', "[inject-error]\nevent = flush_to_disk\nerrno = 28\n");

# What waits to be written is written before a command says that all went well.
must($img, qw(create -q -f raw src.raw 1M));
must($img, qw(create -q -f raw full.raw 1M));
for my $how ([qw(resize --preallocation=metadata blkdebug:full1.conf:late.qcow2 2M)],
             [qw(amend -o size=2M blkdebug:full2.conf:late.qcow2)],
             [qw(snapshot -c s blkdebug:flush.conf:late.qcow2)],
             [qw(dd if=src.raw of=blkdebug:flush.conf:full.raw bs=64k)]) {
    must($img, qw(create -q -f qcow2 -o), $how->[0] eq 'amend' ? 'data_file=late.data,data_file_raw=on'
         : 'cluster_size=4k', 'late.qcow2', '1M');
    my ($s, $said) = run($img, @$how);
    ok($s == 1 && $said =~ /^qemu-img: .*No space left on device$/m && $said !~ /^Image resized/m,
       "no room: @$how") or diag("status $s: $said");
}

# -- What only ours can do --------------------------------------------------------

spew('x.raw', ("\0" x 8192) . ('a' x 512) . ("\0" x 56832));
spew('y.raw', ("\0" x 8192) . ('b' x 512) . ("\0" x 24064) . ('c' x 1024) . ("\0" x 31744));
($status, $out) = run($img, qw(diff -f raw -F raw x.raw y.raw));
is("$status $out", "1 Offset          Length\n0x2000          0x200\n0x8000          0x400\n",
   'diff tells the ranges');
($status, $out) = run($img, qw(diff --output=json -f raw -F raw x.raw y.raw));
is($out, "[{ \"start\": 8192, \"length\": 512},\n{ \"start\": 32768, \"length\": 1024}]\n",
   'diff as JSON');
($status, $out) = run($img, qw(diff -f raw -F raw x.raw x.raw));
is("$status $out", "0 Images are identical.\n", 'diff of the same');

sub files_are_readable {
    my ($file, $what) = @_;
    my ($s, $listing) = run($img, 'ls', $file, '/etc');
    is("$s $listing", "0 a file with a long name\ndeep/\nhello\n", "$what: ls");
    ($s, $out) = run($img, 'cat', $file, '/etc/hello', '/etc/a file with a long name');
    is("$s $out", "0 hello\nlong\n", "$what: cat");
    ($s, $out) = run($img, 'cat', $file, '/big');
    ok($s == 0 && $out eq slurp('tree/big'), "$what: a file of many clusters");
    ($s, $out) = run($img, 'ls', '-l', $file, '/big');
    like($out, qr/^-rw.* 3000001 /, "$what: ls -l");
    run('rm', '-rf', 'copied');
    mkdir 'copied';
    ($s, $out) = run($img, 'cp', $file, '/etc', '/big', 'copied');
    is("$s $out", '0 ', "$what: cp");
    is((run('diff', '-r', 'tree', 'copied'))[0], 0, "$what: what was copied is the same");
    ($s, $out) = run($img, 'cat', $file, '/nowhere');
    ok($s == 1 && $out =~ /nowhere: No such file/, "$what: no such file");
}

# FAT has names in UTF-16: a pair of surrogates is one character, half a pair is none.
mkdir 'names';
spew("names/a\xf0\x9f\x98\x80 long name", '');
must($img, qw(convert -f raw -O raw fat:names names.raw));
($status, $out) = run($img, qw(ls names.raw));
is($out, "a\xf0\x9f\x98\x80 long name\n", 'FAT: a character beyond U+FFFF');
my $names = slurp('names.raw');
$names =~ s/\x3d\xd8\x00\xde/\x3d\xd8y\0/;
spew('names.raw', $names);
($status, $out) = run($img, qw(ls names.raw));
is($out, "a\xef\xbf\xbdy long name\n", 'FAT: half a surrogate');

# cp leaves holes where zeroes are, and does not read what the image has as holes.
sub on_disk { return (stat $_[0])[12] * 512 }
mkdir $_ for qw(few holes);
my $few = ("\0" x (1 << 20)) . 'x' . ("\0" x 20_000);
spew('few/few', $few);
must($img, qw(convert -f raw -O raw fat:few few.raw));
must($img, qw(cp few.raw /few few.out));
ok(slurp('few.out') eq $few && on_disk('few.out') < 100_000, 'FAT: cp leaves holes');

sub write_at {
    my ($file, $off, $text) = @_;
    open(my $f, '+<', $file) or die "$file: $!\n";
    seek($f, $off, 0);
    print $f $text;
    close $f;
}

sub read_at {
    my ($file, $off, $len) = @_;
    open(my $f, '<', $file) or die "$file: $!\n";
    seek($f, $off, 0);
    read($f, my $text, $len);
    return $text;
}

sub holes_are_copied {
    my ($file, $what) = @_;
    my ($s, $said) = run($img, qw(cp), $file, qw(/far far.out));
    is("$s $said", '0 ', "$what: cp of a file with holes");
    ok(-s 'far.out' == 3 << 30 && on_disk('far.out') < 100_000, 'it has them, too');
    is(read_at('far.out', 0, 7) . read_at('far.out', (2 << 30) - 2, 5), "start\0\0\0\0far", 'and the rest');
    unlink 'far.out';
}
spew('holes/far', 'start');
must(qw(truncate -s 3G holes/far));
write_at('holes/far', 2 << 30, 'far');

mkdir $_ for qw(tree tree/etc tree/etc/deep);
spew('tree/etc/hello', "hello\n");
spew('tree/etc/a file with a long name', "long\n");
spew("tree/etc/deep/$_", $_) for 1 .. 100;
spew('tree/big', join('', map { chr(($_ * 7919 >> 3) % 256) } 1 .. 3000001));

my ($mke2fs) = grep { -x } '/usr/sbin/mke2fs', '/sbin/mke2fs';
my ($mkfat) = grep { -x } '/usr/sbin/mkfs.vfat', '/sbin/mkfs.vfat';
my ($mcopy) = grep { -x } '/usr/bin/mcopy';
SKIP: {
    skip 'no mke2fs (package e2fsprogs)', 30 unless $mke2fs;
    for my $type (qw(ext2 ext3 ext4)) {
        unlink 'fs.img', 'fs.qcow2';
        must($mke2fs, '-q', '-t', $type, '-d', 'tree', 'fs.img', '24M');
        if ((run($img, 'ls', 'fs.img'))[1] =~ /built without/) {
            skip 'built without libext2fs', 30;
        }
        must($img, qw(convert -c -f raw -O qcow2 fs.img fs.qcow2));
        files_are_readable('fs.qcow2', $type);
        unlink 'fs.img';
        must($mke2fs, '-q', '-t', $type, '-d', 'holes', 'fs.img', '24M');
        holes_are_copied('fs.img', $type);
    }
}
SKIP: {
    skip 'no mkfs.vfat or mcopy (packages dosfstools, mtools)', 28 unless $mkfat && $mcopy;
    $ENV{MTOOLS_SKIP_CHECK} = 1;
    for my $kind ([12, '8M'], [16, '32M'], [32, '300M']) {
        unlink 'fat.img';
        must('truncate', '-s', $kind->[1], 'fat.img');
        must($mkfat, '-F', $kind->[0], $kind->[0] == 12 ? ('-s', 8) : (), 'fat.img');
        must($mcopy, qw(-i fat.img -s tree/etc tree/big ::/));
        files_are_readable('fat.img', "FAT$kind->[0]");
    }
    # Behind a partition table: number 2 of an MBR, at 2 MiB.
    my $entry = pack('C4 C4 V V', 0, 0, 0, 0, 0xc, 0, 0, 0, 4096, 65536);
    spew('part.img', ("\0" x 462) . $entry . ("\0" x 32) . "\x55\xaa" . ("\0" x (4095 * 512)));
    must('truncate', '-s', '32M', 'fat.img');
    unlink 'fat.img';
    must('truncate', '-s', '32M', 'fat.img');
    must($mkfat, '-F', 16, 'fat.img');
    must($mcopy, qw(-i fat.img -s tree/etc tree/big ::/));
    must('dd', 'if=fat.img', 'of=part.img', 'bs=1M', 'seek=2', 'conv=notrunc', 'status=none');
    files_are_readable('part.img', 'FAT16 in a partition');
}
done_testing();
