# SPDX-License-Identifier: MIT
#
# What tests of USB share: sticks with a file system, and events of input devices.

package Usb;

use strict;
use warnings;
use Guest;
use Test::More;
use Time::HiRes qw(sleep);

# DIR/NAME: a stick with ext2 and a file "data" of that many bytes.  Its MD5 sum.
sub make_stick
{
    my ($dir, $name, $bytes) = @_;

    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/sbin";
    Guest::skip_all('no mke2fs here') if system('command -v mke2fs >/dev/null') != 0;
    mkdir "$dir/files";
    system("head -c $bytes /dev/urandom >$dir/files/data && truncate -s 64M $dir/$name && " .
           "mke2fs -q -t ext2 -d $dir/files $dir/$name") == 0 or die "mke2fs: failed\n";
    my ($sum) = `md5sum <$dir/files/data` =~ /^(\w+)/;
    return $sum;
}

# The MD5 sum of a file on a stick that is not in use, and whether e2fsck likes it.
sub sum_on_stick
{
    my ($stick, $file) = @_;

    local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/sbin";
    my $fsck = `e2fsck -fn $stick 2>&1`;
    my $clean = $? == 0;
    my ($sum) = `debugfs -R 'cat $file' $stick 2>/dev/null | md5sum` =~ /^(\w+)/;
    return ($sum, $clean, $fsck);
}

# Wait until the guest has that: a shell condition.
sub await
{
    my ($g, $condition, $secs, $what) = @_;

    $g->run_ok("n=0; until $condition; do sleep 1; n=\$((n + 1)); [ \$n -lt $secs ] || break; done; "
               . $condition, $secs + 30, $what);
}

# The /dev/input/event of the device that has this in its name.
sub event_device
{
    my ($g, $name) = @_;
    my $all = $g->run('cat /proc/bus/input/devices', 20) // '';

    for my $device (split /\n\n/, $all) {
        return "/dev/input/$1" if $device =~ /^N: Name="[^"]*\Q$name\E/m &&
            $device =~ /^H: Handlers=.*\b(event\d+)/m;
    }
    return undef;
}

# Its events while these monitor commands are done: "type code value" each, the
# type 0 (what separates reports) left out.
sub events
{
    my ($g, $device, @commands) = @_;

    $g->run("cat $device >/tmp/events & sleep 1", 20);
    for (@commands) {
        $g->monitor($_);
        sleep 0.3 * $Guest::scale;
    }
    my $hex = $g->run('sleep 1; kill $!; od -A n -v -t x1 /tmp/events | tr -d " \n"; echo', 30);
    # struct input_event of 32-bit Linux: 8 bytes of time, then these
    my @events = map { join ' ', unpack 'x8 S< S< l<', $_ }
        unpack '(a16)*', pack 'H*', ($hex // '') =~ /([0-9a-f]{32,})/ ? $1 : '';
    return grep { !/^0 / } @events;
}

1;
