#!/bin/sh
# cross.sh POOLC TRIPLE QEMU [CPU ...] - kernels for another machine, run under QEMU: the bits must be this machine's.
#
# An object by poolc (for any processor of the triple, and for each CPU) and the C by the cross compiler are linked with a
# program that prints all bits (bits.c), and the object also with the generated self-test.  A tool that is missing is a
# failure, with what to install.
# shellcheck disable=SC2086 # $warnings is a list
set -u
[ $# -ge 3 ] || { echo "usage: cross.sh POOLC TRIPLE QEMU [CPU ...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd) || exit 2
poolc=$1 triple=$2 qemu=$3
shift 3
for tool in "$triple-gcc" "$qemu"; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "cross: there is no $tool; scripts/install_deps installs it (gcc-$triple and its C library, qemu-user)" >&2
        exit 1
    }
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
warnings="-std=c99 -Wall -Wextra -Werror"
failed=0
passed=0

# Small enough for the passes and loops of small layers, large enough for the longest straight line.
build() {
    "$poolc" build "$here/cross.pool" --unroll-budget 1250 -o "$work" --quiet "$@"
}

# must WHAT COMMAND ...: ends the test if it fails.
must() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 || { echo "cross: $triple: $what" >&2; head -n 20 "$work/log" >&2; exit 1; }
}

# same WHAT: whether what is in "bits" is in "expected"; names the tensors that differ.
same() {
    if [ -s "$work/bits" ] && cmp -s "$work/bits" "$work/expected"; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "cross: $triple: $1: other bits than here:" >&2
    diff "$work/bits" "$work/expected" | sed -n 's/^> \([^:]*\):.*/    \1/p' | head -n 20 >&2
}

must "no C" build --emit c
awk -f "$here/calls.awk" "$work/cross.h" >"$work/calls.h"
must "this machine's compiler" gcc $warnings -O1 -I"$work" -o "$work/host" "$here/bits.c" "$work/cross.c" -lm
"$work/host" >"$work/expected" || exit 1
cp "$work/cross.h" "$work/host.h"

must "C by $triple-gcc" "$triple-gcc" $warnings -O1 -static -I"$work" -o "$work/program" "$here/bits.c" "$work/cross.c" -lm
"$qemu" "$work/program" >"$work/bits"
same "C"
for cpu in "" "$@"; do
    must "no object for '$cpu'" build --emit obj --selftest --triple "$triple" ${cpu:+--cpu "$cpu"}
    must "another header" cmp "$work/cross.h" "$work/host.h"
    must "linking" "$triple-gcc" $warnings -O1 -static -I"$work" -o "$work/program" "$here/bits.c" "$work/cross.o" -lm
    "$qemu" "$work/program" >"$work/bits"
    same "object for ${cpu:-any processor}"
done
must "linking the self-test" \
    "$triple-gcc" $warnings -O2 -static -o "$work/program" "$work/cross.o" "$work/cross_selftest.c" -lm
must "the self-test" "$qemu" "$work/program"

echo "cross: $triple: $(grep -c . "$work/expected") tensors;" \
    "$passed of $((passed + failed)) programs give this machine's bits"
[ "$failed" -eq 0 ]
