#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# fat:rw: a directory of the host that the guest writes to.  mtools change a copy of the
# disk, sector by sector it is written back, and the directory is what mtools made of
# it; what cannot be brought back is said, and nothing of the host is lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Find;
use Images qw(run ours slurp spew new_dir);
use Test::More;

plan(skip_all => 'no mcopy here (package mtools)')
    unless grep { -x "$_/mcopy" } split /:/, $ENV{PATH};
my $dir = new_dir();
my $tree = "$dir/tree";
$ENV{MTOOLS_SKIP_CHECK} = 1;
srand(7);

for my $kind ('floppy:', '12:', '16:', '32:') {
    my $at = start($kind);
    my %want = fill();
    fetch($kind);
    mtool($at, 'mcopy', '-o', put('new', "new\n"), '::new file with a long name.txt');
    mtool($at, 'mcopy', '-o', put('big', noise(100_000)), '::sub/BIG.BIN');
    mtool($at, 'mcopy', '-o', put('over', noise(3000)), '::sub/over.bin');
    mtool($at, 'mmd', '::sub/made', '::sub/made/Deeper One');
    mtool($at, 'mcopy', put('leaf', "leaf\n"), '::sub/made/Deeper One/leaf');
    mtool($at, 'mren', '::from name.dat', '::to another name.dat');
    mtool($at, 'mdel', '::gone.txt');
    mtool($at, 'mdeltree', '::old tree');
    mtool($at, 'mdel', '::was a file');
    mtool($at, 'mmd', '::was a file');
    mtool($at, 'mdeltree', '::was a dir');
    mtool($at, 'mcopy', put('now', "now a file\n"), '::was a dir');
    %want = (%want, 'new file with a long name.txt' => "new\n", 'sub/made/' => 1,
             'sub/BIG.BIN' => slurp("$dir/big"), 'sub/over.bin' => slurp("$dir/over"),
             'sub/made/Deeper One/' => 1, 'sub/made/Deeper One/leaf' => "leaf\n",
             'to another name.dat' => $want{'from name.dat'}, 'was a file/' => 1,
             'was a dir' => "now a file\n");
    delete @want{'from name.dat', 'gone.txt', 'old tree/', 'old tree/x', 'was a file',
                 'was a dir/', 'was a dir/in it'};
    is(give_back($kind), '', "fat:rw:$kind what mtools did is written back");
    compare(\%want, "fat:rw:$kind the directory is what they made of it");
    ok(((stat "$tree/sub/over.bin")[2] & 0777) == 0640, 'a file keeps its mode');
}

# What has changed on the host stays; so does what the guest does not see.
my %want = fill("with a name that is not UTF-8");
fetch('floppy:');
mtool(0, 'mcopy', '-o', put('over', 'from the guest'), '::sub/over.bin');
mtool(0, 'mdel', '::gone.txt');
mtool(0, 'mcopy', put('link', 'from the guest'), '::link');
mtool(0, 'mdeltree', '::old tree');
mtool(0, 'mcopy', put('fine', 'fine'), '::fine');
my $out = give_back('floppy:', sub {
    spew("$tree/$_", "changed on the host\n") for 'sub/over.bin', 'gone.txt';
    spew("$tree/late", 'late');
});
like($out, qr{sub/over.bin: has changed on the host meanwhile}, 'it is said of a changed file');
like($out, qr{gone.txt: has changed on the host}, 'and of one that the guest removed');
like($out, qr{link: is something else on the host}, 'a link is not written through');
like($out, qr{old tree: Directory not empty}, 'a directory with more in it stays');
%want = (%want, map({ ($_ => "changed on the host\n") } 'sub/over.bin', 'gone.txt'),
         late => 'late', fine => 'fine');
delete $want{'old tree/x'};
$want{"old tree/\xff"} = 'hidden';
compare(\%want, 'and nothing of the host is lost');
is(readlink "$tree/link", 'sub/over.bin', 'the link is as it was');

# A file that cannot be written does not stop the others, nor does a long name.
my $long = 'l' x 249 . '.txt';
%want = (fill(), $long => noise(3000), 'old tree/y' => 'y', 'zz.txt' => "zz\n");
spew("$tree/$long", 'old');
spew("$tree/.vvfat-abcdef", 'left by one that was killed');
fetch('floppy:');
my ($rc, $listed) = run(ours('img'), 'ls', '-f', 'raw', "$dir/disk");
unlike($listed, qr/\.vvfat-/, 'the guest does not see temporary files');
mtool(0, 'mcopy', '-o', put('over', $want{$long}), "::$long");
mtool(0, 'mcopy', put('y', 'y'), '::old tree/y');
mtool(0, 'mcopy', '-o', put('over', noise(3000)), '::from name.dat');
mtool(0, 'mcopy', put('y', 'y'), '::.vvfat-123456');
mtool(0, 'mmd', '::old tree/made');
mtool(0, 'mcopy', put('y', 'y'), '::old tree/made/y');
mtool(0, 'mcopy', put('zz', "zz\n"), '::zz.txt');
mtool(0, 'mdel', '::gone.txt');
$out = give_back('floppy:', sub {
    system('rm', '-r', "$tree/old tree", "$tree/from name.dat");
});
like($out, qr/^fat:rw:\S*: $_: cannot be written: /m, "it is said: $_")
    for 'old tree/y', 'old tree/made', 'from name.dat';
unlike($out, qr{made/y}, 'but not of what is in a directory that cannot be made');
like($out, qr/\.vvfat-123456: is a name of temporary files/, 'and of a name that is ours');
like($out, qr/what the guest wrote last is not in the directory/, 'and at the end');
delete @want{'old tree/', 'old tree/x', 'old tree/y', 'from name.dat'};
$want{'.vvfat-abcdef'} = 'left by one that was killed';
compare(\%want, 'the others are written, nothing is removed, no temporary file is left');

# A file system that is not consistent is not brought back.
%want = fill();
fetch('floppy:');
mtool(0, 'mdel', '::gone.txt');
patch(512 + 2000, "\xff\x8f\x04\xff\xff\xff");
like(give_back('floppy:'), qr/what the guest wrote last is not in the directory: .*no file/,
     'lost clusters: not brought back, and said');
compare(\%want, 'the directory is as it was');

# Sectors of a cluster, sectors of a FAT, the FAT32 root, the serial number.
for (['floppy:', 0x0d], ['12:', 0x16], ['32:', 0x2c], ['12:', 0x27], ['32:', 0x43]) {
    my ($kind, $field) = @$_;
    fetch($kind);
    patch(start($kind) + $field, "\x55");
    like(give_back($kind), qr/another file system/, "$kind neither is one of another layout");
    compare(\%want, 'the directory is as it was');
}

# A label, notes of what mounted it: the layout is the same.
for my $kind ('floppy:', '12:', '32:') {
    my $at = start($kind);
    %want = (fill(), 'new.txt' => "new\n");
    fetch($kind);
    mtool($at, 'mlabel', '::NEW LABEL');
    mtool($at, 'mcopy', put('new', "new\n"), '::new.txt');
    patch($at + 3, 'IHC-1234');         # Windows 9x: the volume's tracker
    patch($at + 0x18, "\x20\0\x40\0");  # FreeDOS SYS: the geometry that it knows
    patch($at + ($kind eq '32:' ? 0x41 : 0x25), "\3");     # not unmounted
    is(give_back($kind), '', "fat:rw:$kind a guest sets the label");
    compare(\%want, 'what it writes is written back, and the label is no file');
}

# FAT32: the guest may work in the second FAT alone.
%want = (fill(), 'new.txt' => noise(20_000));
fetch('32:');
my ($reserved, $len) = unpack 'v@22V', part(63 * 512 + 14, 26);
my $fat = (63 + $reserved) * 512;
my $before = part($fat, $len * 512);
mtool(63 * 512, 'mcopy', put('new', $want{'new.txt'}), '::new.txt');
patch($fat, $before);
patch(63 * 512 + 0x28, "\x81");
is(give_back('32:'), '', 'FAT32, and the guest writes the second FAT only');
compare(\%want, 'what it writes is written back');

%want = fill();
fetch('floppy:');
mtool(0, 'mcopy', put('evil', "evil\n"), '::EVIL');
my $disk = slurp("$dir/disk");
$disk =~ s/EVIL       /..\/EVIL    / or die;
spew("$dir/disk", $disk);
like(give_back('floppy:'), qr/a name that no file of the host can have/,
     'a name with a slash leads nowhere');
compare(\%want, 'the directory is as it was');

my ($status, $said) = run(ours('io'), '-f', 'raw', '-c', 'write 0 512', "fat:$tree");
like($said, qr/can only be read: use fat:rw:/, 'without rw: it is to read only');
done_testing();

sub start { return $_[0] eq 'floppy:' ? 0 : 63 * 512 }
sub noise { return join '', map { chr rand 256 } 1 .. $_[0] }

sub put {
    my ($name, $text) = @_;
    spew("$dir/$name", $text);
    return "$dir/$name";
}

# The directory before; %name => contents, directories with a slash.
sub fill {
    system('rm', '-rf', $tree);
    mkdir "$tree$_" for '', '/sub', '/old tree', '/was a dir';
    my %file = ('keep.txt' => "keep\n", 'sub/over.bin' => noise(70_000),
                'from name.dat' => noise(30_000), 'gone.txt' => "gone\n" x 5000,
                'old tree/x' => 'x', "\xc3\xbc.txt" => "u\n", 'was a file' => 'was',
                'was a dir/in it' => 'in', empty => '');
    spew("$tree/$_", $file{$_}) for sort keys %file;
    chmod 0640, "$tree/sub/over.bin";
    symlink 'sub/over.bin', "$tree/link";
    spew("$tree/old tree/\xff", 'hidden') if $_[0];
    return (%file, map { ("$_/" => 1) } 'sub', 'old tree', 'was a dir');
}

sub fetch {
    my ($kind) = @_;
    my ($rc, $text) = run(ours('img'), 'convert', '-f', 'raw', '-O', 'raw', "fat:rw:$kind$tree",
                          "$dir/disk");
    $rc == 0 or die "convert: $text\n";
}

sub mtool {
    my ($at, $tool, @args) = @_;
    my ($rc, $text) = run($tool, '-i', "$dir/disk\@\@$at", @args);
    $rc == 0 or diag("$tool @args: $text");
}

sub part {
    my ($at, $len) = @_;
    open(my $f, '<:raw', "$dir/disk") or die;
    seek $f, $at, 0;
    read($f, my $bytes, $len);
    return $bytes;
}

sub patch {
    my ($at, $bytes) = @_;
    open(my $f, '+<', "$dir/disk") or die;
    binmode $f;
    seek $f, $at, 0;
    print $f $bytes;
    close $f;
}

# The sectors that differ from what the directory gives, as a guest would write them;
# in the middle of it, $between is done to the host.  What qemu-io said.
sub give_back {
    my ($kind, $between) = @_;
    run(ours('img'), 'convert', '-f', 'raw', '-O', 'raw', "fat:rw:$kind$tree", "$dir/before");
    my ($old, $new) = (slurp("$dir/before"), slurp("$dir/disk"));
    my @write;
    my $step = 65536;
    for (my $i = 0; $i < length $new; $i += $step) {
        next if substr($old, $i, $step) eq substr($new, $i, $step);
        for (my $k = $i; $k < $i + $step && $k < length $new; $k += 512) {
            next if substr($old, $k, 512) eq substr($new, $k, 512);
            spew("$dir/s$k", substr($new, $k, 512));
            push @write, "write -q -s $dir/s$k $k 512";
        }
    }
    my $fifo = "$dir/commands";
    open(my $io, '|-', ours('io') . " -f raw 'fat:rw:$kind$tree' >'$dir/said' 2>&1") or die;
    select((select($io), $| = 1)[0]);
    print $io "$_\n" for @write;
    if ($between) {
        sleep 1;
        $between->();
    }
    print $io "quit\n";
    close $io;
    unlink glob "$dir/s[0-9]*";
    my $said = slurp("$dir/said");
    $said =~ s/^qemu-io> *//mg;
    $said =~ s/qemu-io> //g;
    return $said;
}

sub compare {
    my ($want, $what) = @_;
    my %have;
    find({no_chdir => 1, wanted => sub {
        my $name = substr($_, length($tree) + (length $_ > length $tree ? 1 : 0));
        return if $name eq '' || -l $_;
        -d $_ ? ($have{"$name/"} = 1) : ($have{$name} = slurp($_));
    }}, $tree);
    my @bad = grep { ($have{$_} // 'none') ne ($want->{$_} // 'none') }
        sort keys %{{%have, %$want}};
    is("@bad", '', $what);
}
