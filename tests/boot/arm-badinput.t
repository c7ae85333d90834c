#!/usr/bin/perl
# level: fast
# SPDX-License-Identifier: MIT
#
# Wrong kernels, device trees, sizes and initrds on an ARM board: status 1 and
# one sentence that names what is wrong.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $dir = Guest::scratch();
my ($qemu) = Guest::emulator('arm');

# A zImage of nothing: its header is right (Linux Documentation/arm/booting.rst).
sub zimage
{
    my ($len) = @_;

    return pack('L9 L3', (0xe1a00000) x 8, 0xea000000, 0x016f2818, 0, $len) . "\0" x ($len - 48);
}

sub elf
{
    my ($machine, $paddr, $offset) = @_;
    my $header = "\x7fELF\1\1\1" . "\0" x 9 .
        pack('S2 L5 S6', 2, $machine, 1, 0x8000, 52, 0, 0, 52, 32, 1, 0, 0, 0);

    return $header . pack('L8', 1, $offset, $paddr, $paddr, 16, 16, 7, 4) . "\0" x 64;
}

sub uimage
{
    my ($arch, $compression, $crc) = @_;

    return pack('N7 C4 a32', 0x27051956, 0, 0, 16, 0x8000, 0x8000, $crc, 5, $arch, 2,
                $compression, 'test') . "\0" x 16;
}

sub file
{
    my ($name, $content) = @_;

    return Guest::write_file("$dir/$name", $content);
}

my $good = file('zImage', zimage(65536));
my $large = file('large', '');
truncate $large, 100 << 20;
my $crc_of_16_zeroes = 0xecbb4b55;
my @cases = (
    [qr/nothing to run.*-kernel.*-pflash/],
    [qr/-dtb: makes sense with -kernel only/, '-dtb', $good],
    [qr/no-such-file/, '-kernel', "$dir/no-such-file"],
    [qr/is a directory|not a regular/i, '-kernel', $dir],
    [qr/kernel for x86/, '-kernel', file('bz', "\0" x 0x202 . 'HdrS' . "\0" x 100)],
    [qr/kernel for 64-bit ARM/, '-kernel', file('a64', "\0" x 0x38 . "ARM\x64" . "\0" x 100)],
    [qr/compressed with gzip/, '-kernel', file('gz', "\x1f\x8b\x08" . "\0" x 100)],
    [qr/a device tree: give it with -dtb/, '-kernel', file('fdt', "\xd0\x0d\xfe\xed" . "\0" x 60)],
    [qr/neither zImage, Image, uImage nor ELF/, '-kernel', file('text', "Hello, world\n" x 9)],
    [qr/cut off: a zImage of 65536/, '-kernel', file('cut', substr(zimage(65536), 0, 4096))],
    [qr/ELF file for another processor \(machine 3\)/, '-kernel', file('elf3', elf(3, 0x8000, 84))],
    [qr/wants 0x90000000/, '-kernel', file('elfhigh', elf(40, 0x90000000, 84))],
    [qr/segment 0 lies beyond/, '-kernel', file('elfcut', elf(40, 0x8000, 8400))],
    [qr/no kernel for ARM \(architecture 3/, '-kernel', file('ui3', uimage(3, 0, $crc_of_16_zeroes))],
    [qr/checksum is wrong/, '-kernel', file('uicrc', uimage(2, 0, 1))],
    [qr/compression 4 .* not implemented/, '-kernel', file('uilzo', uimage(2, 4, $crc_of_16_zeroes))],
    [qr/gzip data is damaged/, '-kernel', file('uigz', uimage(2, 1, $crc_of_16_zeroes))],
    [qr/is no device tree/, '-kernel', $good, '-dtb', file('nodtb', 'x' x 100)],
    [qr/device tree|cut off/, '-kernel', $good, '-dtb', file('cutdtb', "\xd0\x0d\xfe\xed\0\0\x10\0")],
    [qr/empty/, '-kernel', $good, '-dtb', file('emptydtb', '')],
    [qr/overlap the kernel/, '-m', 100, '-kernel', $good, '-initrd', $large],
    [qr/too large/, '-m', 64, '-kernel', $good, '-initrd', $large],
    [qr/512 MiB of RAM are too much, at most -m 256/, '-m', 512, '-kernel', $good],
    [qr/characters are too many/, '-kernel', $good, '-append', 'x' x 20000],
    [qr/no processor|model|nosuch/i, '-cpu', 'nosuch', '-kernel', $good],
    [qr/has no place for it/, '-kernel', $good, '-fda', $large],
    [qr/as large as|size|bytes/, '-kernel', $good, '-pflash', $good],
    [qr/no model 'nosuch'/, '-kernel', $good, '-net', 'nic,model=nosuch'],
    [qr/nosuch/, '-M', 'nosuch', '-kernel', $good],
    [qr/takes no options/, '-M', 'versatilepb,x=y', '-kernel', $good],
);

for my $case (@cases) {
    my ($want, @args) = @$case;
    my @machine = grep({ $_ eq '-M' } @args) ? () : ('-M', 'versatilepb');
    my $g = Guest->start(arm => 1, name => 'arm-badinput', args => [
        @machine, (grep { $_ eq '-net' } @args) ? () : ('-net', 'none'), @args]);
    my $status = $g->wait_exit(20);
    my @lines = split /\n/, $g->stderr_text;
    my $what = join ' ', map { s/^\Q$dir\E.//r } map { length > 40 ? substr($_, 0, 40) : $_ } @args;

    ok(defined $status && $status == 1 && @lines == 1 && $lines[0] =~ $want, "refused: $what")
        or diag("status " . ($status // 'none') . ", said:\n" . $g->stderr_text);
}
done_testing();
