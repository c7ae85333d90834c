#!/bin/sh
# level: fast
# House rules that a grep can check.
cd "$(dirname "$0")/../.." || exit 2
n=0
files=$(git ls-files '*.c' '*.h' '*.S' '*.def' 2>/dev/null)

# check NAME OFFENDING-LINES
check() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "$2" | sed 's/^/# /' | head -20
        echo "not ok $n - $1"
    fi
}

# shellcheck disable=SC2086
{
check "exit() only in a main" \
    "$(grep -nE '(^|[^_a-z])exit\(' $files | grep -vE '^(vl\.c|tools/|tests/)')"
check "abort() only in util/" \
    "$(grep -nE '(^|[^_a-z])abort\(' $files | grep -vE '^(util/|tests/)')"
check "no .c includes a .c" "$(grep -nE '^#include ".*\.c"' $files)"
check "no TARGET_ conditionals outside target-*" \
    "$(grep -nE '^#if.*TARGET_(I386|ARM)' $files | grep -v '^target-')"
check "every source has its licence line" \
    "$(for f in $files; do case $f in *.def) ;; *) head -3 "$f" | grep -q SPDX || echo "$f" ;; esac; done)"
check "a .c includes its own header first" "$(for f in $files; do
    case $f in tests/*) continue ;; *.c) ;; *) continue ;; esac
    h=${f%.c}.h; [ -f "$h" ] || continue
    first=$(grep -m1 '^#include "' "$f" | cut -d'"' -f2)
    [ "$first" = "$h" ] || echo "$f includes $first first"; done)"
check "no file has more than 1500 lines" \
    "$(wc -l $files | awk '$1 > 1500 && $2 != "total" { print $2 ": " $1 " lines" }')"
check "no unfinished marks" "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $files)"
check "no tabs, no trailing blanks" "$(grep -nE '	| $' $files | grep -v '\.S:')"
}
echo "1..$n"
