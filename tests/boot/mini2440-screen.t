#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# The mini2440's panels: Linux's console with the penguin, the backlight, the lamps
# at the screen's edge.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Picture;
use Test::More;

my $dir = Guest::scratch();
my $shell = $Guest::shell;

# panel, its size, the kernel's number for it
panel('n35', 240, 320, '0tb');
panel('a70', 800, 480, '1tb');
panel('vga', 1024, 768, '2tb');
edge();
done_testing();

sub start
{
    my ($name, $panel, $kernel, $append) = @_;
    my $g = Guest->start(name => $name, arm => 1, monitor => 1, args => [
        '-M', "mini2440,panel=$panel", '-kernel', Guest::file($kernel),
        '-initrd', Guest::file('initramfs-v4t'),
        '-append', "console=ttySAC0,115200 noselftest $append"]);

    return $g;
}

sub panel
{
    my ($panel, $w, $h, $number) = @_;
    my $g = start("mini2440-$panel", $panel, 'zImage-mini2440', "console=tty0 mini2440=$number");

    $g->must(qr/Run \/init/, 120, "$panel: the kernel starts");
    sleep 2 * $Guest::scale;
    my $p = picture($g, '');
    is("$p->{w}x$p->{h}", "${w}x$h", 'the picture has the size Linux set');
    my %logo = Picture::colours($p, 0, 0, 80, 80);
    cmp_ok(scalar(keys %logo), '>', 20, 'there is a colourful picture');
    ok((grep { Picture::yellow($_) } keys %logo), 'whose beak and feet are yellow');
    cmp_ok(scalar(keys %{{Picture::colours($p, 0, 88, $w, $h - 88)}}), '>=', 2, 'and text below it');
    $g->monitor("screendump $dir/screen.png");
    my $png = join '', Guest::slurp("$dir/screen.png");
    is(join('x', unpack 'x16NN', $png), "${w}x$h", 'a PNG is as large');
    $g->stop;
}

# The kernel with a driver for the LEDs has the backlight among them, off at first.
sub edge
{
    my $g = start('mini2440-edge', 'n35', 'zImage-mini2440-plus', '');
    my $led = '/sys/class/leds';

    $g->must($shell, 120, 'a shell');
    $g->run("for t in $led/led*/trigger; do echo none >\$t; done", 20);
    like($g->monitor('info leds'), qr/^backlight +off/m, 'the backlight is off');
    is(scalar(keys %{{Picture::colours(picture($g, ''), 0, 0, 240, 320)}}), 1, 'the panel is dark');
    $g->run_ok("echo 1 >$led/backlight/brightness", 20, 'it can be switched on');
    like($g->monitor('info leds'), qr/^backlight +on/m, 'the monitor shows it');
    cmp_ok(scalar(keys %{{Picture::colours(picture($g, ''), 0, 0, 80, 80)}}), '>', 20, 'and one sees');

    my $before = picture($g, '-e');
    is("$before->{w}x$before->{h}", '240x334', 'the edge is below the picture');
    $g->run("echo 1 >$led/led3/brightness", 20);
    like($g->monitor('info leds'), qr/^LED2 +off.*^LED3 +on.*^LED4 +off/ms, 'LED3 is on');
    my $lit = picture($g, '-e');
    is_deeply([lamps($before)], [0, 0, 0, 0, 0], 'no lamp was lit at the edge');
    is_deeply([lamps($lit)], [0, 0, 1, 0, 0], 'LED3 is now');

    # TOUT0 at 1 kHz: TCFG0, TCNTB0, TCMPB0, TCON; GPB0 is TOUT0.
    like($g->monitor('info leds'), qr/^buzzer +off/m, 'the buzzer is quiet');
    $g->run('devmem 0x5100000c 32 1000; devmem 0x51000010 32 500; ' .
            'devmem 0x51000008 32 $(( $(devmem 0x51000008) & ~15 | 2 )); ' .
            'devmem 0x51000008 32 $(( $(devmem 0x51000008) & ~15 | 9 )); ' .
            'devmem 0x56000010 32 $(( $(devmem 0x56000010) & ~3 | 2 ))', 20);
    shows($g, qr/^buzzer +on/m, 'the buzzer sounds');
    is_deeply([lamps(picture($g, '-e'))], [0, 0, 1, 0, 1], 'at the edge, too');
    $g->run('devmem 0x56000010 32 $(( $(devmem 0x56000010) & ~3 | 1 ))', 20);
    sleep 1;
    like($g->monitor('info leds'), qr/^buzzer +off/m, 'and is quiet again');
    $g->stop;
}

# What sounds is what has just changed: on a busy host it may be late.
sub shows
{
    my ($g, $re, $what) = @_;
    my $end = time + 10 * $Guest::scale;
    my $leds = $g->monitor('info leds');

    $leds = $g->monitor('info leds') while $leds !~ $re && time < $end;
    like($leds, $re, $what);
}

# Four lamps 16 pixels apart, the buzzer after them: is it bright?
sub lamps
{
    my ($p) = @_;

    return map {
        my ($r, $g, $b) = unpack 'C3', substr $p->{data}, 3 * (($p->{h} - 7) * $p->{w} + $_), 3;
        $g > 150 ? 1 : 0;
    } 12, 28, 44, 60, 80;
}

sub picture
{
    my ($g, $flag) = @_;

    $g->monitor("screendump $flag $dir/screen.ppm");
    return Picture::load("$dir/screen.ppm");
}
