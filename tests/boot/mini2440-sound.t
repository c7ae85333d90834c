#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# What Linux plays through DMA, I2S and the UDA1341 is in the WAV file, sample by
# sample.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;

my $dir = Guest::scratch();
my $wav = "$dir/played.wav";

# Noise: no two pieces are alike, so nothing lost, twice or swapped goes unseen.
srand(1341);
my $pcm = pack 's<*', map { int(rand(65535)) - 32768 || 1 } 1 .. 2 * 33333;
my $g = Guest->start(arm => 1, monitor => 1, args => [
    '-M', "mini2440,wav=$wav", '-kernel', Guest::file('zImage-mini2440'),
    '-initrd', Guest::initrd_with(Guest::file('initramfs-v4t'), 'noise' => $pcm,
                                  'pcmplay' => join '', Guest::slurp(Guest::file('pcmplay'))),
    '-append', 'console=ttySAC0,115200 noselftest', '-no-reboot']);

$g->must(qr/GUEST-SHELL\s+\/ # $/, 120, 'a shell');
$g->run_ok('cat /proc/asound/cards', 20, 'there is a sound card', qr/UDA134X/);
$g->send("/pcmplay /noise 44100\n");
$g->must(qr/pcmplay: played/, 60, 'the noise is played');
$g->monitor("quit");
is($g->wait_exit(20), 0, 'the emulator ends');

my $file = join '', Guest::slurp($wav);
my ($riff, $len, $wave, $fmt, $size, $pcm_tag, $channels, $rate, $bytes, $frame, $bits, $data,
    $data_len) = unpack 'a4Va4a4VvvVVvva4V', $file;
is("$riff$wave$fmt$data", 'RIFFWAVEfmt data', 'the file is a WAV file');
is($len + 8, length $file, 'of the length it says');
is($data_len + 44, length $file, 'all of it sound');
is("$pcm_tag $channels $bits $frame", '1 2 16 4', 'PCM, 16 bits, stereo');
is($bytes, $rate * 4, 'its bytes a second');
# PCLK is 50.625 MHz; dividers of 256 or 384 fs times 1 to 32 come no nearer than this.
cmp_ok(abs($rate - 44100), '<', 44100 * 0.02, "at about 44.1 kHz: $rate");
my $played = substr $file, 44;
$played =~ s/\A(?:\0{4})+//;
$played =~ s/(?:\0{4})+\z//;
is(length $played, length $pcm, 'as long as what was played');
ok($played eq $pcm, 'and each sample the same');
done_testing();
