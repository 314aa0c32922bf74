#!/bin/sh
# selftest.sh POOLC SPEC ... - the programs of `poolc build --selftest`: that they compile without a warning, pass, and fail.
#
# The first spec's program is compiled with every warning by gcc and clang, the others by gcc only.  Then kernels of broken.pool
# are broken by hand, each in one way, and its program must say so.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
[ $# -ge 2 ] || { echo "usage: selftest.sh POOLC SPEC ..." >&2; exit 2; }
poolc=$1
shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
warnings="-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror"
passed=0
failed=0

verdict() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        echo "selftest: $2" >&2
        sed 's/^/    /' "$work/log" >&2
        failed=$((failed + 1))
    fi
}

# try COMPILER BASE: compiles BASE.c and its program in the work folder and runs it. Kernels are long and run once; the naive
# loops are short and run for ever.
try() {
    (cd "$work" && "$1" $warnings -O0 -c -o kernels.o "$2.c" && "$1" $warnings -O2 -o program kernels.o "$2_selftest.c" -lm &&
        ./program) >"$work/log" 2>&1
}

compilers="gcc clang"
for spec in "$@"; do
    base=$(basename "$spec" .pool)
    "$poolc" build "$spec" -o "$work" --selftest --quiet >"$work/log" 2>&1
    verdict $? "$base: not built"
    for compiler in $compilers; do
        try "$compiler" "$base" && grep -q '^[1-9][0-9]* passed, 0 failed$' "$work/log"
        verdict $? "$base: $compiler"
    done
    compilers=gcc
done

# broken LAYER WHAT SED: the kernels of broken.c after the sed script. The program must call the layer wrong, and no other.
broken() {
    sed "$3" "$work/good.c" >"$work/broken.c"
    cmp -s "$work/good.c" "$work/broken.c" && { : >"$work/log"; verdict 1 "$1, $2: the script changes nothing"; return; }
    try gcc broken
    status=$?
    [ "$status" -eq 1 ] && grep -q "^WRONG $1: .*$2" "$work/log" && grep -q '^4 passed, 1 failed$' "$work/log"
    verdict $? "$1: status $status for a kernel that does not: $2"
}
"$poolc" build "$here/broken.pool" -o "$work" --selftest --quiet >"$work/log" 2>&1 && try gcc broken
verdict $? "broken: wrong before anything was broken"
cp "$work/broken.c" "$work/good.c"

# inside FUNCTION SED: a sed script for the lines of one function.
inside() {
    printf '%s\n' "/^void broken_$1(/,/^}/{$2;}"
}
warnings="-std=c99" # what is broken by hand may be ugly
broken largest 'forward(.*y\[' "$(inside largest_forward 's/ > / < /g')"
broken largest 'forward(NaN' "$(inside largest_forward 's/ != / < /g')"
broken largest 'forward_train(.*state' "$(inside largest_forward_train 's/\(state\[.*\] = .*\);/\1 + 1;/')"
broken largest 'backward(.*dx\[' "$(inside largest_backward 's/ == 0/ == 1/')"
broken largest 'forward: bytes outside of y' "$(inside largest_forward '0,/{/s/{/{ y[-1] = 0;/')"
broken where 'forward(.*indices' "$(inside where_forward 's/\(indices\[.*\] = .*\);/\1 + 1;/')"
broken mean 'forward(.*y\[' "$(inside mean_forward 's,/ 9,/ 1.00001f / 9,')"
broken mean 'backward: bytes outside of dx' "$(inside mean_backward '0,/{/s/{/{ dx[BROKEN_MEAN_X_COUNT] = 0;/')"
broken total 'backward(.*dx\[' "$(inside total_backward 's/ + / - /')"
broken norm 'forward(.*y\[' "$(inside norm_forward 's/sqrtf/fabsf/')"
# An element that is never written: the first store is dropped.
broken total 'forward(.*y\[0\]' "$(inside total_forward 's/^\( *\)y\[0\] = .*;/\1;/')"

echo "selftest: $passed of $((passed + failed)) checks are right"
[ "$failed" -eq 0 ]
