#!/bin/sh
# run.sh BUILD SOURCE - installs the build in BUILD to a folder of its own and uses it as users do.
#
# The CMake package with Ninja and with Make (in folders whose names have a space), what is made again after a change and what
# is not, arguments that must be refused, a cross build, pkg-config, and the example that needs nothing but make.
# Prints what is wrong and "cmake: N of M checks are right".
set -u
[ $# -eq 2 ] || { echo "usage: run.sh BUILD SOURCE" >&2; exit 2; }
build=$(cd "$1" && pwd) && source=$(cd "$2" && pwd) || exit 2
here=$source/tests/cmake
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
prefix="$work/install here"
log=$work/log
checked=0
failed=0
unset MAKEFLAGS MAKELEVEL MFLAGS CMAKE_GENERATOR 2>/dev/null # of a make that runs us

# check WHAT COMMAND ...: the command succeeds, its output goes to the log, which is shown if it does not. What the command
# before it wrote is in $work/last.
check() {
    what=$1
    shift
    checked=$((checked + 1))
    [ ! -e "$log" ] || mv "$log" "$work/last"
    "$@" >"$log" 2>&1 && return 0
    echo "cmake: $what: failed: $*" >&2
    sed 's/^/    /' "$log" >&2
    failed=$((failed + 1))
    return 1
}

# refused WHAT TEXT COMMAND ...: the command fails and says TEXT. CMake breaks long lines, so white space does not count.
refused() {
    what=$1
    text=$2
    shift 2
    checked=$((checked + 1))
    if "$@" >"$log" 2>&1; then
        echo "cmake: $what: was accepted" >&2
    elif ! tr -s ' \n' '  ' <"$log" | grep -qF -- "$text"; then
        echo "cmake: $what: does not say '$text':" >&2
        sed 's/^/    /' "$log" >&2
    else
        return 0
    fi
    failed=$((failed + 1))
}

# generated WHAT WANTED FOLDER: building again runs poolc WANTED times.
generated() {
    check "$1" cmake --build "$3" || return
    checked=$((checked + 1))
    count=$(grep -c 'Compiling pooling spec' "$log")
    [ "$count" -eq "$2" ] && return
    echo "cmake: $1: poolc ran $count times instead of $2:" >&2
    sed 's/^/    /' "$log" >&2
    failed=$((failed + 1))
}

# Files as old as they can be confused: the next one written is surely newer than everything there is.
later() {
    sleep 1.1
}

check "install" cmake --install "$build" --prefix "$prefix" || exit 1
for file in bin/poolc include/pool/desc.h lib/cmake/poolc/poolcConfig.cmake lib/cmake/poolc/poolcKernels.cmake \
    lib/pkgconfig/pool.pc share/man/man1/poolc.1; do
    # The library folder may be lib64 or lib/TRIPLET.
    check "installed $file" sh -c 'ls "$1"/$2 || ls "$1"/lib*/$3 || ls "$1"/lib/*/$3' - "$prefix" "$file" "${file#lib/}"
done
check "manual page" grep -q '^\.TH' "$prefix/share/man/man1/poolc.1"

# ---- the example, by both generators ----

for generator in "Ninja" "Unix Makefiles"; do
    example="$work/example of $generator"
    cp -R "$source/examples/embed_cmake" "$example"
    (cd "$example" && find . | sort) >"$work/before"
    check "$generator: configure" cmake -G "$generator" -S "$example" -B "$work/build $generator" -DCMAKE_PREFIX_PATH="$prefix"
    generated "$generator: build" 2 "$work/build $generator"
    check "$generator: test" sh -c 'cd "$1" && ctest --output-on-failure && ctest -N | grep -q "Total Tests: 3"' - \
        "$work/build $generator"
    generated "$generator: nothing has changed" 0 "$work/build $generator"
    if [ "$generator" = Ninja ]; then
        check "nothing to do" grep -q 'no work to do' "$work/last"
    fi
    later
    touch "$example/pyramid.pool"
    generated "$generator: a spec was touched" 1 "$work/build $generator"
    generated "$generator: nothing has changed since" 0 "$work/build $generator"
    later
    touch "$prefix/bin/poolc"
    generated "$generator: the compiler was touched" 2 "$work/build $generator"
    generated "$generator: and nothing else" 0 "$work/build $generator"
    (cd "$example" && find . | sort) >"$work/after"
    check "$generator: the source folder is untouched" cmp "$work/before" "$work/after"
done

# ---- targets ----

case $(uname -m) in
x86_64)
    mkdir "$work/targets"
    cp "$source/examples/embed_cmake/pyramid.pool" "$work/targets"
    cat >"$work/targets/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.23)
project(targets LANGUAGES C)
include(CTest)
find_package(poolc REQUIRED)
poolc_add_kernels(several SPECS pyramid.pool TARGETS avx512 avx2 sse2 SELFTEST)
poolc_add_kernels(here SPECS pyramid.pool TARGETS native SELFTEST)
poolc_add_kernels(plain SPECS pyramid.pool SELFTEST)
poolc_add_kernels(alone2 SPECS pyramid.pool TARGETS avx2)
poolc_add_kernels(alone512 SPECS pyramid.pool TARGETS avx512)
END
    check "targets: configure" cmake -G Ninja -S "$work/targets" -B "$work/build targets" -DCMAKE_PREFIX_PATH="$prefix"
    check "targets: build" cmake --build "$work/build targets"
    check "targets: test" sh -c 'cd "$1" && ctest --output-on-failure && ctest -N | grep -q "Total Tests: 3"' - "$work/build targets"
    check "targets: several" grep -q 'for avx512, avx2 or sse2; do not edit' "$work/build targets/several.pool/pyramid.c"
    check "targets: one" grep -q 'for avx512; do not edit' "$work/build targets/alone512.pool/pyramid.c"
    check "targets: none" grep -q 'pyramid.pool; do not edit' "$work/build targets/plain.pool/pyramid.c"
    ;;
esac

# ---- what must be refused ----

# bad WHAT TEXT ARGUMENTS: a project that calls poolc_add_kernels(kernels ARGUMENTS).
mkdir "$work/bad" "$work/bad/sub"
cp "$source/examples/embed_cmake/head.pool" "$work/bad"
cp "$source/examples/embed_cmake/head.pool" "$work/bad/sub"
bad() {
    cat >"$work/bad/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.23)
project(bad LANGUAGES C)
find_package(poolc REQUIRED)
poolc_add_kernels(kernels $3)
END
    refused "$1" "$2" cmake -G Ninja -S "$work/bad" -B "$work/build bad" -DCMAKE_PREFIX_PATH="$prefix"
}
bad "an unknown argument" "unknown arguments: head.pool" "head.pool"
bad "a misspelt keyword" "unknown arguments: PREFX" "PREFX net SPECS head.pool"
bad "no specs" "SPECS needs at least one .pool file" "PREFIX net"
bad "no targets" "nothing behind TARGETS" "SPECS head.pool TARGETS"
bad "an empty keyword" "nothing behind PREFIX" "SPECS head.pool PREFIX"
bad "another emission than C" "OPTIONS cannot hold --emit" "SPECS head.pool OPTIONS --emit obj"
bad "two specs of one name" "two specs would make head.c" "SPECS head.pool sub/head.pool"
cp "$work/bad/head.pool" "$work/bad/head_selftest.pool"
bad "a spec called as a selftest" "two specs would make head_selftest.c" "SPECS head.pool head_selftest.pool SELFTEST"
bad "the same the other way round" "two specs would make head_selftest.c" "SPECS head_selftest.pool head.pool SELFTEST"
check "a spec that is not there may be made later" sh -c 'sed -i "s/^poolc_add.*/poolc_add_kernels(kernels SPECS missing.pool)/" "$1" &&
    cmake -G Ninja -S "${1%/*}" -B "$2" -DCMAKE_PREFIX_PATH="$3"' - "$work/bad/CMakeLists.txt" "$work/build bad" "$prefix"
refused "a spec that nobody makes" "missing.pool" cmake --build "$work/build bad"
refused "a version to come" "poolc" sh -c 'mkdir "$2" && cat >"$2/CMakeLists.txt" <<END && cmake -S "$2" -B "$2/build" \
    -DCMAKE_PREFIX_PATH="$1"
cmake_minimum_required(VERSION 3.23)
project(later LANGUAGES C)
find_package(poolc 99 REQUIRED)
END' - "$prefix" "$work/later"

# ---- a cross build: the libraries from the prefix, the compiler from elsewhere ----

# Another processor's name makes CMake believe that nothing which it builds runs here.
cross="-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=other"
check "only the libraries" cmake --install "$build" --component development --prefix "$work/device"
check "no compiler there" test ! -e "$work/device/bin/poolc"
cp -R "$source/examples/embed_cmake" "$work/cross"
refused "a cross build without a compiler" "set poolc_EXECUTABLE" \
    cmake -G Ninja -S "$work/cross" -B "$work/build cross" -DCMAKE_PREFIX_PATH="$work/device" $cross
refused "a compiler that is not there" "which is no file" \
    cmake -G Ninja -S "$work/cross" -B "$work/build cross" -DCMAKE_PREFIX_PATH="$work/device" $cross -Dpoolc_EXECUTABLE="$work/no"
rm -rf "$work/build cross"
check "a cross build" cmake -G Ninja -S "$work/cross" -B "$work/build cross" -DCMAKE_PREFIX_PATH="$work/device" $cross \
    -Dpoolc_EXECUTABLE="$prefix/bin/poolc"
generated "a cross build" 2 "$work/build cross"
check "its self-tests are built, and no test runs them" sh -c 'cd "$1" && ls kernels_head_selftest kernels_pyramid_selftest &&
    ctest -N | grep -q "Total Tests: 1"' - "$work/build cross"

# ---- the runtime, by CMake and by pkg-config ----

cp -R "$here/consumer" "$work/consumer"
check "runtime: configure" cmake -G Ninja -S "$work/consumer" -B "$work/build consumer" -DCMAKE_PREFIX_PATH="$prefix"
check "runtime: build" cmake --build "$work/build consumer"
check "runtime: run" "$work/build consumer/consumer"
pc=$(find "$prefix" -name pool.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
check "pkg-config: build" sh -c 'eval "cc -std=c11 -o \"\$1\" \"\$2\" $(pkg-config --cflags --libs pool)"' - \
    "$work/by_pkg_config" "$work/consumer/main.c"
check "pkg-config: run" "$work/by_pkg_config"
check "pkg-config: poolc" sh -c 'eval "$(pkg-config --variable=poolc pool) --version"'

# ---- libpoolc, by CMake and by pkg-config; or that it is not there ----

cp -R "$source/examples/embed_jit" "$work/embed_jit"
if ls "$build"/compiler/libpoolc.so* >/dev/null 2>&1; then
    check "libpoolc: configure" cmake -G Ninja -S "$work/embed_jit" -B "$work/build jit" -DCMAKE_PREFIX_PATH="$prefix"
    check "libpoolc: build" cmake --build "$work/build jit"
    check "libpoolc: test" sh -c 'cd "$1" && ctest --output-on-failure' - "$work/build jit"
    check "libpoolc: run" "$work/build jit/example" 37 53
    check "libpoolc: its output" sh -c 'grep -q "37 x 53: 3 kernels, and 0 the second time" "$1" &&
        grep -q "mistaken.pool:4:5: error: .*unknown-key" "$1" && grep -q "did you mean .kernel" "$1"' - "$work/last"
    check "libpoolc by pkg-config: build" sh -c 'eval "cc -std=c11 -Wall -Wextra -Werror -o \"\$1\" \"\$2\" \
        $(pkg-config --cflags --libs poolc)"' - "$work/jit_by_pkg_config" "$work/embed_jit/main.c"
    library=$(dirname "$(find "$prefix" -name libpoolc.so)")
    check "libpoolc by pkg-config: run" env LD_LIBRARY_PATH="$library" "$work/jit_by_pkg_config" 9 1000
    check "libpoolc: only its component" cmake --install "$build" --component compiler --prefix "$work/runtime only"
    check "libpoolc: its component has the library and the header" sh -c 'cd "$1" && find . -name "libpoolc.so.0*" | grep -q . &&
        test -e include/pool/compiler.h && test ! -e bin' - "$work/runtime only"
else
    check "no libpoolc: no header" test ! -e "$prefix/include/pool/compiler.h"
    check "no libpoolc: no poolc.pc" sh -c 'test -z "$(find "$1" -name poolc.pc)"' - "$prefix"
fi
# The libraries without libpoolc, as in a build without LLVM.
refused "a missing libpoolc that is asked for" "there is no libpoolc (component 'compiler')" \
    cmake -G Ninja -S "$work/embed_jit" -B "$work/build no jit" -DCMAKE_PREFIX_PATH="$work/device"
check "a missing libpoolc that is not asked for" cmake -G Ninja -S "$work/consumer" -B "$work/build no jit either" \
    -DCMAKE_PREFIX_PATH="$work/device"

# ---- without CMake ----

cp -R "$source/examples/embed_c" "$work/embed_c"
check "make" make -C "$work/embed_c" POOLC="'$prefix/bin/poolc'" check
check "make: nothing has changed" make -C "$work/embed_c" POOLC="'$prefix/bin/poolc'" demo
check "make: poolc did not run" sh -c '! grep -q " build " "$1"' - "$work/last"
later
touch "$work/embed_c/net.pool"
check "make: the spec was touched" make -C "$work/embed_c" POOLC="'$prefix/bin/poolc'" demo
check "make: poolc ran once" sh -c 'test "$(grep -c "poolc. build" "$1")" -eq 1' - "$work/last"

echo "cmake: $((checked - failed)) of $checked checks are right"
[ "$failed" -eq 0 ]
