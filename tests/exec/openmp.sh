#!/bin/sh
# openmp.sh POOLC - C of build --openmp: the same bits with OpenMP, on any number of threads, and without; no warning.
set -u
[ $# -eq 1 ] || { echo "usage: openmp.sh POOLC" >&2; exit 2; }
poolc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cross=$(cd "$(dirname "$0")/../cross" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

# must WHAT COMMAND ...: ends the test if it fails.
must() {
    what=$1
    shift
    "$@" >"$work/log" 2>&1 || { echo "openmp: $what: $*" >&2; head -n 20 "$work/log" >&2; exit 1; }
}

grep -E '^pool (max_rows|max_parts|max_loop|avg_padded|norm2) ' "$cross/cross.pool" >"$work/cross.pool"
programs=0
for target in c99 avx2,sse2; do
    case $target in
    c99) ;;
    *) [ "$(uname -m)" = x86_64 ] || continue ;;
    esac
    must "no C" "$poolc" build "$work/cross.pool" --unroll-budget 1250 --target $target --openmp -o "$work" --quiet
    awk -f "$cross/calls.awk" "$work/cross.h" >"$work/calls.h"
    for compiler in "gcc -std=c99 -O2" "clang -std=c99 -O1" "gcc -std=c99 -O2 -fopenmp" "g++ -x c++ -std=c++11 -O2 -fopenmp"; do
        must "compiling" $compiler $warnings -c -o "$work/cross.o" "$work/cross.c"
        case $compiler in
        *-fopenmp) nm "$work/cross.o" | grep -q GOMP_parallel || { echo "openmp: $compiler: no threads" >&2; exit 1; } ;;
        esac
        must "linking" gcc -std=c99 -O1 -fopenmp -I"$work" -o "$work/program" "$cross/bits.c" "$work/cross.o" -lm
        for threads in 1 3; do
            OMP_NUM_THREADS=$threads "$work/program" >"$work/bits" || exit 1
            [ -s "$work/expected.$target" ] || cp "$work/bits" "$work/expected.$target"
            cmp -s "$work/bits" "$work/expected.$target" || { echo "openmp: $compiler, $threads threads: other bits" >&2; exit 1; }
            programs=$((programs + 1))
        done
    done
done
echo "openmp: $programs runs are the same"
