/* ir_build.c - see ir_build.h. */
#include "ir/ir_build.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ir_op_info ir_ops[IR_OP_COUNT] = {
    [IR_NONE] = {"none", 0, IR_KIND_NONE, "nothing"},
#define OP(id, name, operands, kind, meaning) [IR_##id] = {name, operands, IR_KIND_##kind, meaning},
#include "ir/ops.def"
#undef OP
};

const struct ir_element_info ir_elements[IR_ELEMENT_COUNT] = {
#define ELEMENT(id, name, c_type, bytes, real) [IR_##id] = {name, c_type, bytes, real},
#include "ir/elements.def"
#undef ELEMENT
};

struct ir_function *ir_function_new(struct pc_arena *arena, const char *name) {
    struct ir_function *function = PC_NEW(arena, struct ir_function);
    function->arena = arena;
    function->name = name;
    PC_GROW(arena, function->nodes, function->node_count, function->node_capacity);
    function->node_count = 1; /* node 0 is no node */
    return function;
}

int ir_buffer_add(struct ir_function *f, const char *name, enum ir_element element, int64_t count, enum ir_role role) {
    PC_GROW(f->arena, f->buffers, f->buffer_count, f->buffer_capacity);
    f->buffers[f->buffer_count] = (struct ir_buffer){name, element, count, role};
    return (int)f->buffer_count++;
}

void ir_builder_init(struct ir_builder *builder, struct ir_function *function) {
    *builder = (struct ir_builder){.function = function};
}

/* ---- blocks ---- */

static struct ir_block *current_block(struct ir_builder *b) {
    struct ir_function *f = b->function;
    return b->open_count ? &f->loops[b->open[b->open_count - 1]].body : &f->body;
}

enum { SCOPE_OF_CONSTANTS = 0 };

/* The current block's number for value numbering. */
static uint32_t current_scope(const struct ir_builder *b) {
    return b->open_count ? b->open[b->open_count - 1] + 2 : 1;
}

static ir_ref new_node(struct ir_function *f, const struct ir_node *node) {
    PC_GROW(f->arena, f->nodes, f->node_count, f->node_capacity);
    f->nodes[f->node_count] = *node;
    return (ir_ref)f->node_count++;
}

static ir_ref append(struct ir_builder *b, const struct ir_node *node) {
    const ir_ref ref = new_node(b->function, node);
    struct ir_block *block = current_block(b);
    PC_GROW(b->function->arena, block->items, block->count, block->capacity);
    block->items[block->count++] = ref;
    return ref;
}

/* ---- value numbering ---- */

static uint64_t mix(uint64_t hash, uint64_t value) {
    /* Multiply and fold; the constant is 2^64 divided by the golden ratio, which spreads consecutive numbers. */
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static uint64_t hash_node(const struct ir_node *n, uint32_t scope) {
    uint64_t hash = mix(scope, (uint64_t)n->op | (uint64_t)n->type.element << 8 | (uint64_t)n->type.lanes << 16 |
                                   (uint64_t)n->aux << 32);
    hash = mix(hash, (uint64_t)n->operand[0] | (uint64_t)n->operand[1] << 32);
    hash = mix(hash, n->operand[2]);
    return mix(hash, (uint64_t)n->u.integer);
}

static bool same_node(const struct ir_node *a, const struct ir_node *b) {
    return a->op == b->op && ir_same_type(a->type, b->type) && a->operand[0] == b->operand[0] &&
           a->operand[1] == b->operand[1] && a->operand[2] == b->operand[2] && a->aux == b->aux &&
           a->u.integer == b->u.integer;
}

static void grow_table(struct ir_builder *b) {
    const size_t size = b->table_size ? b->table_size * 2 : 1024;
    ir_ref *table = PC_NEW_ARRAY(b->function->arena, size, ir_ref);
    uint32_t *scopes = PC_NEW_ARRAY(b->function->arena, size, uint32_t);
    for (size_t i = 0; i < b->table_size; i++) {
        if (!b->table[i])
            continue;
        size_t at = hash_node(ir_at(b->function, b->table[i]), b->table_scope[i]) & (size - 1);
        while (table[at])
            at = (at + 1) & (size - 1);
        table[at] = b->table[i];
        scopes[at] = b->table_scope[i];
    }
    b->table = table;
    b->table_scope = scopes;
    b->table_size = size;
}

/* Scopes of loads from arrays that change, one for each change; other scopes are numbers of blocks. */
#define SCOPE_OF_CHANGE (UINT32_C(1) << 31)

static uint32_t *changed(struct ir_builder *b, int buffer) {
    while (b->changed_count <= (size_t)buffer) {
        PC_GROW(b->function->arena, b->changed, b->changed_count, b->changed_capacity);
        b->changed[b->changed_count++] = 0;
    }
    return &b->changed[buffer];
}

/* Inputs never change during a kernel. */
static uint32_t scope_of_load(struct ir_builder *b, int buffer) {
    if (b->function->buffers[buffer].role == IR_INPUT)
        return current_scope(b);
    const uint32_t last = *changed(b, buffer);
    return SCOPE_OF_CHANGE | (last > b->boundary ? last : b->boundary);
}

/* The node equal to `node` in this scope, made if there is none. */
static ir_ref number_in(struct ir_builder *b, const struct ir_node *node, uint32_t scope) {
    if (2 * b->table_used >= b->table_size)
        grow_table(b);
    size_t at = hash_node(node, scope) & (b->table_size - 1);
    for (; b->table[at]; at = (at + 1) & (b->table_size - 1))
        if (b->table_scope[at] == scope && same_node(ir_at(b->function, b->table[at]), node))
            return b->table[at];
    b->table_used++;
    b->table_scope[at] = scope;
    return b->table[at] = scope == SCOPE_OF_CONSTANTS ? new_node(b->function, node) : append(b, node);
}

static ir_ref number(struct ir_builder *b, const struct ir_node *node) {
    return number_in(b, node, current_scope(b));
}

/* ---- leaves ---- */

ir_ref ir_real(struct ir_builder *b, struct ir_type type, double value) {
    struct ir_node node = {.op = IR_CONST, .type = type};
    node.u.real = type.element == IR_F32 ? (double)(float)value : value;
    return number_in(b, &node, SCOPE_OF_CONSTANTS);
}

ir_ref ir_integer(struct ir_builder *b, struct ir_type type, int64_t value) {
    struct ir_node node = {.op = IR_CONST, .type = type};
    node.u.integer = value;
    return number_in(b, &node, SCOPE_OF_CONSTANTS);
}

ir_ref ir_mask(struct ir_builder *b, int lanes, uint64_t bits) {
    return ir_integer(b, (struct ir_type){IR_MASK, (uint8_t)lanes}, (int64_t)bits);
}

/* Equal lists are stored once, so that equal values have one number. */
static uint32_t intern_numbers(struct ir_function *f, const int64_t *values, int64_t count) {
    const size_t size = (size_t)count * sizeof *values;
    for (size_t i = f->number_count; i-- > 0;)
        if (f->numbers[i].count == count && memcmp(f->numbers[i].at, values, size) == 0)
            return (uint32_t)i;
    int64_t *copy = PC_NEW_ARRAY(f->arena, (size_t)count, int64_t);
    memcpy(copy, values, size);
    PC_GROW(f->arena, f->numbers, f->number_count, f->number_capacity);
    f->numbers[f->number_count] = (struct ir_numbers){copy, count};
    return (uint32_t)f->number_count++;
}

static uint32_t intern_list(struct ir_function *f, const uint8_t *lanes, int count) {
    for (size_t i = f->list_count; i-- > 0;)
        if (f->lists[i].count == count && memcmp(f->lists[i].at, lanes, (size_t)count) == 0)
            return (uint32_t)i;
    uint8_t *copy = PC_NEW_ARRAY(f->arena, (size_t)count, uint8_t);
    memcpy(copy, lanes, (size_t)count);
    PC_GROW(f->arena, f->lists, f->list_count, f->list_capacity);
    f->lists[f->list_count] = (struct ir_list){copy, count};
    return (uint32_t)f->list_count++;
}

ir_ref ir_lanes(struct ir_builder *b, struct ir_type type, const int64_t *values) {
    bool same = true;
    for (int l = 1; l < type.lanes; l++)
        same &= values[l] == values[0];
    if (same)
        return ir_elements[type.element].real ? ir_real(b, type, (double)values[0]) : ir_integer(b, type, values[0]);
    const struct ir_node node = {.op = IR_LANES, .type = type, .aux = intern_numbers(b->function, values, type.lanes)};
    return number(b, &node);
}

/* Equal affines are stored once, without terms of stride 0 or of loops that run once. The newest are looked at first:
 * neighbours use the same; and none from before a loop that it moves with, for kernels may have thousands of loops. */
static uint32_t intern_affine(struct ir_function *f, const struct ir_affine *wanted) {
    struct ir_affine affine = {.buffer = wanted->buffer};
    size_t first = 0;
    for (int i = 0; i < wanted->count; i++) {
        const struct ir_loop *loop = &f->loops[wanted->term[i].loop];
        if (wanted->term[i].stride == 0 || loop->trip == 1)
            continue;
        affine.term[affine.count++] = wanted->term[i];
        first = loop->first_affine > first ? loop->first_affine : first;
    }
    for (size_t i = f->affine_count; i-- > first;) {
        const struct ir_affine *old = &f->affines[i];
        if (old->buffer != affine.buffer || old->count != affine.count)
            continue;
        int same = 0;
        while (same < affine.count && old->term[same].loop == affine.term[same].loop &&
               old->term[same].stride == affine.term[same].stride)
            same++;
        if (same == affine.count)
            return (uint32_t)i;
    }
    PC_GROW(f->arena, f->affines, f->affine_count, f->affine_capacity);
    f->affines[f->affine_count] = affine;
    return (uint32_t)f->affine_count++;
}

ir_ref ir_affine(struct ir_builder *b, struct ir_type type, const struct ir_affine *affine, int64_t constant) {
    struct ir_affine plain = *affine;
    plain.buffer = -1;
    struct ir_node node = {.op = IR_AFFINE, .type = type, .aux = intern_affine(b->function, &plain)};
    if (b->function->affines[node.aux].count == 0)
        return ir_integer(b, type, constant);
    node.u.integer = constant;
    return number(b, &node);
}

ir_ref ir_load(struct ir_builder *b, struct ir_type type, const struct ir_affine *place, int64_t constant, ir_ref mask) {
    struct ir_node node = {.op = IR_LOAD, .type = type, .operand = {mask}, .aux = intern_affine(b->function, place)};
    node.u.integer = constant;
    return number_in(b, &node, scope_of_load(b, place->buffer));
}

ir_ref ir_load_at(struct ir_builder *b, struct ir_type type, const struct ir_affine *place, int64_t constant, ir_ref a,
                  ir_ref mask) {
    struct ir_node node = {.op = IR_LOAD_AT, .type = type, .operand = {a, mask}, .aux = intern_affine(b->function, place)};
    node.u.integer = constant;
    return number(b, &node);
}

void ir_store(struct ir_builder *b, const struct ir_affine *place, int64_t constant, ir_ref value, ir_ref mask) {
    struct ir_node node = {.op = IR_STORE,
                           .type = ir_at(b->function, value)->type,
                           .operand = {value, mask},
                           .aux = intern_affine(b->function, place)};
    node.u.integer = constant;
    append(b, &node);
    *changed(b, place->buffer) = ++b->changes;
}

void ir_fetch(struct ir_builder *b, const struct ir_affine *place, int64_t constant) {
    const struct ir_buffer *buffer = &b->function->buffers[place->buffer];
    struct ir_node node = {.op = IR_FETCH, .type = {(uint8_t)buffer->element, 1}, .aux = intern_affine(b->function, place)};
    node.u.integer = constant;
    append(b, &node);
}

void ir_add_at(struct ir_builder *b, const struct ir_affine *place, int64_t constant, ir_ref a, ir_ref value) {
    struct ir_node node = {.op = IR_ADD_AT,
                           .type = ir_at(b->function, value)->type,
                           .operand = {a, value},
                           .aux = intern_affine(b->function, place)};
    node.u.integer = constant;
    append(b, &node);
    *changed(b, place->buffer) = ++b->changes;
}

/* ---- operations ---- */

static ir_ref operation(struct ir_builder *b, enum ir_op op, struct ir_type type, ir_ref x, ir_ref y, ir_ref z) {
    struct ir_node node = {.op = (uint8_t)op, .type = type, .operand = {x, y, z}};
    return number(b, &node);
}

ir_ref ir_op1(struct ir_builder *b, enum ir_op op, ir_ref a) {
    assert(ir_ops[op].operands == 1);
    return operation(b, op, ir_at(b->function, a)->type, a, 0, 0);
}

/* Whether a value is the identity of a sum, -0, but in some lanes. */
static bool adds_in_lanes(const struct ir_builder *b, ir_ref ref) {
    const struct ir_node *node = ir_at(b->function, ref);
    const struct ir_node *no = ir_at(b->function, node->operand[2]);
    return node->op == IR_SELECT && node->type.lanes > 1 && no->op == IR_CONST && ir_elements[no->type.element].real &&
           no->u.real == 0 && signbit(no->u.real);
}

/* Adding to `sum` in some lanes is adding and then choosing: one instruction where instructions have masks. */
static ir_ref add_in_lanes(struct ir_builder *b, ir_ref sum, ir_ref select) {
    const struct ir_node node = *ir_at(b->function, select);
    return ir_select(b, node.operand[0], ir_op2(b, IR_ADD, sum, node.operand[1]), sum);
}

ir_ref ir_op2(struct ir_builder *b, enum ir_op op, ir_ref x, ir_ref y) {
    assert(ir_ops[op].operands == 2);
    if (op == IR_ADD && adds_in_lanes(b, y))
        return add_in_lanes(b, x, y);
    if (op == IR_ADD && adds_in_lanes(b, x))
        return add_in_lanes(b, y, x);
    const ir_ref quotient = op == IR_DIV && b->fused ? ir_divide_by_products(b, x, y) : 0;
    if (quotient)
        return quotient;
    struct ir_type type = ir_at(b->function, x)->type;
    if (ir_ops[op].kind == IR_KIND_COMPARE)
        type.element = IR_MASK;
    return operation(b, op, type, x, y, 0);
}

ir_ref ir_op3(struct ir_builder *b, enum ir_op op, ir_ref x, ir_ref y, ir_ref z) {
    assert(ir_ops[op].operands == 3);
    return operation(b, op, ir_at(b->function, x)->type, x, y, z);
}

ir_ref ir_select(struct ir_builder *b, ir_ref mask, ir_ref yes, ir_ref no) {
    return yes == no ? yes : operation(b, IR_SELECT, ir_at(b->function, yes)->type, mask, yes, no);
}

ir_ref ir_convert(struct ir_builder *b, enum ir_element element, ir_ref a) {
    const struct ir_node *node = ir_at(b->function, a);
    const struct ir_type type = {(uint8_t)element, node->type.lanes};
    if (node->type.element == element)
        return a;
    if (node->op == IR_CONST)
        return element == IR_F32   ? ir_real(b, type, (double)(float)node->u.integer) /* rounded once */
               : element == IR_F64 ? ir_real(b, type, (double)node->u.integer)
                                   : ir_integer(b, type, node->u.integer);
    return operation(b, IR_CONVERT, type, a, 0, 0);
}

ir_ref ir_lookup(struct ir_builder *b, enum ir_element element, ir_ref a, const int64_t *numbers, int64_t count) {
    const struct ir_node node = {.op = IR_LOOKUP,
                                 .type = {(uint8_t)element, 1},
                                 .operand = {a},
                                 .aux = intern_numbers(b->function, numbers, count)};
    return number(b, &node);
}

ir_ref ir_splat(struct ir_builder *b, int lanes, ir_ref a) {
    const struct ir_type type = {ir_at(b->function, a)->type.element, (uint8_t)lanes};
    return operation(b, IR_SPLAT, type, a, 0, 0);
}

ir_ref ir_shuffle(struct ir_builder *b, ir_ref x, ir_ref y, int lanes, const uint8_t *list) {
    const struct ir_node node = {.op = IR_SHUFFLE,
                                 .type = {ir_at(b->function, x)->type.element, (uint8_t)lanes},
                                 .operand = {x, y},
                                 .aux = intern_list(b->function, list, lanes)};
    return number(b, &node);
}

ir_ref ir_reduce(struct ir_builder *b, enum ir_op op, ir_ref a) {
    return operation(b, op, (struct ir_type){ir_at(b->function, a)->type.element, 1}, a, 0, 0);
}

void ir_comment(struct ir_builder *b, const char *words) {
    struct ir_function *f = b->function;
    PC_GROW(f->arena, f->comments, f->comment_count, f->comment_capacity);
    f->comments[f->comment_count] = words;
    struct ir_node node = {.op = IR_COMMENT, .aux = (uint32_t)f->comment_count++};
    append(b, &node);
}

/* ---- loops ---- */

uint32_t ir_loop_begin(struct ir_builder *b, const char *name, int64_t trip) {
    struct ir_function *f = b->function;
    PC_GROW(f->arena, f->loops, f->loop_count, f->loop_capacity);
    const uint32_t loop = (uint32_t)f->loop_count++;
    f->loops[loop] = (struct ir_loop){.name = name, .trip = trip, .first_affine = f->affine_count};
    struct ir_node node = {.op = IR_FOR, .aux = loop};
    append(b, &node);
    PC_GROW(f->arena, b->open, b->open_count, b->open_capacity);
    b->open[b->open_count++] = loop;
    b->boundary = ++b->changes;
    return loop;
}

ir_ref ir_loop_carry(struct ir_builder *b, uint32_t loop, ir_ref initial) {
    struct ir_function *f = b->function;
    const struct ir_type type = ir_at(f, initial)->type;
    struct ir_loop *l = &f->loops[loop];
    PC_GROW(f->arena, l->carried, l->carried_count, l->carried_capacity);
    struct ir_node node = {.op = IR_CARRIED, .type = type, .aux = loop};
    node.u.integer = (int64_t)l->carried_count;
    struct ir_carried carried = {.initial = initial, .param = new_node(f, &node)};
    node.op = IR_RESULT;
    carried.result = new_node(f, &node);
    carried.next = carried.param;
    l->carried[l->carried_count++] = carried;
    return carried.param;
}

void ir_loop_next(struct ir_builder *b, uint32_t loop, size_t which, ir_ref value) {
    b->function->loops[loop].carried[which].next = value;
}

void ir_loop_end(struct ir_builder *b, uint32_t loop) {
    assert(b->open_count && b->open[b->open_count - 1] == loop);
    (void)loop;
    b->open_count--;
    b->boundary = ++b->changes;
}

ir_ref ir_loop_result(struct ir_builder *b, uint32_t loop, size_t which) {
    return b->function->loops[loop].carried[which].result;
}
