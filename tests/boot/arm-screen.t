#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# The PL110 shows Linux's console with the penguin, and keys of `sendkey` reach
# the shell on it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Picture;
use Test::More;

my $dir = Guest::scratch();
my $g = Guest->start(arm => 1, monitor => 1, args => [
    '-M', 'versatilepb', '-no-reboot', '-net', 'none',
    '-kernel', Guest::file('zImage-versatilepb'), '-dtb', Guest::file('versatile-pb.dtb'),
    '-initrd', Guest::file('initramfs-armel'),
    '-append', 'console=ttyAMA0 console=tty0 noselftest']);

$g->must(qr{Run /init as init process}, 60, 'the kernel reaches user space');
sleep 3 * $Guest::scale;
$g->monitor("screendump $dir/boot.ppm");
my $boot = Picture::load("$dir/boot.ppm");
is("$boot->{w}x$boot->{h}", '800x600', 'the screen has the size Linux set');
# The logo is at the top left: 80x80, a black and yellow bird.
my %colour = Picture::colours($boot, 0, 0, 80, 80);
cmp_ok(scalar(keys %colour), '>', 20, 'there is a colourful picture');
ok((grep { Picture::yellow($_) } keys %colour), 'whose beak and feet are yellow');
cmp_ok(scalar(keys %{{Picture::colours($boot, 0, 100, 800, 400)}}), '>=', 2, 'and text below it');

# a shell command typed on the keyboard, seen on the serial line
$g->monitor("sendkey $_") for qw(e c h o spc k e y s minus w o r k spc shift-dot
    spc slash d e v slash t t y shift-a shift-m shift-a 0 ret);
$g->must(qr/keys-work/, 20, 'what sendkey types is run by the shell on the screen');
$g->monitor("screendump $dir/typed.png");
ok(-s "$dir/typed.png", 'a PNG can be had as well');
$g->stop;
done_testing();
