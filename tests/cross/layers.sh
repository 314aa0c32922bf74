#!/bin/sh
# layers.sh LAYERS TARGET TRIPLE QEMU BATCHES - random layers for a target of another machine: C by the cross compiler, run by
# QEMU between unreadable pages, gives the interpreter's bits.  LAYERS is the program of layers.c.
set -u
[ $# -eq 5 ] || { echo "usage: layers.sh LAYERS TARGET TRIPLE QEMU BATCHES" >&2; exit 2; }
layers=$1 target=$2 triple=$3 qemu=$4 batches=$5
here=$(cd "$(dirname "$0")" && pwd) || exit 2
source=$(cd "$here/../.." && pwd) || exit 2
for tool in "$triple-gcc" "$qemu"; do
    command -v "$tool" >/dev/null 2>&1 || {
        echo "layers: there is no $tool; scripts/install_deps installs it (gcc-$triple and its C library, qemu-user)" >&2
        exit 1
    }
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
seed=1
count=50
cd "$work" || exit 2

must() {
    "$@" >log 2>&1 || { echo "layers: $target: $*" >&2; head -n 20 log >&2; exit 1; }
}

must "$triple-gcc" -std=c11 -D_GNU_SOURCE -O1 -I"$source/compiler" -I"$source/tests/simd" -c "$source/tests/simd/harness.c" \
    "$source/compiler/run/guarded.c"
vectors=0
batch=0
while [ "$batch" -lt "$batches" ]; do
    must "$layers" "$target" $seed "$batch" $count .
    must "$triple-gcc" -std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -ffp-contract=off -c kernels.c
    must "$triple-gcc" -std=c99 -O0 -I. -I"$source/tests/simd" -static -o program cases.c kernels.o harness.o guarded.o -lm
    "$qemu" ./program data >log 2>&1 || {
        echo "layers: $target: batch $batch of seed $seed:" >&2
        head -n 20 log >&2
        name=$(sed -n 's/^k_\(l[0-9]*\)_.*/\1/p' log | head -n 1)
        sed -n "/^ \*     pool $name {/,/^ \*     }/p" kernels.c >&2
        exit 1
    }
    vectors=$((vectors + $(grep -c '^ \* [a-z_]*: lanes$' kernels.c)))
    batch=$((batch + 1))
done
echo "layers: $((batches * count)) layers for $target, $vectors kernels with vectors: the interpreter's bits"
[ "$vectors" -gt 0 ]
