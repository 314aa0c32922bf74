/* ir_verify.c - the rules of the kernel IR. What it says is about the compiler, never about the user's file.
 *
 * Bounds are decided by interval arithmetic, exact because loop variables are independent.  That every output element is
 * stored once is decided by marking: the stores are walked for all values of the loop variables, which costs as much as the
 * kernel has stores and is therefore for tests and debug builds. */
#include "ir/ir.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct verifier {
    const struct ir_function *f;
    int lanes_max;
    bool *defined;        /* per node: usable here */
    bool *open;           /* per loop: around here */
    int64_t *variable;    /* per loop: its value while marking */
    uint8_t **stored;     /* per buffer: a byte per element of an output */
    const char *problem;  /* the first one */
    ir_ref at;            /* the node it is about */
};

static bool fail(struct verifier *v, ir_ref at, const char *problem) {
    if (!v->problem) {
        v->problem = problem;
        v->at = at;
    }
    return false;
}

static struct ir_type type_of(const struct verifier *v, ir_ref ref) {
    return ir_at(v->f, ref)->type;
}

static bool usable(struct verifier *v, ir_ref ref) {
    if (ref == 0 || ref >= v->f->node_count)
        return false;
    const struct ir_node *node = ir_at(v->f, ref);
    return node->op == IR_CONST ? node->type.lanes >= 1 && node->type.lanes <= v->lanes_max : v->defined[ref];
}

static bool is_mask(const struct verifier *v, ir_ref ref, int lanes) {
    return type_of(v, ref).element == IR_MASK && type_of(v, ref).lanes == lanes;
}

/* One integer. */
static bool is_index(const struct verifier *v, ir_ref ref) {
    const struct ir_type type = type_of(v, ref);
    return type.lanes == 1 && !ir_elements[type.element].real && type.element != IR_MASK;
}

/* ---- places ---- */

static bool check_affine(struct verifier *v, ir_ref at, const struct ir_node *node, int64_t *low, int64_t *high) {
    if (node->aux >= v->f->affine_count)
        return fail(v, at, "no such affine");
    const struct ir_affine *affine = &v->f->affines[node->aux];
    *low = *high = node->u.integer;
    for (int i = 0; i < affine->count; i++) {
        const struct ir_term *term = &affine->term[i];
        if (term->loop >= v->f->loop_count || !v->open[term->loop])
            return fail(v, at, "an affine uses a loop variable outside its loop");
        int64_t reach;
        if (__builtin_mul_overflow(v->f->loops[term->loop].trip - 1, term->stride, &reach) ||
            __builtin_add_overflow(reach < 0 ? *low : *high, reach, reach < 0 ? low : high))
            return fail(v, at, "an affine overflows");
    }
    return true;
}

/* Whether an element can hold these numbers; one that cannot wraps, or has no value. */
static bool holds(enum ir_element element, int64_t low, int64_t high) {
    switch (element) {
    case IR_U8: return low >= 0 && high <= UINT8_MAX;
    case IR_U16: return low >= 0 && high <= UINT16_MAX;
    case IR_I32: return low >= INT32_MIN && high <= INT32_MAX;
    case IR_I64: return true;
    case IR_F32: case IR_F64: case IR_MASK: case IR_ELEMENT_COUNT: break;
    }
    return false;
}

/* The numbers that an integer can be: of lists, loop variables and sums of them, in any of which nothing depends on another. */
static bool find_range(struct verifier *v, ir_ref ref, int64_t *low, int64_t *high) {
    const struct ir_node *n = ir_at(v->f, ref);
    if (n->op == IR_CONST) {
        *low = *high = n->u.integer;
    } else if (n->op == IR_AFFINE) {
        if (!check_affine(v, ref, n, low, high))
            return false;
    } else if (n->op == IR_LOOKUP) {
        const struct ir_numbers *numbers = &v->f->numbers[n->aux];
        *low = *high = numbers->at[0];
        for (int64_t i = 1; i < numbers->count; i++) {
            *low = numbers->at[i] < *low ? numbers->at[i] : *low;
            *high = numbers->at[i] > *high ? numbers->at[i] : *high;
        }
    } else if (n->op == IR_ADD) {
        int64_t also_low, also_high;
        if (!find_range(v, n->operand[0], low, high) || !find_range(v, n->operand[1], &also_low, &also_high) ||
            __builtin_add_overflow(*low, also_low, low) || __builtin_add_overflow(*high, also_high, high))
            return false;
    } else {
        return false;
    }
    return holds((enum ir_element)n->type.element, *low, *high);
}

/* Which lanes a memory operation may touch: all, or those of a constant mask. */
static void touched_lanes(const struct verifier *v, const struct ir_node *node, ir_ref mask, int *first, int *last) {
    *first = 0;
    *last = node->type.lanes - 1;
    if (!mask || ir_at(v->f, mask)->op != IR_CONST)
        return;
    const uint64_t bits = (uint64_t)ir_at(v->f, mask)->u.integer;
    while (*first <= *last && !(bits >> *first & 1))
        ++*first;
    while (*last >= *first && !(bits >> *last & 1))
        --*last;
}

static bool check_place(struct verifier *v, ir_ref at, const struct ir_node *node, ir_ref mask) {
    int64_t low, high;
    if (!check_affine(v, at, node, &low, &high))
        return false;
    const int32_t number = v->f->affines[node->aux].buffer;
    if (number < 0 || (size_t)number >= v->f->buffer_count)
        return fail(v, at, "a load or store without a buffer");
    const struct ir_buffer *buffer = &v->f->buffers[number];
    if (node->type.element != buffer->element)
        return fail(v, at, "the element type is not the buffer's");
    if (mask && (!usable(v, mask) || !is_mask(v, mask, node->type.lanes)))
        return fail(v, at, "a load or store mask is not a mask of as many lanes");
    int64_t nearest, farthest;
    const bool is_found = node->op == IR_LOAD_AT || node->op == IR_ADD_AT;
    if (is_found && (!find_range(v, node->operand[0], &nearest, &farthest) || __builtin_add_overflow(low, nearest, &low) ||
                     __builtin_add_overflow(high, farthest, &high)))
        return fail(v, at, "a place of which nobody knows where it may be");
    int first, last;
    touched_lanes(v, node, mask, &first, &last);
    if (first <= last && (low + first < 0 || high + last >= buffer->count))
        return fail(v, at, "an access outside its buffer");
    if (node->op == IR_STORE && buffer->role == IR_INPUT)
        return fail(v, at, "a store to an input");
    if (node->op == IR_FETCH && buffer->role != IR_OUTPUT)
        return fail(v, at, "a fetch of something else than an output");
    if (node->op == IR_LOAD && buffer->role == IR_OUTPUT)
        return fail(v, at, "a load from an output");
    if (node->op == IR_LOAD_AT && buffer->role != IR_INPUT)
        return fail(v, at, "a load at a place of something else than an input");
    if (node->op == IR_ADD_AT && (buffer->role != IR_LOCAL || !ir_elements[buffer->element].real || node->type.lanes != 1))
        return fail(v, at, "an addition to something else than a real element of a local array");
    if (node->op == IR_STORE && buffer->role == IR_OUTPUT && mask && ir_at(v->f, mask)->op != IR_CONST)
        return fail(v, at, "a store to an output with a computed mask");
    return true;
}

/* ---- values ---- */

static bool check_special(struct verifier *v, ir_ref at, const struct ir_node *n) {
    const struct ir_type type = n->type;
    const bool real = ir_elements[type.element].real;
    switch ((enum ir_op)n->op) {
    case IR_LOAD:
        return check_place(v, at, n, n->operand[0]);
    case IR_LOAD_AT:
        return is_index(v, n->operand[0]) ? check_place(v, at, n, n->operand[1]) : fail(v, at, "a load at no integer");
    case IR_SELECT:
        if (!is_mask(v, n->operand[0], type.lanes))
            return fail(v, at, "select needs a mask of as many lanes");
        if (!ir_same_type(type_of(v, n->operand[1]), type) || !ir_same_type(type_of(v, n->operand[2]), type))
            return fail(v, at, "select's values are not of its type");
        return true;
    case IR_CONVERT: {
        const struct ir_type from = type_of(v, n->operand[0]);
        if (from.lanes != type.lanes || (real && type.lanes > 1) || ir_elements[from.element].real ||
            type.element == IR_MASK || from.element == IR_MASK)
            return fail(v, at, "convert is from integer to integer, or of one lane to real");
        return true;
    }
    case IR_LOOKUP: {
        if (!is_index(v, n->operand[0]) || type.lanes != 1 || real || type.element == IR_MASK ||
            n->aux >= v->f->number_count)
            return fail(v, at, "lookup is from an integer to an integer");
        return true;
    }
    case IR_SPLAT:
        if (type_of(v, n->operand[0]).lanes != 1 || type_of(v, n->operand[0]).element != type.element)
            return fail(v, at, "splat needs one lane of its element");
        return true;
    case IR_SHUFFLE: {
        const struct ir_type a = type_of(v, n->operand[0]);
        if (!ir_same_type(a, type_of(v, n->operand[1])) || a.element != type.element)
            return fail(v, at, "shuffle needs two values of one type");
        if (v->f->lists[n->aux].count != type.lanes)
            return fail(v, at, "shuffle's list is not as long as it has lanes");
        for (int i = 0; i < type.lanes; i++)
            if (v->f->lists[n->aux].at[i] >= 2 * a.lanes)
                return fail(v, at, "a shuffled lane does not exist");
        return true;
    }
    case IR_REDUCE_ADD:
    case IR_REDUCE_GT:
    case IR_REDUCE_LT:
        if (type.lanes != 1 || type_of(v, n->operand[0]).element != type.element || type.element == IR_MASK)
            return fail(v, at, "reduce gives one lane of its operand's element");
        return true;
    case IR_CARRIED:
    case IR_RESULT:
        return fail(v, at, "a carried value stands in a block");
    case IR_NONE: case IR_CONST: case IR_LANES: case IR_AFFINE: case IR_ADD: case IR_SUB: case IR_MUL: case IR_DIV:
    case IR_FMSUB: case IR_FNMADD: case IR_POW: case IR_NEG: case IR_ABS: case IR_SQRT: case IR_EXP: case IR_LOG:
    case IR_PICK_GT: case IR_PICK_LT: case IR_NAN_OR: case IR_GT: case IR_LT: case IR_LE: case IR_GE: case IR_EQ:
    case IR_UNORDERED: case IR_AND: case IR_OR: case IR_NOT: case IR_STORE: case IR_FETCH: case IR_ADD_AT: case IR_FOR:
    case IR_COMMENT: case IR_OP_COUNT:
        break;
    }
    return fail(v, at, "an operation of another kind");
}

static bool check_value(struct verifier *v, ir_ref at, const struct ir_node *n) {
    const struct ir_op_info *info = &ir_ops[n->op];
    if (n->type.lanes < 1 || n->type.lanes > v->lanes_max || n->type.element >= IR_ELEMENT_COUNT)
        return fail(v, at, "lanes or element that the target does not have");
    for (int i = 0; i < info->operands; i++)
        if (!usable(v, n->operand[i]))
            return fail(v, at, "an operand is used before its definition");
    const struct ir_type first = info->operands ? type_of(v, n->operand[0]) : n->type;
    switch (info->kind) {
    case IR_KIND_LEAF: {
        int64_t low, high;
        if (n->op == IR_CONST)
            return fail(v, at, "a constant stands in a block");
        if (n->op == IR_LANES)
            return (n->type.lanes > 1 && n->type.element != IR_MASK && n->aux < v->f->number_count) ||
                   fail(v, at, "lanes are several numbers");
        if (ir_elements[n->type.element].real || n->type.element == IR_MASK)
            return fail(v, at, "an affine is an integer");
        return check_affine(v, at, n, &low, &high);
    }
    case IR_KIND_ARITH:
    case IR_KIND_REAL:
    case IR_KIND_LOGIC:
        for (int i = 0; i < info->operands; i++)
            if (!ir_same_type(type_of(v, n->operand[i]), n->type))
                return fail(v, at, "an operand is not of the operation's type");
        if ((n->type.element == IR_MASK) != (info->kind == IR_KIND_LOGIC))
            return fail(v, at, "arithmetic on masks, or logic on numbers");
        if (info->kind == IR_KIND_REAL && !ir_elements[n->type.element].real)
            return fail(v, at, "an operation of real numbers on integers");
        return true;
    case IR_KIND_COMPARE:
        if (!ir_same_type(first, type_of(v, n->operand[1])) || !is_mask(v, at, first.lanes) || first.element == IR_MASK)
            return fail(v, at, "a comparison of two types, or one that is no mask");
        return true;
    case IR_KIND_SPECIAL:
        return check_special(v, at, n);
    case IR_KIND_NONE:
    case IR_KIND_STATEMENT:
        break;
    }
    return fail(v, at, "a statement where a value belongs");
}

/* ---- blocks ---- */

static bool check_block(struct verifier *v, const struct ir_block *block);

/* The values of a loop's body end with it, and so do the results of the loops directly inside. */
static void forget_block(struct verifier *v, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(v->f, block->items[i]);
        v->defined[block->items[i]] = false;
        for (size_t k = 0; n->op == IR_FOR && k < v->f->loops[n->aux].carried_count; k++)
            v->defined[v->f->loops[n->aux].carried[k].result] = false;
    }
}

/* C writes the variable of a loop by its name. */
static bool hides_another(const struct verifier *v, const struct ir_loop *loop) {
    bool hides = false;
    for (size_t i = 0; i < v->f->loop_count && !hides; i++)
        hides = v->open[i] && v->f->loops[i].trip > 1 && strcmp(v->f->loops[i].name, loop->name) == 0;
    return hides && loop->trip > 1;
}

static bool check_loop(struct verifier *v, ir_ref at, uint32_t number) {
    if (number >= v->f->loop_count || v->open[number])
        return fail(v, at, "no such loop, or one inside itself");
    const struct ir_loop *loop = &v->f->loops[number];
    if (loop->trip < 1)
        return fail(v, at, "a loop that never runs");
    if (hides_another(v, loop))
        return fail(v, at, "a loop inside another of the same name");
    for (size_t i = 0; i < loop->carried_count; i++) {
        const struct ir_carried *c = &loop->carried[i];
        if (!usable(v, c->initial))
            return fail(v, at, "a carried value starts with something undefined");
        if (!ir_same_type(type_of(v, c->initial), type_of(v, c->param)) ||
            !ir_same_type(type_of(v, c->initial), type_of(v, c->result)))
            return fail(v, at, "a carried value changes its type");
        v->defined[c->param] = true;
    }
    v->open[number] = true;
    if (!check_block(v, &loop->body))
        return false;
    v->open[number] = false;
    for (size_t i = 0; i < loop->carried_count; i++) {
        const struct ir_carried *c = &loop->carried[i];
        if (!usable(v, c->next) || !ir_same_type(type_of(v, c->next), type_of(v, c->param)))
            return fail(v, at, "a carried value ends an iteration undefined or with another type");
    }
    forget_block(v, &loop->body);
    for (size_t i = 0; i < loop->carried_count; i++) {
        v->defined[loop->carried[i].param] = false;
        v->defined[loop->carried[i].result] = true;
    }
    return true;
}

static bool check_block(struct verifier *v, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref at = block->items[i];
        const struct ir_node *n = ir_at(v->f, at);
        if (n->op == IR_NONE || n->op == IR_COMMENT)
            continue;
        if (n->op == IR_FOR) {
            if (!check_loop(v, at, n->aux))
                return false;
        } else if (n->op == IR_STORE) {
            if (!usable(v, n->operand[0]) || !ir_same_type(type_of(v, n->operand[0]), n->type))
                return fail(v, at, "a store of something undefined or of another type");
            if (!check_place(v, at, n, n->operand[1]))
                return false;
        } else if (n->op == IR_FETCH) {
            if (!check_place(v, at, n, 0))
                return false;
        } else if (n->op == IR_ADD_AT) {
            if (!usable(v, n->operand[0]) || !usable(v, n->operand[1]) || !ir_same_type(type_of(v, n->operand[1]), n->type))
                return fail(v, at, "an addition of something undefined or of another type");
            if (!is_index(v, n->operand[0]))
                return fail(v, at, "an addition at something that is no integer");
            if (!check_place(v, at, n, 0))
                return false;
        } else {
            if (v->defined[at])
                return fail(v, at, "a value is defined twice");
            if (!check_value(v, at, n))
                return false;
            v->defined[at] = true;
        }
    }
    return true;
}

/* ---- every output element once ---- */

/* Whether there is anything to mark. */
static bool stores_output(const struct verifier *v, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(v->f, block->items[i]);
        if ((n->op == IR_STORE && v->stored[v->f->affines[n->aux].buffer]) ||
            (n->op == IR_FOR && stores_output(v, &v->f->loops[n->aux].body)))
            return true;
    }
    return false;
}

static bool mark_stores(struct verifier *v, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const ir_ref at = block->items[i];
        const struct ir_node *n = ir_at(v->f, at);
        if (n->op == IR_FOR) {
            int64_t *variable = &v->variable[n->aux];
            if (!stores_output(v, &v->f->loops[n->aux].body))
                continue;
            for (*variable = 0; *variable < v->f->loops[n->aux].trip; ++*variable)
                if (!mark_stores(v, &v->f->loops[n->aux].body))
                    return false;
        }
        if (n->op != IR_STORE)
            continue;
        const struct ir_affine *affine = &v->f->affines[n->aux];
        uint8_t *stored = v->stored[affine->buffer];
        if (!stored)
            continue;
        int64_t place = n->u.integer;
        for (int t = 0; t < affine->count; t++)
            place += affine->term[t].stride * v->variable[affine->term[t].loop];
        const uint64_t lanes = n->operand[1] ? (uint64_t)ir_at(v->f, n->operand[1])->u.integer : UINT64_MAX;
        for (int lane = 0; lane < n->type.lanes; lane++)
            if ((lanes >> lane & 1) && stored[place + lane]++)
                return fail(v, at, "an output element is stored twice");
    }
    return true;
}

/* Stores beyond which marking would take longer than anybody waits in a debug build. */
enum { COVERAGE_MAX = 1 << 22 };

static bool check_coverage(struct verifier *v) {
    if (ir_cost_of(v->f).stores > COVERAGE_MAX)
        return true;
    struct pc_arena *arena = v->f->arena;
    v->stored = PC_NEW_ARRAY(arena, v->f->buffer_count, uint8_t *);
    v->variable = PC_NEW_ARRAY(arena, v->f->loop_count, int64_t);
    for (size_t i = 0; i < v->f->buffer_count; i++)
        if (v->f->buffers[i].role == IR_OUTPUT)
            v->stored[i] = PC_NEW_ARRAY(arena, (size_t)v->f->buffers[i].count, uint8_t);
    if (!mark_stores(v, &v->f->body))
        return false;
    for (size_t i = 0; i < v->f->buffer_count; i++)
        for (int64_t k = 0; v->stored[i] && k < v->f->buffers[i].count; k++)
            if (!v->stored[i][k])
                return fail(v, 0, "an output element is never stored");
    return true;
}

const char *ir_verify(const struct ir_function *function, int lanes_max) {
    struct verifier v = {
        .f = function,
        .lanes_max = lanes_max,
        .defined = PC_NEW_ARRAY(function->arena, function->node_count, bool),
        .open = PC_NEW_ARRAY(function->arena, function->loop_count, bool),
    };
    if (check_block(&v, &function->body) && check_coverage(&v))
        return NULL;
    return pc_arena_printf(function->arena, "%s: v%" PRIu32 ": %s", function->name, v.at, v.problem);
}
