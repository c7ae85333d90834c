# The work of prog-perl, N rounds: a log is made, taken apart by regular
# expressions, counted in hashes, sorted and printed as a report.
use strict;
use warnings;

my $seed = 815;

sub below
{
    my ($n) = @_;

    $seed = ($seed * 69069 + 1) % 4294967296;
    return int($seed / 1024) % $n;
}

sub make_log
{
    my ($num) = @_;
    my @verb = qw(GET PUT POST HEAD);
    my $log = '';

    for my $i (1 .. $num) {
        my $path = join '/', map { chr(97 + below(8)) x (1 + below(5)) } 0 .. below(4);
        $log .= sprintf "10.%d.%d.%d - [%02d:%02d] \"%s /%s.html?id=%d\" %d %d\n",
            below(4), below(9), below(200), $i / 60 % 24, $i % 60,
            $verb[below(4)], $path, below(1000), (200, 304, 404)[below(3)], below(50000);
    }
    return $log;
}

sub read_log
{
    my ($log) = @_;
    my (%hits, %bytes, %status);

    for my $line (split /\n/, $log) {
        my ($host, $hour, $verb, $path, $args, $status, $size) =
            $line =~ m{^([\d.]+) - \[(\d+):\d+\] "(\w+) (\S+?)\?(\S*)" (\d{3}) (\d+)$} or next;
        my %arg = map { split /=/, $_, 2 } split /&/, $args;
        $path =~ s{(\w)\1+}{$1}g;
        $path =~ tr/a-d/A-D/;
        $hits{$path}{$verb}++;
        $bytes{join '.', (split /\./, $host)[0 .. 2]} += $size;
        $status{$status} += $arg{id} if $hour > 0 || $arg{id} % 2;
    }
    return (\%hits, \%bytes, \%status);
}

sub report
{
    my ($hits, $bytes, $status) = @_;
    my %sum;

    for my $path (keys %$hits) {
        $sum{$path} += $_ for values %{$hits->{$path}};
    }
    my @top = sort { $sum{$b} <=> $sum{$a} || $a cmp $b } keys %sum;
    my $page = join "\n", map { sprintf '%-20s %5d', $_, $sum{$_} } @top[0 .. 4];
    $page .= sprintf "\n%s %d", $_, $bytes->{$_} for sort keys %$bytes;
    $page .= sprintf "\n%s %.3f", $_, $status->{$_} / 7 for sort keys %$status;
    return $page;
}

sub primes
{
    my ($below) = @_;
    my @is = (0, 0, (1) x ($below - 2));

    for (my $i = 2; $i * $i < $below; $i++) {
        next unless $is[$i];
        for (my $k = $i * $i; $k < $below; $k += $i) {
            $is[$k] = 0;
        }
    }
    return scalar grep { $_ } @is;
}

for (1 .. $ARGV[0]) {
    my $page = report(read_log(make_log(400)));
    print unpack('%32C*', $page), ' ', length $page, ' ', primes(5000), "\n";
    print $page, "\n" if $_ == 1;
}
