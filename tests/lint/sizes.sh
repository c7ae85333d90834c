#!/bin/sh
# The tail: longest functions (lines from a "{" in column one to its "}") and files.
cd "$(dirname "$0")/../.." || exit 2
git ls-files '*.c' | grep -v '^tests/' | xargs awk '
    FNR == 1 { inside = 0 }
    /^[a-zA-Z_].*\(/ { head = $0 }
    /^\{/ { start = FNR; inside = 1 }
    /^\}/ && inside { inside = 0; n = FNR - start + 1; print n, FILENAME, head }' |
sort -rn >/tmp/sizes.$$
awk '{ a[NR] = $1 } END { printf "functions %d, median %d, p90 %d, above 80 lines %.1f %%\n", NR,
    a[int(NR / 2) + 1], a[int(NR / 10) + 1], 100 * over(a, NR) / NR }
    function over(v, n,   i, k) { for (i = 1; i <= n; i++) if (v[i] > 80) k++; return k }' /tmp/sizes.$$
head -15 /tmp/sizes.$$
rm -f /tmp/sizes.$$
echo "files above 1200 lines:"
git ls-files '*.[ch]' | xargs wc -l | awk '$2 != "total" && $1 > 1200'
