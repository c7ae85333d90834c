#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# fat: a directory of the host as a disk.  dosfstools finds the file system
# consistent, and every file in it is the host's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Images qw(run ours slurp spew new_dir);
use Test::More;

$ENV{PATH} .= ':/usr/sbin:/sbin';
my $dir = new_dir();
my ($fsck) = grep { -x $_ } map { "$_/fsck.fat" } split /:/, $ENV{PATH};

srand(5);
mkdir "$dir/tree";
mkdir "$dir/tree/$_" for 'sub', 'sub/deeper', 'empty directory';
my %file = (
    'HELLO.TXT' => "hello\n",
    'a long file name.text' => "one\n",
    'a long file name too.text' => "two\n",
    'lower' => '',
    'sub/random.bin' => join('', map { chr(rand 256) } 1 .. 200_000),
    'sub/cluster.bin' => 'x' x 8192,
    "sub/\xc3\xbcml\xc3\xa4ut.dat" => "UTF-8\n",
    map { ("sub/deeper/file number $_" => "$_\n" x $_) } 1 .. 150,
);
spew("$dir/tree/$_", $file{$_}) for keys %file;

for my $case (['', 1], ['floppy:', 0], ['12:', 1], ['16:', 1], ['32:', 1]) {
    my ($kind, $table) = @$case;
    my ($status, $out) = run(ours('img'), 'convert', '-f', 'raw', '-O', 'raw',
                             "fat:$kind$dir/tree", "$dir/disk");
    is($status, 0, "fat:$kind is read") or diag($out);
    my @bad;
    for my $name (sort keys %file) {
        next if $name =~ /\d$/ && $name !~ /[27]5$/;
        ($status, $out) = run(ours('img'), 'cat', '-f', 'raw', "$dir/disk", $name);
        push @bad, $name if $status || $out ne $file{$name};
    }
    is("@bad", '', 'its files are the host\'s');
  SKIP: {
        skip 'no fsck.fat here (package dosfstools)', 1 unless $fsck;
        spew("$dir/part", substr(slurp("$dir/disk"), $table ? 63 * 512 : 0));
        ($status, $out) = run($fsck, '-n', "$dir/part");
        is($status, 0, 'dosfstools finds it consistent') or diag($out);
    }
    unlink "$dir/disk", "$dir/part";
}

# Many names that begin alike.  Trying all numbers for each takes longer than run() waits.
mkdir "$dir/$_" for 'many', 'many/sub';
spew("$dir/many/sub/holiday_picture_$_.jpg", '') for 1 .. 6000;
spew("$dir/many/sub/hol$_.jpeg", '') for 10_000 .. 13_000;
spew("$dir/many/sub/$_.JPG", '') for 'HOLI~123', 'HOLID~1', 'HOL10~10';
my ($status, $out) = run(ours('img'), 'convert', '-f', 'raw', '-O', 'raw', "fat:12:$dir/many",
                         "$dir/disk");
is($status, 0, 'a directory of 9000 files is read') or diag($out);
my @short = slurp("$dir/disk") =~ /(H[A-Z0-9_~]{7}JP[GE]|HOLID~1 JPG) /g;
is(scalar @short, 9004, 'each has a short name');
is(scalar keys %{{map { $_ => 1 } @short}}, 9004, 'of its own');
unlink "$dir/disk";

truncate_to("$dir/tree/huge", 3 << 20);
($status, $out) = run(ours('img'), 'info', "fat:floppy:$dir/tree");
isnt($status, 0, 'what does not fit is refused');
like($out, qr/too large for a FAT12 floppy/, 'with a sentence');
done_testing();

sub truncate_to {
    my ($name, $size) = @_;
    spew($name, '');
    truncate $name, $size;
}
