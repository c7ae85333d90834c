#!/usr/bin/perl
# level: check
# SPDX-License-Identifier: MIT
#
# Debian's kernel and each card of the PC with its own driver: DHCP, ping, a file
# by TFTP and one over TCP, each way; a server in the guest behind hostfwd; a
# cable that is pulled; what tcpdump would see.

use strict;
use warnings;
use Digest::MD5;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Guest;
use IO::Select;
use IO::Socket::INET;
use Test::More;

my $kernel = Guest::file('vmlinuz-686');
my $initrd = Guest::file('initramfs-686');
my $dir = Guest::scratch();
my $size = 1_500_001;
my $data = pack('N*', map { $_ * 2654435761 % 2**32 } 1 .. $size / 4) . 'x';
my $sum = Digest::MD5::md5_hex($data);

open(my $f, '>', "$dir/file") or die "$dir/file: $!\n";
print {$f} $data;
close $f;

sub listener
{
    return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
                                 Proto => 'tcp') || die "listen: $!\n";
}

sub free_port
{
    return listener()->sockport;
}

# All that comes until the other end closes, within secs.
sub slurp_socket
{
    my ($s, $secs) = @_;
    my $end = time + $secs * $Guest::scale;
    my $all = '';

    while (time < $end) {
        next unless IO::Select->new($s)->can_read(1);
        last unless sysread($s, my $part, 65536);
        $all .= $part;
    }
    return $all;
}

sub boot
{
    my ($name, @args) = @_;
    my $g = Guest->start(name => "net-$name", monitor => 1, args => [
        '-m', 128, '-no-reboot', @args, '-kernel', $kernel, '-initrd', $initrd,
        '-append', 'console=ttyS0 quiet']);

    $g->must(qr/GUEST-READY/, 120, "$name: the kernel reaches user space");
    $g->must(qr/# /, 30, 'and a shell');
    return $g;
}

sub lease
{
    my ($g, $name) = @_;

    $g->run_ok('ip link set eth0 up && udhcpc -n -q -i eth0 -s /etc/udhcpc', 60,
               "$name: DHCP", qr/dhcp: eth0 10\.0\.2\.15 via 10\.0\.2\.2/);
}

# The host sends a file to the guest, and gets it back.
sub transfer
{
    my ($g, $name) = @_;
    my $l = listener();
    my $port = $l->sockport;

    $g->send("nc 10.0.2.2 $port >/tmp/in </dev/null; echo rec''eived\n");
    if (ok(IO::Select->new($l)->can_read(30), "$name: the guest connects")) {
        my $s = $l->accept;

        # nothing but a socket buffer's worth goes at once: let the guest's
        # output be read meanwhile
        my $at = 0;
        while ($at < length $data) {
            my $n = syswrite($s, $data, 65536, $at) or last;
            $at += $n;
            $g->pump(0);
        }
        close $s;
    }
    $g->must(qr/received/, 60, "$name: a file goes in");
    $g->run_ok('md5sum </tmp/in', 20, 'whole', qr/^$sum/m);
    $g->send("nc 10.0.2.2 $port </tmp/in; echo se''nt\n");
    if (ok(IO::Select->new($l)->can_read(30), "$name: it connects again")) {
        my $s = $l->accept;
        is(Digest::MD5::md5_hex(slurp_socket($s, 60)), $sum, 'the file comes back');
        close $s;
    }
    $g->must(qr/sent/, 30, 'and that is all');
}

for my $model ('ne2k_pci', 'rtl8139') {
    my $port = free_port();
    my $pcap = "$dir/$model.pcap";
    my $g = boot($model, '-net', "nic,model=$model,macaddr=52:54:00:00:00:77", '-net',
                 "user,tftp=$dir,hostfwd=tcp:127.0.0.1:$port-:7", '-net',
                 "dump,file=$pcap,len=96");

    lease($g, $model);
    $g->run_ok('cat /sys/class/net/eth0/address', 20, 'its address', qr/52:54:00:00:00:77/);
    $g->run_ok('ping -c 2 10.0.2.2', 30, 'ping', qr/ 0% packet loss/);
    $g->run_ok('cd /tmp && tftp -g -r file 10.0.2.2 && md5sum file', 60, 'TFTP',
               qr/^$sum/m);
    transfer($g, $model);

    $g->send("echo answer | nc -l -p 7 >/tmp/q & sleep 1; echo lis''tening\n");
    $g->must(qr/listening/, 20, "$model: a server in the guest");
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    if (ok($s, 'hostfwd: the host connects to it')) {
        syswrite($s, "question\n");
        shutdown($s, 1);
        like(slurp_socket($s, 20), qr/^answer/, 'and is answered');
        $g->run_ok('sleep 1; cat /tmp/q', 20, 'and understood', qr/question/);
    }
    like($g->monitor('info network'), qr/model=$model,macaddr=52:54:00:00:00:77/,
         'info network');
    $g->monitor("set_link $model.0 off");
    $g->run_ok('! ping -c 1 -W 2 10.0.2.2', 30, 'set_link off: nobody answers');
    $g->monitor("set_link $model.0 on");
    $g->run_ok('sleep 3; ping -c 4 -W 3 10.0.2.2', 60, 'on: they do', qr/ [1-4] packets received/);
    $g->send("poweroff -f\n");
    is($g->wait_exit(60), 0, 'power-off ends the emulator, status 0');
    is($g->stderr_text, '', 'which had nothing to complain about');
    my $head = join '', Guest::slurp($pcap);
    is(unpack('V', $head), 0xa1b2c3d4, 'the dump is a pcap file');
    like($head, qr/DHCP|\x63\x82\x53\x63|\x08\x06\x00\x01/s, 'with what was said');
}

# Two machines, one cable.
{
    my $port = free_port();
    my $a = boot('a', '-net', 'nic', '-net', "socket,listen=127.0.0.1:$port");
    my $b = boot('b', '-net', 'nic,model=rtl8139,macaddr=52:54:00:00:00:99', '-net',
                 "socket,connect=127.0.0.1:$port");

    $a->run_ok('ip addr add 10.9.9.1/24 dev eth0; ip link set eth0 up', 20, 'a is up');
    $b->run_ok('ip addr add 10.9.9.2/24 dev eth0; ip link set eth0 up', 20, 'b is up');
    $a->run_ok('ping -c 4 -W 3 10.9.9.2', 60, 'they see each other',
               qr/ [1-4] packets received/);
}
done_testing();
