#!/bin/sh
# level: check
# The slow twins of the engine against the host: fuzz-x86 with each option, a
# part of what the default gets.
fuzz=${TEST_BUILD:-build/opt}/tests/fuzz/fuzz-x86
cases=15000
[ "$TEST_LEVEL" = all ] && cases=200000
n=0
for o in interp no_opt no_pin no_fastfp no_chain no_fast_tlb selfcheck; do
    n=$((n + 1))
    out=$("$fuzz" $cases $n -o $o 2>&1)
    case $out in
    *"# SKIP "*) echo "ok $n - $o # SKIP ${out#*# SKIP }" ;;
    *"not ok"*) echo "$out" | sed 's/^/# /'; echo "not ok $n - $o: $fuzz $cases $n -o $o" ;;
    *"ok 2"*) echo "ok $n - $o" ;;
    *) echo "$out" | sed 's/^/# /'; echo "not ok $n - $o: it crashed" ;;
    esac
done
echo "1..$n"
