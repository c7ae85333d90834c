#!/usr/bin/perl
# level: fast
# SPDX-License-Identifier: MIT
#
# Without a kernel versatilepb runs what is in its NOR flash, from address 0.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

# Writes a line to UART0, ends by semihosting.
my $program = pack('L*',
    0xeaffffff,             #       b       start
    0xe59f0020,             # start: ldr    r0, =0x101f1000
    0xe28f1024,             #       adr     r1, text
    0xe4d12001,             # 1:    ldrb    r2, [r1], #1
    0xe3520000,             #       cmp     r2, #0
    0x15802000,             #       strne   r2, [r0]
    0x1afffffb,             #       bne     1b
    0xe3a00018,             #       mov     r0, #SYS_EXIT
    0xe59f1008,             #       ldr     r1, =ADP_Stopped_ApplicationExit
    0xef123456,             #       svc     0x123456
    0xeafffffe,             # 2:    b       2b
    0x101f1000, 0x00020026) . "from flash\n\0";

my $dir = Guest::scratch();
my $bios = file('bios', $program);
my $flash = file('flash', $program);
truncate $flash, 64 << 20 or die "$flash: $!\n";

for my $args (['-bios', $bios], ['-pflash', $flash],
              ['-drive', "if=pflash,format=raw,readonly=on,file=$flash"]) {
    my $g = Guest->start(arm => 1, name => 'arm-firmware', args => [
        '-M', 'versatilepb', '-net', 'none', '-semihosting', @$args]);

    $g->must(qr/from flash/, 20, "$args->[0]: the program runs");
    is($g->wait_exit(20), 0, 'and ends the emulator');
    is($g->stderr_text, '', 'which says nothing');
}
done_testing();

sub file
{
    my ($name, $content) = @_;

    return Guest::write_file("$dir/$name", $content);
}
