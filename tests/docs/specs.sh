#!/bin/sh
# specs.sh POOLC DOC.md ... - compiles every spec of the pages: the good ones without a message, the others with the one named.
#
# There must be no other error than the one named (it may stand once for each axis or kernel), exit status 1 and no file.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
[ $# -ge 2 ] || { echo "usage: specs.sh POOLC DOC.md ..." >&2; exit 2; }
poolc=$1
shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
failed=0
checked=0

wrong() {
    echo "$spec: $1" >&2
    sed 's/^/    /' "$work/messages" >&2
    failed=$((failed + 1))
}

for page in "$@"; do
    "$here/extract.sh" "$page" "$work/specs" >/dev/null || exit 1
done
for file in "$work"/specs/*.pool; do
    spec=$(basename "$file")
    stem=${file%.pool}
    rm -rf "$work/out"
    mkdir "$work/out"
    "$poolc" build "$file" -o "$work/out" >/dev/null 2>"$work/messages"
    status=$?
    errors=$(grep -c ': error: ' "$work/messages")
    checked=$((checked + 1))
    if [ -f "$stem.error" ]; then
        id=$(cat "$stem.error")
        if [ "$status" -ne 1 ]; then
            wrong "exit status $status instead of 1 for the error $id"
        elif [ "$errors" -eq 0 ] || [ "$(grep -c ": error: .*\[$id\]\$" "$work/messages")" -ne "$errors" ]; then
            wrong "not just the error $id"
        elif [ -n "$(ls -A "$work/out")" ]; then
            wrong "files are left behind"
        fi
    elif [ "$status" -ne 0 ]; then
        wrong "exit status $status"
    elif [ -f "$stem.warning" ]; then
        id=$(cat "$stem.warning")
        grep -q ": warning: .*\[$id\]\$" "$work/messages" || wrong "no warning $id"
    elif [ -s "$work/messages" ]; then
        wrong "messages for a good spec"
    fi
done
echo "specs: $((checked - failed)) of $checked are as the page says"
[ "$failed" -eq 0 ]
