/* lower_fold.h - the taps of a window become one value: what is known of those seen so far, and how more are added.
 *
 * The same for one lane and for many: the types are those of the nest.  Internal to lower*.c.
 *
 * note [NaN without a second compare]
 * pick_gt(b, a) keeps a NaN in a but loses one in b.  Where only the value is wanted, what stands on the right is therefore
 * looked at apart from the maximum: one unordered compare sees two of them, the masks are or-ed, and one select at the end
 * puts NaN in place; of vectors at the end of each row, which windows share, because operations on masks are dear (3 x 3
 * windows of stride 1, channels-last, take a tenth less time so).  One alone is put in place by nan_or, a single instruction
 * of AVX-512: a tenth less time for lines, whose every result is looked at.  Where tap numbers are wanted too, the
 * comparison that chooses must itself let a later NaN win.
 *
 * note [a later NaN in the same comparison]
 * With its tap, a stays a maximum if b <= min(a, inf) and else b takes its place.  A NaN in b fails every comparison, and so
 * wins; a NaN in a is inf to the comparison, for min gives its second operand then, and so loses to a NaN only: of several
 * NaN the last is kept.  One comparison and a minimum take less than two comparisons and the or of their masks, for
 * operations on masks are dear (ResNet's stem for training, channels-last: 96 to 49 us). */
#ifndef PC_LOWER_FOLD_H
#define PC_LOWER_FOLD_H

#include "middle/lower_nest.h"

/* The taps seen so far, in order. */
struct fold {
    ir_ref value;
    ir_ref tap, index; /* tap number; plane or tensor position relative to the tile; 0 when not wanted */
    ir_ref nan;        /* mask: some tap on the right was NaN, `pending` aside; 0 for none */
    ir_ref pending;    /* a right side not yet looked at for NaN; 0 for none */
    bool raw;          /* a single tap as loaded: may be NaN although NaN are to be ignored */
    uint64_t missing;  /* lanes that saw no tap; their value is the identity */
};

bool fold_picks(const struct nest *nest);
bool fold_propagates_nan(const struct nest *nest);

/* What changes nothing when it is combined: of a sum -0, since 0 + -0 is 0. */
ir_ref fold_identity(struct nest *nest);

/* The taps of a, then those of b. */
struct fold fold_combine(struct nest *nest, const struct fold *a, const struct fold *b);

/* The same, with every NaN in place. */
struct fold fold_append(struct nest *nest, struct fold a, struct fold b);

/* Nothing is left pending. */
void fold_settle(struct nest *nest, struct fold *fold);

/* The NaN that was met, if any, is the value. */
void fold_put_nan(struct nest *nest, struct fold *fold);

/* A tap that is NaN counts as the identity, where NaN are ignored and it would be kept as the left operand. */
ir_ref fold_without_nan(struct nest *nest, const struct fold *fold);

/* The mode's function of one element, before it is combined. */
ir_ref fold_lift(struct nest *nest, ir_ref x);

/* What a divisor is beside the product of what its window's axes count, which is 1 where the layer names the divisor. */
int64_t fold_divisor_factor(const struct nest *nest);

/* What every sum is divided by, where all windows have one divisor: the first window's. */
ir_ref fold_divisor(struct nest *nest);

/* A sum over the divisor of the windows of the current segments (nest->segment). */
ir_ref fold_divide(struct nest *nest, ir_ref sum);

/* The value when all taps were seen: of picks NaN where one was met, of lp the root. A division is the caller's. */
ir_ref fold_finish(struct nest *nest, struct fold *fold);

/* ---- through loops ---- */

/* Values that a loop carries, at most: of folds, of as many vectors as a block has. */
enum { CARRIED_MAX = 4 * 64 };
struct carried {
    ir_ref *at[CARRIED_MAX];
    size_t count;
};

/* Adds a value, unless it is 0, or those of a fold that has nothing pending. */
void carry(struct carried *carried, ir_ref *value);
void carry_fold(struct carried *carried, struct fold *fold);

/* The values become those at the start of a turn of the loop; at its end those that they are then are carried on, the loop is
 * closed, and they become what is left behind it. */
void begin_carrying(struct nest *nest, const struct carried *carried, uint32_t loop);
void end_carrying(struct nest *nest, const struct carried *carried, uint32_t loop);

#endif
