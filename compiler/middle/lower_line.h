/* lower_line.h - the windows of a line, from results of its parts that they share.
 *
 * note [prefixes and suffixes]
 * The line is cut into blocks as long as a window.  A window that lies across two blocks is a suffix of the one and a prefix
 * of the other, so that, of windows that slide by one, each takes three combinations at most, however long it is: one for
 * the suffix that begins with it, one for the prefix that it ends, and one for its own (van Herk 1992, Gil and Werman 1993).
 * Taps keep their order, and each is combined once, so that sums, tap numbers and the first of equal maxima are right too.
 * Internal to lower*.c. */
#ifndef PC_LOWER_LINE_H
#define PC_LOWER_LINE_H

#include "middle/lower_fold.h"

/* Elements 0 .. count - 1, of which `element` makes the value, asked once for each. */
struct line {
    struct nest *nest;
    struct fold (*element)(void *of, int64_t i);
    void *of;
    int64_t count, block;
    struct fold *elements, *prefixes, *suffixes; /* of a block, that end or begin with the element; value 0: not yet made */
};

/* A line of windows that have `block` elements at most; its tap numbers count elements from the begin of the line. Lives in
 * the nest's arena. */
struct line *line_new(struct nest *nest, int64_t count, int64_t block, struct fold (*element)(void *of, int64_t i),
                      void *of);

/* What the elements first .. last are combined to, NaN in place. */
struct fold line_window(struct line *line, int64_t first, int64_t last);

#endif
