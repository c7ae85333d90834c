#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# Debian's installer asks its first question, on the serial line and on the
# screen.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $kernel = Guest::file('debian-installer');
my $initrd = Guest::file('debian-installer-initrd');
my @args = ('-m', 512, '-kernel', $kernel, '-initrd', $initrd);

my $g = Guest->start(name => 'd-i-serial', args =>
    [@args, '-append', 'console=ttyS0,115200 quiet']);
$g->must(qr/Select a language/, 240, 'on the serial line: the first question');
$g->must(qr/English/, 30, 'with its choices');
$g->send("\r");
$g->must(qr/Select your location/, 60, 'Return leads to the second question');
$g->stop;

$g = Guest->start(name => 'd-i-screen', monitor => 1, args =>
    [@args, '-vga', 'std', '-append', 'vga=normal nomodeset quiet']);
my $screen = $g->expect_screen(qr/Select a language/, 240);
ok(defined $screen, 'on the screen: the first question')
    or diag($g->{screen});
like($screen || '', qr/English/, 'with its choices');
my $pic = $g->screendump;
ok($pic && $pic->{w} >= 640 && $pic->{colours} > 2, 'a screenshot shows it too');
$g->type_keys('ret');
ok(defined $g->expect_screen(qr/Select your location/, 60),
   'Return on the keyboard leads to the second question') or diag($g->{screen});
$g->stop;
done_testing();
