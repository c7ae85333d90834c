#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# mini2440's small chips as Linux sees them: MTD partitions, the AT24C08 in its
# file, the RTC over a reset, the watchdog that makes that reset.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::MD5;
use Guest;
use Test::More;

my $dir = Guest::scratch();
my $eeprom = '/sys/bus/i2c/devices/0-0050/eeprom';
my @machine = ('-M', 'mini2440,eeprom=ee', '-drive', "if=none,id=ee,format=raw,file=$dir/eeprom",
               '-kernel', Guest::file('zImage-mini2440-plus'),
               '-initrd', Guest::file('initramfs-v4t'),
               '-append', 'console=ttySAC0,115200 quiet noselftest');

sub eeprom_file
{
    return join '', Guest::slurp("$dir/eeprom");
}

sub boot
{
    my ($name) = @_;
    my $g = Guest->start(name => "mini2440-$name", arm => 1, args => \@machine);

    $g->must(qr/GUEST-SHELL/, 120, "$name: a shell on the serial line");
    return $g;
}

open my $f, '>', "$dir/eeprom" or die;
print $f "\xff" x 1024;
close $f;

my $g = boot('chips');
my $classes = $g->run('ls -1 /sys/class', 20);
for (qw(block graphics i2c-dev input leds misc mmc_host mtd net rtc sound tty udc)) {
    like($classes, qr/^$_$/m, "/sys/class/$_");
}
is($g->run('cat /proc/mtd', 20), <<'END', 'the partitions of the NAND chip');
dev:    size   erasesize  name
mtd0: 00040000 00004000 "u-boot"
mtd1: 00020000 00004000 "u-boot-env"
mtd2: 00500000 00004000 "kernel"
mtd3: 03aa0000 00004000 "root"
END

my $data = substr(join('', map { "$_\n" } 1 .. 1000), 0, 1024);
my $sum = Digest::MD5::md5_hex($data);
$g->run_ok("seq 1 1000 | head -c 1024 >/tmp/e; cat /tmp/e >$eeprom", 30, 'the EEPROM is written');
$g->run_ok("md5sum <$eeprom", 30, 'and read back', qr/^$sum /m);
is(eeprom_file(), $data, 'its file has it');
my $probe = $g->run('i2cdetect -y 0', 30);
like($probe, qr/^50: UU UU UU UU -- --/m, 'it answers at four addresses, and nobody else');
unlike($g->run('dmesg', 20), qr/s3c2440-i2c.*(STATE_|timeout|error)/i,
       'the I2C driver has nothing to complain about');

$g->run_ok('date -u -s 2031.02.28-23:59:58 && hwclock -w -u', 20, 'Linux sets the RTC');
$g->run_ok('sleep 3; hwclock -r -u', 20, 'which goes on', qr/Mar +1 00:00:0\d 2031/);
$g->run_ok('cat /sys/class/rtc/rtc0/date', 20, 'in sysfs, too', qr/^2031-03-01$/m);

$g->run_ok('devmem 0x560000b4 32 7; devmem 0x560000b4', 20, 'GSTATUS2 is clear', qr/^0x00000000$/m);
$g->send("watchdog -F -T 2 -t 600 /dev/watchdog &\n");
$g->must(qr/GUEST-READY/, 60, 'a watchdog that is not fed resets the machine');
$g->must(qr/GUEST-SHELL/, 60, 'which comes up again');
$g->run_ok('devmem 0x560000b4', 20, 'GSTATUS2: the watchdog did it', qr/^0x00000004$/m);
$g->run_ok('hwclock -r -u', 20, 'the RTC was not reset', qr/Mar +1 00:0\d:\d\d 2031/);
$g->run_ok('date -u', 20, 'Linux takes its time', qr/Mar +1 00:0\d:\d\d UTC 2031/);
$g->stop;

$g = boot('chips-again');
$g->run_ok("md5sum <$eeprom", 30, 'the EEPROM after a second start', qr/^$sum /m);
$g->run_ok("echo -n kept | dd of=$eeprom bs=1 seek=1020 2>/dev/null", 30, 'its end is written');
# the chip does not answer before its page is in the file
$g->run_ok("tail -c 4 $eeprom", 30, 'and read back', qr/^kept/m);
is(eeprom_file(), substr($data, 0, 1020) . 'kept', 'and nothing else');
$g->stop;
done_testing();
