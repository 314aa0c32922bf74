#!/bin/sh
# linked.sh POOLC yes|no - whether the program is linked with LLVM, as its build was told.
set -u
[ $# -eq 2 ] || { echo "usage: linked.sh POOLC yes|no" >&2; exit 2; }
libraries=$(ldd "$1") || { echo "linked: ldd cannot read $1" >&2; exit 1; }
found=no
case $libraries in *LLVM*) found=yes ;; esac
[ "$found" = "$2" ] || { echo "linked: LLVM: $found instead of $2" >&2; echo "$libraries" >&2; exit 1; }
