#!/bin/sh
# symbols.sh LIBRARY HEADER CONFIGURATION - what libpoolc shows and what it asks for.
#
# Exported are the functions that the header declares, each with the version of the map, and nothing else. Undefined is
# nothing that prints or ends the process in an orderly way; abort() is allowed, and in the configuration Debug what
# assertions need. The header is C99 and C++11 without a warning.
set -u
[ $# -eq 3 ] || { echo "usage: symbols.sh LIBRARY HEADER CONFIGURATION" >&2; exit 2; }
library=$1
header=$2
configuration=$3
include=$(dirname "$(dirname "$header")")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
failed=0

wrong() {
    echo "symbols: $*" >&2
    failed=1
}

# Comments name functions too; declarations begin a line. Joined, so that one over two lines counts.
sed -e 's|/\*.*\*/||' -e '/\/\*/,/\*\//d' "$header" | tr '\n' ' ' | tr ';' '\n' | grep -v typedef |
    sed -n 's/.*[ *]\(poolc_[a-z_]*\)(.*/\1/p' | sort >"$work/declared"
nm -D --defined-only "$library" >"$work/defined" || wrong "nm cannot read $library"
awk '$2 != "A" { print $3 }' "$work/defined" | sort >"$work/exported_all"
# The sanitizers export names of their own.
grep -v '^__[a-z]*san_\|^__odr_asan' "$work/exported_all" >"$work/exported"
sed 's/$/@@POOLC_0.1/' "$work/declared" | diff - "$work/exported" >"$work/difference" ||
    wrong "declared (<) and exported (>) differ:
$(cat "$work/difference")"
[ "$(wc -l <"$work/declared")" -ge 15 ] || wrong "found only $(wc -l <"$work/declared") declarations"

nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' >"$work/undefined"
printing='(v|f|vf|d|vd)?printf|(f|_IO_)?put[cs]|putchar|puts|fwrite|write|writev|perror|psignal|syslog|v?(err|warn)x?|stderr'
ending='exit|_exit|_Exit|quick_exit|raise|kill'
[ "$configuration" = Debug ] || ending="$ending|__assert_fail"
if grep -xE "(__)?($printing|$ending)(_chk|_unlocked)?" "$work/undefined" >"$work/bad"; then
    wrong "asks for $(tr '\n' ' ' <"$work/bad")"
fi
grep -qx abort "$work/undefined" || wrong "does not even ask for abort: is this list right?"

printf '#include "pool/compiler.h"\nint use(void);\nint use(void) { return poolc_open(0, 0) != 0; }\n' >"$work/use.c"
cp "$work/use.c" "$work/use.cc"
strict="-Wall -Wextra -Wpedantic -Werror -fsyntax-only"
# shellcheck disable=SC2086 # words
"${CC:-cc}" -std=c99 $strict -I "$include" "$work/use.c" || wrong "the header is not C99"
if command -v "${CXX:-c++}" >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    "${CXX:-c++}" -std=c++11 $strict -I "$include" "$work/use.cc" || wrong "the header is not C++11"
else
    echo "symbols: no C++ compiler here; the header was not tried with one" >&2
fi
echo "symbols: $(wc -l <"$work/exported") functions exported, $(wc -l <"$work/undefined") names undefined"
exit "$failed"
