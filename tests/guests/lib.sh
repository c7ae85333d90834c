# SPDX-License-Identifier: MIT
# Sourced by the scripts of this folder (POSIX sh): where things are, messages,
# Debian packages for i386 without touching the machine's own apt.
#
# GUESTS_OUT    where guests are built        (default: build/guests)
# GUESTS_CACHE  a folder of ready guests      (default: ../shared/guests if there)
# DEBIAN_MIRROR Debian mirror to use          (default: what apt uses here)

LC_ALL=C
export LC_ALL
umask 022

guests_dir=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$guests_dir/../.." && pwd)
out=${GUESTS_OUT:-$top/build/guests}
cache=${GUESTS_CACHE:-$top/../shared/guests}
suite=bookworm
PATH=$PATH:/usr/sbin:/sbin

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

say() {
	[ -n "$GUESTS_QUIET" ] || echo "${0##*/}: $*" >&2
}

# need PROGRAM PACKAGE...: stop in one sentence if a program is missing
need() {
	while [ $# -ge 2 ]; do
		command -v "$1" >/dev/null 2>&1 ||
			die "$1: not found, run scripts/install-deps guests (package $2)"
		shift 2
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || die "needs root, to run i386 programs in a chroot and make device nodes"
	[ -e /proc/self/exe ] || die "/proc: not mounted, debootstrap needs it"
}

# A scratch directory that goes when the script ends.
scratch() {
	mkdir -p "$out" || exit 1
	tmp=$(mktemp -d "$out/tmp.XXXXXX") || exit 1
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# The file CACHE/$1 if there is one; GUESTS_CACHE= (empty) means none.
cached() {
	[ "${GUESTS_CACHE-unset}" != "" ] && [ -f "$cache/$1" ] && echo "$cache/$1"
}

# ---- packages ---------------------------------------------------------------

# Where the machine's apt finds Debian 12, by lists already there.
configured_mirror() {
	apt-get "$@" indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		"Codename: $suite" 'Component: main' 2>/dev/null |
		grep '^http' | head -n 1
}

# The mirror to use; never shown.  A machine whose lists were cleaned away gets
# lists in $out, for its own configuration, to ask again.
mirror() {
	if [ -n "$DEBIAN_MIRROR" ]; then
		echo "$DEBIAN_MIRROR"
		return
	fi
	m=$(configured_mirror)
	if [ -z "$m" ]; then
		mkdir -p "$out/apt/host/lists/partial" "$out/apt/host-cache/archives/partial"
		set -- -o "Dir::State=$out/apt/host" -o "Dir::Cache=$out/apt/host-cache" \
			-o APT::Sandbox::User=root
		apt-get -q "$@" update >"$out/apt/log" 2>&1
		m=$(configured_mirror "$@")
	fi
	echo "$m"
}

# apt with one architecture, i386 or $apt_arch, and Debian 12 without its
# updates as its only source, lists and caches of its own under $out, the
# machine's keys.
apt_i386() {
	apt_prog=$1
	arch=${apt_arch:-i386}
	state=$out/apt/state${apt_arch:+-$apt_arch}
	shift
	"$apt_prog" -q -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" \
		-o "Dir::State=$state" -o "Dir::Cache=$out/apt/cache" \
		-o Dir::State::status=/dev/null -o APT::Sandbox::User=root \
		-o "Dir::Etc::sourcelist=$out/apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Acquire::Retries=3 "$@"
}

# Fetch the package lists, once a day at most.
apt_lists() {
	need apt-get apt
	stamp=$out/apt/stamp${apt_arch:+-$apt_arch}
	mkdir -p "$out/apt/state${apt_arch:+-$apt_arch}/lists/partial" \
		"$out/apt/cache/archives/partial"
	if [ -z "$(find "$stamp" -mtime -1 2>/dev/null)" ]; then
		say "fetching the ${apt_arch:-i386} package lists"
		deb=$(mirror)
		[ -n "$deb" ] || die "apt here knows no Debian 12 mirror, set DEBIAN_MIRROR"
		keys=/usr/share/keyrings/debian-archive-keyring.gpg
		echo "deb [signed-by=$keys] $deb $suite main" >"$out/apt/sources.list"
		apt_i386 apt-get update >"$out/apt/log" 2>&1 ||
			die "apt-get update: failed, see $out/apt/log"
		: >"$stamp"
	fi
}

# debs DIR PACKAGE...: download packages into DIR
debs() {
	debs_dir=$1
	shift
	apt_lists
	mkdir -p "$debs_dir"
	say "downloading $*"
	(cd "$debs_dir" && apt_i386 apt-get download "$@") \
		>"$out/apt/log" 2>&1 ||
		die "apt-get download $*: failed, see $out/apt/log"
}

# debs_of ARCHITECTURE DIR PACKAGE...
debs_of() {
	apt_arch=$1
	shift
	debs "$@"
	apt_arch=
}

# source_of PACKAGE...: Debian's source packages, unpacked as $tmp/PACKAGE
source_of() {
	need dpkg-source dpkg-dev
	# sources are in lists of their own
	apt_arch=source
	apt_lists
	sed 's/^deb /deb-src /' "$out/apt/sources.list" >"$tmp/sources.list"
	(cd "$tmp" && apt_i386 apt-get -o "Dir::Etc::sourcelist=$tmp/sources.list" update &&
		apt_i386 apt-get -o "Dir::Etc::sourcelist=$tmp/sources.list" source --download-only \
			"$@") >"$out/apt/log" 2>&1 ||
		die "apt-get source $*: failed, see $out/apt/log"
	for s in "$@"; do
		(cd "$tmp" && dpkg-source --no-check -x "${s}"_*.dsc "$s") >/dev/null || exit 1
	done
	apt_arch=
}

# ---- initramfs ----------------------------------------------------------------

# kernel_files FLAVOUR: Debian's kernel package, unpacked in $tmp/k; sets
# $version and $vmlinuz.
kernel_files() {
	need dpkg-deb dpkg depmod kmod
	apt_lists
	package=$(apt_i386 apt-cache depends "linux-image-$1" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
	[ -n "$package" ] || die "linux-image-$1: not known to apt"
	debs "$tmp/kernel-deb" "$package"
	mkdir "$tmp/k"
	dpkg-deb -x "$tmp"/kernel-deb/linux-image-*.deb "$tmp/k" || exit 1
	version=$(ls "$tmp/k/lib/modules")
	vmlinuz=$tmp/k/boot/vmlinuz-$version
	depmod -b "$tmp/k" "$version"
}

# add_modules ROOT LIST: the modules named in the file LIST and what they
# depend on, from kernel_files to ROOT.
add_modules() {
	mod_from=$tmp/k/lib/modules/$version
	mod_to=$1/lib/modules/$version
	mkdir -p "$mod_to"
	sed '/^#/d' "$2" | while read -r m; do
		# names differ in - and _ between package and modprobe
		pattern=$(echo "$m" | sed 's/[-_]/[-_]/g')
		line=$(grep -E "(^|/)$pattern\.ko:" "$mod_from/modules.dep") || continue
		for f in $(echo "$line" | tr -d :); do
			mkdir -p "$mod_to/${f%/*}"
			cp "$mod_from/$f" "$mod_to/$f"
		done
	done
	for f in order builtin builtin.modinfo; do
		cp "$mod_from/modules.$f" "$mod_to/"
	done
	depmod -b "$1" "$version"
}

# add_busybox ROOT: busybox-static for i386 as ROOT/bin/busybox
add_busybox() {
	debs "$tmp/busybox-deb" busybox-static
	dpkg-deb -x "$tmp"/busybox-deb/busybox-static_*.deb "$tmp/b" || exit 1
	mkdir -p "$1/bin"
	cp "$tmp"/b/bin/busybox "$1/bin/busybox"
}

# pack ROOT FILE: a directory as a compressed initramfs owned by root
pack() {
	(cd "$1" && find . | sort |
		cpio -o -H newc -R 0:0 --reproducible --quiet) | gzip -9n >"$2"
}
