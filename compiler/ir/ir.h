/* ir.h - the kernel IR: how a kernel runs, in primitive operations.
 *
 * One function per kernel: buffers of constant extent, loops of constant trip count with carried values, and straight-line
 * SSA values with a type of element x lanes.  Layers, modes and windows are unknown here: every decision about what is
 * computed was made in the lowering, so that the consumers - emit_c, the interpreter, emit_llvm - only print, execute or
 * translate.  Addresses are affine in the loop variables; all extents are constants, so bounds and costs are exact.  Two
 * operations find their element when they run, ADD_AT and LOAD_AT: they add numbers of constant lists, which are as exact.
 *
 * ops.def is the vocabulary.  Switches over enum ir_op have no default: a new operation fails to compile in each consumer
 * until it is handled there. */
#ifndef PC_IR_H
#define PC_IR_H

#include "support/arena.h"
#include "support/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ir_element {
#define ELEMENT(id, name, c_type, bytes, real) IR_##id,
#include "ir/elements.def"
#undef ELEMENT
    IR_ELEMENT_COUNT
};

enum ir_op {
    IR_NONE, /* a node that was deleted */
#define OP(id, name, operands, kind, meaning) IR_##id,
#include "ir/ops.def"
#undef OP
    IR_OP_COUNT
};

enum ir_kind {
    IR_KIND_NONE,
    IR_KIND_LEAF,
    IR_KIND_ARITH,
    IR_KIND_REAL,
    IR_KIND_COMPARE,
    IR_KIND_LOGIC,
    IR_KIND_SPECIAL,
    IR_KIND_STATEMENT
};

struct ir_op_info {
    const char *name;
    int operands;
    enum ir_kind kind;
    const char *meaning;
};
extern const struct ir_op_info ir_ops[IR_OP_COUNT];

struct ir_element_info {
    const char *name, *c_type;
    int bytes;
    bool real;
};
extern const struct ir_element_info ir_elements[IR_ELEMENT_COUNT];

enum { IR_LANES_MAX = 64, IR_TERMS_MAX = 12, IR_OPERANDS_MAX = 3 };

struct ir_type {
    uint8_t element; /* enum ir_element */
    uint8_t lanes;   /* 1 .. IR_LANES_MAX */
};

/* A node of a function: its index in ir_function.nodes. 0 is no node. */
typedef uint32_t ir_ref;

/* sum of stride * loop variable, shared by many nodes; in an address counted in elements of `buffer`. */
struct ir_affine {
    int32_t buffer; /* -1: a plain integer */
    int32_t count;
    struct ir_term {
        uint32_t loop;
        int64_t stride;
    } term[IR_TERMS_MAX];
};

struct ir_node {
    uint8_t op; /* enum ir_op */
    struct ir_type type;
    ir_ref operand[IR_OPERANDS_MAX]; /* LOAD: [0] mask or 0; LOAD_AT: [0] what is added to the place, [1] mask or 0;
                                        STORE: [0] value, [1] mask or 0 */
    uint32_t aux; /* LOAD, LOAD_AT, STORE, ADD_AT, AFFINE: index of the affine; FOR, CARRIED, RESULT: the loop; SHUFFLE,
                     LANES and LOOKUP, COMMENT: index in lists, numbers, comments */
    union {
        int64_t integer; /* CONST of an integer; of a mask: bit l is lane l; AFFINE, LOAD, LOAD_AT, STORE, ADD_AT: the
                            constant part; CARRIED, RESULT: which */
        double real;     /* CONST of a real; an f32 constant is exactly representable */
    } u;
};

struct ir_block {
    ir_ref *items; /* in order of execution; CONST nodes are in no block */
    size_t count, capacity;
};

struct ir_carried {
    ir_ref initial, param, next, result; /* value before the loop, CARRIED node, value after an iteration, RESULT node */
};

struct ir_loop {
    const char *name; /* of its variable, which counts 0 .. trip - 1 */
    int64_t trip;     /* 1: a block, which groups statements that share no values with others */
    struct ir_block body;
    struct ir_carried *carried;
    size_t carried_count, carried_capacity;
    size_t first_affine; /* those before it were made before the loop, and do not move with it */
};

/* Which lane each lane takes, of those of two vectors. */
struct ir_list {
    const uint8_t *at;
    int count;
};

/* A constant list; its numbers fit 32 bits. */
struct ir_numbers {
    const int64_t *at;
    int64_t count;
};

enum ir_role { IR_INPUT, IR_OUTPUT, IR_LOCAL };

struct ir_buffer {
    const char *name;
    enum ir_element element;
    int64_t count; /* elements */
    enum ir_role role;
};

struct ir_function {
    struct pc_arena *arena; /* everything below lives there */
    const char *name;
    struct ir_buffer *buffers;
    size_t buffer_count, buffer_capacity;
    struct ir_node *nodes; /* [0] is unused */
    size_t node_count, node_capacity;
    struct ir_affine *affines;
    size_t affine_count, affine_capacity;
    struct ir_loop *loops;
    size_t loop_count, loop_capacity;
    struct ir_list *lists; /* of SHUFFLE */
    size_t list_count, list_capacity;
    struct ir_numbers *numbers; /* of LANES and LOOKUP */
    size_t number_count, number_capacity;
    const char **comments;
    size_t comment_count, comment_capacity;
    struct ir_block body;
    int64_t line_most; /* nodes of a straight line; a longer one is cut where it can be. 0: IR_LINE_MOST */
};

/* Nodes that compilers take little time for; and of what is left of them, the least that makes a function worth its call. */
enum { IR_LINE_MOST = 1024 };
static inline int64_t ir_line_least(int64_t most) {
    return most / 8 * 3;
}

static inline const struct ir_node *ir_at(const struct ir_function *function, ir_ref ref) {
    return &function->nodes[ref];
}

static inline bool ir_same_type(struct ir_type a, struct ir_type b) {
    return a.element == b.element && a.lanes == b.lanes;
}

/* ir_outline.c: whether the function's body is nothing but blocks that share no values, the pieces of a long straight line,
 * which C has as functions of their own (note [pieces] in lower.c); the number of nodes in the longest straight
 * line. */
bool ir_is_in_pieces(const struct ir_function *function);
size_t ir_longest_line(const struct ir_function *function, const struct ir_block *block);

/* ir_outline.c: long blocks cut into sections, items that share no values with others, for compilers take more than linear
 * time for a long function: per node, how many items the section has that begins with it; 0: none does. A section is
 * hundreds of nodes; the result and what it takes to find it live in `arena`. */
const uint32_t *ir_sections_of(const struct ir_function *function, struct pc_arena *arena);

/* ir_outline.c: how many numbers a back end writes for a LOOKUP: its list, or as many as a byte can ask for, the last of the
 * list again and again, so that no comparison is needed. */
int64_t ir_lookup_count(const struct ir_function *function, const struct ir_node *lookup);

/* ir_outline.c: the smallest element that holds all numbers of a list.  A back end writes the list of a LOOKUP in it:
 * gradients that go window by window took 1.1x of the time with lists of 32 bits (5 x 5 in planes of 19 x 19, Granite
 * Rapids). */
enum ir_element ir_numbers_element(const struct ir_numbers *numbers);

/* ir_print.c: the function as text, stable, without addresses. */
void ir_print(const struct ir_function *function, struct pc_text *text);

/* ir_verify.c: NULL if the function is well formed, else what is wrong (in the arena): types; definition before use; every
 * load and store inside its buffer for all values of the loop variables; every element of every output stored exactly once
 * (kernels of up to four million stores); `lanes_max` lanes at most. A failure is a bug of the compiler. */
const char *ir_verify(const struct ir_function *function, int lanes_max);

/* ir_cost.c: exact counts over a whole run, a vector operation counted once. */
struct ir_cost {
    int64_t operations;             /* nodes of kinds ARITH, COMPARE, LOGIC, SPECIAL that compute */
    int64_t loads, stores;          /* executed */
    int64_t bytes_loaded, bytes_stored;
    int64_t bytes_in, bytes_out;    /* of input and output buffers: the least that has to move */
    int64_t code;                   /* nodes in the code, each once */
};
struct ir_cost ir_cost_of(const struct ir_function *function);

/* ir_eval.c: runs the function. buffers[i] is the memory of buffer i; NULL for a local: memory of zeros. Obvious and slow.
 * false if memory for the locals and values could not be had. */
bool ir_eval(const struct ir_function *function, void *const *buffers);

#endif
