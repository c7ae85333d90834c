# prog.sh NAME N: N rounds of one of Debian's programs.  What it made or
# computed, or a digest of it, is what it prints.  Busybox has an xz of its own.
export PATH=/usr/bin:/bin LC_ALL=C PYTHONHASHSEED=0 PERL_HASH_SEED=0
here=/bench/progs
work=/tmp/prog
mkdir -p $work
cd $work || exit 1

# rounds N CMD...
rounds() {
	left=$1
	shift
	while [ $left -gt 0 ]; do
		"$@" || exit 1
		left=$((left - 1))
	done
}

digest() {
	busybox md5sum | cut -c1-32
}

compile() {
	gcc-12 -O2 -c $here/k.c -o k.o && digest <k.o
}

# N: plain is so many times 64 KiB of a program, neither zeros nor noise
some_data() {
	busybox head -c $(($1 * 65536)) /usr/lib/*/libcrypto.so.3 >plain || exit 1
}

unpack() {
	/usr/bin/xz -dc packed.xz >unpacked && digest <unpacked
}

aes_key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
aes_iv=0f0e0d0c0b0a09080706050403020100

crypt() {
	openssl dgst -sha256 -r plain &&
		openssl enc -aes-256-cbc -K $aes_key -iv $aes_iv -in plain -out c &&
		digest <c
}

sign() {
	openssl dgst -sha256 -sign $here/rsa.pem -out s plain && digest <s
}

case $1 in
gcc) rounds $2 compile ;;
sqlite) sqlite3 :memory: "CREATE TABLE size AS SELECT $2 AS n" ".read $here/work.sql" ;;
python) python3.11 -S $here/work.py $2 ;;
perl) perl $here/work.pl $2 ;;
xz)
	some_data $2
	/usr/bin/xz -6 -T1 -c plain >packed.xz || exit 1
	digest <packed.xz
	rounds 8 unpack
	;;
openssl)
	some_data 64
	rounds $2 crypt
	rounds $2 sign
	;;
esac
