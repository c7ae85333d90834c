#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Wrong bits in a NAND image, with the codes that the S3C2440's NAND controller
# makes (the driver says "hardware ECC"): Linux corrects one in a step, and reports
# two.  In pages that qemu-nandimg wrote, and in pages that Linux wrote.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::MD5;
use Guest;
use Test::More;

my $dir = Guest::scratch();
my ($qemu) = Guest::emulator('arm');
my $tool = ($qemu =~ s{[^/]*$}{}r) . 'qemu-nandimg';
my $env = 0x40000;                      # u-boot-env, /dev/mtd1
my $len = 0x20000;
my $first = make_file('first', 2654435761);
my $second = make_file('second', 2246822519);

sub make_file
{
    my ($name, $factor) = @_;
    my $data = pack 'N*', map { $_ * $factor % 2**32 } 1 .. $len / 4;

    open(my $f, '>:raw', "$dir/$name") or die;
    print $f $data;
    close $f or die;
    return $data;
}

sub boot
{
    my ($name, $image) = @_;
    my $g = Guest->start(name => "mini2440-ecc-$name", arm => 1, args => [
        '-M', 'mini2440', '-mtdblock', $image, '-kernel', Guest::file('zImage-mini2440-plus'),
        '-initrd', Guest::file('initramfs-v4t'),
        '-append', 'console=ttySAC0,115200 quiet noselftest']);

    $g->must(qr/GUEST-SHELL/, 120, "$name: a shell on the serial line");
    return $g;
}

# Turn these bits of u-boot-env: page, byte (the spare area is behind the page), bit.
sub flip
{
    my ($image, $page, @bits) = @_;
    my $raw = $page + $page / 32;

    open(my $f, '+<:raw', $image) or die "$image: $!\n";
    for (@bits) {
        my ($n, $byte, $bit) = @$_;

        seek($f, ($env / $page + $n) * $raw + $byte, 0);
        read($f, my $val, 1);
        seek($f, -1, 1);
        print $f chr(ord($val) ^ 1 << $bit);
    }
    close $f or die "$image: $!\n";
}

# [how many were corrected, how many could not be] since the start
sub counts
{
    my ($g) = @_;

    return [split ' ', $g->run('cd /sys/class/mtd/mtd1; cat corrected_bits ecc_failures; cd /', 20)];
}

sub page_sum
{
    my ($g, $page, $n) = @_;
    my $out = $g->run("dd if=/dev/mtd1 bs=$page skip=$n count=1 2>/dev/null | md5sum", 20);

    return $out =~ /^(\w+)/ ? $1 : $out;
}

sub check
{
    my ($name, $image, $page, $code, $data) = @_;

    flip($image, $page, [1, 77, 3], [2, 9, 0], [2, 10, 0], [3, $page + $code, 5],
         [5, 0, 0], [5, $page - 1, 7]);
    my $g = boot($name, $image);
    my $both = $page > 512;             # steps of 256 bytes: each corrects a bit
    my @want = ([0, 0], [1, 0], [0, 1], [1, 0], [0, 0], $both ? [2, 0] : [0, 1]);
    my @what = ('a page without errors', 'one bit is corrected', 'two bits are an error',
                'a bit of the code is corrected', 'the next page',
                $both ? 'a bit in each of two steps is corrected' : 'two bits far apart are an error');

    like($g->run('dmesg', 20), qr/s3c2440-nand: hardware ECC/, "$name: hardware ECC");
    for my $n (0 .. $#want) {
        my $before = counts($g);
        my $sum = page_sum($g, $page, $n);
        my $after = counts($g);

        is_deeply([map { $after->[$_] - $before->[$_] } 0, 1], $want[$n], "$name: $what[$n]");
        my $right = Digest::MD5::md5_hex(substr $data, $n * $page, $page);
        ($want[$n][1] ? \&isnt : \&is)->($sum, $right, 'its data');
    }
    $g->run('dd if=/dev/mtdblock1 of=/dev/null bs=512', 30);
    like($g->run('dmesg | grep -i "i/o error"', 20), qr/dev mtdblock1, sector \d/,
         'the block device fails');
    return $g;
}

for (['64M', 512, 0], ['128M', 2048, 40]) {
    my ($size, $page, $code) = @$_;
    my $image = "$dir/$size.bin";

    is(system($tool, 'create', '-s', $size, $image, "env=$dir/first", "root=$dir/second"), 0,
       "an image of $size");
    my $g = check("$size-tool", $image, $page, $code, $first);

    $g->run_ok("head -c $len /dev/mtd3 >/tmp/new; flash_eraseall /dev/mtd1", 60, 'Linux erases it');
    $g->run_ok('nandwrite /dev/mtd1 /tmp/new', 60, 'and writes something else');
    $g->run_ok('dd if=/dev/mtd1 2>/dev/null | md5sum', 60, 'which it reads',
               qr/^${\Digest::MD5::md5_hex($second)} /m);
    $g->stop;
    $g = check("$size-linux", $image, $page, $code, $second);
    $g->stop;
}
done_testing();
