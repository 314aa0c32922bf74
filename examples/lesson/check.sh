#!/bin/sh
# check.sh [POOLC [OPTION ...]] - runs the lesson and compares every result, byte for byte, with the file that make.py wrote.
#
# The options go to `poolc run`, for example `--backend ref`. Exit status 0 when all agree.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
poolc=${1:-poolc}
[ $# -gt 0 ] && shift
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
trap 'exit 2' HUP INT TERM
failed=0
checked=0

# compare NAME: the file NAME.npy just written against the one of the lesson
compare() {
    checked=$((checked + 1))
    if ! cmp "$out/$1.npy" "$here/$1.npy"; then
        echo "lesson: $1 is wrong" >&2
        failed=$((failed + 1))
    fi
}

# forward LAYER INPUT [ARGUMENT ...], backward LAYER INPUT DY [ARGUMENT ...]
forward() {
    layer=$1 x=$2
    shift 2
    "$poolc" run "$here/../lesson.pool" "$layer" --quiet -i x="$here/$x.npy" -o y="$out/$layer.y.npy" "$@" ||
        echo "lesson: $layer did not run" >&2
    compare "$layer.y"
}
backward() {
    layer=$1 x=$2 dy=$3
    shift 3
    "$poolc" run "$here/../lesson.pool" "$layer" --quiet --backward -i x="$here/$x.npy" -i dy="$here/$dy.npy" \
        -o dx="$out/$layer.dx.npy" "$@" || echo "lesson: $layer did not run backward" >&2
    compare "$layer.dx"
}

forward max2 nine "$@"
forward avg2 nine "$@"
forward max3 sixteen "$@"
forward max3_padded sixteen "$@"
forward max2x3 sixteen "$@"
forward avg3_padded sixteen "$@"
forward avg3_inside sixteen "$@"
forward max2_where ties -o indices="$out/max2_where.indices.npy" "$@"
compare max2_where.indices
backward max2 nine dy_ones "$@"
backward avg2 nine dy_ones "$@"
backward max2_apart sixteen dy_count "$@"
backward avg2_apart sixteen dy_count "$@"

echo "lesson: $((checked - failed)) of $checked results agree"
[ "$failed" -eq 0 ]
