#!/bin/sh
# level: fast
# Pages made from the source are as their scripts make them (make docs).
cd "$(dirname "$0")/../.." || exit 2
echo 1..3
n=0
for page in options monitor limits; do
    n=$((n + 1))
    if scripts/gen-$page-doc 2>&1 | diff docs/$page.md - | sed 's/^/# /' | head -20 | grep .; then
        echo "not ok $n - docs/$page.md is up to date (make docs)"
    else
        echo "ok $n - docs/$page.md is up to date"
    fi
done
