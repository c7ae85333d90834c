#!/bin/sh
# level: fast
# One-way dependencies: every #include "room/..." must be allowed by layers.txt.
# All includes are root-relative, so the dependency graph is a grep.
cd "$(dirname "$0")/../.." || exit 2
echo 1..1
bad=$(find . -name '*.[ch]' -o -name '*.def' | sed 's,^\./,,' | grep -v '^build/' |
xargs grep -Hn '^#include "' |
awk -F: '
    BEGIN {
        while ((getline line < "tests/lint/layers.txt") > 0) {
            if (line ~ /^#/ || line == "") continue
            n = split(line, w, " "); rooms[w[1]] = 1
            for (i = 2; i <= n; i++) ok[w[1], w[i]] = 1
            ok[w[1], w[1]] = 1
        }
    }
    function room(path,   r) {
        if (path in rooms) return path
        r = path
        if (!sub(/\/[^\/]*$/, "", r)) return "."
        while (!(r in rooms) && r ~ /\//) sub(/\/[^\/]*$/, "", r)
        return r in rooms ? r : "?"
    }
    {
        inc = $3; sub(/^#include "/, "", inc); sub(/".*/, "", inc)
        from = room($1); to = room(inc)
        if (!ok[from, to] && !ok[from, "*"])
            printf "# %s:%s: %s must not include %s\n", $1, $2, from, inc
    }')
if [ -z "$bad" ]; then echo "ok 1 - includes follow tests/lint/layers.txt"
else echo "$bad"; echo "not ok 1 - includes follow tests/lint/layers.txt"; fi
