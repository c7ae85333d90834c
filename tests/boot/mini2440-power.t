#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# S3C2440A idle and sleep mode, with the translator and the interpreter; Linux sleeps
# until the alarm of the RTC.

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

# "mem" is s2idle here.  Of what could wake it, this kernel's board file names the RTC
# alone, neither keys nor UARTs.
my $g = Guest->start(name => 'mini2440-s2idle', arm => 1, args => [
    '-M', 'mini2440', '-kernel', Guest::file('zImage-mini2440-plus'),
    '-initrd', Guest::file('initramfs-v4t'), '-append', 'console=ttySAC0,115200 noselftest']);
$g->must($Guest::shell, 120, 'Linux: a shell');
$g->run('echo +4 >/sys/class/rtc/rtc0/wakealarm', 20);
$g->send("echo mem >/sys/power/state; echo awa''ke\n");
$g->must(qr/PM: suspend entry/, 20, 'it goes to sleep');
ok(!defined $g->expect(qr/PM: suspend exit/, 2 / $Guest::scale), 'and stays there for a while');
$g->must(qr/PM: suspend exit.*awake/s, 30, 'until the alarm');
$g->run_ok('md5sum /bin/busybox', 20, 'then it works on');
$g->stop;
done_testing();
