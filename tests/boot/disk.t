#!/usr/bin/perl
# level: all
# SPDX-License-Identifier: MIT
#
# A Debian 12 disk from power-on: BIOS, GRUB in the MBR, kernel, systemd, a
# login; work in it (compile, run, install a package from a CD); shut down; the
# file system on the host is clean and holds what was written.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use Test::More;
use Time::HiRes qw(time);

my $disk = Guest::copy_of(Guest::file('disk-i386'));
my $cd = Guest::file('iso-i386');
my $began = time;
my $g = Guest->start(args => [
    '-m', 256, '-no-reboot',
    '-drive', "file=$disk,format=raw,if=ide,index=0,media=disk",
    '-drive', "file=$cd,format=raw,if=ide,index=2,media=cdrom"]);

$g->must(qr/GNU GRUB/, 60, 'GRUB comes up from the MBR');
$g->login(300);
diag(sprintf 'power-on to shell: %.1f s', time - $began);

$g->run_ok('uname -m', 20, 'an i686 kernel', qr/^i686$/m);
$g->run_ok('systemctl is-system-running --wait', 240,
           'systemd started everything', qr/^running$/m);
$g->run_ok('mount', 20, 'the root is on the IDE disk', qr{/dev/sda1 on / type ext4});

my @hello = ('#include <stdio.h>', '#include <math.h>',
    'int main(int argc, char **argv) {',
    'printf("%s: compiled %.3f\n", argv[0], sqrt(argc + 1)); return 0; }');
$g->run_ok("printf '%s\\n' '" . join("' '", @hello) . "' >/root/h.c", 20,
           'a C program is written');
$g->run_ok('gcc -O2 -o /root/h /root/h.c -lm', 180, 'gcc compiles it');
$g->run_ok('/root/h', 20, 'it runs', qr{^/root/h: compiled 1\.414$}m);
$g->run_ok('python3 -c "print(2**200 % 1000007, sum(i*i for i in range(1000)))"',
           60, 'python computes', qr/^(?:@{[modpow(2, 200, 1000007)]}) 332833500$/m);
$g->run_ok('printf abc | openssl dgst -sha256', 60, 'openssl hashes',
           qr/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/);

$g->run_ok('mount /media/cdrom && ls /media/cdrom/repo', 60,
           'the CD is mounted', qr/hello_.*\.deb/);
$g->run_ok('! command -v hello', 20, 'hello is not installed yet');
$g->run_ok('apt-get -q update && apt-get -q -y install hello </dev/null', 240,
           'apt installs a package from the CD', qr/Setting up hello/);
$g->run_ok('hello', 20, 'which works', qr/^Hello, world!$/m);
$g->run_ok('umount /media/cdrom', 30, 'the CD is unmounted');
my $sum = 'none';
my $out = $g->run('head -c 20000000 /dev/urandom >/root/data; sync; ' .
                  'echo 3 >/proc/sys/vm/drop_caches; sha256sum </root/data', 120);
($sum) = $out =~ /^([0-9a-f]{64})/m if defined $out;
isnt($sum, 'none', '20 MB are written and read back from the disk');

$g->send("poweroff\n");
is($g->wait_exit(180), 0, 'shut-down ends the emulator with status 0');
is($g->stderr_text, '', 'which had nothing to complain about');

SKIP: {
    my $tool = grep { -x "$_/e2fsck" && -x "$_/debugfs" } split(/:/, $ENV{PATH}),
        '/sbin', '/usr/sbin';
    skip('no e2fsck here', 2) unless $tool;
    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/sbin";
    my $part = "$disk?offset=1048576";
    my $fsck = `e2fsck -fn '$part' 2>&1`;
    is($? >> 8, 0, 'the file system is clean') or diag($fsck);
    my $have = `debugfs -R 'cat /root/data' '$part' 2>/dev/null | sha256sum`;
    is(substr($have, 0, 64), $sum, 'what the guest wrote is in the image');
}
done_testing();

sub modpow
{
    my ($base, $exp, $mod) = @_;
    my $r = 1;

    $r = $r * $base % $mod for 1 .. $exp;
    return $r;
}
