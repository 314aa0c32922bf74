#!/bin/sh
# readme.sh POOLC README.md - whether the C that the page shows is what comes out of the spec that it shows.
#
# The first ```pool block is built as net.pool; the lines of a "```c FILE" block must stand in the generated FILE, one behind
# the other. A line of dots stands for lines left out.
set -u
[ $# -eq 2 ] || { echo "usage: readme.sh POOLC README.md" >&2; exit 2; }
poolc=$1
page=$2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

awk '/^```pool/ { inside = 1; next } /^```/ && inside { exit } inside' "$page" >"$work/net.pool"
[ -s "$work/net.pool" ] || { echo "readme: $page shows no spec" >&2; exit 1; }
"$poolc" build "$work/net.pool" -o "$work" --quiet || exit 1

failed=0
shown=0
for file in $(sed -n 's/^```c \([a-z_.]*\)$/\1/p' "$page"); do
    shown=$((shown + 1))
    awk -v fence='```c '"$file" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$page" >"$work/lines"
    awk -v page="$page" -v name="$file" '
        NR == FNR { lines[NR] = $0; count = NR; next }
        FNR == 1 { at = 0; gap = 1 }
        $0 ~ /^ *\.\.\.$/ { gap = 1; next }
        {
            for (at++; gap && at <= count && lines[at] != $0; at++)
                ;
            if (at > count || lines[at] != $0) {
                printf "readme: %s shows a line that is not there in %s:\n    %s\n", page, name, $0 > "/dev/stderr"
                exit 1
            }
            gap = 0
        }
    ' "$work/$file" "$work/lines" || failed=1
done
echo "readme: $shown pieces of C"
[ "$failed" -eq 0 ] && [ "$shown" -gt 0 ]
