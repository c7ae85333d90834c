#!/bin/sh
# level: fast
# SPDX-License-Identifier: MIT
# Every device type was put to the contract test by one of the programs: it is
# on a board, or in extra_devices of tests/unit/device-contract.c.
cd "$(dirname "$0")/../.." || exit 2
bin=${TEST_BUILD:-build/opt}/tests/unit
echo 1..1
for t in device-contract test-arm-device-contract; do
	[ -x "$bin/$t" ] || { echo "not ok 1 - $bin/$t is not there"; exit; }
done
missed=$(for t in device-contract test-arm-device-contract; do
	"$bin/$t" types_not_checked_here | sed -n 's/^# not checked: //p' | sort -u
done | sort | uniq -d)
if [ -z "$missed" ]; then echo "ok 1 - each device type keeps the contract"
else
	echo "$missed" | sed 's/^/# on no board, and not in extra_devices: /'
	echo "not ok 1 - each device type keeps the contract"
fi
