#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# mini2440 from power-on: the steppingstone is loaded from NAND, a boot loader reads
# the kernel through the NAND controller, its root is JFFS2 on NAND; what is written
# there is there after a reboot and after a second start.  Small and large pages;
# images that are no images.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use File::Temp 'tempdir';
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my ($qemu) = Guest::emulator('arm');
my $tool = ($qemu =~ s{[^/]*$}{}r) . 'qemu-nandimg';
my $shell = $Guest::shell;

sub boot
{
    my ($name, $image) = @_;
    my $g = Guest->start(name => $name, arm => 1,
                         args => ['-M', 'mini2440', '-mtdblock', $image]);

    $g->must(qr/GUEST-READY/, 120, "$name: from NAND to user space");
    $g->must($shell, 60, 'a shell');
    return $g;
}

sub round
{
    my ($size, $pages) = @_;
    my $image = "$dir/nand$size.bin";
    my @parts = ('boot=' . Guest::file('nandboot'),
                 'kernel=' . Guest::file('zImage-mini2440-plus'),
                 'root=' . Guest::file("rootfs-v4t-${pages}page"));

    is(system($tool, 'create', '-s', $size, $image, @parts), 0, "an image of $size");
    my $g = boot("nand-$size", $image);

    like($g->run('mount', 20), qr{/dev/(root|mtdblock3) on / type jffs2 \(rw},
         'its root is /dev/mtdblock3');
    $g->run_ok('seq 1 60000 >/kept; sync; md5sum </kept >/sum', 60, 'the root can be written');
    $g->send("reboot -f\n");
    $g->must(qr/GUEST-READY/, 120, 'it boots again');
    $g->must($shell, 60, 'to a shell');
    $g->run_ok('md5sum </kept | cmp - /sum', 60, 'what was written is there after a reboot');
    $g->run_ok('! dmesg | grep -iE "ecc.*(error|fail)|jffs2.*crc"', 20, 'without errors');
    $g->run('sync; mount -o remount,ro /', 20);
    $g->stop;
    unlike(scalar `$tool list $image`, qr/, [1-9]\d* with wrong codes/,
           'its codes are as the tool counts them');
    $g = boot("nand-$size-again", $image);
    $g->run_ok('md5sum </kept | cmp - /sum', 60, 'and after a second start');
    $g->stop;
}

round('64M', 'small');
round('128M', 'large');

# An erased chip starts at an undefined instruction: the machine is there, and quiet.
is(system($tool, 'create', '-s', '256M', "$dir/blank.bin"), 0, 'a blank image');
for my $image ("$dir/blank.bin", undef) {
    my $g = Guest->start(name => 'nand-blank', arm => 1, monitor => 1,
                         args => ['-M', 'mini2440', $image ? ('-mtdblock', $image) : ()]);

    like($g->monitor('info status'), qr/running/, ($image ? 'a blank' : 'no') . ' image: it runs');
    $g->stop;
}
open my $f, '>', "$dir/short.bin" or die;
print $f 'x' x 2048;
close $f;
my $g = Guest->start(name => 'nand-short', arm => 1,
                     args => ['-M', 'mini2440', '-mtdblock', "$dir/short.bin"]);
isnt($g->wait_exit(30), 0, 'an image of a wrong size: it ends');
like($g->stderr_text, qr/^qemu-system-arm: nand: \S+short\.bin: is of 2048 bytes[^\n]*\n\z/,
     'with one sentence');
done_testing();
