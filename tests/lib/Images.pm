# Images for tests of tests/block: runs our tools and Debian's, keeps a plain
# copy of what an image must hold.
#
#   my $d = Images->dir;                    a new directory, gone at the end
#   my ($status, $out) = run(OURS, 'img', 'info', $file);
#   Images::random_writes($tool, $file, $format, \$shadow, $seed, $count);
package Images;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename;
use File::Temp qw(tempdir);
our @EXPORT_OK = qw(run ours theirs slurp spew have_theirs new_dir random_writes);

my $build = $ENV{TEST_BUILD} // abs_path(dirname(__FILE__) . '/../../build/opt');

sub ours { return "$build/qemu-$_[0]" }
sub theirs { return "/usr/bin/qemu-$_[0]" }
sub have_theirs { return -x '/usr/bin/qemu-img' && -x '/usr/bin/qemu-io' }
sub new_dir { return tempdir('images-XXXXXX', TMPDIR => 1, CLEANUP => 1) }

# Exit status and everything that was said.
sub run {
    my @command = @_;
    my $pid = open(my $f, '-|') // die "fork: $!\n";
    if (!$pid) {
        open(STDERR, '>&', \*STDOUT);
        exec('timeout', '120', @command) or die "$command[0]: $!\n";
    }
    local $/;
    my $out = <$f> // '';
    close $f;
    return (($? & 127) ? 128 + ($? & 127) : $? >> 8, $out);
}

sub slurp {
    my ($name) = @_;
    open(my $f, '<:raw', $name) or return undef;
    local $/;
    return scalar <$f>;
}

sub spew {
    my ($name, $data) = @_;
    open(my $f, '>:raw', $name) or die "$name: $!\n";
    print $f $data;
    close $f or die "$name: $!\n";
}

# Random writes by qemu-io, the same into $$shadow.  Small and large, aligned or
# not, zeroes now and then.  Dies if the tool fails.
sub random_writes {
    my ($io, $file, $format, $shadow, $seed, $count) = @_;
    my $size = length $$shadow;
    my @commands;
    my $state = $seed * 2654435761 % 4294967296 + 1;
    my $random = sub {
        $state = ($state * 1103515245 + 12345) % 2147483648;
        return int($state / 65536) * 32768 % $_[0] + $state % 7;
    };
    for (1 .. $count) {
        my $grain = (512, 4096, 65536, 1)[$random->(4) % 4];
        my $off = int($random->($size) / $grain) * $grain % $size;
        my $len = (1 + $random->(12)) * (512, 4096, 20000, 100000)[$random->(4) % 4];
        $len = $size - $off if $off + $len > $size;
        my $byte = $random->(256) % 256;
        my $zero = $random->(6) % 6 == 0;
        push @commands, '-c', ($zero ? 'write -q -z' : "write -q -P $byte") . " $off $len";
        substr($$shadow, $off, $len) = chr($zero ? 0 : $byte) x $len;
    }
    my ($status, $out) = run($io, '-f', $format, @commands, $file);
    die "$io $file: $out\n" if $status || $out ne '';
}

1;
