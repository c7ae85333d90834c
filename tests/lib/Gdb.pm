# SPDX-License-Identifier: MIT
#
# What tests of the GDB stub share: GDB itself, and where it attaches.

package Gdb;

use strict;
use warnings;
use File::Temp 'tempdir';
use Guest;
use IO::Socket::INET;

my $dir = tempdir(CLEANUP => 1);

# The path of a GDB; without it the test is skipped.
sub program
{
    my ($name) = @_;
    my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};

    return $path // Guest::skip_all("$name: there is no such program");
}

# The output of GDB with these commands, after attaching.
sub run
{
    my ($program, $arch, $target, @commands) = @_;
    my $script = "$dir/commands";

    open my $f, '>', $script or die "$script: $!\n";
    print $f "$_\n" for 'set pagination off', 'set confirm off', 'set tcp connect-timeout 20',
        "set architecture $arch", "target remote $target", @commands;
    close $f;
    my $secs = int(60 * $Guest::scale);
    return scalar `timeout $secs $program -nx -batch -x $script 2>&1`;
}

# -s if nobody else has its port.
sub tcp
{
    my $s = IO::Socket::INET->new(Listen => 1, LocalPort => 1234, ReuseAddr => 1);

    return (['-s'], ':1234') if $s;
    $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!\n";
    my $port = $s->sockport;
    return (['-gdb', "tcp:127.0.0.1:$port"], "127.0.0.1:$port");
}

1;
