#!/usr/bin/perl
# level: fast
# SPDX-License-Identifier: MIT
#
# What the user can get wrong: the emulator ends with status 1 within seconds,
# says nothing on stdout, and on stderr one sentence that names the object.
#
# QEMU 7.2 passes most rows; where it says more than one line, does not name the
# object or does not end, the row is marked "ours" and left out for it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $dir = Guest::scratch();
my $seconds = 20 * $Guest::scale;

sub make_file
{
    my ($name, $content) = @_;

    open(my $f, '>', "$dir/$name") or die "$dir/$name: $!\n";
    print $f $content;
    close $f;
    return "$dir/$name";
}

my $text = make_file('text', "this is no kernel and no disk\n" x 100);
my $empty = make_file('empty', '');
my $odd = make_file('odd-bios', 'x' x 1000);
my $tiny = make_file('kernel-cut', "\0" x 0x1f1 . "\x04" . "\0" x 0x0c .
                     "\x55\xaa" . "\xeb\x66HdrS\x0f\x02" . "\0" x 100);
my $qcow = make_file('cut.qcow2', "QFI\xfb\0\0\0\3" . "\0" x 20);
my $none = "$dir/none";
my $full = make_file('disk', "\0" x 65536);
my $kernel = make_file('k', "\0" x 4096);

# what is wrong, its options, what the sentence must name
my @rows = (
    ['a kernel that is not there', ['-kernel', $none], qr/\Q$none\E/],
    ['a text file as kernel', ['-kernel', $text], qr/\Q$text\E|kernel/],
    ['an empty kernel', ['-kernel', $empty], qr/\Q$empty\E|kernel/],
    ['a kernel cut off in its header', ['-kernel', $tiny], qr/kernel/],
    ['a directory as kernel', ['-kernel', $dir], qr/\Q$dir\E|kernel/],
    ['-append without -kernel', ['-append', 'x'], qr/-append/],
    ['-initrd without -kernel', ['-initrd', $text], qr/-initrd/],
    ['a BIOS that is not there', ['-bios', $none], qr/\Q$none\E/],
    ['a BIOS of 1000 bytes', ['-bios', $odd], qr/\Q$odd\E/],
    ['a disk that is not there', ['-hda', $none], qr/\Q$none\E/],
    ['a CD that is not there', ['-cdrom', $none], qr/\Q$none\E/],
    ['a floppy that is not there', ['-fda', $none], qr/\Q$none\E/],
    ['a directory as disk', ['-hda', $dir], qr/\Q$dir\E/],
    ['a qcow2 image cut off', ['-drive', "file=$qcow,format=qcow2"], qr/\Q$qcow\E|qcow2/],
    ['a format that does not exist', ['-drive', "file=$full,format=nosuch"], qr/nosuch/],
    ['an interface that does not exist', ['-drive', "file=$full,if=nosuch"], qr/nosuch/],
    ['a -drive key that does not exist', ['-drive', "file=$full,format=raw,nosuch=1"], qr/nosuch/],
    ['the same drive twice', ['-drive', "file=$full,format=raw,if=ide,index=0",
                             '-drive', "file=$text,format=raw,if=ide,index=0"], qr/index|ide/i],
    ['an option that does not exist', ['-nosuchoption'], qr/-?nosuchoption/],
    ['an option without its value', ['-m'], qr/-?m\b/],
    ['a machine that does not exist', ['-M', 'nosuch'], qr/nosuch/, 'ours'],
    ['a CPU that does not exist', ['-cpu', 'nosuch'], qr/nosuch/],
    ['an accelerator that does not exist', ['-accel', 'nosuch'], qr/nosuch/],
    ['a device that does not exist', ['-device', 'nosuch'], qr/nosuch/],
    ['a device property that does not exist', ['-device', 'isa-debug-exit,nosuch=1'], qr/nosuch/],
    ['a network model that does not exist', ['-net', 'nic,model=nosuch', '-net', 'user'], qr/nosuch/],
    ['a network that does not exist', ['-net', 'nosuch'], qr/nosuch/],
    ['a display adapter that does not exist', ['-vga', 'nosuch'], qr/nosuch/],
    ['a character device that does not exist', ['-serial', 'nosuch:x'], qr/nosuch/, 'ours'],
    ['a serial file that cannot be made', ['-serial', "file:$dir/no/such"], qr{no/such}, 'ours'],
    ['no memory', ['-m', '0k'], qr/memory|RAM|-m\b/i, 'ours'],
    ['a memory size that is no number', ['-m', 'lots'], qr/lots/, 'ours'],
    ['a memory size beyond all', ['-m', '99999999999999G'], qr/99999999999999G|memory|size/],
    ['no CPU', ['-smp', '0'], qr/0|CPU/i, 'ours'],
    ['a CPU count that is no number', ['-smp', 'many'], qr/many/, 'ours'],
    ['a boot order that does not exist', ['-boot', 'xyz'], qr/x/],
    ['a screen that does not exist', ['-display', 'nosuch'], qr/nosuch/],
    ['a firmware folder without firmware', ['-L', $dir, '-bios', 'none.bin'], qr/none\.bin/],
    ['a snapshot without a place for it', ['-loadvm', 'x', '-drive', "file=$full,format=raw"], qr/loadvm|snapshot/i],
);

for my $row (@rows) {
    my ($what, $args, $names, $ours) = @$row;
    SKIP: {
        skip("$what: judged for ours only", 3) if $ours && Guest::is_reference();
        my $g = Guest->start(serial => 0, args => ['-S', @$args]);
        my $status = $g->wait_exit(20);
        is($status, 1, "$what: status 1");
        my @lines = grep { !/: warning: / } Guest::slurp($g->{err});
        chomp @lines;
        is(scalar @lines, 1, "$what: one line on stderr") or diag(join "\n", @lines);
        like(join("\n", @lines), $names, "$what: it names the object");
    }
}

# two at once: the first is enough, but it must not hang or crash
my $g = Guest->start(serial => 0, args => ['-M', 'nosuch', '-kernel', $none, '-hda', $none]);
is($g->wait_exit(20), 1, 'several at once: status 1');
done_testing();
