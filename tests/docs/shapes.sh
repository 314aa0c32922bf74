#!/bin/sh
# shapes.sh POOLC EXAMPLES [FILE.pool ...] - builds the example specs and compares sizes with shapes.txt.
#
# shapes.txt holds what the papers and model files say: spec, layer, elements of x, elements of y.  The generated header says
# what poolc made of it.  Every layer of every spec must be in the list.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
[ $# -ge 2 ] || { echo "usage: shapes.sh POOLC EXAMPLES [FILE.pool ...]" >&2; exit 2; }
poolc=$1
examples=$2
shift 2
[ $# -gt 0 ] || set -- "$examples"/*.pool
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
failed=0
: >"$work/found"
: >"$work/wanted"

for file in "$@"; do
    spec=$(basename "$file" .pool)
    if ! "$poolc" build "$file" -o "$work"; then
        echo "$spec.pool: not compiled" >&2
        failed=1
        continue
    fi
    # enum { RESNET50_STEM_X_COUNT = 802816, RESNET50_STEM_Y_COUNT = 200704, ...
    tr ',;{}' '\n\n\n\n' <"$work/$spec.h" | awk -v spec="$spec" '
        BEGIN { prefix = toupper(spec) "_" }
        $2 == "=" && index($1, prefix) == 1 && $1 ~ /_[XY]_COUNT$/ {
            layer = tolower(substr($1, length(prefix) + 1))
            which = substr(layer, length(layer) - 6, 1)
            layer = substr(layer, 1, length(layer) - 8)
            count[layer, which] = $3
            names[layer] = 1
        }
        END { for (layer in names) print spec, layer, count[layer, "x"], count[layer, "y"] }
    ' >>"$work/found"
    awk -v spec="$spec" '$1 == spec' "$here/shapes.txt" >>"$work/wanted"
done
sort "$work/found" >"$work/found.sorted"
sort "$work/wanted" >"$work/wanted.sorted"
if ! diff "$work/wanted.sorted" "$work/found.sorted" >&2; then
    echo "shapes: the sizes above differ (<: shapes.txt, >: poolc)" >&2
    failed=1
fi
echo "shapes: $(wc -l <"$work/found") layers"
[ "$failed" -eq 0 ] && [ -s "$work/found" ]
