#!/bin/sh
# level: fast
# Pages made from the source are as their scripts make them (make docs), and a
# folder says in a README of a screen what it is; what READMEs name is there.
cd "$(dirname "$0")/../.." || exit 2
echo 1..5
n=0
for page in options monitor limits; do
    n=$((n + 1))
    if scripts/gen-$page-doc 2>&1 | diff docs/$page.md - | sed 's/^/# /' | head -20 | grep .; then
        echo "not ok $n - docs/$page.md is up to date (make docs)"
    else
        echo "ok $n - docs/$page.md is up to date"
    fi
done

missing=$(git ls-files '*.[chS]' '*.t' | grep / | grep -v '^tests/bench/src/' | xargs -n 1 dirname |
    sort -u | while read -r d; do
    d=${d%/optionrom}
    [ -f "$d/README" ] || echo "# $d has no README"
    [ "$(wc -l <"$d/README")" -le 40 ] || [ "$d" = tests/bench ] || echo "# $d/README is long"
done 2>&1)
[ -z "$missing" ] || echo "$missing"
[ -z "$missing" ] && echo "ok 4 - each folder has a README" || echo "not ok 4 - each folder has a README"

gone=$(git ls-files '*README' '*README.md' | xargs grep -HoE '[A-Za-z0-9_/-]+\.(c|h|def|S|t)\b' |
    grep -vE 'NAME|CHIP|BLOCK|build/config.h' | sort -u | while IFS=: read -r page name; do
    git ls-files "$name" "*/$name" | grep -q . || echo "# $page: there is no $name"
done)
[ -z "$gone" ] || echo "$gone"
[ -z "$gone" ] && echo "ok 5 - files named by READMEs exist" || echo "not ok 5 - files named by READMEs exist"
