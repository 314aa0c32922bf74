#!/bin/sh
# embedding.sh PAGE INCLUDE LIBRARY - compiles and runs the program that a page shows and compares what it prints.
#
# The program is the first ```c block, its output the first ```text block.
set -u
[ $# -eq 3 ] || { echo "usage: embedding.sh PAGE INCLUDE LIBRARY" >&2; exit 2; }
page=$1
include=$2
library=$3
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

# block KIND: the lines of the first block of that kind.
block() {
    awk -v fence='```'"$1" '$0 == fence { inside = 1; next } /^```/ && inside { exit } inside' "$page"
}
block c >"$work/program.c"
block text >"$work/wanted"
[ -s "$work/program.c" ] && [ -s "$work/wanted" ] || { echo "embedding: $page shows no program or no output" >&2; exit 1; }
"${CC:-cc}" -std=c11 -Wall -Wextra -Werror -I "$include" "$work/program.c" -o "$work/program" "$library" \
    "-Wl,-rpath,$(dirname "$library")" || exit 1
"$work/program" >"$work/all" || { echo "embedding: the program failed" >&2; exit 1; }
diff "$work/wanted" "$work/all" || { echo "embedding: $page shows another output" >&2; exit 1; }
echo "embedding: $(wc -l <"$work/program.c") lines run"
