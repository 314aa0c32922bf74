/* loop_hints.c - see loop_hints.h.
 *
 * Each rule stands for a measured loss (docs/performance.md, LLVM): short rows left scalar, strided loads gathered lane by
 * lane, comparisons that wait for each other.  Whoever tells LLVM to make vectors also permits it to add in another order,
 * so loops that add up real numbers are not told. */
#include "llvm/loop_hints.h"

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>

#include <stdlib.h>
#include <string.h>

enum {
    SHORT_TRIP = 16, /* LLVM leaves loops with fewer iterations alone unless told; from SHORTEST_TRIP on, it pays */
    SHORTEST_TRIP = 4,
    POINTERS_MAX = 200, /* with more accesses LLVM loses sight of what may overlap (at 250) and must be told, too */
    STRIDE_MAX = 8,     /* lanes further apart are gathered one by one, at a loss */
    NARROW_TRIP = 64,   /* tap numbers wait long for each other; several vectors at once fill the time */
    NARROW_COUNT = 4,
    NARROW_LINE = 100, /* nodes: a longer body fills the time by itself */
};

struct traits {
    int64_t stride; /* the greatest by which an access moves */
    int accesses;
    bool narrow;  /* stores bytes beside wider elements */
    bool vectors; /* has lanes already */
    bool scattered; /* looks where its elements are */
    bool adds_up; /* may add up real numbers: carries one, or stores one where the iteration before did */
};

static bool is_real(const struct ir_node *n) {
    return ir_elements[n->type.element].real;
}

static int64_t stride_of(const struct ir_affine *affine, uint32_t loop) {
    for (int i = 0; i < affine->count; i++)
        if (affine->term[i].loop == loop)
            return llabs(affine->term[i].stride);
    return 0;
}

static struct traits traits_of(const struct ir_function *f, uint32_t number) {
    const struct ir_loop *loop = &f->loops[number];
    struct traits traits = {0};
    for (size_t i = 0; i < loop->carried_count; i++)
        traits.adds_up |= is_real(ir_at(f, loop->carried[i].param));
    for (size_t i = 0; i < loop->body.count; i++) {
        const struct ir_node *n = ir_at(f, loop->body.items[i]);
        traits.vectors |= n->type.lanes > 1;
        traits.adds_up |= n->op == IR_ADD_AT;
        traits.scattered |= n->op == IR_LOAD_AT;
        if (n->op != IR_LOAD && n->op != IR_STORE)
            continue;
        const int64_t stride = stride_of(&f->affines[n->aux], number);
        traits.accesses++;
        traits.stride = stride > traits.stride ? stride : traits.stride;
        traits.narrow |= n->op == IR_STORE && ir_elements[n->type.element].bytes == 1;
        traits.adds_up |= n->op == IR_STORE && stride == 0 && is_real(n);
    }
    return traits;
}

static LLVMMetadataRef hint(LLVMContextRef context, const char *name, LLVMTypeRef type, unsigned value) {
    LLVMMetadataRef pair[] = {LLVMMDStringInContext2(context, name, strlen(name)),
                              LLVMValueAsMetadata(LLVMConstInt(type, value, false))};
    return LLVMMDNodeInContext2(context, pair, 2);
}

/* A loop's metadata names itself, so that no other loop can share it: nodes[0] is a place kept for that. */
static void attach(LLVMContextRef context, LLVMMetadataRef *nodes, size_t count, LLVMValueRef branch) {
    nodes[0] = LLVMTemporaryMDNode(context, NULL, 0);
    const LLVMMetadataRef node = LLVMMDNodeInContext2(context, nodes, count);
    LLVMMetadataReplaceAllUsesWith(nodes[0], node); /* frees the temporary node */
    LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(context, "llvm.loop", strlen("llvm.loop")),
                    LLVMMetadataAsValue(context, node));
}

void pc_add_loop_hints(const struct ir_function *f, uint32_t loop, LLVMValueRef branch) {
    const int64_t trip = f->loops[loop].trip;
    const struct traits traits = traits_of(f, loop);
    const LLVMContextRef context = LLVMGetTypeContext(LLVMTypeOf(branch));
    const LLVMTypeRef i1 = LLVMInt1TypeInContext(context), i32 = LLVMInt32TypeInContext(context);
    LLVMMetadataRef nodes[3];
    size_t count = 1;
    if (traits.vectors)
        return;
    if (traits.stride > STRIDE_MAX || traits.scattered)
        nodes[count++] = hint(context, "llvm.loop.vectorize.enable", i1, false);
    else if (((trip >= SHORTEST_TRIP && trip < SHORT_TRIP) || traits.accesses > POINTERS_MAX) && !traits.adds_up)
        nodes[count++] = hint(context, "llvm.loop.vectorize.enable", i1, true);
    if (traits.narrow && traits.stride <= 1 && trip >= NARROW_TRIP && f->loops[loop].body.count <= NARROW_LINE)
        nodes[count++] = hint(context, "llvm.loop.interleave.count", i32, NARROW_COUNT);
    if (count > 1)
        attach(context, nodes, count, branch);
}

/* The body of `loop`, or of the function itself where loop is NULL. */
static bool block_leaves_scalars(const struct ir_function *f, const struct ir_block *block, const struct ir_loop *loop) {
    bool inner = true, access = false, strided = false;
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        if (n->op == IR_FOR) {
            const struct ir_loop *next = &f->loops[n->aux];
            inner = false;
            if (block_leaves_scalars(f, &next->body, next->trip > 1 ? next : loop))
                return true;
        } else if (n->op == IR_LOAD || n->op == IR_LOAD_AT || n->op == IR_STORE || n->op == IR_ADD_AT) {
            access = true;
            strided |= loop && stride_of(&f->affines[n->aux], (uint32_t)(loop - f->loops)) > 1;
        }
    }
    return access && (!inner || !loop || strided || loop->trip < SHORTEST_TRIP);
}

bool pc_leaves_scalars(const struct ir_function *f) {
    return block_leaves_scalars(f, &f->body, NULL);
}

bool pc_has_lanes(const struct ir_function *f) {
    for (size_t i = 1; i < f->node_count; i++)
        if (f->nodes[i].op != IR_NONE && f->nodes[i].type.lanes > 1)
            return true;
    return false;
}
