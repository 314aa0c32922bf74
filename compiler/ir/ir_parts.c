/* ir_parts.c - see ir_parts.h.
 *
 * note [parts of a run]
 * A loop is split where it carries no values: the iterations then meet in memory only.  Outputs are stored once and never
 * loaded, so what is left are local arrays, which every part has to itself.  A part may run an iteration without those
 * before it if no iteration reads what another has left in a local array; and it may skip what is not its own if nothing
 * that it does run reads what that would have left there.  Both are found out by following the accesses of the function,
 * element by element: a loop that moves no local access is followed once.  What fills local arrays and stores nothing else,
 * the zeros around a staged gradient say, is run by every part; the rest, code between the loops, by part 0.
 *
 * A loop of few iterations is opened where all the work in it is in longer loops that can be split: images of a small batch
 * are split into rows. */
#include "ir/ir_parts.h"

enum {
    OPEN_MAX = 3,          /* iterations: more are enough to split */
    ACCESSES_MAX = 1000000 /* followed at most, which take some 10 ms; a function with more is not split */
};

/* What is known of an element of a local array: the number of the statement and that of the iteration. */
struct element {
    uint32_t written; /* the iteration that wrote it last */
    uint32_t writer;  /* the split loop that wrote it last */
    uint32_t reader;  /* the split loop that last read it before the same iteration had written it */
    bool is_foreign;  /* not every part has its value */
};

struct scan {
    const struct ir_function *f;
    uint8_t *share;
    uint32_t *stretch; /* per node: the stretch that it is in; 0: it is run by every part, or in a split loop */
    bool *wanted;      /* per node: used outside its stretch, or by every part */
    uint32_t stretch_count;
    struct element **locals; /* per buffer */
    int64_t *variable;       /* per loop */
    bool *moves;             /* per loop: local accesses in it depend on its variable */
    bool alone;              /* the statement that is followed is not run as a whole by every part */
    uint32_t statement;      /* it, where it is a split loop; else 0 */
    uint32_t iteration;      /* of the split loop; a number for each statement that is not one */
    int64_t left;            /* accesses */
    bool bad;
};

/* ---- what statements do ---- */

struct effects {
    bool local, output, loads_output, loops;
};

static struct effects effects_of(const struct ir_function *f, ir_ref ref) {
    const struct ir_node *n = ir_at(f, ref);
    struct effects effects = {0};
    if (n->op == IR_STORE || n->op == IR_FETCH || n->op == IR_LOAD || n->op == IR_ADD_AT) {
        const enum ir_role role = f->buffers[f->affines[n->aux].buffer].role;
        effects.local = role == IR_LOCAL;
        effects.output = role == IR_OUTPUT && (n->op == IR_STORE || n->op == IR_FETCH);
        effects.loads_output = role == IR_OUTPUT && n->op == IR_LOAD;
    }
    if (n->op != IR_FOR)
        return effects;
    effects.loops = true;
    const struct ir_block *body = &f->loops[n->aux].body;
    for (size_t i = 0; i < body->count; i++) {
        const struct effects inner = effects_of(f, body->items[i]);
        effects.local |= inner.local;
        effects.output |= inner.output;
        effects.loads_output |= inner.loads_output;
    }
    return effects;
}

static bool is_statement(const struct ir_node *n) {
    return n->op == IR_FOR || n->op == IR_STORE || n->op == IR_FETCH || n->op == IR_ADD_AT;
}

/* ---- who runs what ---- */

static bool classify(struct scan *s, const struct ir_block *block);

/* Whether all loops of the body are longer than their own and can be split, and nothing in it is for every part. */
static bool can_open(struct scan *s, const struct ir_loop *loop) {
    if (loop->trip > OPEN_MAX || loop->carried_count > 0 || !classify(s, &loop->body))
        return false;
    for (size_t i = 0; i < loop->body.count; i++) {
        const ir_ref ref = loop->body.items[i];
        const struct ir_node *n = ir_at(s->f, ref);
        if (is_statement(n) && s->share[ref] == IR_EVERY)
            return false;
        if (n->op == IR_FOR && s->share[ref] == IR_FIRST)
            return false;
        if (n->op == IR_FOR && s->share[ref] == IR_SPLIT && s->f->loops[n->aux].trip <= loop->trip)
            return false;
    }
    return true;
}

/* Statements of a block; whether some loop is split. */
static bool classify(struct scan *s, const struct ir_block *block) {
    bool split = false;
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref ref = block->items[i];
        const struct ir_node *n = ir_at(s->f, ref);
        if (!is_statement(n))
            continue;
        const struct effects effects = effects_of(s->f, ref);
        s->bad |= effects.loads_output;
        s->share[ref] = effects.output ? IR_FIRST : IR_EVERY;
        if (n->op != IR_FOR || !effects.output)
            continue;
        const struct ir_loop *loop = &s->f->loops[n->aux];
        if (can_open(s, loop))
            s->share[ref] = IR_OPEN;
        else if (loop->carried_count == 0 && loop->trip > 1)
            s->share[ref] = IR_SPLIT;
        split |= s->share[ref] == IR_OPEN || s->share[ref] == IR_SPLIT;
    }
    return split;
}

/* ---- stretches of items ---- */

static bool ends_stretch(const struct ir_function *f, const uint8_t *share, ir_ref ref) {
    const struct ir_node *n = ir_at(f, ref);
    return (is_statement(n) || n->op == IR_COMMENT) && share[ref] != IR_FIRST;
}

static void set_stretch(struct scan *s, ir_ref ref, uint32_t stretch) {
    const struct ir_node *n = ir_at(s->f, ref);
    s->stretch[ref] = stretch;
    if (n->op != IR_FOR)
        return;
    const struct ir_loop *loop = &s->f->loops[n->aux];
    for (size_t i = 0; i < loop->body.count; i++)
        set_stretch(s, loop->body.items[i], stretch);
    for (size_t i = 0; i < loop->carried_count; i++)
        s->stretch[loop->carried[i].param] = s->stretch[loop->carried[i].result] = stretch;
}

/* Comments go with the statement behind them. Numbers stretches: the items from one statement that is not for part 0 alone
 * to the next. */
static void number_stretches(struct scan *s, const struct ir_block *block) {
    enum ir_share next = IR_EVERY;
    for (size_t i = block->count; i-- > 0;) {
        const struct ir_node *n = ir_at(s->f, block->items[i]);
        if (n->op == IR_COMMENT)
            s->share[block->items[i]] = next == IR_FIRST ? IR_FIRST : IR_EVERY;
        else if (is_statement(n))
            next = (enum ir_share)s->share[block->items[i]];
    }
    uint32_t stretch = ++s->stretch_count;
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref ref = block->items[i];
        const struct ir_node *n = ir_at(s->f, ref);
        if (s->share[ref] == IR_OPEN)
            number_stretches(s, &s->f->loops[n->aux].body);
        if (ends_stretch(s->f, s->share, ref)) {
            stretch = ++s->stretch_count;
            continue;
        }
        set_stretch(s, ref, stretch);
    }
}

static void use(struct scan *s, ir_ref value, uint32_t stretch) {
    if (value && (stretch == 0 || s->stretch[value] != stretch))
        s->wanted[value] = true;
}

/* Users first. `stretch` is that of the statement around the block; 0: part 0 is not alone in it. */
static void share_values(struct scan *s, const struct ir_block *block, uint32_t stretch, bool shared) {
    for (size_t i = block->count; i-- > 0;) {
        const ir_ref ref = block->items[i];
        const struct ir_node *n = ir_at(s->f, ref);
        if (shared && !is_statement(n) && n->op != IR_COMMENT)
            s->share[ref] = s->stretch[ref] && !s->wanted[ref] ? IR_FIRST : IR_EVERY;
        const uint32_t own = !shared ? stretch : s->share[ref] == IR_FIRST ? s->stretch[ref] : 0;
        for (int k = 0; k < IR_OPERANDS_MAX; k++)
            use(s, n->operand[k], own);
        if (n->op != IR_FOR)
            continue;
        const struct ir_loop *loop = &s->f->loops[n->aux];
        for (size_t k = 0; k < loop->carried_count; k++) {
            use(s, loop->carried[k].initial, own);
            use(s, loop->carried[k].next, own);
            s->bad |= s->share[ref] == IR_FIRST && s->wanted[loop->carried[k].result];
        }
        share_values(s, &loop->body, own, s->share[ref] == IR_OPEN && shared);
    }
}

/* ---- local arrays ---- */

/* Which loops move the local accesses inside of them. */
static void find_movers(struct scan *s) {
    for (size_t i = 1; i < s->f->node_count; i++) {
        const struct ir_node *n = &s->f->nodes[i];
        if (n->op != IR_LOAD && n->op != IR_STORE)
            continue;
        const struct ir_affine *affine = &s->f->affines[n->aux];
        for (int k = 0; k < affine->count && s->f->buffers[affine->buffer].role == IR_LOCAL; k++)
            s->moves[affine->term[k].loop] |= affine->term[k].stride != 0;
    }
}

static void read_element(struct scan *s, struct element *e) {
    if (e->written == s->iteration)
        return;
    s->bad |= e->is_foreign || (s->statement && e->writer == s->statement);
    e->reader = s->statement;
}

/* `surely`: no mask may keep the element as it was. */
static void write_element(struct scan *s, struct element *e, bool surely) {
    s->bad |= s->statement && e->reader == s->statement;
    e->writer = s->statement;
    e->written = surely ? s->iteration : e->written;
    e->is_foreign = s->alone || (e->is_foreign && !surely);
}

static void follow_access(struct scan *s, const struct ir_node *n) {
    const struct ir_affine *affine = &s->f->affines[n->aux];
    const struct ir_buffer *buffer = &s->f->buffers[affine->buffer];
    const struct ir_node *mask = ir_at(s->f, n->operand[n->op == IR_STORE]);
    const bool masked = n->operand[n->op == IR_STORE] != 0, constant = masked && mask->op == IR_CONST;
    int64_t first = n->u.integer;
    for (int k = 0; k < affine->count; k++)
        first += affine->term[k].stride * s->variable[affine->term[k].loop];
    s->bad |= s->left-- <= 0;
    for (int lane = 0; lane < n->type.lanes && !s->bad; lane++) {
        const int64_t at = first + lane;
        if ((constant && !((uint64_t)mask->u.integer >> lane & 1)) || at < 0 || at >= buffer->count)
            continue; /* only masked lanes are outside */
        if (n->op == IR_LOAD)
            read_element(s, &s->locals[affine->buffer][at]);
        else
            write_element(s, &s->locals[affine->buffer][at], !masked || constant);
    }
}

/* An addition may be to any element, wherever it begins to count. */
static void follow_addition(struct scan *s, const struct ir_node *n) {
    const int32_t buffer = s->f->affines[n->aux].buffer;
    const int64_t count = s->f->buffers[buffer].count;
    s->left -= count;
    s->bad |= s->left < 0;
    for (int64_t i = 0; i < count && !s->bad; i++) {
        read_element(s, &s->locals[buffer][i]);
        write_element(s, &s->locals[buffer][i], false);
    }
}

static void follow_item(struct scan *s, ir_ref ref, bool shared);

static void follow_loop(struct scan *s, uint32_t number, bool shared, bool is_split) {
    const struct ir_loop *loop = &s->f->loops[number];
    const int64_t trip = s->moves[number] ? loop->trip : 1;
    for (int64_t i = 0; i < trip && !s->bad; i++) {
        s->variable[number] = i;
        s->iteration += is_split;
        for (size_t k = 0; k < loop->body.count; k++)
            follow_item(s, loop->body.items[k], shared);
    }
    s->variable[number] = 0;
}

/* `shared`: the block is shared out; otherwise the item is part of one that is followed. */
static void follow_item(struct scan *s, ir_ref ref, bool shared) {
    const struct ir_node *n = ir_at(s->f, ref);
    const enum ir_share share = shared ? (enum ir_share)s->share[ref] : IR_EVERY;
    if (n->op != IR_LOAD && !is_statement(n))
        return;
    if (!shared) {
        if (n->op == IR_FOR)
            follow_loop(s, n->aux, false, false);
        else if (n->op == IR_ADD_AT)
            follow_addition(s, n);
        else if (s->f->buffers[s->f->affines[n->aux].buffer].role == IR_LOCAL)
            follow_access(s, n);
        return;
    }
    if (share == IR_OPEN) {
        for (int again = 0; again < 2; again++) /* what one iteration leaves, the next may find */
            follow_loop(s, n->aux, true, false);
        return;
    }
    s->alone = share == IR_SPLIT || share == IR_FIRST;
    s->statement = share == IR_SPLIT ? ref : 0;
    s->iteration++;
    if (share == IR_SPLIT)
        follow_loop(s, n->aux, false, true);
    else
        follow_item(s, ref, false);
}

static void follow(struct scan *s, struct pc_arena *arena) {
    s->locals = PC_NEW_ARRAY(arena, s->f->buffer_count, struct element *);
    s->variable = PC_NEW_ARRAY(arena, s->f->loop_count, int64_t);
    s->moves = PC_NEW_ARRAY(arena, s->f->loop_count, bool);
    for (size_t i = 0; i < s->f->buffer_count; i++)
        if (s->f->buffers[i].role == IR_LOCAL)
            s->locals[i] = PC_NEW_ARRAY(arena, (size_t)s->f->buffers[i].count, struct element);
    find_movers(s);
    for (size_t i = 0; i < s->f->body.count && !s->bad; i++)
        follow_item(s, s->f->body.items[i], true);
}

/* ---- the answer ---- */

static void add_trips(const struct scan *s, const struct ir_block *block, int64_t *trips, size_t *count) {
    for (size_t i = 0; i < block->count; i++) {
        if (ir_at(s->f, block->items[i])->op != IR_FOR)
            continue;
        const struct ir_loop *loop = &s->f->loops[ir_at(s->f, block->items[i])->aux];
        size_t k = 0;
        if (s->share[block->items[i]] == IR_OPEN)
            add_trips(s, &loop->body, trips, count);
        if (s->share[block->items[i]] != IR_SPLIT)
            continue;
        while (k < *count && trips[k] != loop->trip)
            k++;
        trips[k] = loop->trip;
        *count += k == *count;
    }
}

struct ir_parts ir_parts_of(const struct ir_function *f, struct pc_arena *arena) {
    struct scan s = {.f = f, .left = ACCESSES_MAX};
    int64_t *trips = PC_NEW_ARRAY(arena, f->loop_count, int64_t);
    s.share = PC_NEW_ARRAY(arena, f->node_count, uint8_t);
    const struct pc_arena_mark mark = pc_arena_mark(arena);
    s.stretch = PC_NEW_ARRAY(arena, f->node_count, uint32_t);
    s.wanted = PC_NEW_ARRAY(arena, f->node_count, bool);
    bool split = !ir_is_in_pieces(f) && classify(&s, &f->body); /* pieces of a straight line are functions, and short */
    if (split) {
        number_stretches(&s, &f->body);
        share_values(&s, &f->body, 0, true);
        follow(&s, arena);
        split = !s.bad;
    }
    pc_arena_rewind(arena, mark);
    struct ir_parts parts = {.is_split = split, .share = s.share, .trips = trips};
    if (split)
        add_trips(&s, &f->body, trips, &parts.trip_count);
    return parts;
}

size_t ir_parts_stretch(const struct ir_function *f, const struct ir_parts *parts, const struct ir_block *block,
                        size_t begin) {
    size_t end = begin;
    while (end < block->count && !ends_stretch(f, parts->share, block->items[end]))
        end++;
    return end > begin ? end : begin + 1;
}
