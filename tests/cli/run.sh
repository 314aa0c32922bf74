#!/bin/sh
# run.sh POOLC LESSON [no-llvm] - the command line, case by case: exit status, both outputs, and the files that are there afterwards.
#
# LESSON is the folder examples/lesson, whose arrays are inputs here; "no-llvm" says that poolc was built without LLVM. Every
# case must leave no temporary file anywhere.
set -u
[ $# -ge 2 ] || { echo "usage: run.sh POOLC LESSON [no-llvm]" >&2; exit 2; }
poolc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
lesson=$(cd "$2" && pwd) || exit 2
llvm=${3:-llvm}
here=$(cd "$(dirname "$0")" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
cd "$work" || exit 2
mkdir temporary bare || exit 2 # bare: a $PATH on which nothing is
TMPDIR=$work/temporary
export TMPDIR
unset CC
cases=0
failed=0
input=/dev/null

wrong() {
    echo "cli: $name: $1" >&2
    for stream in stdout stderr; do
        [ -s "$work/$stream" ] && sed "s/^/    $stream: /" "$work/$stream" | head -n 12 >&2
    done
    failed=$((failed + 1))
}

# matches PATTERN FILE: an extended regular expression somewhere in the file; '' if it must be empty, '*' if anything will do
matches() {
    case $1 in
    '*') return 0 ;;
    '') [ ! -s "$2" ] ;;
    *) grep -Eq -- "$1" "$2" ;;
    esac
}

# check NAME STATUS STDOUT STDERR COMMAND ...: the command's standard input is $input
check() {
    name=$1 status=$2 out=$3 err=$4
    shift 4
    cases=$((cases + 1))
    "$@" <"$input" >"$work/stdout" 2>"$work/stderr"
    got=$?
    if [ "$got" -ne "$status" ]; then
        wrong "exit status $got instead of $status"
    elif ! matches "$out" "$work/stdout"; then
        wrong "standard output does not match '$out'"
    elif ! matches "$err" "$work/stderr"; then
        wrong "standard error does not match '$err'"
    fi
    if [ -n "$(find "$work" -name '*poolc-*')" ]; then
        wrong "temporary files are left"
        find "$work" -name '*poolc-*' -exec rm -rf {} +
    fi
}

# files NAME FOLDER LIST: exactly these lie in the folder
files() {
    cases=$((cases + 1))
    name=$1
    list=$(cd "$2" && find . ! -name . -prune | sed 's,^\./,,' | LC_ALL=C sort | tr '\n' ' ')
    [ "$list" = "${3:+$3 }" ] || { : >stdout; : >stderr; wrong "the folder holds '$list' instead of '$3'"; }
}

# same NAME FILE FILE: byte for byte
same() {
    cases=$((cases + 1))
    name=$1
    cmp "$2" "$3" >stdout 2>stderr || wrong "files differ"
}

# npy FILE DESCR SHAPE DATA: an array; DATA in the octal escapes of printf
npy() {
    {
        printf '\223NUMPY\001\000v\000'
        printf '%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
        printf "$4"
    } >"$1"
}

# ---- specs ----

cat >net.pool <<'SPEC'
pool max2 { mode max; shape 3 x 3; kernel 2; stride 1 }
pool avg2 { mode avg; shape 3 x 3; kernel 2; stride 1 }
SPEC
cp net.pool one.pool
sed -i.old 1d one.pool 2>/dev/null && rm -f one.pool.old
echo 'pool bad { mode max; shape 3 x 3; kernel 2; stride 0 }' >bad.pool
echo 'pool max2 { mode max; shape 3 x 3; kernel 2; stride 1; indices plane }' >where.pool
echo 'pool l { mode lp 2; shape 4 x 4; kernel 2; passes backward }
pool m { mode max; shape 4 x 4; kernel 2; stride 1; passes backward; layout nhwc; channels 3; indices tensor }
pool f { mode min; shape 4 x 4; kernel 2; stride 1; passes forward }' >passes.pool
echo 'pool p { mode max; channels 64; shape 112 x 112; kernel 3; stride 2; unroll full }' >full.pool
echo 'pool p { mode max; batch 65536; shape 4096 x 4096; kernel 2 }' >huge.pool
: >empty.pool

# ---- poolc itself ----

check 'no command' 2 '' 'a command is missing' "$poolc"
check 'help' 0 'build FILE.pool' '' "$poolc" --help
check 'version' 0 '^poolc [0-9]+\.[0-9]+\.[0-9]+$' '' "$poolc" --version
check 'manual' 0 '^\.SH EXIT STATUS' '' "$poolc" --man
for command in build run check explain bench tune list; do
    check "$command help" 0 "^Usage: poolc $command" '' "$poolc" $command --help
    check "manual has $command" 0 "^\.SS \"poolc $command" '' "$poolc" --man
done
check 'unknown command' 2 '' "unknown command 'biuld'; did you mean 'build'" "$poolc" biuld
check 'unlike any command' 2 '' "there is build, run, check" "$poolc" xyzzy
check 'unknown option' 2 '' "unknown option '--emti'; did you mean '--emit'" "$poolc" build --emti c net.pool
check 'unknown letter' 2 '' "unknown option '-z'" "$poolc" build -z net.pool
check 'option of another command' 2 '' "'build' has no option '--json'" "$poolc" build --json net.pool
check 'option before the command' 2 '' "stands behind a command" "$poolc" --json check net.pool
check 'no value' 2 '' "'--emit' needs a value: LIST" "$poolc" build net.pool --emit
check 'value of a switch' 2 '' 'takes no value' "$poolc" build --selftest=yes net.pool
check 'empty value' 2 '' 'not empty' "$poolc" build --prefix= net.pool
check 'no file' 2 '' "'build' needs FILE.pool" "$poolc" build
check 'too many arguments' 2 '' "'b.pool' is one argument too many" "$poolc" build net.pool b.pool
check 'unknown emission' 2 '' "'fortran' is not known; .*there is c, obj, asm, llvm, ir, plan, lanes, ast or layer" \
    "$poolc" build --emit c,fortran net.pool
check 'unknown target' 2 '' "'c98' is not known; did you mean 'c99'" "$poolc" build --target c98 net.pool
check 'unknown target in a list' 2 '' "^poolc: --target 'avx3' is not known; did you mean 'avx2'" "$poolc" build --target avx512,avx3 net.pool
check 'unlike any target' 2 '' 'there is c99, sse2, avx2, avx512, neon or native$' "$poolc" build --target xyzzy net.pool
check 'no target' 2 '' 'not empty' "$poolc" build --target= net.pool
check 'a target twice' 2 '' '^poolc: --target avx2,sse2,avx2: avx2 stands there twice$' "$poolc" build --target avx2,sse2,avx2 net.pool
check 'nothing for every processor' 2 '' '^poolc: --target avx512,avx2: not every x86_64 has avx2; add sse2 or c99 at the end$' \
    "$poolc" build --target avx512,avx2 net.pool
check 'a target that is out of reach' 2 '' 'avx2 would never be used, for every processor has the sse2 before it$' \
    "$poolc" build --target sse2,avx2 net.pool
check 'two machines' 2 '' 'avx2 is for x86_64 and neon for aarch64, but a file is for one of them$' \
    "$poolc" build --target avx2,neon net.pool
check 'more targets than there are' 2 '' 'would never be used' "$poolc" build --target c99,sse2,avx2,avx512,neon,native net.pool
check 'unknown backend' 2 '' "'gpu' is not known; there is jit, cc, eval or ref" "$poolc" run one.pool --backend gpu
check 'threads, one' 0 '*' '' "$poolc" run net.pool max2 --backend cc -o threads1.npy --quiet
check 'threads, three' 0 '*' '' "$poolc" run net.pool max2 --backend cc --threads 3 -o threads3.npy --quiet
same 'threads give the same' threads1.npy threads3.npy
rm -f threads1.npy threads3.npy
check 'no threads' 2 '' "'0'" "$poolc" run one.pool --threads 0
check 'threads of the interpreter' 2 '' 'needs --backend jit or cc' "$poolc" run one.pool --threads 2 --backend eval
check 'threads of the compiler' 2 '' 'leave out --generate' "$poolc" bench net.pool --generate --threads 2
check 'openmp without C' 2 '' '--openmp goes with --emit c' "$poolc" build net.pool --emit ir --openmp
check 'two backends' 2 '' 'one backend' "$poolc" run one.pool --backend cc,ref
check 'bad number' 2 '' "integer from 0 to 18446744073709551615, not '-1'" "$poolc" run one.pool --seed -1
check 'huge number' 2 '' 'integer from 1 to' "$poolc" build net.pool --unroll-budget 99999999999999999999
check 'full disk' 3 '' 'standard output cannot be written' sh -c '"$1" list modes >/dev/full' sh "$poolc"

# ---- list ----

check 'list modes' 0 '^lp  *[^ ]' '' "$poolc" list modes
check 'list dtypes' 0 '^f64' '' "$poolc" list dtypes
check 'list targets' 0 '^avx512  *x86-64' '' "$poolc" list targets
check 'list native' 0 '^native' '' "$poolc" list targets
check 'list backends' 0 '^eval' '' "$poolc" list backends
check 'list diagnostics' 0 '^bad-stride' '' "$poolc" list diagnostics
check 'list nothing' 2 '' "'list' needs TOPIC" "$poolc" list
check 'list a misspelt topic' 2 '' "did you mean 'modes'" "$poolc" list mode

# ---- build ----

mkdir out
check 'build' 0 '' '' "$poolc" build net.pool -o out
files 'build' out 'net.c net.h'
mkdir here && cp net.pool here/
check 'build beside' 0 '' '' sh -c 'cd here && "$1" build net.pool' sh "$poolc"
files 'build beside' here 'net.c net.h net.pool'
same 'the folder does not matter' out/net.c here/net.c
check 'prefix' 0 '' '' "$poolc" build net.pool -o out --prefix my
check 'prefix is used' 0 'void my_max2_forward' '' cat out/net.h
check 'bad prefix' 2 '' "'9' cannot begin" "$poolc" build net.pool --prefix 9
rm -rf out && mkdir out
check 'standard input' 0 '' '' sh -c '"$1" build - -o out <net.pool' sh "$poolc"
files 'standard input' out 'stdin.c stdin.h'
rm -rf out && mkdir out
check 'emissions on standard output, in order' 0 '*' '' "$poolc" build net.pool --emit plan,ast
cp stdout emissions
check 'plan first' 0 '^max2 forward' '' head -n 1 emissions
check 'tree last' 0 'stride @' '' tail -n 1 emissions
check 'all emissions' 0 'function net_max2_forward' '' "$poolc" build net.pool --emit layer,ir
check 'emissions in files' 0 '' '' "$poolc" build net.pool -o out --emit ir,plan,ast,layer,c --selftest --depfile out/net.d
files 'emissions in files' out 'net.ast net.c net.d net.h net.ir net.layer net.plan net_selftest.c'
echo 'out/net.ir out/net.plan out/net.ast out/net.layer out/net.c out/net.h out/net_selftest.c: net.pool' >expected
same 'depfile' out/net.d expected
mkdir 'o u' 'a b'
cp net.pool 'a b/n#e$t.pool'
check 'difficult names' 0 '' '' "$poolc" build 'a b/n#e$t.pool' -o 'o u' --depfile net.d
files 'difficult names' 'o u' 'n#e$t.c n#e$t.h'
printf '%s\n' 'o\ u/n\#e$$t.c o\ u/n\#e$$t.h: a\ b/n\#e$$t.pool' >expected
same 'depfile of difficult names' net.d expected
check 'depfile of standard input' 0 '' '' sh -c '"$1" build - -o out --depfile net.d <net.pool' sh "$poolc"
echo 'out/stdin.c out/stdin.h:' >expected
same 'depfile of standard input' net.d expected
rm -rf out && mkdir out

check 'missing file' 1 '' 'none.pool: cannot be opened: No such file' "$poolc" build none.pool -o out
check 'a folder' 1 '' 'out: is a folder' "$poolc" build out
check 'errors' 1 '' '^bad.pool:1:[0-9]+: error: .*\[bad-stride\]$' "$poolc" build bad.pool -o out --depfile out/d
check 'errors of the plan' 1 '' '\[unroll-too-large\]$' "$poolc" build full.pool -o out --emit c,ir --depfile out/d
check 'a raised budget' 1 '' 'the budget is 50000' "$poolc" build full.pool -o out --unroll-budget 50000
files 'errors leave nothing' out ''
check 'no such folder' 3 '' 'none: cannot be written: No such file' "$poolc" build net.pool -o none
check 'a file is no folder' 3 '' 'cannot be written: Not a directory' "$poolc" build net.pool -o net.pool
check 'full depfile' 3 '' '/dev/full: cannot be written: No space' "$poolc" build net.pool -o out --depfile /dev/full
check 'full standard output' 3 '' 'standard output' sh -c '"$1" build net.pool --emit c,ir >/dev/full' sh "$poolc"
files 'failed writes leave nothing' out ''
files 'failed writes leave nothing here' . "a b bad.pool bare emissions empty.pool expected full.pool here huge.pool net.d \
net.pool o u one.pool out passes.pool stderr stdout temporary where.pool"
mkdir out/net.h
echo old >out/net.c
check 'a file that cannot be replaced' 3 '' 'net.h: cannot be written' "$poolc" build net.pool -o out --depfile out/new.d
files 'all or nothing' out 'net.c net.h'
check 'the old file is back' 0 '^old$' '' cat out/net.c
rm -rf out && mkdir out
cp net.pool net.c
check 'over the spec' 2 '' 'net.c: would be written over the spec' "$poolc" build net.c
check 'the spec is still there' 0 '^pool max2' '' cat net.c
rm net.c
check 'one name twice' 2 '' 'two outputs have this name' "$poolc" build net.pool -o out --depfile ./out/net.c
files 'nothing after a usage error' out ''
ln -s ../target.c out/net.c
echo old >target.c
check 'through a link' 0 '' '' "$poolc" build net.pool -o out
check 'the link is a link' 0 'out/net.c' '' find out -name net.c -type l
check 'its target is new' 0 'net_max2_forward' '' cat target.c
rm -rf out target.c && mkdir out
ln -s nothere.c out/net.c
check 'a link that leads nowhere' 3 '' 'net.c: cannot be written: it is a link that' "$poolc" build net.pool -o out
rm -rf out && mkdir out
ln -s /dev/stdout way
for name in /dev/stdout //dev/stdout way log; do
    check "an open file, $name" 3 '' "$name: cannot be written: it is open" sh -c '
        { echo first; "$1" build net.pool -o out --depfile "$2"; status=$?; echo last; } >log
        exit $status' sh "$poolc" "$name"
    check "$name keeps what others write" 0 '^2 log$' '' wc -l log
done
rm way
check 'a pipe is no open file' 0 '^out/net.c out/net.h: net.pool$' '' sh -c '
    "$1" build net.pool -o out --depfile /dev/stdout | cat' sh "$poolc"
rm -rf out log && mkdir out
check 'rules for no files' 2 '' 'give --output' "$poolc" build net.pool --emit ir --depfile net.d
files 'no rules' out ''
cp net.pool math.pool
check 'a header of the C library' 1 '' "math.h would hide the C library's" "$poolc" build math.pool -o out
rm math.pool
cp net.pool 'q"q.pool'
check 'a name that C cannot quote' 1 '' 'rename it' "$poolc" build 'q"q.pool' -o out
files 'a name that C cannot quote' out ''
check 'no pools' 1 '' 'empty.pool: the spec holds no pool' "$poolc" build empty.pool -o out
files 'no pools' out ''
check 'no name of a spec' 2 '' "'build' needs FILE" "$poolc" build ''

# ---- build: targets ----

echo 'pool row { mode max; channels 2; shape 4 x 50; kernel 1 x 2; passes forward }' >row.pool
check 'for c99' 0 '' '' "$poolc" build row.pool -o out
cp out/row.c row.c99
check 'c99 is the default' 0 '' '' "$poolc" build row.pool -o out --target c99
same 'c99 is the default' out/row.c row.c99
for target in sse2:f32x4 avx2:f32x8 avx512:f32x16 neon:f32x4; do
    check "for $target" 0 '' '' "$poolc" build row.pool -o out --target ${target%:*}
    check "says that it is for $target" 0 "from row.pool for ${target%:*}; do not edit" '' head -n 1 out/row.c
    check "has the vectors of $target" 0 "^ *const ${target#*:} v" '' cat out/row.c
done
case $(uname -m) in
x86_64)
    check 'for AVX2 without its flag' 0 '' '' "$poolc" build row.pool -o out --target avx2
    check 'the flag is named' 1 '' 'this file is for avx2: compile with -mavx2 -mfma' cc -std=c99 -c -o out/row.o out/row.c
    check 'with its flag' 0 '' '' cc -std=c99 -mavx2 -mfma -c -o out/row.o out/row.c
    check 'several targets' 0 '' '' "$poolc" build row.pool -o out --target avx512,avx2,sse2
    check 'says which' 0 'from row.pool for avx512, avx2 or sse2; do not edit' '' head -n 1 out/row.c
    check 'several need no flag' 0 '' '' cc -std=c99 -Wall -Wextra -Werror -c -o out/row.o out/row.c
    check 'one public function, and its parts' 0 '^2$' '' sh -c 'nm out/row.o | grep -c " T "'
    check 'with c99 at the end' 0 '' '' "$poolc" build row.pool -o out --target avx2,c99
    check 'c99 has a section' 0 'row_row_forward_c99' '' cat out/row.c
    check 'this machine' 0 '' '' "$poolc" build row.pool -o out --target native
    check 'native is written by its name' 0 'row.pool for (sse2|avx2|avx512);' '' head -n 1 out/row.c
    for backend in cc eval; do
        check "run $backend for avx2,sse2" 0 '' '' "$poolc" run row.pool --backend $backend --target avx2,sse2 -o y.npy
        check "run $backend for c99" 0 '' '' "$poolc" run row.pool --backend $backend --target c99 -o y99.npy
        same "one result by $backend" y.npy y99.npy
    done
    check 'check every target here' 0 '^✓ row' '' "$poolc" check row.pool --target native
    check 'check several' 0 '^✓ row: forward by .*cc, eval' '' "$poolc" check row.pool --target avx512,avx2,sse2
    check 'another machine is not run' 3 '' 'this machine cannot run code for neon \[backend\]$' \
        "$poolc" run row.pool --backend cc --target neon
    check 'another machine is not checked' 3 'could not be checked' 'this machine cannot run code for neon' \
        "$poolc" check row.pool --target neon
    check 'another machine is not measured' 3 '' '^poolc: this machine cannot run code for neon$' \
        "$poolc" bench row.pool --target neon
    check 'bench is for this machine' 0 'for (sse2|avx2|avx512)$' '' "$poolc" bench row.pool
    check 'bench for a target' 0 'for avx2 or sse2$' '' "$poolc" bench row.pool --target avx2,sse2
    check 'bench for c99' 0 'for c99$' '' "$poolc" bench row.pool --target c99
    ;;
esac
check 'the plan of another machine' 0 '^✓ row: forward by eval on' '' "$poolc" check row.pool --target neon --backend eval
check 'the plan of a target' 0 '16 outputs at a time' '' "$poolc" build row.pool --emit plan --target avx512
check 'what lanes take' 0 '^ *slot 0 0 1: ' '' "$poolc" build row.pool --emit lanes --target avx512
check 'the plans of several' 0 '^# avx2$' '' "$poolc" build row.pool --emit plan --target avx512,avx2,c99
cp stdout plans
check 'in order' 0 '^# avx512$' '' head -n 1 plans
check 'to the end' 0 '^row forward: (loops|straight line)$' '' sh -c 'sed "1,/# c99/d" plans'
check 'the IR of a target' 0 'f32x8' '' "$poolc" build row.pool --emit ir --target avx2
check 'explain for a target' 0 ', for avx2$' '' "$poolc" explain row.pool --target avx2
check 'explain for several' 0 ', for sse2$' '' "$poolc" explain row.pool --target avx2,sse2
check 'explain for c99' 0 ', for c99$' '' "$poolc" explain row.pool
check 'the other headers are the same' 0 '' '' "$poolc" build row.pool -o out --target neon
cp out/row.h neon.h
check 'as for c99' 0 '' '' "$poolc" build row.pool -o out
same 'the header does not depend on the target' out/row.h neon.h
rm -rf out row.c99 neon.h plans y.npy y99.npy && mkdir out

# ---- build: code by LLVM ----

check 'a triple for C' 2 '' '^poolc: --triple goes with --emit obj, asm or llvm' "$poolc" build net.pool --triple riscv64-linux-gnu
check 'a processor for C' 2 '' '^poolc: --cpu goes with --emit obj, asm or llvm' "$poolc" build net.pool --emit c,ir --cpu native
rm -rf out && mkdir out
if [ "$llvm" = no-llvm ]; then
    for emission in obj asm llvm; do
        check "no $emission" 2 '' "^poolc: --emit $emission: this poolc was built without LLVM; build it with -DPOOLC_LLVM=ON" \
            "$poolc" build net.pool -o out --emit c,$emission
    done
    files 'nothing without LLVM' out ''
else
    check 'LLVM on standard output' 0 '^define void @net_max2_forward\(ptr ' '' "$poolc" build net.pool --emit llvm
    check 'assembly on standard output' 0 '^net_max2_forward:' '' "$poolc" build net.pool --emit asm
    files 'nothing beside standard output' out ''
    check 'an object' 0 '' '' "$poolc" build net.pool -o out --emit obj --depfile out/net.d
    files 'an object' out 'net.d net.h net.o'
    echo 'out/net.o out/net.h: net.pool' >expected
    same 'depfile of an object' out/net.d expected
    cp out/net.o first.o
    check 'an object again' 0 '' '' "$poolc" build net.pool -o out --emit obj
    same 'the same spec, the same bytes' out/net.o first.o
    mkdir here2 && cp net.pool here2/
    check 'an object beside' 0 '' '' sh -c 'cd here2 && "$1" build net.pool --emit obj' sh "$poolc"
    files 'an object beside' here2 'net.h net.o net.pool'
    rm -rf out here2 first.o && mkdir out
    check 'assembly in a file' 0 '' '' "$poolc" build net.pool -o out --emit asm
    files 'assembly in a file' out 'net.h net.s'
    check 'everything' 0 '' '' "$poolc" build net.pool -o out --emit llvm,asm,obj,c --selftest --depfile out/net.d --prefix my
    files 'everything' out 'net.c net.d net.h net.ll net.o net.s net_selftest.c'
    echo 'out/net.ll out/net.s out/net.c out/net.h out/net_selftest.c out/net.o: net.pool' >expected
    same 'depfile of everything' out/net.d expected
    check 'the object has the prefix' 0 ' T my_max2_forward$' '' nm out/net.o
    check 'the self-test of the object is compiled' 0 '' '' cc -o out/test out/net.o out/net_selftest.c -lm
    check 'the self-test of the object' 0 '^2 passed, 0 failed$' '' out/test
    check 'the self-test of the assembly is compiled' 0 '' '' cc -o out/test out/net.s out/net_selftest.c -lm
    check 'the self-test of the assembly' 0 '^2 passed, 0 failed$' '' out/test
    check 'this processor' 0 '' '' "$poolc" build net.pool -o out --emit obj --cpu native
    check 'vectors for LLVM' 0 '<16 x float>' '' "$poolc" build row.pool --emit llvm --target avx512
    check 'their loops count where LLVM does not see it' 0 'ptrtoint ptr %.* to i64$' '' \
        "$poolc" build row.pool --emit llvm --target avx512
    echo 'pool a { mode avg; channels 16; shape 32; kernel 3; stride 1; padding 1; passes forward }' >avg.pool
    for vectors in avx2 neon; do
        check "vectors of $vectors for any processor" 0 '' '' "$poolc" build avg.pool -o out --emit obj --target $vectors
        check 'need no library, nor FMA' 1 '' '' sh -c 'nm -u out/avg.o | grep fma'
    done
    check 'one target for LLVM' 2 '' '^poolc: --target takes one target for --emit obj, asm and llvm' \
        "$poolc" build row.pool --emit c,obj --target avx512,sse2
    rm -rf out && mkdir out
    for triple in x86_64-linux-gnu aarch64-linux-gnu riscv64-linux-gnu arm-linux-gnueabihf armv7-none-eabi; do
        check "for $triple" 0 '^target triple = "'"${triple%%-*}"'-' '' "$poolc" build net.pool --emit llvm --triple $triple
    done
    check 'for a processor' 0 'my_avg2_backward' '' \
        "$poolc" build net.pool --emit asm --triple aarch64-linux-gnu --cpu cortex-a72 --prefix my
    printf 'pool rows { mode max; channels 16; shape 28 x 28; kernel 2 }\n' >rows.pool
    check 'rows that end within a vector' 0 '' '' \
        "$poolc" build rows.pool -o out --emit llvm --triple x86_64-linux-gnu --cpu haswell --target avx2
    check 'no stores by masks where masks are no registers' 1 '^0$' '' grep -c masked.store out/rows.ll
    rm -f out/rows.ll
    check 'no machine' 2 '' "^poolc: 'xyzzy' is no machine that LLVM can write code for$" \
        "$poolc" build net.pool -o out --emit obj --triple xyzzy
    check 'a machine of other bits' 2 '' "^poolc: poolc writes code for x86_64, aarch64, riscv64 or arm, not for 'i386-" \
        "$poolc" build net.pool -o out --emit obj --triple i386-linux-gnu
    check 'no processor' 2 '' "^poolc: LLVM refuses the processor 'xyzzy' for '.*': 'xyzzy' is not a recognized processor" \
        "$poolc" build net.pool -o out --emit obj,c --cpu xyzzy --depfile out/d
    check 'a processor that is said once' 0 '^1$' '' sh -c '"$1" build net.pool --emit obj --cpu xyzzy 2>&1 | grep -c .' sh "$poolc"
    check 'a processor of another machine' 2 '' "refuses the processor 'generic-rv32' for 'riscv64-.*': RV64 target requires" \
        "$poolc" build net.pool -o out --emit obj --triple riscv64-linux-gnu --cpu generic-rv32
    check 'native elsewhere' 2 '' "the processor 'native' is that of this machine, not of 'riscv64-" \
        "$poolc" build net.pool -o out --emit obj --triple riscv64-linux-gnu --cpu native
    check 'an object of a plan that is none' 1 '' '\[unroll-too-large\]$' "$poolc" build full.pool -o out --emit obj,c
    check 'an object with nowhere to go' 3 '' 'none: cannot be written: No such file' \
        "$poolc" build net.pool -o none --emit obj
    files 'wrong machines leave nothing' out ''
fi

# ---- run ----

backends='cc, eval, ref' usual=cc
[ "$llvm" = no-llvm ] || backends="jit, $backends" usual=jit
for backend in $(echo "$backends" | tr -d ,); do
    check "run $backend" 0 '' '' "$poolc" run net.pool max2 --backend $backend -i x="$lesson/nine.npy" -o y=y.npy
    same "run $backend" y.npy "$lesson/max2.y.npy"
    check "backward $backend" 0 '' '' "$poolc" run net.pool max2 --backend $backend --backward -i "$lesson/nine.npy" \
        -i dy="$lesson/dy_ones.npy" -o dx.npy
    same "backward $backend" dx.npy "$lesson/max2.dx.npy"
    check "random $backend" 0 '^y float32 \(1, 1, 2, 2\): min ' '' "$poolc" run one.pool --backend $backend --seed 7
    check "random backward $backend" 0 '^dx float32' '' "$poolc" run passes.pool l --backward --backend $backend
    cp stdout "random.$backend"
    check "random pick $backend" 0 '^dx float32' '' "$poolc" run passes.pool m --backward --backend $backend
done
for backend in $(echo "$backends" | tr -d ,); do
    [ $backend = ref ] || same "the same numbers by $backend" random.$backend random.eval
done
check 'other seed' 0 '*' '' "$poolc" run one.pool --backend eval --seed 8
check 'other numbers' 1 '*' '*' cmp stdout random.eval
check 'small results are shown' 0 '^  7 8$' '' "$poolc" run net.pool max2 --backend eval -i "$lesson/nine.npy"
for width in 32:2277255213:3497852337 64:55958943:1817678313; do # of 4 and 8 MB, which two threads fill
    dtype=f${width%%:*} sums=${width#*:}
    echo "pool long { mode max; dtype $dtype; shape 1000003; kernel 2; stride 1 }" >long.pool
    check "fill $dtype" 0 '*' '' "$poolc" run long.pool --backend ref --seed 5 -o long.npy
    check "the numbers of $dtype" 0 "^${sums%:*} " '' cksum long.npy
    check "fill $dtype backward" 0 '*' '' "$poolc" run long.pool --backend ref --seed 5 --backward -o long.npy
    check "the numbers of $dtype backward" 0 "^${sums#*:} " '' cksum long.npy
done
npy big.npy '>f4' '(1, 1, 3, 3)' \
    "$(printf '%s' '\000\000\000\000\077\200\000\000\100\000\000\000\100\100\000\000' \
        '\100\200\000\000\100\240\000\000\100\300\000\000\100\340\000\000\101\000\000\000')"
check 'big endian' 0 '' '' "$poolc" run net.pool max2 -i x=big.npy -o y=y.npy
same 'big endian' y.npy "$lesson/max2.y.npy"
check 'indices' 0 '' '' "$poolc" run where.pool -i x="$lesson/ties.npy" -o indices=where.npy -o y.npy --backend eval
same 'indices' where.npy "$lesson/max2_where.indices.npy"
check 'wrong shape' 1 '' 'x of pool .max2. is float32 \(1, 1, 3, 3\), but the file holds float32 \(1, 1, 4, 4\)$' \
    "$poolc" run net.pool max2 -i x="$lesson/sixteen.npy"
npy flat.npy '<f8' '(9,)' "$(printf '%072d' 0 | sed 's/0/\\000/g')"
check 'wrong type' 1 '' 'holds float64 \(9,\); in NumPy: array.astype\("float32"\).reshape\(1, 1, 3, 3\)' \
    "$poolc" run net.pool max2 -i x=flat.npy
check 'no array' 1 '' 'net.pool: ' "$poolc" run net.pool max2 -i x=net.pool
check 'missing array' 1 '' 'none.npy: ' "$poolc" run net.pool max2 -i x=none.npy -o y=new.npy
check 'several pools' 2 '' 'holds 2 pools; name one: max2, avg2' "$poolc" run net.pool
check 'unknown pool' 2 '' "no pool 'max'; did you mean 'max2'" "$poolc" run net.pool max
check 'another pool' 2 '' "there is max2, avg2" "$poolc" run net.pool stem
check 'unknown tensor' 2 '' "'z' is no input of this run; there is x$" "$poolc" run one.pool -i z=a.npy
check 'tensor of the other pass' 2 '' "'y' is no output of this run; there is dx$" "$poolc" run one.pool --backward -o y=a.npy
check 'tensor that is not' 2 '' "'indices' is no output of this run; there is y$" "$poolc" run one.pool -o indices=a.npy
check 'tensor without a file' 2 '' '-i x= needs the name of a .npy file' "$poolc" run one.pool -i x=
check 'tensor on standard output' 2 '' '-o - needs the name of a .npy file' "$poolc" run one.pool -o -
check 'tensor twice' 2 '' 'x is given twice' "$poolc" run one.pool -i x=a.npy -i b.npy
check 'file twice' 2 '' 'two outputs' "$poolc" run where.pool -o new.npy -o indices=./new.npy
check 'no forward pass' 1 '' "no forward pass: its spec says 'passes backward'" "$poolc" run passes.pool l
check 'no backward pass' 1 '' "no backward pass" "$poolc" run passes.pool f --backward
check 'too large' 1 '' 'MiB of memory, of which' "$poolc" run huge.pool
check 'no pool at all' 1 '' 'holds no pool' "$poolc" run empty.pool
check 'unwritable array' 3 '' 'none/y.npy: cannot be written' "$poolc" run one.pool --backend eval -o y=none/y.npy
check 'an array is no device' 3 '' '/dev/full: cannot be written: it is not' \
    "$poolc" run one.pool --backend eval -o y=/dev/full
cp one.pool precious.pool
check 'an array over the spec' 2 '' 'precious.pool: would be written over the spec' \
    "$poolc" run precious.pool --backend eval -o precious.pool
check 'the spec is not an array' 0 '' '' cmp one.pool precious.pool
rm precious.pool
check 'an array over an input' 2 '' './a.npy: would be written over an input' \
    "$poolc" run one.pool --backend eval -i a.npy -o ./a.npy
mkdir folder.npy
echo old >old.npy
check 'second array fails' 3 '' 'folder.npy: ' "$poolc" run where.pool --backend eval -o y=old.npy -o indices=folder.npy
check 'first array is the old one' 0 '^old$' '' cat old.npy
check 'no compiler' 3 '' "cannot run the C compiler '.*none'" env CC="$work/none" "$poolc" run one.pool --backend cc
check 'a silent compiler' 3 '' 'status 1 and said nothing; set CC' env CC=false "$poolc" run one.pool --backend cc
check 'a silent compiler for measuring' 3 '' 'it said nothing; set CC' env CC=false "$poolc" bench one.pool
check 'no compiler to measure with' 3 '' "cannot run the C compiler '.*none'" env CC="$work/none" "$poolc" bench one.pool
check 'no compiler, as data' 3 '"problem": "cannot run the C compiler' 'cannot run the C compiler' \
    env CC="$work/none" "$poolc" check one.pool --backend cc --json
check 'a compiler that fails' 3 '' "C compiler 'false' failed with status 1" env CC=false "$poolc" run one.pool --backend cc
if [ "$llvm" = no-llvm ]; then
    check 'run where there is no compiler' 3 '' "cannot run the C compiler 'cc'" env PATH="$work/bare" "$poolc" run one.pool
    check 'no jit' 2 '' '^poolc: --backend jit: this poolc was built without LLVM; build it with -DPOOLC_LLVM=ON' \
        "$poolc" run one.pool --backend jit
    check 'no jit to check' 2 '' 'built without LLVM' "$poolc" check one.pool --backend eval,jit
    check 'no jit in the list' 1 '' '' sh -c '"$1" list backends | grep jit' sh "$poolc"
else
    check 'run where there is no compiler' 0 '^y float32' '' env PATH="$work/bare" "$poolc" run one.pool
    check 'jit in the list' 0 '^jit  *[^ ]' '' "$poolc" list backends
    # Long code is many functions, here in loops over images of the part.
    echo 'pool b { mode max; batch 2; channels 7; shape 33 x 29; output 12 x 10; unroll window; passes backward }' >runs.pool
    check 'code of many functions' 0 'backward by jit, eval' '' \
        "$poolc" check runs.pool --target c99 --backend jit,eval
    check 'it is of many functions' 0 '' '' "$poolc" build runs.pool --target c99 --emit llvm -o .
    check 'functions in loops' 0 '^define internal .* %dx, i64 %0' '' cat runs.ll
fi
check 'run: no file is left' 1 '' '' test -e new.npy

# ---- check ----

check 'check' 0 '^✓ max2: forward, forward_train, backward by '"$backends on 10 inputs" '' "$poolc" check net.pool
check 'check one' 0 '^✓ avg2: forward, backward by eval on 10' '' "$poolc" check net.pool avg2 --backend eval --seed 3
check 'check passes' 0 '^✓ f: forward by eval' '' "$poolc" check passes.pool --backend eval,ref
check 'check passes backward' 0 '^✓ m: backward by' '' "$poolc" check passes.pool m --backend ref,eval,cc
check 'check errors' 1 '' 'bad-stride' "$poolc" check bad.pool
check 'check the reference alone' 2 '' 'what check compares with' "$poolc" check net.pool --backend ref
check 'check unknown' 2 '' "no pool 'x'" "$poolc" check net.pool x
check 'check too large' 1 '✗ p: could not be checked' 'MiB of memory' "$poolc" check huge.pool
check 'a compiler that is asked for and not there' 3 'could not be checked' 'cannot run' \
    env PATH="$work/bare" "$poolc" check one.pool --backend cc,eval
check 'a $CC that is not there' 3 'could not be checked' 'cannot run' env CC="$work/none" "$poolc" check one.pool
check 'check where there is no compiler' 0 '^✓ avg2: .* eval, ref on 10 .*; not by cc, for there is no C compiler' '' \
    env PATH="$work/bare" CC=none "$poolc" check one.pool
check 'the same in JSON' 0 '^ *"cc"$' '' env PATH="$work/bare" "$poolc" check one.pool --json
echo 'pool p { mode max; channels 9; shape 99 x 99; kernel 9; stride 3 }' >big.pool
if [ "$llvm" = no-llvm ]; then
    check 'nothing to check with' 3 'could not be checked' 'cannot run' env PATH="$work/bare" "$poolc" check big.pool
else
    check 'check a large layer without a compiler' 0 '^✓ p: .* by jit, ref on .*; not by eval, .*; not by cc,' '' \
        env PATH="$work/bare" "$poolc" check big.pool
fi

# Compilers that change the kernels on their way: what check and bench are for.
change() {
    cat >"$1" <<SCRIPT
#!/bin/sh
for file; do
    case \$file in */kernels.c | */layer.c) sed '$2' "\$file" >"\$file.new" && mv "\$file.new" "\$file" ;; esac
done
exec cc "\$@"
SCRIPT
    chmod +x "$1"
}
change minimum 's/ > / < /g'
change last_bit 's/ y\[0\] = \(.*\);/ y[0] = (\1) * 1.0000001f;/'
change train '/_forward_train(/,/^}/ s/ y\[0\] = .*;/ y[0] = 0;/'
change before 's/ y\[0\] =/ y[-1] =/'
change behind 's/ y\[3\] =/ y[4] =/'
change deep '/_forward(/,/^}/ s/ y\[0\] = .*;/ volatile char deep[1 << 26]; deep[0] = 0; y[0] = deep[0];/'
change elsewhere 's/ y\[0\] =/ *(float *)8 =/'
check 'a wrong result' 1 \
    '^✗ max2: y\[0, 0, 0, 0\] of forward by cc on random numbers \(seed 0\) is [-0-9.]+, but should be [-0-9.]+; . of 4' \
    '' env CC="$work/minimum" "$poolc" check net.pool max2 --backend cc
check 'a wrong bit' 1 '^✗ avg2: y\[0, 0, 0, 0\] of forward by eval .* is [-0-9.]+, but by cc [-0-9.]+$' '' \
    env CC="$work/last_bit" "$poolc" check net.pool avg2 --backend eval,cc
check 'two kernels of one backend' 1 '^✗ max2: y.* of forward_train by cc .* is 0, but by cc in another kernel ' '' \
    env CC="$work/train" "$poolc" check net.pool max2 --backend cc
check 'in front of a buffer' 1 '^✗ max2: .*(4 bytes in front of y|writes outside of y)' '' \
    env CC="$work/before" "$poolc" check net.pool max2 --backend cc
check 'behind a buffer' 1 '^✗ max2: .*: 0 bytes behind y' '' \
    env CC="$work/behind" "$poolc" check net.pool max2 --backend cc
check 'elsewhere' 1 '^✗ max2: .*memory that is not its own$' '' \
    env CC="$work/elsewhere" "$poolc" check net.pool max2 --backend cc
check 'more stack than there is' 1 '^✗ max2: .*memory that is not its own$' '' \
    sh -c 'ulimit -s 8192; exec "$@"' sh env CC="$work/deep" "$poolc" check net.pool max2 --backend cc
check 'a wrong result in JSON' 1 '"ok": false' '' env CC="$work/minimum" "$poolc" check net.pool --json --backend cc

# ---- explain, bench ----

check 'explain' 0 'bytes loaded .* 1\.00$' '' "$poolc" explain net.pool max2
check 'explain errors' 1 '' 'unroll-too-large' "$poolc" explain full.pool
check 'bench' 0 '^  backward .*x .*%' '' "$poolc" bench net.pool avg2
check 'bench generate' 0 '^2 layers, 5 kernels' '' "$poolc" bench --generate --repeat 3 net.pool
check 'bench generate errors' 1 '' 'unroll-too-large' "$poolc" bench --generate full.pool
check 'bench repeat' 2 '' 'goes with --generate' "$poolc" bench --repeat 3 net.pool
check 'bench two things' 2 '' 'give one of them' "$poolc" bench --generate --compile net.pool
if [ "$llvm" = no-llvm ]; then
    check 'bench compile' 2 '' 'without LLVM' "$poolc" bench --compile net.pool
else
    check 'bench compile' 0 '^LLVM: mean of 5 kernels .* ms' '' "$poolc" bench --compile --repeat 1 net.pool
    check 'bench compile, fresh' 0 '^a fresh process, from the text to the result of max2: ' '' \
        "$poolc" bench --compile --repeat 1 net.pool max2
    check 'bench compile as JSON' 0 '"milliseconds_fresh_process": ' '' "$poolc" bench --compile --repeat 1 --json net.pool
fi
check 'bench without a compiler' 3 '' 'measuring program' env CC=false "$poolc" bench one.pool
check 'bench finds a difference' 1 'results differ' 'computes something else' \
    env CC="$work/minimum" "$poolc" bench net.pool max2

# ---- JSON ----

if python3 -c '' 2>/dev/null; then
    cp where.pool 'odd "name"\.pool'
    for command in 'check' 'check --backend eval' 'explain' 'bench' 'bench --generate --repeat 2'; do
        check "json of $command" 0 '*' '' "$poolc" $command --json 'odd "name"\.pool'
        input=$work/stdout.json
        cp stdout stdout.json
        check "json of $command is JSON" 0 '"spec": "odd \\"name\\"\\\\.pool"' '' python3 -m json.tool
        input=/dev/null
    done
    check 'json of errors' 1 '' 'unroll-too-large' "$poolc" explain --json full.pool
else
    echo "cli: no python3, JSON is not looked at" >&2
fi

. "$here/plans.sh"

# ---- memory and signals ----

# Sanitizers need more addresses than these limits leave; then there is nothing to see.
if (ulimit -v 30000 && "$poolc" --version) >/dev/null 2>&1; then
    { printf '# '; head -c 15000000 /dev/zero | tr '\0' 'c'; echo; cat net.pool; } >long.pool
    check 'out of memory' 3 '' '^poolc: out of memory$' sh -c 'ulimit -v 30000; exec "$1" build long.pool' sh "$poolc"
    rm long.pool
fi
name='a signal'
cases=$((cases + 1))
cat >slow <<'SCRIPT'
#!/bin/sh
exec sleep 60
SCRIPT
chmod +x slow
CC=$work/slow "$poolc" bench net.pool >stdout 2>stderr &
process=$!
for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -n "$(ls temporary)" ] && break
    sleep 0.1
done
[ -n "$(ls temporary)" ] || wrong 'there is no temporary folder while it works'
kill -TERM $process
wait $process 2>/dev/null
got=$?
[ $got -eq 143 ] || wrong "status $got instead of 143"
[ -z "$(ls temporary)" ] || wrong 'the temporary folder is still there'

printf '#!/bin/sh\nsleep 30 &\nexec cc "$@"\n' >server
printf '#!/bin/sh\nexec 2>/dev/null\nexec sleep 30\n' >silent
chmod +x server silent
check 'a compiler that leaves a server behind' 0 '^y float32' '' timeout 20 \
    env CC="$work/server" "$poolc" run one.pool --backend cc --quiet
check 'a compiler that fails where the ends of programs are ignored' 3 '' 'failed with status 1' timeout -k 5 20 \
    env --ignore-signal=CHLD CC=false "$poolc" run one.pool --backend cc --quiet
check 'a signal that is ignored' 0 '^y float32' '' sh -c '
    trap "" HUP
    printf "#!/bin/sh\nkill -HUP \$PPID\nexec cc \"\$@\"\n" >hup; chmod +x hup
    CC=$PWD/hup exec "$1" run one.pool --backend cc --quiet' sh "$poolc"
check 'a signal to a compiler that says nothing' 143 '' '' timeout --preserve-status -s TERM -k 5 1 \
    env CC="$work/silent" "$poolc" run one.pool --backend cc --quiet

# More than a pipe holds.
for i in 1 2 3 4 5 6 7 8 9; do
    echo "pool p$i { mode max; shape $i$i x $i$i; kernel 5; stride 1; padding 2 }"
done >several.pool
for cause in 'PIPE:--emit c,ir | head -n 1' 'XFSZ:>/dev/null'; do
    name="what is left by SIG${cause%%:*}"
    cases=$((cases + 1))
    rm -rf out && mkdir out
    (
        cd out || exit 2
        [ "${cause%%:*}" = PIPE ] || ulimit -f 1
        eval "\"\$poolc\" build ../several.pool ${cause#*:}"
    ) >/dev/null 2>stderr
    files "$name" out ''
done
check 'a file that grows too large' 3 '' 'cannot be written: File too large' sh -c '
    ulimit -f 1; exec "$1" build several.pool -o out' sh "$poolc"

name='a signal before the files are in place'
cases=$((cases + 1))
rm -rf out && mkdir out
mkfifo pipe
"$poolc" build net.pool -o out --depfile pipe >stdout 2>stderr &
process=$!
for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ "$(ls -A out | wc -l)" -eq 2 ] && break
    sleep 0.1
done
[ "$(ls -A out | wc -l)" -eq 2 ] || wrong 'it does not wait for the reader of the pipe'
kill -TERM $process
wait $process 2>/dev/null
got=$?
[ $got -eq 143 ] || wrong "status $got instead of 143"
files 'a signal leaves nothing' out ''

echo "cli: $((cases - failed)) of $cases cases are as they should be"
[ "$failed" -eq 0 ]
