/* ir_eval.c - the interpreter: each operation as ops.def words it, lane by lane. It is the second opinion that says whether
 * a wrong number came from the lowering or from a back end, so nothing here is clever. */
#include "ir/ir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

union lane {
    float f32;
    double f64;
    int64_t integer; /* u8, u16, i32, i64, and masks as 0 or 1 */
};

struct machine {
    const struct ir_function *f;
    void **memory;      /* per buffer */
    size_t *slot;       /* per node: its first lane in `values` */
    union lane *values;
    int64_t *variable;  /* per loop */
};

static union lane *lanes_of(const struct machine *m, ir_ref ref) {
    return &m->values[m->slot[ref]];
}

static int64_t affine_value(const struct machine *m, const struct ir_node *node) {
    const struct ir_affine *affine = &m->f->affines[node->aux];
    int64_t value = node->u.integer;
    for (int i = 0; i < affine->count; i++)
        value += affine->term[i].stride * m->variable[affine->term[i].loop];
    return value;
}

/* ---- memory ---- */

static union lane read_element(const void *memory, enum ir_element element, int64_t at) {
    union lane lane = {.integer = 0};
    switch (element) {
    case IR_F32: lane.f32 = ((const float *)memory)[at]; break;
    case IR_F64: lane.f64 = ((const double *)memory)[at]; break;
    case IR_U8: lane.integer = ((const uint8_t *)memory)[at]; break;
    case IR_U16: lane.integer = ((const uint16_t *)memory)[at]; break;
    case IR_I32: lane.integer = ((const int32_t *)memory)[at]; break;
    case IR_I64: lane.integer = ((const int64_t *)memory)[at]; break;
    case IR_MASK: case IR_ELEMENT_COUNT: abort();
    }
    return lane;
}

static void write_element(void *memory, enum ir_element element, int64_t at, union lane lane) {
    switch (element) {
    case IR_F32: ((float *)memory)[at] = lane.f32; break;
    case IR_F64: ((double *)memory)[at] = lane.f64; break;
    case IR_U8: ((uint8_t *)memory)[at] = (uint8_t)lane.integer; break;
    case IR_U16: ((uint16_t *)memory)[at] = (uint16_t)lane.integer; break;
    case IR_I32: ((int32_t *)memory)[at] = (int32_t)lane.integer; break;
    case IR_I64: ((int64_t *)memory)[at] = lane.integer; break;
    case IR_MASK: case IR_ELEMENT_COUNT: abort();
    }
}

static bool lane_enabled(const struct machine *m, ir_ref mask, int lane) {
    return !mask || lanes_of(m, mask)[lane].integer;
}

/* ---- operations on one lane ---- */

/* One definition for both real types: T is the C type, F the member, M the suffix of the math functions. */
#define REAL_OPERATION(name, T, F, M)                                                                                      \
    static union lane name(enum ir_op op, union lane x, union lane y, union lane z) {                                      \
        const T a = x.F, b = y.F, c = z.F;                                                                                 \
        union lane r = {.integer = 0};                                                                                     \
        switch (op) {                                                                                                      \
        case IR_ADD: r.F = a + b; break;                                                                                   \
        case IR_SUB: r.F = a - b; break;                                                                                   \
        case IR_MUL: r.F = a * b; break;                                                                                   \
        case IR_DIV: r.F = a / b; break;                                                                                   \
        case IR_FMSUB: r.F = fma##M(a, b, -c); break;                                                                      \
        case IR_FNMADD: r.F = fma##M(-a, b, c); break;                                                                     \
        case IR_POW: r.F = pow##M(a, b); break;                                                                            \
        case IR_NEG: r.F = -a; break;                                                                                      \
        case IR_ABS: r.F = fabs##M(a); break;                                                                              \
        case IR_SQRT: r.F = sqrt##M(a); break;                                                                             \
        case IR_EXP: r.F = exp##M(a); break;                                                                               \
        case IR_LOG: r.F = log##M(a); break;                                                                               \
        case IR_PICK_GT: case IR_REDUCE_GT: r.F = a > b ? a : b; break;                                                    \
        case IR_PICK_LT: case IR_REDUCE_LT: r.F = a < b ? a : b; break;                                                    \
        case IR_NAN_OR: r.F = a != a ? a : b; break;                                                                       \
        case IR_REDUCE_ADD: r.F = b + a; break;                                                                            \
        case IR_GT: r.integer = a > b; break;                                                                              \
        case IR_LT: r.integer = a < b; break;                                                                              \
        case IR_LE: r.integer = a <= b; break;                                                                             \
        case IR_GE: r.integer = a >= b; break;                                                                             \
        case IR_EQ: r.integer = a == b; break;                                                                             \
        case IR_UNORDERED: r.integer = a != a || b != b; break;                                                            \
        case IR_NONE: case IR_CONST: case IR_LANES: case IR_AFFINE: case IR_LOAD: case IR_AND: case IR_OR: case IR_NOT:    \
        case IR_SELECT: case IR_CONVERT: case IR_LOOKUP: case IR_SPLAT: case IR_SHUFFLE: case IR_CARRIED: case IR_RESULT:  \
        case IR_LOAD_AT: case IR_STORE: case IR_FETCH: case IR_ADD_AT: case IR_FOR: case IR_COMMENT: case IR_OP_COUNT: abort(); \
        }                                                                                                                  \
        return r;                                                                                                          \
    }

REAL_OPERATION(f32_operation, float, f32, f)
REAL_OPERATION(f64_operation, double, f64, )

static int64_t integer_operation(enum ir_op op, int64_t a, int64_t b) {
    switch (op) {
    case IR_ADD: case IR_REDUCE_ADD: return a + b;
    case IR_SUB: return a - b;
    case IR_MUL: return a * b;
    case IR_DIV: return a / b;
    case IR_NEG: return -a;
    case IR_ABS: return a < 0 ? -a : a;
    case IR_PICK_GT: case IR_REDUCE_GT: return a > b ? a : b;
    case IR_PICK_LT: case IR_REDUCE_LT: return a < b ? a : b;
    case IR_NAN_OR: return b;
    case IR_GT: return a > b;
    case IR_LT: return a < b;
    case IR_LE: return a <= b;
    case IR_GE: return a >= b;
    case IR_EQ: return a == b;
    case IR_UNORDERED: return 0;
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_NOT: return !a;
    case IR_NONE: case IR_CONST: case IR_LANES: case IR_AFFINE: case IR_LOAD: case IR_FMSUB: case IR_FNMADD: case IR_POW:
    case IR_SQRT: case IR_EXP: case IR_LOG: case IR_SELECT: case IR_CONVERT: case IR_LOOKUP: case IR_SPLAT: case IR_SHUFFLE:
    case IR_CARRIED: case IR_RESULT: case IR_LOAD_AT: case IR_STORE: case IR_FETCH: case IR_ADD_AT: case IR_FOR: case IR_COMMENT:
    case IR_OP_COUNT: break;
    }
    abort();
}

static union lane lane_operation(enum ir_op op, enum ir_element element, union lane a, union lane b, union lane c) {
    if (element == IR_F32)
        return f32_operation(op, a, b, c);
    if (element == IR_F64)
        return f64_operation(op, a, b, c);
    const int64_t result = integer_operation(op, a.integer, b.integer);
    return (union lane){.integer = element == IR_U8 ? (uint8_t)result : element == IR_U16 ? (uint16_t)result : result};
}

/* ---- nodes ---- */

static void set_constant(const struct ir_node *node, union lane *out) {
    for (int i = 0; i < node->type.lanes; i++) {
        if (node->type.element == IR_MASK)
            out[i].integer = (int64_t)((uint64_t)node->u.integer >> i & 1);
        else if (node->type.element == IR_F32)
            out[i].f32 = (float)node->u.real;
        else if (node->type.element == IR_F64)
            out[i].f64 = node->u.real;
        else
            out[i].integer = node->u.integer;
    }
}

static void set_lanes(const int64_t *numbers, struct ir_type type, union lane *out) {
    for (int i = 0; i < type.lanes; i++) {
        if (type.element == IR_F32)
            out[i].f32 = (float)numbers[i];
        else if (type.element == IR_F64)
            out[i].f64 = (double)numbers[i];
        else
            out[i].integer = numbers[i];
    }
}

static void load(const struct machine *m, const struct ir_node *node, int64_t at, ir_ref mask, union lane *out) {
    const int32_t buffer = m->f->affines[node->aux].buffer;
    for (int i = 0; i < node->type.lanes; i++) {
        if (lane_enabled(m, mask, i))
            out[i] = read_element(m->memory[buffer], node->type.element, at + i);
        else
            memset(&out[i], 0, sizeof out[i]);
    }
}

static void store(const struct machine *m, const struct ir_node *node) {
    const int32_t buffer = m->f->affines[node->aux].buffer;
    const int64_t at = affine_value(m, node);
    for (int i = 0; i < node->type.lanes; i++)
        if (lane_enabled(m, node->operand[1], i))
            write_element(m->memory[buffer], node->type.element, at + i, lanes_of(m, node->operand[0])[i]);
}

static void add_at(const struct machine *m, const struct ir_node *node) {
    const int32_t buffer = m->f->affines[node->aux].buffer;
    const int64_t at = affine_value(m, node) + lanes_of(m, node->operand[0])->integer;
    const union lane sum = lane_operation(IR_ADD, (enum ir_element)node->type.element,
                                          read_element(m->memory[buffer], (enum ir_element)node->type.element, at),
                                          *lanes_of(m, node->operand[1]), (union lane){0});
    write_element(m->memory[buffer], (enum ir_element)node->type.element, at, sum);
}

static void run_value(const struct machine *m, ir_ref ref) {
    const struct ir_node *node = ir_at(m->f, ref);
    const enum ir_op op = (enum ir_op)node->op;
    union lane *out = lanes_of(m, ref);
    const union lane *a = lanes_of(m, node->operand[0]), *b = lanes_of(m, node->operand[1]);
    const union lane *c = lanes_of(m, node->operand[2]);
    const enum ir_element from = ir_at(m->f, node->operand[0])->type.element;
    const int lanes = node->type.lanes, operands = ir_ops[op].operands;
    switch (op) {
    case IR_LANES:
        set_lanes(m->f->numbers[node->aux].at, node->type, out);
        break;
    case IR_AFFINE:
        for (int i = 0; i < lanes; i++)
            out[i].integer = affine_value(m, node);
        break;
    case IR_LOAD:
        load(m, node, affine_value(m, node), node->operand[0], out);
        break;
    case IR_LOAD_AT:
        load(m, node, affine_value(m, node) + a[0].integer, node->operand[1], out);
        break;
    case IR_ADD: case IR_SUB: case IR_MUL: case IR_DIV: case IR_FMSUB: case IR_FNMADD: case IR_POW: case IR_NEG: case IR_ABS:
    case IR_SQRT: case IR_EXP: case IR_LOG: case IR_PICK_GT: case IR_PICK_LT: case IR_NAN_OR: case IR_GT: case IR_LT:
    case IR_LE: case IR_GE: case IR_EQ: case IR_UNORDERED: case IR_AND: case IR_OR: case IR_NOT:
        for (int i = 0; i < lanes; i++)
            out[i] = lane_operation(op, from, a[i], operands > 1 ? b[i] : a[i], operands > 2 ? c[i] : a[i]);
        break;
    case IR_SELECT:
        for (int i = 0; i < lanes; i++)
            out[i] = a[i].integer ? b[i] : c[i];
        break;
    case IR_CONVERT:
        memcpy(out, a, (size_t)lanes * sizeof *out);
        if (ir_elements[node->type.element].real)
            set_lanes(&a[0].integer, node->type, out);
        break;
    case IR_LOOKUP: {
        const struct ir_numbers *numbers = &m->f->numbers[node->aux];
        out[0].integer = numbers->at[(uint64_t)a[0].integer < (uint64_t)numbers->count ? a[0].integer : numbers->count - 1];
        break;
    }
    case IR_SPLAT:
        for (int i = 0; i < lanes; i++)
            out[i] = a[0];
        break;
    case IR_SHUFFLE: {
        const int from_lanes = ir_at(m->f, node->operand[0])->type.lanes;
        for (int i = 0; i < lanes; i++) {
            const int lane = m->f->lists[node->aux].at[i];
            out[i] = lane < from_lanes ? a[lane] : b[lane - from_lanes];
        }
        break;
    }
    case IR_REDUCE_ADD: case IR_REDUCE_GT: case IR_REDUCE_LT:
        out[0] = a[0];
        for (int i = 1; i < ir_at(m->f, node->operand[0])->type.lanes; i++)
            out[0] = lane_operation(op, from, a[i], out[0], out[0]);
        break;
    case IR_NONE: case IR_CONST: case IR_CARRIED: case IR_RESULT: case IR_STORE: case IR_FETCH: case IR_ADD_AT: case IR_FOR:
    case IR_COMMENT: case IR_OP_COUNT:
        abort();
    }
}

static void run_block(const struct machine *m, const struct ir_block *block);

static void copy_lanes(const struct machine *m, ir_ref to, ir_ref from) {
    memcpy(lanes_of(m, to), lanes_of(m, from), ir_at(m->f, to)->type.lanes * sizeof(union lane));
}

static void run_loop(const struct machine *m, uint32_t number) {
    const struct ir_loop *loop = &m->f->loops[number];
    for (size_t i = 0; i < loop->carried_count; i++)
        copy_lanes(m, loop->carried[i].param, loop->carried[i].initial);
    for (m->variable[number] = 0; m->variable[number] < loop->trip; m->variable[number]++) {
        run_block(m, &loop->body);
        /* All carried values change at once: results take the new ones first, then the parameters take the results. */
        for (size_t i = 0; i < loop->carried_count; i++)
            copy_lanes(m, loop->carried[i].result, loop->carried[i].next);
        for (size_t i = 0; i < loop->carried_count; i++)
            copy_lanes(m, loop->carried[i].param, loop->carried[i].result);
    }
}

static void run_block(const struct machine *m, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *node = ir_at(m->f, block->items[i]);
        if (node->op == IR_FOR)
            run_loop(m, node->aux);
        else if (node->op == IR_STORE)
            store(m, node);
        else if (node->op == IR_ADD_AT)
            add_at(m, node);
        else if (node->op != IR_FETCH && node->op != IR_COMMENT && node->op != IR_NONE)
            run_value(m, block->items[i]);
    }
}

bool ir_eval(const struct ir_function *f, void *const *buffers) {
    struct machine m = {.f = f};
    bool ok = false;
    m.memory = calloc(f->buffer_count + 1, sizeof *m.memory);
    m.slot = calloc(f->node_count, sizeof *m.slot);
    m.variable = calloc(f->loop_count + 1, sizeof *m.variable);
    size_t lanes = 1; /* slot 0: what unused operands read */
    for (size_t i = 1; m.slot && i < f->node_count; i++) {
        m.slot[i] = lanes;
        lanes += f->nodes[i].type.lanes;
    }
    m.values = calloc(lanes, sizeof *m.values);
    if (!m.memory || !m.slot || !m.variable || !m.values)
        goto done;
    for (size_t i = 0; i < f->buffer_count; i++) {
        m.memory[i] = buffers[i];
        if (f->buffers[i].role != IR_LOCAL || buffers[i])
            continue;
        m.memory[i] = calloc((size_t)f->buffers[i].count, (size_t)ir_elements[f->buffers[i].element].bytes);
        if (!m.memory[i])
            goto done;
    }
    for (ir_ref i = 1; i < f->node_count; i++)
        if (f->nodes[i].op == IR_CONST)
            set_constant(&f->nodes[i], lanes_of(&m, i));
    run_block(&m, &f->body);
    ok = true;
done:
    for (size_t i = 0; m.memory && i < f->buffer_count; i++)
        if (f->buffers[i].role == IR_LOCAL && !buffers[i])
            free(m.memory[i]);
    free(m.memory);
    free(m.slot);
    free(m.variable);
    free(m.values);
    return ok;
}
