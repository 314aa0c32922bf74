# plans.sh - part of run.sh, which reads it: --plan, --tuned and tune. What is built is for neon, on any machine; what is
# measured is for this one.
# shellcheck shell=sh disable=SC2154 # $poolc and others are run.sh's

mkdir plans && cd plans || exit 2
cat >two.pool <<'SPEC'
pool a { mode max; channels 2; shape 14 x 14; kernel 3; stride 1; passes forward }
pool b { mode max; channels 8; shape 14 x 14; kernel 3; stride 1; layout nhwc; passes forward }
SPEC
echo 'pool z { kernel 3 x 3; passes forward; stride 1; shape 14 x 14; mode max; channels 2 }' >other.pool
mkdir out

# ---- --plan ----

check 'list plans' 0 '^axes-4  *one axis at a time' '' "$poolc" list plans
check 'help names the plans' 0 'whole, whole-1' '' "$poolc" build --help
check 'unknown plan' 2 '' "'axes-44' is not known; did you mean 'axes-4'" "$poolc" build two.pool --plan axes-44
check 'unlike any plan' 2 '' 'is not known; there is whole, whole-1' "$poolc" build two.pool --plan fast
check 'no plan' 2 '' 'not empty' "$poolc" build two.pool --plan=
check 'a plan for list' 2 '' "'list' has no option '--plan'" "$poolc" list modes --plan axes
for plan in whole whole-1 axes axes-4; do
    check "plan $plan" 0 '' '' "$poolc" build two.pool -o out --target neon --plan $plan
    cp out/two.c $plan.c
    check "explain $plan" 0 "^    $plan  .*  taken$" '' "$poolc" explain two.pool a --target neon --plan $plan
    check "$plan was asked for" 0 "^  - $plan was asked for$" '' "$poolc" explain two.pool a --target neon --plan $plan
    check "check $plan" 0 '^✓ a: forward by eval' '' "$poolc" check two.pool --target neon --plan $plan --backend eval
done
echo 'pool z { mode max; channels 5; shape 9 x 10 x 11; kernel 3; stride 1; padding 1; passes forward }' >zeros.pool
check 'equal zeros keep their order' 0 '^✓ z: forward by eval' '' \
    "$poolc" check zeros.pool --target avx2 --plan slices --backend eval
echo 'pool i { mode max; channels 64; shape 24 x 40; kernel 3; stride 1; layout nhwc; indices tensor; passes forward }' >indices.pool
check 'indices of bands' 0 '^✓ i: forward by eval' '' "$poolc" check indices.pool --target avx2 --plan axes-1 --backend eval
# Bands along D and along H.
echo 'pool b { mode max; channels 8; shape 12 x 4 x 560; kernel 3; stride 1; padding 1; layout ndhwc; indices tensor; passes forward }
pool c { mode avg; channels 12; shape 24 x 9 x 140; kernel 3; stride 1; padding 1; count_include_pad false; layout ndhwc; passes forward }' \
    >boxes.pool
check 'boxes' 0 '' '' "$poolc" build boxes.pool -o out --emit ir --target neon --plan slices-1
check 'boxes along two axes' 0 '^      for band_h' '' cat out/boxes.ir
for plan in slices-1 slices-4; do
    check "check boxes of $plan" 0 '^✓ c: forward by eval' '' \
        "$poolc" check boxes.pool --target neon --plan $plan --backend eval
done
rm boxes.pool
# Whole images: few channels in parts with pixels left over, a tail, a rest of blocks, several images, zeros of both signs.
echo 'pool a { mode max; channels 9; shape 7 x 9; kernel global; layout nhwc; passes forward }
pool z { mode max; batch 20; channels 8; shape 8; kernel global; layout nwc; passes forward }
pool b { mode avg; channels 107; shape 5 x 5; kernel global; layout nhwc; dtype f64; passes forward }
pool c { mode min; batch 2; channels 4; shape 19 x 11; kernel 19 x 13; padding 0 x 1; layout nhwc; nan ignore; passes forward }
pool d { mode lp 3; channels 16; shape 3 x 3 x 3; kernel global; layout ndhwc; passes forward }' >images.pool
for target in neon avx2; do
    check "images for $target" 0 '^✓ d: forward by eval' '' \
        "$poolc" check images.pool --target $target --plan pixels --backend eval
done
check 'pixels of all' 0 '^  - pixels was asked for' '' "$poolc" explain images.pool c --target neon --plan pixels
check 'no pixels for few taps' 1 '' 'windows have few taps' "$poolc" explain two.pool --target neon --plan pixels
rm images.pool
# Planes as one line: several of them together, borders, strides, tap numbers, all axes, few channels as one row.
echo 'pool a { mode max; channels 16; shape 7 x 7; kernel 3; stride 1; padding 1 }
pool b { mode avg; channels 3; shape 13 x 11; kernel 3; stride 1; padding 1; count_include_pad false }
pool e { mode min; batch 2; channels 2; shape 4 x 7 x 5; kernel 3; stride 1 x 2 x 1; padding 1; indices tensor; nan ignore }
pool f { mode max; channels 3; shape 9 x 8; kernel 5 x 4; stride 1; layout nhwc; indices plane }
pool g { mode lp 3; channels 2; shape 10 x 12; kernel 3 x 9; stride 1; dtype f64 }
pool i { mode avg; channels 3; shape 14 x 15; kernel 5; stride 3; padding 1; count_include_pad false }
pool h { mode avg; channels 5; shape 11 x 10; kernel 4 x 5; dilation 2 x 1; stride 2; divisor_override 5; ceil_mode true }' >unrolled.pool
for target in neon avx2 avx512; do
    check "unrolled for $target" 0 '^✓ h: forward, backward by eval' '' \
        "$poolc" check unrolled.pool --target $target --plan unrolled --backend eval
done
check 'unrolled was asked for' 0 '^  - unrolled was asked for' '' "$poolc" explain unrolled.pool b --target avx2 --plan unrolled
check 'no local arrays' 0 '' '' "$poolc" build unrolled.pool -o out --target avx512 --plan unrolled
check 'none at all' 1 '' '' grep -q 'value0' out/unrolled.c
rm unrolled.pool
echo 'pool w { mode avg; channels 8; shape 16 x 16; kernel 2; stride 2; passes forward }' >unrolled.pool
check 'no passes that share nothing' 1 '' 'windows lie apart, so that passes have nothing to share' "$poolc" explain unrolled.pool --target neon --plan unrolled
rm unrolled.pool
# Whole planes and whole slices: several at a time, and planes of odd length, padded, along D too, with tap numbers, one slice
# in several windows.
echo 'pool a { mode max; channels 16; shape 7 x 7; kernel global; passes forward }
pool b { mode min; batch 3; channels 2; shape 53; kernel global; nan ignore; passes forward }
pool c { mode avg; channels 6; shape 5 x 6 x 6; kernel 3 x 6 x 6; stride 2 x 1 x 1; padding 1 x 0 x 0; passes forward }
pool d { mode max; channels 4; shape 8 x 5 x 5; kernel 2 x 5 x 5; stride 1; passes forward }
pool e { mode avg; channels 3; shape 4 x 6 x 7; kernel 2 x 8 x 7; stride 1; padding 1 x 1 x 0; count_include_pad true; passes forward }
pool f { mode lp 3; channels 2; shape 10 x 4 x 5; kernel 2 x 4 x 5; stride 3 x 1 x 1; dtype f64; passes forward }
pool h { mode max; channels 6; shape 7 x 9; kernel 7 x 12; padding 0 x 1:2; indices window }
pool i { mode min; channels 5; shape 70; kernel 70; nan ignore }
pool j { mode max; channels 16; shape 1 x 6 x 6; kernel 2 x 6 x 6; stride 1; padding 1 x 0 x 0; passes forward }
pool k { mode avg; channels 16; shape 1 x 6 x 6; output 3 x 1 x 1; passes forward }
pool g { mode max; channels 1; shape 3 x 33 x 32; kernel 1 x 33 x 32; passes forward }' >whole.pool
for target in neon avx2 avx512; do
    check "whole planes for $target" 0 '^✓ g: forward by eval' '' \
        "$poolc" check whole.pool --target $target --plan halves --backend eval
    check "halves was asked for, for $target" 0 '^  - halves was asked for' '' "$poolc" explain whole.pool --target $target --plan halves
    cp "$work/stdout" explained
    check "all of them for $target" 0 '^13$' '' grep -c '^  - halves was asked for' explained
done
rm whole.pool explained
# Rows of one element: what lies along H is neighbours in memory, channels-first.
echo 'pool a { mode max; channels 4; shape 473 x 1; kernel 4 x 1; stride 3 x 1; indices plane }' >narrow.pool
check 'rows of one element' 0 '^ *slot 0 0 3: ' '' "$poolc" build narrow.pool --emit lanes --target avx2
check 'check rows of one element' 0 '^✓ a: forward, forward_train, backward by eval' '' \
    "$poolc" check narrow.pool --target avx2 --backend eval
rm narrow.pool
# Windows pixel by pixel: whole rows as one run, parts and what is left behind them, borders, gaps, indices of every kind.
echo 'pool a { mode max; channels 9; shape 11 x 8; kernel 5 x 8; layout nhwc }
pool b { mode max; channels 37; shape 14 x 13; kernel 5 x 4; stride 6 x 5; padding 2 x 1; layout nhwc; indices plane }
pool e { mode min; batch 2; channels 5; shape 7 x 9 x 6; kernel 3 x 5 x 4; dilation 1 x 2 x 1; stride 3 x 9 x 5; padding 1 x 0 x 2:0; layout ndhwc; indices tensor; nan ignore }
pool f { mode avg; channels 20; shape 33 x 13; kernel 23 x 3; stride 10 x 1; padding 6 x 1; layout nhwc; passes forward }
pool g { mode max; channels 3; shape 5 x 8; kernel global; layout nhwc; indices window; dtype f64 }' >pixels.pool
for target in neon avx2; do
    check "pixels for $target" 0 '^✓ g: forward, forward_train, backward by eval' '' \
        "$poolc" check pixels.pool --target $target --plan pixels --backend eval
done
check 'gradients of pixels' 0 '^g backward: lanes' '' "$poolc" explain pixels.pool g --target neon --plan pixels
echo 'pool o { mode max; channels 8; shape 14 x 14; kernel 4; stride 3; layout nhwc; passes backward }' >pixels.pool
check 'no gradients of windows that overlap' 1 '' 'windows overlap' "$poolc" explain pixels.pool --target neon --plan pixels
rm pixels.pool
# Windows that are looked up: adaptive, with borders and gaps, several planes and channels at a time and what is left of them.
echo 'pool a { mode avg; channels 37; shape 13 x 11; output 5 x 4; layout nhwc }
pool b { mode max; channels 6; batch 2; shape 13 x 11 x 5; output 5 x 4 x 7; indices tensor }
pool e { mode min; channels 5; shape 9 x 12; kernel 5 x 3; dilation 2 x 1; stride 1 x 5; padding 4 x 1; layout nhwc; indices plane; nan ignore }
pool f { mode avg; channels 7; shape 12 x 9; kernel 4 x 3; stride 3 x 2; padding 2 x 1:0; count_include_pad false; ceil_mode true }
pool g { mode lp 3; channels 3; shape 17; output 6; layout nwc; dtype f64 }
pool h { mode avg; channels 20; shape 10 x 7; kernel 3; stride 2; divisor_override 5; layout nhwc }' >lookup.pool
for target in neon avx2 c99; do
    check "lookup for $target" 0 '^✓ h: forward, backward by eval' '' \
        "$poolc" check lookup.pool --target $target --plan lookup --backend eval
done
check 'lookup of rows' 0 '^  H: 5 rows looked up, at most 4 taps each' '' \
    "$poolc" explain lookup.pool a --target neon --plan lookup
echo 'pool o { mode avg; shape 97 x 97 x 97; output 89 }' >lookup.pool
check 'lookup where code would be long' 0 '^o backward: lookup' '' "$poolc" explain lookup.pool
echo 'pool o { mode max; channels 512; shape 97 x 97; output 36 x 35; layout nhwc }' >lookup.pool
echo 'pool o { mode max; channels 3; shape 300000; kernel 3; stride 1; layout nwc; passes backward }' >long.pool
check 'no lookup of long lists' 1 '' 'fits no kernel .* more than 2.18 inputs' \
    "$poolc" explain long.pool --target avx2 --plan lookup
rm long.pool
check 'lookup where it is less work' 0 '^o backward: lookup' '' "$poolc" explain lookup.pool --target avx512
rm lookup.pool
# Lines: windows across two blocks, cut off at either end, in the middle of a block, of a second tile, over rows a page apart.
echo 'pool l { mode max; channels 5; shape 13 x 21; kernel 9 x 7; stride 1; padding 4 x 3; layout nhwc; indices tensor }
pool m { mode min; channels 3; shape 12 x 38; kernel 7; stride 1 x 2; padding 6:0 x 2:6; layout nhwc; nan ignore; passes forward }
pool n { mode max; channels 2; shape 19 x 20; kernel 5 x 6; stride 1; padding 2 }
pool o { mode avg; channels 4; shape 70; kernel 8; stride 1; padding 5:2; count_include_pad false; layout nwc }
pool p { mode max; channels 64; shape 9 x 16; kernel 5; stride 1; padding 2; layout nhwc; passes forward }
pool q { mode sum; channels 3; shape 6 x 7 x 8; kernel 5; stride 1; padding 2; layout ndhwc }' >lines.pool
for target in neon avx2; do
    check "lines for $target" 0 '^✓ q: forward, backward by eval' '' \
        "$poolc" check lines.pool --target $target --plan lines --backend eval
done
check 'windows too short for lines' 1 '' 'fits no kernel .* windows are too short' \
    "$poolc" explain two.pool --target neon --plan lines
echo 'pool r { mode max; channels 64; shape 112 x 112; kernel 1 x 31; stride 1; padding 0 x 15; layout nhwc; passes forward }
pool s { mode max; channels 3; shape 64; kernel 9; stride 1; layout nwc; passes forward }' >lines.pool
check 'lines of windows of 31' 0 '^    lines  .*  taken$' '' "$poolc" explain lines.pool r --target avx512
check 'no lines across the lanes' 1 '' 'fits no kernel .* windows are too short' \
    "$poolc" explain lines.pool s --target avx512 --plan lines
rm lines.pool
# Windows that slide over three inputs at once: any order of additions but one has other bits.
echo 'pool g { mode max; channels 21; shape 9 x 13; kernel 5; dilation 1 x 2; stride 1; padding 2 x 4; passes forward backward }
pool h { mode min; channels 21; shape 9 x 13; kernel 3; stride 1; padding 1; layout nhwc; dtype f64; passes forward backward }' \
    >order.pool
for plan in whole whole-4 scatter; do
    check "gradients by $plan" 0 '^✓ g: .* backward by eval' '' "$poolc" check order.pool --target avx2 --plan $plan --backend eval
done
check 'no gradients one axis at a time' 0 '^  - axes, as was asked for, does not fit: gradients of maxima' '' \
    "$poolc" explain order.pool g --target avx2 --plan axes
check 'scatter without vectors' 0 '^g backward: scatter' '' "$poolc" explain order.pool g --target c99
rm zeros.pool indices.pool order.pool
for plan in whole-1 axes axes-4; do
    check "$plan is another code" 1 '*' '' cmp whole.c $plan.c
done
check 'where it does not fit' 0 '^  - whole, as was asked for, does not fit: channels-last' '' \
    "$poolc" explain two.pool --target neon --plan whole
check 'without a plan' 0 '^  plans that fit' '' "$poolc" explain two.pool a --target neon
check 'JSON has the candidates' 0 '"plan": "whole-1"' '' "$poolc" explain two.pool a --target neon --json
check 'it fits nothing' 1 '' "^poolc: --plan whole fits no kernel of two.pool; forward of pool 'b' for neon: channels-last" \
    "$poolc" explain two.pool b --target neon --plan whole
check 'every reason once' 1 '' "pool 'a' for neon: it is for channels-last; forward of pool 'b' for neon: windows have few taps$" \
    "$poolc" explain two.pool --target neon --plan pixels
check 'c99 has no plans' 1 '' 'fits no kernel of two.pool; .* for c99: the target has no vectors$' \
    "$poolc" build two.pool -o out --plan whole
check 'one of several targets is enough' 0 '' '' "$poolc" build two.pool -o out --target avx2,c99 --plan whole
check 'run by a plan' 0 '^y float32' '' "$poolc" run two.pool a --backend eval --target neon --plan axes
cp "$work/stdout" by-axes
check 'run by another' 0 '^y float32' '' "$poolc" run two.pool a --backend eval --target neon --plan whole-1
same 'both compute the same' "$work/stdout" by-axes
check 'bench by a plan that fits nothing' 1 '' 'fits no kernel' "$poolc" bench two.pool --target c99 --plan axes

# ---- --tuned ----

# line PLAN: what is measured of pool a
line() {
    printf 'poolc-tuned 1\nforward neon %s 5us: mode max; channels 2; shape 14 x 14; kernel 3 x 3; stride 1 x 1\n' "$1"
}
check 'the plan without measurements' 0 '' '' "$poolc" build two.pool -o out --target neon
cp out/two.c planned.c
for plan in whole-1 axes; do # neither has the least work: see 'no measurements for the target'
    line $plan >a.tuned
    check "tuned $plan" 0 '' '' "$poolc" build two.pool -o out --target neon --tuned a.tuned
    check "tuned $plan is in the code" 0 "^ \*   - measured: $plan is the fastest, 5 us$" '' cat out/two.c
    check "tuned $plan is not the plan" 1 '*' '' cmp out/two.c planned.c
    check "tuned $plan is the code of $plan" 0 '' '' sh -c "
        sed -n '/^void.*a_forward/,/^}/p' out/two.c >left; sed -n '/^void.*a_forward/,/^}/p' $plan.c >right
        [ -s left ] && cmp left right"
    check "tuned $plan in explain" 0 "^    $plan  .*  taken$" '' "$poolc" explain two.pool a --target neon --tuned a.tuned
    check "tuned $plan in run" 0 '^y float32' '' "$poolc" run two.pool a --backend eval --target neon --tuned a.tuned
    check "tuned $plan in check" 0 '^✓ a' '' "$poolc" check two.pool --backend eval --target neon --tuned a.tuned
done
check 'another spec with the layer' 0 '^  - measured: axes' '' "$poolc" explain other.pool --target neon --tuned a.tuned
check 'no measurements for the target' 0 '' 'a.tuned says nothing of two.pool for sse2' "$poolc" build two.pool -o out --target sse2 --tuned a.tuned
check 'nothing was measured' 1 '' '' grep -q 'measured' out/two.c
check 'no measurements for the layer' 0 '  taken$' 'a.tuned says nothing of two.pool for neon' "$poolc" explain two.pool b --target neon --tuned a.tuned
check 'on standard input' 0 'measured: axes' '' sh -c '"$1" explain two.pool --target neon --tuned - <a.tuned' sh "$poolc"
check 'both ways to choose' 2 '' 'both say which plan' "$poolc" build two.pool --tuned a.tuned --plan axes
check 'depfile' 0 '' '' "$poolc" build two.pool -o out --target neon --tuned a.tuned --depfile out/d
check 'the measurements are in the depfile' 0 '^out/two.c out/two.h: two.pool a.tuned$' '' cat out/d
cp a.tuned out/two.h
check 'over the measurements' 2 '' 'out/two.h: would be written over the measured plans' \
    "$poolc" build two.pool -o out --tuned out/two.h
same 'they are still there' a.tuned out/two.h
cp a.tuned array
check 'an array over the measurements' 2 '' 'array: would be written over the measured plans' \
    "$poolc" run two.pool a --backend eval --target neon --tuned array -o array
same 'they are there, too' a.tuned array
rm array
check 'measurements are no device' 3 '' '/dev/full: cannot be written: it is not' "$poolc" tune two.pool -o /dev/full
line of-tomorrow >new.tuned
check 'a plan of tomorrow' 0 '' "^new.tuned:2:1: warning: .* no plan 'of-tomorrow'; .*\[tuned-unknown\]$" \
    "$poolc" build two.pool -o out --target neon --tuned new.tuned
same 'it is ignored' out/two.c planned.c
rm -rf out && mkdir out
check 'no such file' 1 '' '^poolc: none.tuned: cannot be opened' "$poolc" build two.pool -o out --tuned none.tuned
check 'a folder' 1 '' 'is a folder' "$poolc" build two.pool -o out --tuned .
check 'not its kind' 1 '' "^two.pool:1:1: error: the first line .*\[tuned-line\]$" \
    "$poolc" build two.pool -o out --tuned two.pool
{ line axes; echo 'forward neon axes 5us: mode max; shape 14 x 14; kernel 99'; } >bad.tuned
check 'a bad layer' 1 '' '^bad.tuned:3:1: error: not a layer: ' "$poolc" build two.pool -o out --tuned bad.tuned
{ line axes; echo; line axes | tail -n 1; } >bad.tuned
check 'a line twice' 1 '' '^bad.tuned:4:1: error: a line above is about the same kernel' \
    "$poolc" check two.pool --tuned bad.tuned
{ line axes; head -c 100000 /dev/zero | tr '\0' x; } >bad.tuned
check 'a long line' 1 '' '^bad.tuned:3:1: error: a line is KERNEL TARGET PLAN TIME: LAYER' \
    "$poolc" run two.pool a --tuned bad.tuned
{ line axes; printf 'forward \033[31m\001 %%s%%n axes 5us: \200\n'; } >bad.tuned
check 'bytes of anything' 1 '' '^bad.tuned:3:1: error: ' "$poolc" explain two.pool --tuned bad.tuned
check 'endless' 1 '' 'larger than' "$poolc" bench two.pool --tuned /dev/zero
files 'nothing is built' out ''

# ---- tune ----

check 'tune nothing' 2 '' "'tune' needs FILE.pool" "$poolc" tune
check 'nothing to choose' 2 '' 'c99 has no vectors' "$poolc" tune two.pool --target c99
check 'a plan to tune' 2 '' "has no option '--plan'" "$poolc" tune two.pool --plan axes
case $(uname -m) in
x86_64 | aarch64)
    rm -f two.tuned
    check 'tune' 0 '^  forward  *[a-z0-9-]+ .* us  planned' '' "$poolc" tune two.pool a
    cp "$work/stdout" "$work/tuned"
    check 'tune says who wins' 0 'us(  planned)?  taken$' '' cat "$work/tuned"
    check 'tune writes' 0 '^forward [a-z0-9]+ [a-z0-9-]+ [0-9]+\.[0-9]{3}us: mode max; channels 2; shape 14 x 14; ' '' \
        tail -n 1 two.tuned
    check 'tune writes two lines' 0 '^2$' '' grep -c '' two.tuned
    check 'what it wrote is taken' 0 '^  - measured: ' '' "$poolc" explain two.pool a --target native --tuned two.tuned
    plan=$(sed -n '2s/^[^ ]* [^ ]* \([^ ]*\) .*/\1/p' two.tuned)
    check 'that plan' 0 "^    $plan  .*  taken$" '' "$poolc" explain two.pool a --target native --tuned two.tuned
    check 'run takes it' 0 '^y float32' '' "$poolc" run two.pool a --tuned two.tuned
    { echo 'poolc-tuned 1'; echo '# mine'; line whole-8 | tail -n 1; tail -n 1 two.tuned |
        sed 's/ [a-z0-9-]* [0-9.]*us:/ of-tomorrow 9us:/'; } >merged.tuned
    check 'tune merges' 0 '^pool b' 'of-tomorrow' "$poolc" tune two.pool -o merged.tuned
    check 'other lines are there' 0 '^# mine$' '' cat merged.tuned
    [ "$(uname -m)" = x86_64 ] && check 'and other targets' 0 '^forward neon whole-8 5us: ' '' cat merged.tuned
    check 'its own line is new' 1 '' '' grep of-tomorrow merged.tuned
    check 'and the other layer' 0 'layout channels_last$' '' cat merged.tuned
    check 'all of them' 0 '^  *axes-1 ' '' "$poolc" tune two.pool a --all --target native -o all.tuned
    check 'no compiler' "$([ "$llvm" = no-llvm ] && echo 3 || echo 0)" '*' '*' env PATH="$work/bare" "$poolc" tune two.pool a
    cp "$work/stdout" "$work/tuned"
    [ "$llvm" = no-llvm ] || check 'LLVM instead' 0 'compiled by LLVM$' '' cat "$work/tuned"
    cp two.pool spec.pool
    check 'over the spec' 1 '' '^spec.pool:1:1: error: the first line' "$poolc" tune spec.pool -o spec.pool
    same 'the spec is as it was' spec.pool two.pool
    check 'no such folder' 3 '' 'none/a.tuned: cannot be written' "$poolc" tune two.pool a -o none/a.tuned
    check 'tensors that are too large' 1 '' 'MiB of memory' "$poolc" tune ../huge.pool
    files 'what tune leaves' . "a.tuned all.tuned axes-4.c axes.c bad.tuned by-axes left merged.tuned new.tuned \
other.pool out planned.c right spec.pool stderr stdout two.pool two.tuned whole-1.c whole.c"
    ;;
esac
cd "$work" || exit 2
rm -rf plans tuned
