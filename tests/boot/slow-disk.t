#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# A guest goes on while the host's disk takes its time: one sector and every flush
# of the disk take two seconds (blkdebug), a loop in another process prints ticks,
# and these keep coming, as do the monitor's answers.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Time::HiRes qw(time);

my $slow_sector = 20000;
my $dir = Guest::scratch();

write_file("$dir/conf", <<END);
[delay]
event = "read_aio"
sector = "$slow_sector"
delay = "2000"
[delay]
event = "flush_to_disk"
delay = "2000"
END
write_file("$dir/disk", '');
truncate("$dir/disk", 32 << 20) or die "$dir/disk: $!\n";

my $drive = "file=blkdebug:$dir/conf:$dir/disk,format=raw";
check('ide', 0, "$drive,if=ide", [
    '-m', 128, '-kernel', Guest::file('vmlinuz-686'),
    '-initrd', Guest::file('initramfs-686'), '-append', 'console=ttyS0 quiet']);
check('scsi', 1, "$drive,if=scsi", [
    '-M', 'versatilepb', '-m', 128, '-kernel', Guest::file('zImage-versatilepb'),
    '-dtb', Guest::file('versatile-pb.dtb'), '-initrd', Guest::file('initramfs-armel'),
    '-append', 'console=ttyAMA0 quiet']);
done_testing();

sub write_file
{
    my ($path, $text) = @_;

    open(my $f, '>', $path) or die "$path: $!\n";
    print $f $text;
    close $f;
}

sub check
{
    my ($name, $arm, $disk, $args) = @_;
    my $g = Guest->start(arm => $arm, name => "slow-disk-$name", monitor => 1,
                         args => [@$args, '-net', 'none', '-drive', $disk]);

    $g->must(qr/GUEST-READY/, 120, "$name: the guest comes up");
    $g->must(qr/[#\$] $/, 30, 'with a shell');
    $g->run(q{while :; do echo TI''CK; sleep 0.1; done & true}, 20);
    slow($g, 'a slow read',
         "dd if=/dev/sda of=/dev/null bs=512 skip=$slow_sector count=1 iflag=direct");
    slow($g, 'a slow flush', 'dd if=/dev/zero of=/dev/sda bs=4096 seek=100 count=1 conv=fsync');
    $g->stop;
}

# What is seen from here of the ticks while the command waits.
sub slow
{
    my ($g, $what, $cmd) = @_;
    my ($ticks, $gap, $asked) = (0, 0);

    $g->{buf} = '';
    $g->send("echo BE''GIN; $cmd; echo EN''D rc=\$?\n");
    $g->must(qr/BEGIN/, 30, "$what begins");
    my $began = my $last = time;

    while (my $hit = $g->expect(qr/TICK|END rc=\d+/, 30)) {
        my $now = time;

        $gap = $now - $last if $now - $last > $gap;
        $last = $now;
        $ticks++;
        if ($hit ne 'TICK') {
            is($hit, 'END rc=0', "$what ends well");
            last;
        }
        if (!defined $asked && $now - $began > 0.5) {
            $asked = $g->monitor('info status');
            like($asked, qr/running/, 'the monitor answers meanwhile');
        }
    }
    cmp_ok($last - $began, '>=', 1.8, "$what takes two seconds");
    cmp_ok($ticks, '>=', 6, 'ticks come meanwhile');
    cmp_ok($gap, '<', 1.5 * $Guest::scale, 'the guest never stood still');
}
