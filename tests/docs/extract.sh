#!/bin/sh
# extract.sh DOC.md FOLDER - writes the specs of a page into FOLDER, one file each, named after the page and the line.
#
# A fence says what the spec is for:
#   ```pool               PAGE_LINE.pool                  compiles without a message
#   ```pool-warning ID    PAGE_LINE.pool, PAGE_LINE.warning   compiles with the warning ID (written in the second file)
#   ```pool-error ID      PAGE_LINE.pool, PAGE_LINE.error     fails with the error ID
# Prints the number of specs; exit status 1 if there is none, a fence is not closed or an id is missing.
set -eu
[ $# -eq 2 ] || { echo "usage: extract.sh DOC.md FOLDER" >&2; exit 2; }
mkdir -p "$2"
awk -v base="$2/$(basename "$1" .md)" '
    !inside && /^```pool/ {
        kind = substr($1, 4)
        if (kind != "pool" && ((kind != "pool-error" && kind != "pool-warning") || NF != 2)) {
            printf "%s:%d: bad fence: %s\n", FILENAME, FNR, $0 > "/dev/stderr"
            bad = 1
            exit
        }
        stem = base "_" FNR
        file = stem ".pool"
        printf "" > file
        if (kind != "pool") {
            print $2 > (stem "." substr(kind, 6))
            close(stem "." substr(kind, 6))
        }
        inside = 1
        count++
        next
    }
    inside && /^```/ { inside = 0; close(file); next }
    inside { print > file }
    END {
        if (inside)
            print FILENAME ": a fence is not closed" > "/dev/stderr"
        print count + 0
        exit bad || inside || count == 0
    }
' "$1"
