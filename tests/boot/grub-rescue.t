#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# A CD with GRUB alone: its prompt answers on the serial line and on the screen,
# and it can read its CD.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $cd = Guest::file('grub-rescue');
my $g = Guest->start(monitor => 1, args =>
    ['-m', 64, '-boot', 'd', '-cdrom', $cd, '-no-reboot']);

$g->must(qr/grub> /, 60, 'the prompt on the serial line');
$g->send("ls\n");
$g->must(qr/\(cd[0-9]*\)/, 30, 'ls shows the CD drive');
$g->send("cat (cd)/readme.txt\n");
$g->must(qr/a file on the rescue CD/, 30, 'cat reads a file from it');
$g->must(qr/grub> /, 30, 'and ends: until then it eats what is typed');
ok(defined $g->expect_screen(qr/grub> .*readme\.txt/, 20),
   'the screen shows the same') or diag($g->{screen});
$g->type_keys(qw(l s spc shift-9 c d shift-0 slash ret));
$g->must(qr/readme\.txt/, 30, 'the PS/2 keyboard types, with shift');
$g->send("reboot\n");
is($g->wait_exit(30), 0, 'reboot ends the emulator (-no-reboot), status 0');
done_testing();
