#!/bin/sh
# rules.sh SOURCES BINARY - what CONTRIBUTING.md says of the compiler's sources, checked.
#
# What prints, translates, executes or changes the kernel IR includes nothing of layers and plans, not even by way of another
# header; what plans includes nothing of what lowers.  Every note that a comment points to is there once.
set -u
[ $# -eq 2 ] || { echo "usage: rules.sh SOURCES BINARY" >&2; exit 2; }
cd "$1" || exit 2
binary=$2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
failed=0

# without PATTERN FILE ...: no file includes a header that matches
without() {
    pattern=$1
    shift
    for file in "$@"; do
        # -MG: headers that are not there, LLVM's say, are no error.
        if ! "${CC:-cc}" -std=c11 -Icompiler -I"$binary/compiler" -Iruntime/include -MM -MG "$file" >"$work/headers"; then
            echo "$file: its headers cannot be listed" >&2
            exit 2
        fi
        if tr ' ' '\n' <"$work/headers" | grep -E "$pattern"; then
            echo "$file includes what it is to know nothing of" >&2
            failed=1
        fi
    done
}
without '(middle/[a-z_]*|front/layer)\.h$' compiler/back/emit_c*.c compiler/llvm/emit_llvm*.c compiler/ir/*.c
without 'middle/lower[a-z_]*\.h$' compiler/middle/plan*.c compiler/middle/lane*.c compiler/middle/tuned.c

# A note begins a line of a comment; whatever else names it, in words that may be broken over two lines, points to it.
find compiler -name '*.[chly]' -exec cat {} + >"$work/sources"
sed -n 's|^[ /*]*note \(\[[^]]*\]\)$|\1|p' "$work/sources" | sort >"$work/notes"
tr '\n' ' ' <"$work/sources" | sed 's| \*  *| |g' | tr -s ' ' | grep -o 'notes\{0,1\} \[[^]]*\]' | sed 's|^notes\{0,1\} ||' |
    sort -u >"$work/named"
uniq -d "$work/notes" >"$work/twice"
sort -u "$work/notes" | comm -13 - "$work/named" >"$work/missing"
[ -s "$work/notes" ] || { echo "no notes are found" >&2; failed=1; }
for kind in twice missing; do
    if [ -s "$work/$kind" ]; then
        echo "notes that are $kind:" >&2
        cat "$work/$kind" >&2
        failed=1
    fi
done
exit $failed
