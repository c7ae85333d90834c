#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# The mini2440's pen and keys as Linux's input events.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

# linux/input-event-codes.h
use constant {EV_KEY => 1, EV_ABS => 3, ABS_X => 0, ABS_Y => 1, BTN_TOUCH => 330};

my $g = Guest->start(arm => 1, monitor => 1, args => [
    '-M', 'mini2440', '-kernel', Guest::file('zImage-mini2440-plus'),
    '-initrd', Guest::file('initramfs-v4t'), '-append', 'console=ttySAC0,115200 noselftest']);

$g->must(qr/GUEST-SHELL\s+\/ # $/, 120, 'a shell');
my $names = $g->run('cat /proc/bus/input/devices', 20);
my ($pen) = $names =~ /TouchScreen.*?(event\d)/s;
my ($keys) = $names =~ /gpio-keys.*?(event\d)/s;
ok($pen && $keys, 'Linux has a touch screen and keys');
# The events of one device at a time, written to the serial line as they come.
sub listen_to
{
    my ($event) = @_;

    $g->run('kill $! 2>/dev/null', 20);
    $g->send('while dd bs=16 count=1 2>/dev/null | hexdump -v -e \'2/4 "%u," 1/2 "E %u" 1/2 " %u" ' .
             "1/4 \" %d\\n\"'; do :; done </dev/input/$event &\n");
    $g->expect(qr/ # $/, 20);
    sleep 1;
}

sub click
{
    my ($x, $y, $button) = @_;

    $g->monitor("mouse_button $button");
    $g->monitor("mouse_move $x $y");
}

# Type, code => value up to the next report; undef if none comes.
sub report
{
    my %event;

    while (defined $g->expect(qr/,E (\d+) (\d+) (-?\d+)\r?\n/m, 10)) {
        my ($type, $code, $value) = @{$g->{groups}};

        return \%event if $type == 0;
        $event{"$type $code"} = $value;
    }
    return undef;
}

# The panel's films are turned by 90 degrees: X is measured from top to bottom, 90 to
# 960, and Y from left to right, 75 to 940.
listen_to($pen);
for my $at ([8192, 16384], [24576, 4096], [100, 32700]) {
    my ($x, $y) = @$at;

    click($x, $y, 1);
    my $down = report() || {};
    my ($raw_x, $raw_y) = map { $down->{EV_ABS . " $_"} || 0 } ABS_X, ABS_Y;
    is($down->{EV_KEY . ' ' . BTN_TOUCH}, 1, "the pen comes down at $x, $y");
    cmp_ok(abs(($raw_x - 90) / (960 - 90) - $y / 32767), '<', 0.01, "where it is, X: $raw_x");
    cmp_ok(abs(($raw_y - 75) / (940 - 75) - $x / 32767), '<', 0.01, "and Y: $raw_y");
    click($x, $y, 0);
    is((report() || {})->{EV_KEY . ' ' . BTN_TOUCH}, 0, 'and goes up');
}

# A stroke: the pen moves while it is down; Linux takes the mean of four measurements,
# so the first report may lie between.
click(3000, 3000, 1);
report();
click(30000, 3000, 1);
my ($end, $far) = (75 + 865 * 30000 / 32767, 1000);
for (1 .. 4) {
    my $moved = report() || {};

    $far = abs(($moved->{EV_ABS . ' ' . ABS_Y} || 0) - $end);
    last if $far < 9;
}
cmp_ok($far, '<', 9, 'a stroke is seen at its end');
click(30000, 3000, 0);
is((report() || {})->{EV_KEY . ' ' . BTN_TOUCH}, 0, 'where the pen goes up');

# F1, F2, F3, power, F5; Linux has no name for the sixth key.
listen_to($keys);
my @codes = (59, 60, 61, 116, 63);
for my $n (1 .. 5) {
    $g->monitor("sendkey $n 500");
    is_deeply(report(), {EV_KEY . " $codes[$n - 1]" => 1}, "key $n is pressed");
    is_deeply(report(), {EV_KEY . " $codes[$n - 1]" => 0}, 'and let go');
}
sub k6
{
    my ($ports) = $g->run('devmem 0x56000064', 20) =~ /0x(\w+)/;

    return hex($ports) >> 11 & 1;
}

sub k6_becomes
{
    my ($level, $what) = @_;
    my $end = time + 30;

    sleep 1 while k6() != $level && time < $end;
    is(k6(), $level, $what);
}

is(k6(), 1, 'key 6 is up');
$g->monitor('sendkey 6 10000');
k6_becomes(0, 'GPG11 is low while it is held');
k6_becomes(1, 'and high again');
$g->stop;
done_testing();
