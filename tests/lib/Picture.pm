# SPDX-License-Identifier: MIT
#
# What tests of screens share: a PPM that screendump wrote, and the colours in it.

package Picture;

use strict;
use warnings;
use Guest;

# Width w, height h and the bytes; 0 by 0 if it is no PPM.
sub load
{
    my ($path) = @_;
    my $data = join '', Guest::slurp($path);

    $data =~ /^P6\s+(\d+)\s+(\d+)\s+255\s/g or return {w => 0, h => 0, data => ''};
    return {w => $1, h => $2, data => substr($data, pos $data)};
}

# The colours of a part, three bytes each, and how many points have them.
sub colours
{
    my ($p, $x, $y, $w, $h) = @_;
    my %seen;

    for my $row ($y .. $y + $h - 1) {
        for my $col ($x .. $x + $w - 1) {
            $seen{substr($p->{data}, 3 * ($row * $p->{w} + $col), 3)}++;
        }
    }
    return %seen;
}

# Is it the yellow of the penguin's beak and feet?
sub yellow
{
    my ($r, $g, $b) = unpack 'C3', $_[0];

    return $r > 180 && $g > 120 && $b < 80;
}

1;
