#!/usr/bin/perl
# level: fast
# SPDX-License-Identifier: MIT
#
# What a guest can get wrong, by boot sectors: a triple fault resets the machine,
# or ends it under -no-reboot; where nothing answers, reads give all ones, writes
# are lost, and both are logged.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $dir = Guest::scratch();

sub boot_sector
{
    my ($name, @code) = @_;
    my $code = pack('H*', join('', @code));

    open(my $f, '>:raw', "$dir/$name") or die "$dir/$name: $!\n";
    print $f $code, "\0" x (510 - length $code), "\x55\xaa", "\0" x (512 * 2879);
    close $f;
    return "file=$dir/$name,format=raw,if=floppy";
}

my @common = ('-boot', 'a', '-m', 16, '-vga', 'none', '-drive');

# INT 3 without an IDT: #GP, #DF, shutdown (SDM vol. 3A, 6.15, interrupt 8)
my $triple = boot_sector('triple',
    'bafb03', 'b003', 'ee',             # LCR = 3: 8 bits
    'baf803', 'b054', 'ee',             # THR = 'T'
    '0f011e127c',                       # lidt [none]
    'cc',                               # int3
    '000000000000');                    # none: limit 0

my $g = Guest->start(name => 'triple-fault', args => [@common, $triple, '-no-reboot']);
is($g->wait_exit(60), 0, 'a triple fault ends the emulator under -no-reboot');
is($g->{all} =~ tr/T//, 1, 'the guest ran once');

$g = Guest->start(name => 'triple-fault', args => [@common, $triple]);
$g->must(qr/T.*T.*T/s, 60, 'otherwise it resets the machine, each time');
ok($g->alive, 'and the machine goes on');
$g->stop;

# The status is that of isa-debug-exit: 0x40 and a bit for what was not all ones
my $nothing = boot_sector('nothing',
    'fa', '31c0', '8ed8',               #     cli; ds = 0
    'b340', 'ba3412',                   #     bl = 0x40; dx = 0x1234
    'ec', '3cff', '7403', '80cb01',     #     in al, dx; not all ones: bl |= 1
    'ed', '83f8ff', '7403', '80cb02',   #     in ax, dx; ... 2
    '66ed', '6683f8ff', '7403', '80cb04',       # in eax, dx; ... 4
    '66ef',                             #     out dx, eax
    '0f0116647c',                       #     lgdt [gdt]
    '0f20c0', '40', '0f22c0',           #     PE = 1
    'b90800', '8ed9',                   #     ds = 8: 4 GiB
    '48', '0f22c0',                     #     PE = 0
    '66be000000d0',                     #     mov esi, 0xd0000000
    '678a06', '3cff', '7403', '80cb08', #     mov al, [esi]; ... 8
    '66678b4602', '6683f8ff', '7403', '80cb10', # mov eax, [esi + 2]; ... 16
    '66678906',                         #     mov [esi], eax
    '88d8', 'e6f4', 'f4',               #     out 0xf4, bl; hlt
    '0f00647c0000', '0000',             # gdt: its own address in entry 0
    'ffff000000', '92cf00');            #     data, base 0, 4 GiB

$g = Guest->start(name => 'nothing', args => [@common, $nothing,
    '-device', 'isa-debug-exit,iobase=0xf4', '-d', 'guest_errors', '-D', "$dir/log"]);
SKIP: {
    skip('in memory QEMU 7.2 reads 0, and its log differs', 5) if Guest::is_reference();
    is($g->wait_exit(60), 0x40 << 1 | 1, 'where nothing is, all reads give ones');
    my $log = join '', Guest::slurp("$dir/log");
    like($log, qr/1234/, 'the port is in the log');
    like($log, qr/d0000000/, 'the address is in the log');
    like($log, qr/read.*\n.*writ/s, 'reads and writes are');
    is($g->stderr_text, '', 'nothing went to stderr');
}
done_testing();
