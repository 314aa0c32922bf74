#!/bin/sh
# dispatch.sh POOLC - files for several targets: by gcc and clang, as C and as C++, without flags and without a warning; each
# target's kernels, called by name, give the bits of the file for that target alone, and the public ones those of the first
# target that this processor has.  Eight threads may call first, which the thread sanitizer watches.
#
# The kernels are some of tests/cross/cross.pool, the program that prints all bits is tests/cross/bits.c.
# shellcheck disable=SC2086 # $warnings and flags are lists
set -u
[ $# -eq 1 ] || { echo "usage: dispatch.sh POOLC" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd) || exit 2
cross=$here/../cross
poolc=$1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
list=avx512,avx2,sse2
failed=0
checked=0

# must WHAT COMMAND ...: ends the test if it fails.
must() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 || { echo "dispatch: $what: $*" >&2; head -n 20 "$work/log" >&2; exit 1; }
}

# same WHAT FILE FILE: whether they hold the same bits; names the tensors that differ.
same() {
    checked=$((checked + 1))
    [ -s "$2" ] && cmp -s "$2" "$3" && return
    failed=$((failed + 1))
    echo "dispatch: $1: other bits:" >&2
    diff "$2" "$3" | sed -n 's/^> \([^:]*\):.*/    \1/p' | head -n 20 >&2
}

# build TARGETS FOLDER: small enough for the passes and loops of small layers, large enough for a straight line in parts.
build() {
    mkdir -p "$work/$2"
    must "no C for $1" "$poolc" build "$work/cross.pool" --unroll-budget 1250 --target "$1" -o "$work/$2" --quiet
    awk -v suffix="${3:-}" -f "$cross/calls.awk" "$work/$2/cross.h" >"$work/$2/calls.h"
}

grep -E '^pool (max_rows|max_parts|max_loop|min_loop|avg_padded|norm2) ' "$cross/cross.pool" >"$work/cross.pool"
build $list several
first= # what dispatch must take here
for target in avx512 avx2 sse2; do
    case $target in
    avx512) features="avx512f avx512bw avx512dq avx512vl" ;;
    avx2) features="avx2 fma" ;;
    *) features=$target ;;
    esac
    flags=
    here_is=yes
    for feature in $features; do
        flags="$flags -m$feature"
        grep -qw "$feature" /proc/cpuinfo || here_is=no
    done
    [ $here_is = yes ] || continue
    first=${first:-$target}
    build $target $target
    must "the C for $target" gcc -std=c99 -O1 $flags -I"$work/$target" -o "$work/program" "$cross/bits.c" "$work/$target/cross.c" -lm
    "$work/program" >"$work/$target.bits" || exit 1
    # The kernels of the file for several, by name: the file is included, for they are static.
    mkdir -p "$work/named"
    awk -v suffix=_$target -f "$cross/calls.awk" "$work/several/cross.h" >"$work/named/calls.h"
    for compiler in "gcc -O2 -march=native" "clang -O1"; do
        must "the C for $list by $compiler" $compiler -std=gnu99 -I"$work/named" -I"$work/several" -include "$work/several/cross.c" \
            -o "$work/program" "$cross/bits.c" -lm
        "$work/program" >"$work/bits"
        same "$target of $list by $compiler" "$work/bits" "$work/$target.bits"
    done
done

for compiler in "gcc -std=c99 -O0" "gcc -std=c99 -O3" "clang -std=c99 -O2" "g++ -x c++ -std=c++11 -O2" "clang++ -x c++ -std=c++11 -O1"; do
    must "the C for $list" $compiler $warnings -c -o "$work/cross.o" "$work/several/cross.c"
    must "linking" gcc -std=c99 -O1 -I"$work/several" -o "$work/program" "$cross/bits.c" "$work/cross.o" -lm
    "$work/program" >"$work/bits"
    same "$compiler" "$work/bits" "$work/$first.bits"
done

must "the thread sanitizer" gcc -std=gnu99 -O1 -g -fsanitize=thread -I"$work/several" -o "$work/program" "$here/threads.c" \
    "$work/several/cross.c" -lm -pthread
checked=$((checked + 1))
"$work/program" >"$work/log" 2>&1 || { failed=$((failed + 1)); echo "dispatch: eight threads" >&2; head -n 20 "$work/log" >&2; }

echo "dispatch: $((checked - failed)) of $checked programs are right; this processor takes $first"
[ "$failed" -eq 0 ]
