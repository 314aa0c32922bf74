/* check.h - a layer while it is being checked; private to layer.c and check_*.c.
 *
 * A draft collects what the keys of a pool say and which of them were already found wrong: whatever depends on a wrong
 * value is left alone, so that one mistake gives one message. A description built in code becomes a draft without places
 * and goes through the same checks of sizes. */
#ifndef PC_CHECK_H
#define PC_CHECK_H

#include "front/expr.h"
#include "front/layer.h"
#include "front/tables.h"

enum { PC_DIVISOR_BITS = 53 }; /* a divisor is exact as a double */
#define PC_ELEMENTS_MAX ((int64_t)1 << 40) /* of a tensor: 4 TiB of f32, and byte offsets stay far below int64 */

/* Sizes as written: one for all axes, or one for each. */
struct pc_sizes {
    int count;
    int64_t begin[POOL_MAX_RANK], end[POOL_MAX_RANK]; /* equal, but for `begin:end` of padding */
    struct pc_span span[POOL_MAX_RANK];
};

struct pc_draft {
    struct pc_scope *scope;
    const char *name;
    struct pc_span name_span;
    bool damaged; /* had a syntax error: what is missing is not reported */
    bool failed;  /* has an error, or depends on a name that has one */

    bool given[PC_KEY_COUNT];
    bool bad[PC_KEY_COUNT]; /* reported: nothing that depends on it is */
    struct pc_span key_span[PC_KEY_COUNT], value_span[PC_KEY_COUNT];
    struct pc_sizes sizes[PC_KEY_COUNT]; /* of the keys that have sizes */
    int word[PC_KEY_COUNT];              /* index of the word of a key that has one; -1: none */

    struct pool_desc desc;
    enum pc_unroll unroll;
    bool forward, backward;
};

/* A draft without any value. */
struct pc_draft pc_draft_new(struct pc_scope *scope, const char *name, struct pc_span name_span);

/* Reads the attributes of a pool into the draft: words, numbers and their ranges, each key for itself. */
void pc_draft_read(struct pc_draft *draft, const struct pc_ast_pool *pool);

/* Checks what belongs together, fills in the defaults and completes draft->desc. */
void pc_draft_settle(struct pc_draft *draft);

/* Checks ranges of one size. False if it was reported. */
bool pc_draft_check_size(struct pc_draft *draft, enum pc_key key, int64_t value, struct pc_span span);

/* Works out the axes and the numbers of elements of a settled draft, as far as its values are known. */
void pc_draft_measure(struct pc_draft *draft, struct pc_layer *layer);

/* True if the exponent of lp is one; reported otherwise. */
bool pc_draft_check_exponent(struct pc_draft *draft, double p, struct pc_span span);

/* Checks a divisor_override. */
void pc_draft_check_divisor(struct pc_draft *draft, int64_t divisor, struct pc_span span);

/* Reports an error of the draft. */
#define PC_DRAFT_ERROR(draft, ...) ((draft)->failed = true, pc_scope_error((draft)->scope, __VA_ARGS__))

#endif
