#!/bin/sh
# page.sh POOLC PAGE.md - whether what the page shows is what comes out of the spec that it shows, and whether its commands
# work.
#
# The first ```pool block is built as net.pool; the lines of a "```c FILE OPTIONS" block must stand in the FILE generated with
# these options, and those of a "```text poolc ARGUMENTS" block in what that command prints, one behind the other. A line of
# dots stands for lines left out.  Each line of a ```sh block that begins with "poolc" is run, beside net.pool and map.npy, an input for it; a poolc
# without LLVM must say so where the line needs it.
set -u
[ $# -eq 2 ] || { echo "usage: page.sh POOLC PAGE.md" >&2; exit 2; }
poolc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
page=$2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

awk '/^```pool/ { inside = 1; next } /^```/ && inside { exit } inside' "$page" >"$work/net.pool"
[ -s "$work/net.pool" ] || { echo "page: $page shows no spec" >&2; exit 1; }
"$poolc" build "$work/net.pool" -o "$work" --quiet || exit 1

# shown.N is a block, and shown.N.of where it comes from: a file, or a command.
awk -v base="$work/shown." '
    /^```(c [a-z_]+[.]|text poolc )/ {
        file = base (++count)
        print substr($0, index($0, " ") + 1) > (file ".of")
        inside = 1
        next
    }
    /^```/ { inside = 0 }
    inside { print > file }
' "$page"

failed=0
shown=0
for of in "$work"/shown.*.of; do
    [ -e "$of" ] || break
    shown=$((shown + 1))
    name=$(cat "$of")
    case $name in
    poolc\ *)
        # shellcheck disable=SC2086 # words, as the page has them
        (cd "$work" && "$poolc" ${name#poolc }) </dev/null >"$work/whole" 2>"$work/log" || {
            echo "page: $page: $name" >&2
            cat "$work/log" >&2
            failed=1
        }
        ;;
    *)
        options=${name#"${name%% *}"}
        # shellcheck disable=SC2086 # words
        "$poolc" build "$work/net.pool" $options -o "$work" --quiet && cp "$work/${name%% *}" "$work/whole" || failed=1
        ;;
    esac
    awk -v page="$page" -v name="$name" '
        NR == FNR { lines[NR] = $0; count = NR; next }
        FNR == 1 { at = 0; gap = 1 }
        $0 ~ /^ *\.\.\.$/ { gap = 1; next }
        {
            for (at++; gap && at <= count && lines[at] != $0; at++)
                ;
            if (at > count || lines[at] != $0) {
                printf "page: %s shows a line that is not there in %s:\n    %s\n", page, name, $0 > "/dev/stderr"
                exit 1
            }
            gap = 0
        }
    ' "$work/whole" "${of%.of}" || failed=1
done

# map.npy: zeros, of the shape that net.pool has.
shape=$(sed -n 's/.*x f32\[\([0-9,]*\)\].*/\1/p' "$work/net.h" | sed 's/,/, /g')
count=$(sed -n 's/.*_X_COUNT = \([0-9]*\).*/\1/p' "$work/net.h")
{
    printf '\223NUMPY\001\000v\000'
    printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($shape), }"
    head -c $((count * 4)) /dev/zero
} >"$work/map.npy"

awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside && /^poolc / { sub(/ *#.*/, ""); print }' "$page" \
    >"$work/commands"
llvm=no
"$poolc" list backends | grep -q '^jit ' && llvm=yes
run=0

# made ARGUMENTS: whether the file that they name is there
made() {
    case $1 in
    *' -o '*)
        file=${1##* -o }
        file=${file%% *}
        [ -s "$work/${file#*=}" ]
        ;;
    *'--emit obj'*) [ -s "$work/net.o" ] ;;
    esac
}

while read -r _ arguments; do
    run=$((run + 1))
    # shellcheck disable=SC2086 # words, as the page has them
    (cd "$work" && "$poolc" $arguments) </dev/null >"$work/log" 2>&1
    status=$?
    case $llvm$arguments in
    no*--emit\ obj* | no*--emit\ asm* | no*--emit\ llvm*) [ $status -eq 2 ] && grep -q 'built without LLVM' "$work/log" ;;
    *) [ $status -eq 0 ] && made "$arguments" ;;
    esac || {
        echo "page: $page: status $status of: poolc $arguments" >&2
        sed 's/^/    /' "$work/log" >&2
        failed=1
    }
done <"$work/commands"
echo "page: $shown pieces, $run commands"
[ "$failed" -eq 0 ] && [ "$shown" -gt 0 ]
