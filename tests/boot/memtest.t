#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# memtest86+ over 64 MB: one whole pass without an error.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $bin = Guest::file('memtest');
my $g = Guest->start(args => ['-m', 64, '-kernel', $bin,
                              '-append', 'console=ttyS0,115200']);

$g->must(qr/Memtest86\+/, 60, 'memtest86+ comes up');
$g->must(qr/#0 +\[Address test/, 60, 'and begins to test');
my $hit = $g->must(qr/Pass: +1 +Errors: +0\b|Errors: +[1-9]/, 900,
                   'the first pass comes to its end (3.5 minutes at least)');
like($hit, qr/Errors: +0$/, 'without an error');
# the serial line is painted every two seconds: a quick test may end unseen
my %seen = map { $_ => 1 } $g->{all} =~ /#(\d+) +\[/g;
cmp_ok(scalar(keys %seen), '>=', 4, 'several tests were seen');
ok($seen{10}, 'the last one, which waits 80 seconds twice, among them');
ok($g->{all} !~ /Unexpected interrupt/i, 'no interrupt went astray');
ok($g->alive, 'the emulator runs on');
is($g->stderr_text, '', 'and had nothing to complain about');
$g->stop;
done_testing();
