#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# A Linux guest with -hda fat:rw:DIR: what it does in the FAT file system is in the
# directory of the host, soon after sync as well as after umount.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Time::HiRes qw(sleep time);

my $kernel = Guest::file('vmlinuz-686');
my $initrd = Guest::file('initramfs-686');
my $dir = Guest::scratch();
my $tree = "$dir/tree";

mkdir "$tree$_" for '', '/sub';
put('sub/host file.txt', "from the host\n");
put('removed', 'x' x 100_000);
put('renamed before.bin', join '', map { chr($_ % 251) } 1 .. 300_000);
put('longer.txt', "first line\n");
my $g = Guest->start(args => ['-m', 64, '-no-reboot', '-hda', "fat:rw:$tree",
    '-kernel', $kernel, '-initrd', $initrd, '-append', 'console=ttyS0 quiet']);

$g->must(qr/GUEST-READY/, 60, 'the guest is up');
$g->pump(0.3);
$g->run_ok('mount -t vfat -o utf8 /dev/sda1 /mnt && cat "/mnt/sub/host file.txt"', 20,
           'it reads the directory', qr/^from the host$/m);
my $before = text('renamed before.bin');
$g->run_ok('cd /mnt; mkdir -p "made here/and deeper"; echo new >"made here/and deeper/A new file"; ' .
           'echo second line >>longer.txt; rm removed; ' .
           'mv "renamed before.bin" sub/renamed.bin; sync', 20, 'it works in it');
wait_for(sub { text('longer.txt') =~ /second/ && !-e "$tree/removed" });
is(text('made here/and deeper/A new file'), "new\n", 'after sync: new directories and a file');
is(text('longer.txt'), "first line\nsecond line\n", 'a file that is longer');
ok(!-e "$tree/removed", 'one that was removed');
ok(text('sub/renamed.bin') eq $before && !-e "$tree/renamed before.bin", 'one that was renamed');
$g->run_ok('for i in $(seq 1 60); do head -c ${i}00 /dev/zero >"sub/many files $i"; done; ' .
           'dd if=/dev/urandom of=large bs=100k count=40; md5sum large', 30, 'it writes more');
my ($sum) = $g->{all} =~ /^([0-9a-f]{32})  large/m;
$g->run_ok('rm -r "made here"; mv sub/renamed.bin back; mv sub moved; cd /; umount /mnt', 30,
           'removes, renames a directory and unmounts');
wait_for(sub { -e "$tree/moved/host file.txt" && !-e "$tree/sub" });
is(substr(`md5sum '$tree/large'`, 0, 32), $sum, 'the large file is there');
is(join(',', map { -s "$tree/moved/many files $_" } 1 .. 60),
   join(',', map { $_ * 100 } 1 .. 60), 'the small ones are in their directory');
is(text('moved/host file.txt'), "from the host\n", 'with the one that was there');
ok(text('back') eq $before && !-e "$tree/made here" && !-e "$tree/sub", 'the old names are gone');
$g->send("poweroff -f\n");
is($g->wait_exit(30), 0, 'power-off ends the emulator with status 0');
is($g->stderr_text, '', 'which had nothing to complain about');
done_testing();

sub wait_for {
    my ($there) = @_;
    my $end = time + 20 * $Guest::scale;

    sleep(0.1) while !$there->() && time < $end;
}

sub put {
    my ($name, $text) = @_;

    open(my $f, '>:raw', "$tree/$name") or die "$name: $!\n";
    print $f $text;
    close $f;
}

sub text {
    my ($name) = @_;

    return join '', Guest::slurp("$tree/$name");
}
