# SPDX-License-Identifier: MIT
#
# A web server for one file on the host's loopback, for guests to fetch.

package Http;

use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();

# Serve that content, whatever is asked for, from a process that ends with the
# test.  Its port.
sub serve
{
    my ($content) = @_;
    my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', ReuseAddr => 1)
        or die "socket: $!\n";
    my $parent = $$;
    my $pid = fork();

    die "fork: $!\n" unless defined $pid;
    return $s->sockport if $pid;
    $SIG{ALRM} = sub { POSIX::_exit(0) if getppid() != $parent; alarm 2 };
    alarm 2;
    while (1) {
        my $c = $s->accept or next;
        while (my $line = <$c>) {
            last if $line =~ /^\r?\n$/;
        }
        print $c "HTTP/1.0 200 OK\r\nContent-Length: ", length $content, "\r\n\r\n", $content;
        close $c;
    }
}

1;
