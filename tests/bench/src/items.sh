# The items of the benchmark, run in a guest by /init or natively in a chroot.
# SC: scale in permille.  IT: names or FAMILY-* separated by commas, or "all".
#
# 1000 is meant to take some seconds per item in an emulator.

cd /bench || exit 1
SC=${SC:-1000}
IT=${IT:-all}

# N ROUNDS: set n to that many rounds, scaled
N() {
	if [ $1 -lt 10000 ]; then
		n=$(($1 * SC / 1000))
	else
		n=$(($1 / 10 * SC / 100))
	fi
	[ $n -ge 1 ] || n=1
}

# sq SIZE: the same where the work grows with the square of the size
sq() {
	case $SC in
	1???) n=$1 ;;
	[2-9]??) n=$(($1 / 2)) ;;
	1??) n=$(($1 / 3)) ;;
	[2-9]?) n=$(($1 / 5)) ;;
	*) n=$(($1 / 10)) ;;
	esac
}

want() {
	case ",$IT," in
	*,all,* | *,$1,* | *,"${1%%-*}-*",*) return 0 ;;
	esac
	return 1
}

# on PROGRAM: is it here?  Each processor has its own floating point.
on() {
	[ -x "./$1" ]
}

# run NAME CMD...: time it, then print a digest of what it computed
run() {
	name=$1
	shift
	want $name || return 0
	tm $name "$@"
	echo "OUT $name $(busybox md5sum </tmp/tm.out | cut -c1-8)"
}

echo "BENCH-BEGIN scale=$SC"

# integers, compiled C
N 600;       run int-sieve ./k sieve $n
N 80;        run int-sort ./k sort $n
N 3600;      run int-crc ./k crc $n
N 100000000; run int-i64 ./k i64 $n
N 500000000; run int-bits ./k bits $n
N 1800;      run int-matint ./k matint $n
N 150000000; run int-divs ./k divs $n
N 400000000; run int-atomic ./k atomic $n

# calls and dispatch
n=41
[ $SC -lt 500 ] && n=38
[ $SC -lt 100 ] && n=34
[ $SC -lt 20 ] && n=30
run call-fib ./k fib $n
N 4000000;   run call-vcall ./k vcall $n
N 28000000;  run call-interp ./k interp $n

# memory
N 12000000;  run mem-chase ./k chase $n
N 1000;      run mem-stream ./k stream $n
N 150000;    run mem-alias ./k alias $n

# string instructions, and libc's string functions
if on fp387; then
	N 9000;    run str-repmovs ./k repmovs $n
	N 2400000; run str-repmovsb ./k repmovsb $n
	N 12000;   run str-repstos ./k repstos $n
	N 2500;    run str-repscas ./k repscas $n
fi
N 450000;    run str-libc ./k libcstr $n

# floating point: x87 and VFP with their own counts; the SSE families share theirs
if on fp387; then
	N 400000;  run fp387-nbody ./fp387 nbody $n
	sq 1600;   run fp387-spectral ./fp387 spectral $n
	sq 900;    run fp387-mandel ./fp387 mandel $n
	N 20;      run fp387-lu ./fp387 lu $n
	N 36;      run fp387-gemm ./fp387 gemm $n
	N 2000;    run fp387-fft ./fp387 fft $n
	N 1200000; run fp387-trig ./fp387 trig $n
fi
for v in sse vec vecf vfp vfpf; do
	on fp$v || continue
	N 2500000; run fp$v-nbody ./fp$v nbody $n
	sq 3200;   run fp$v-spectral ./fp$v spectral $n
	sq 1800;   run fp$v-mandel ./fp$v mandel $n
	N 120;     run fp$v-lu ./fp$v lu $n
	N 130;     run fp$v-gemm ./fp$v gemm $n
	N 10000;   run fp$v-fft ./fp$v fft $n
done
for v in sse vfp; do
	on fp$v || continue
	N 1200000; run fp$v-trig ./fp$v trig $n
done
if on fpsoft; then
	N 30000;   run fpsoft-nbody ./fpsoft nbody $n
	N 3;       run fpsoft-gemm ./fpsoft gemm $n
fi

# operating system
N 6000000;   run os-syscall ./k syscall $n
on fp387 && { N 5000000; run os-int80 ./k int80 $n; }
N 1500;      run os-forkexec-static ./k forkexec $n /bench/true
[ -x /usr/bin/true ] && N 225 &&
	run os-forkexec-dyn ./k forkexec $n /usr/bin/true
N 1000;      run os-fork ./k fork $n
N 60000;     run os-pipe ./k pipe $n
N 12000;     run os-ctxsw ./k ctxsw $n
N 600;       run os-mmap ./k mmap $n
N 300000;    run os-mprot ./k mprot $n
N 500000;    run os-segv ./k segv $n
N 400000;    run os-sig ./k sig $n
on fp387 && { N 150000000; run os-rdtsc ./k rdtsc $n; }
N 20000000;  run os-gettime ./k gettime $n

# code written at run time
N 90000;     run smc-jit ./k smc $n
N 10000000;  run smc-false ./k jitdata $n

# whole programs, Debian's, where they are; the first to read random numbers
# would wait for the kernel to have some
[ -x /usr/bin/openssl ] && [ -c /dev/urandom ] && busybox head -c 1 /dev/urandom >/dev/null
prog() {
	[ -x /usr/bin/openssl ] && run prog-$1 busybox sh progs/prog.sh $1 $n
}
N 10;        prog gcc
N 100000;    prog sqlite
N 150;       prog python
N 250;       prog perl
N 60;        prog xz
N 20;        prog openssl

echo "BENCH-END"
