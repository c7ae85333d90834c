#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# A Linux guest writes to ext4 without a pause while its disk is snapshotted, backed up
# and mirrored from the monitor: each copy is a whole file system, the guest goes on
# where it is put, and what it wrote is there in the end.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Time::HiRes qw(sleep time);

$ENV{PATH} .= ':/usr/sbin:/sbin';
for my $tool (qw(mkfs.ext4 e2fsck debugfs)) {
    Guest::skip_all("no $tool here (package e2fsprogs)")
        unless grep { -x "$_/$tool" } split /:/, $ENV{PATH};
}
my $kernel = Guest::file('vmlinuz-686');
my $initrd = Guest::file('initramfs-686');
my $img = "$Guest::top/build/opt/qemu-img";
my $dir = Guest::scratch();

system("truncate -s 64M '$dir/raw' && mkfs.ext4 -q -F '$dir/raw' && " .
       "'$img' convert -f raw -O qcow2 '$dir/raw' '$dir/disk'") == 0 or die "no disk\n";
my $g = Guest->start(monitor => 1, args => ['-m', 64, '-no-reboot',
    '-drive', "file=$dir/disk,format=qcow2,if=ide",
    '-kernel', $kernel, '-initrd', $initrd, '-append', 'console=ttyS0 quiet']);

$g->must(qr/GUEST-READY/, 60, 'the guest is up');
$g->pump(0.3);
$g->run_ok('modprobe -q crc32c_generic; mount -t ext4 /dev/sda /mnt', 20, 'its disk is mounted');
$g->run_ok('echo first >/mnt/first; sync', 20, 'a file is written');
$g->run_ok('(n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); ' .
           'dd if=/dev/urandom of=/mnt/w$((n%9)) bs=5000 count=$((n%50)) conv=fsync; done) ' .
           '2>/dev/null & true', 20, 'and the guest begins to write all the time');

says('snapshot_blkdev_internal ide0-hd0 before', qr/^$/);
says('info snapshots', qr/^ide0-hd0 +1 +before/m);
says("snapshot_goto_blkdev_internal ide0-hd0 before", qr/stop the machine first/);

says("drive_backup -f ide0-hd0 $dir/backup", qr/^$/);
says('block_job_set_speed ide0-hd0 2M', qr/^$/);
says("drive_mirror ide0-hd0 $dir/other", qr/a backup job runs/);
$g->run_ok('sleep 1', 20, 'the guest is faster than the backup');
says('block_job_set_speed ide0-hd0 0', qr/^$/);
no_jobs('the backup');
whole('backup', 'the backup');

says("snapshot_blkdev ide0-hd0 $dir/top", qr/^$/);
says('info block', qr{ide0-hd0: \Q$dir\E/top \(qcow2\)});
whole('disk', 'the image below the snapshot');
$g->run_ok('echo second >/mnt/second; sync', 20, 'the guest writes into the new image');

says("drive_mirror ide0-hd0 $dir/mirror raw", qr/raw images have no|backing_file/);
says("drive_mirror -f ide0-hd0 $dir/mirror raw", qr/^$/);
says('block_job_set_speed ide0-hd0 200M', qr/^$/);
my $end = time + 60 * $Guest::scale;
sleep(0.2) while $g->monitor('info block-jobs') !~ /, ready/ && time < $end;
says('info block-jobs', qr/^Type mirror, device ide0-hd0: Completed \d+ of 67108864 .*ready/);
says('block_resize ide0-hd0 1G', qr/a mirror job runs/);
says('block_job_complete ide0-hd0', qr/^$/);
no_jobs('the mirror');
says('info block', qr{ide0-hd0: \Q$dir\E/mirror \(raw\)});
$g->run_ok('echo third >/mnt/third; sync', 20, 'the guest goes on in the mirror');
whole('top', 'what was mirrored');

says("drive_backup ide0-hd0 /dev/full raw", qr/not a regular file/);
says("drive_backup ide0-hd0 $dir/late qcow2", qr/^$/);
says('block_job_set_speed ide0-hd0 1k', qr/^$/);
$g->run_ok('touch /tmp/stop; wait; umount /mnt', 60, 'the disk is unmounted, a backup still runs');
is($g->monitor('quit'), '', 'the machine quits');
is($g->wait_exit(20), 0, 'with status 0');
like($g->stderr_text, qr/^ide0-hd0: backup to \S+late ends before it is done: .*\n\z/,
     'and says that the backup is not whole');
whole('mirror', 'the disk in the end', 'raw');
for my $name (qw(first second third)) {
    is(`debugfs -R 'cat $name' '$dir/mirror' 2>/dev/null`, "$name\n", "it has the $name file");
}
done_testing();

sub says {
    my ($cmd, $re) = @_;
    my $short = $cmd =~ s{\Q$dir\E/}{}r;
    like($g->monitor($cmd), $re, $short);
}

sub no_jobs {
    my ($what) = @_;
    my $until = time + 60 * $Guest::scale;

    sleep(0.2) while $g->monitor('info block-jobs') !~ /^No active/ && time < $until;
    cmp_ok(time, '<', $until, "$what comes to its end");
}

# With its journal replayed, as after a power failure.
sub whole {
    my ($file, $what, $format) = @_;
    my $fsck = `'$img' convert -U -f @{[$format || 'qcow2']} -O raw '$dir/$file' '$dir/raw' &&
                e2fsck -y -E journal_only '$dir/raw' 2>&1; e2fsck -fn '$dir/raw' 2>&1`;
    is($? >> 8, 0, "$what: a clean file system") or diag($fsck);
    return if $format;
    my $check = `'$img' check -U -f qcow2 '$dir/$file' 2>&1`;
    is($? >> 8, 0, "$what: a clean image") or diag($check);
}
