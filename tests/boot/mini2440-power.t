#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# S3C2440A idle and sleep mode, with the translator and the interpreter.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $program = Guest::file('mini2440-power');

for my $accel ('tcg', 'tcg,interp=on') {
    my $g = Guest->start(name => 'mini2440-power', arm => 1, args => [
        '-M', 'mini2440', '-kernel', $program, '-semihosting', '-accel', $accel]);

    $g->must(qr/1:z/, 20, "$accel: an interrupt ends idle mode");
    $g->must(qr/2K/, 20, 'the alarm ends sleep mode, memory was kept');
    is($g->wait_exit(20), 0, 'the program ends');
}
done_testing();
