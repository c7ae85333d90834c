#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# The emulator is killed (-9) while a Linux guest writes to ext4 on a qcow2 disk, at
# random moments, again and again on the same disk: the image checks clean, so does the
# file system once its journal was replayed, and every file of which the guest knew that
# fsync had returned is there, with its contents.  Of its rounds (TEST_KILLS, 20) every
# second is with cache=none.  TEST_SEED=n repeats the delays.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Time::HiRes qw(time);

$ENV{PATH} .= ':/usr/sbin:/sbin';
my %missing = map { $_ => 1 } qw(mkfs.ext4 e2fsck debugfs cpio);
for my $dir (split /:/, $ENV{PATH}) {
    delete $missing{$_} for grep { -x "$dir/$_" } keys %missing;
}
Guest::skip_all('no ' . join(', ', sort keys %missing) . ' here') if %missing;

my $kernel = Guest::file('vmlinuz-686');
my $initrd = Guest::file('initramfs-686');
my $img = $ENV{QEMU_IMG} || "$Guest::top/build/opt/qemu-img";
my $kills = $ENV{TEST_KILLS} || 20;
my $seed = $ENV{TEST_SEED} || int(time * 1000) % 1000000;
my $dir = Guest::scratch();
my $disk = Guest::image_dir() . "/kill9-$$.qcow2";
my %have;                               # what is safe: name => md5 sum

END { unlink $disk if defined $disk }
diag("seed $seed");
srand($seed);
system("truncate -s 96M '$dir/raw' && mkfs.ext4 -q -F '$dir/raw' && " .
       "'$img' convert -f raw -O qcow2 '$dir/raw' '$disk'") == 0 or die "no disk\n";
make_initramfs();
for my $round (1 .. $kills) {
    last unless kill_once($round, $round % 2 ? 'writeback' : 'none') &&
        is_whole($round);
}
done_testing();

# The initramfs with one more program instead of its /init: it gives every file a new
# name, and says so when it is safe; before it removes one, it says that.
sub make_initramfs
{
    mkdir "$dir/more";
    open(my $f, '>', "$dir/more/kill9") or die;
    print $f <<'GUEST';
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for m in ata_piix sd_mod crc32c_generic ext4; do modprobe $m; done
while [ ! -b /dev/sda ]; do sleep 0.1; done
mount -t ext4 /dev/sda /mnt || { dmesg | tail -3; echo CANNOT-MOUNT; }
read run </proc/uptime; run=$(echo $run | tr -d ' .')-$(date +%s)
echo WRITING
n=0
while :; do
    n=$((n + 1)); d=/mnt/d$((n % 5)); f=$d/$run-$n
    mkdir -p $d
    dd if=/dev/urandom bs=1000 count=$((n * 37 % 300 + 1)) of=/tmp/x 2>/dev/null
    s=$(md5sum </tmp/x)
    dd if=/tmp/x of=$f bs=20000 conv=fsync 2>/dev/null && echo "SAFE $f $s"
    set -- /mnt/d$(((n + 2) % 5))/*
    if [ $# -gt 20 ]; then echo "GONE $1"; rm "$1"; fi
done
GUEST
    close $f;
    chmod 0755, "$dir/more/kill9";
    system("(cat '$initrd'; cd '$dir/more' && echo kill9 | cpio -o --quiet -H newc | " .
           "gzip) >'$dir/initrd'") == 0 or die "no initramfs\n";
}

sub kill_once
{
    my ($round, $cache) = @_;
    my $delay = 0.2 + rand(1.8);
    my $g = Guest->start(args => ['-m', 64, '-no-reboot',
        '-drive', "file=$disk,format=qcow2,if=ide,cache=$cache",
        '-kernel', $kernel, '-initrd', "$dir/initrd",
        '-append', 'console=ttyS0 quiet no_timer_check rdinit=/kill9']);

    if (!defined $g->expect(qr/\nWRITING\r?\n/, 60)) {
        fail("round $round: the guest mounts its disk");
        diag($_) for $g->tail(12), $g->stderr_text;
        return 0;
    }
    my $end = time + $delay;
    while ((my $left = $end - time) > 0) {
        $g->pump($left);
    }
    $g->stop;
    while ($g->pump(0)) { }
    my $new = 0;
    for my $line (split /\r*\n/, $g->{all}) {
        if ($line =~ m{^SAFE (/mnt/\S+) ([0-9a-f]{32})  -$}) {
            $have{$1} = $2;
            $new++;
        } elsif ($line =~ m{^GONE (/mnt/\S+)$}) {
            delete $have{$1};
        }
    }
    note(sprintf 'round %d: cache=%s, killed after %.3f s, %d files more', $round, $cache,
         $delay, $new);
    return ok($g->{all} !~ /EXT4-fs error|I\/O error|CANNOT-MOUNT/,
              "round $round: the guest saw no error");
}

sub is_whole
{
    my ($round) = @_;
    my $check = `'$img' check -f qcow2 '$disk' 2>&1`;
    my $status = $? >> 8;
    # 3: clusters were leaked, which is what a kill may cost
    my $good = ok($status == 0 || $status == 3, "round $round: the image checks clean") ||
        diag($check);

    system("'$img' convert -f qcow2 -O raw '$disk' '$dir/raw'") == 0 or die "convert\n";
    # With the journal replayed, not repaired: -p ends with 0, or 1 for the replay.
    my $fsck = `e2fsck -y -E journal_only '$dir/raw' 2>&1; e2fsck -fn '$dir/raw' 2>&1`;
    $good &= is($? >> 8, 0, "round $round: e2fsck finds the file system clean") ||
        !diag($fsck);
    my $sum = file_sums();
    my @bad = grep { ($sum->{$_} || 'none') ne $have{$_} } sort keys %have;
    $good &= is("@bad", '', "round $round: all files that were safe are there (" .
                keys(%have) . ')');
    return $good;
}

# Of all files on the disk: name as in the guest => md5 sum.
sub file_sums
{
    my %sum;

    system("rm -rf '$dir/out'; mkdir '$dir/out'; cd '$dir/out' && " .
           "debugfs -R 'rdump / .' '$dir/raw' 2>/dev/null") == 0 or die "debugfs\n";
    for (`cd '$dir/out' && find d* -type f -print0 2>/dev/null | xargs -0r md5sum`) {
        $sum{"/mnt/$2"} = $1 if /^(\S+)  (.*)$/;
    }
    return \%sum;
}
