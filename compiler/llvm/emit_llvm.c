/* emit_llvm.c - see emit_llvm.h.
 *
 * A value of one lane is an LLVM scalar, of more lanes a vector; a mask is i1 or a vector of i1.  Addresses are cut in two:
 * what moves with loop variables is computed once in the block that first needs it, the constant part is an offset from it.
 */
#include "llvm/emit_llvm.h"

#include "middle/ir_parts.h"
#include "llvm/loop_hints.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOCAL_ALIGNMENT = 64 }; /* bytes of a local array: a cache line, and the widest vector */
enum { NAME_MAX = 80 };

struct function {
    LLVMTypeRef type;
    LLVMValueRef value;
};

/* All memory of the arena is taken before LLVM's builder exists, so that running out of it leaves nothing behind. */
struct emitter {
    const struct ir_function *f;
    LLVMModuleRef module;
    LLVMContextRef context;
    LLVMBuilderRef builder;
    LLVMValueRef function;
    LLVMTypeRef index;       /* what addresses are computed in */
    LLVMValueRef *value;     /* per node */
    LLVMValueRef *buffer;    /* per buffer: its first element */
    LLVMValueRef *arguments; /* of a call */
    LLVMValueRef *variable;  /* per loop: its counter, of type index */
    LLVMValueRef *place;     /* per affine: address without the constant part, where one was computed; else NULL */
    uint32_t *places;        /* affines that have a place, in the order in which they got it: a stack */
    size_t place_count;
    LLVMTypeRef *parameters; /* of the function that begins */
    struct function *pieces; /* per block of the body, where those are functions of their own */
    char *name;              /* of one of several functions */
    size_t name_size;
    struct ir_parts parts;
    LLVMValueRef part, count; /* of the function that runs a part: its last parameters */
    LLVMValueRef *from, *to;  /* per trip of parts: where the iterations of the part begin and end */
};

/* ---- types ---- */

static LLVMTypeRef element_type(const struct emitter *e, enum ir_element element) {
    switch (element) {
    case IR_F32: return LLVMFloatTypeInContext(e->context);
    case IR_F64: return LLVMDoubleTypeInContext(e->context);
    case IR_U8: return LLVMInt8TypeInContext(e->context);
    case IR_U16: return LLVMInt16TypeInContext(e->context);
    case IR_I32: return LLVMInt32TypeInContext(e->context);
    case IR_I64: return LLVMInt64TypeInContext(e->context);
    case IR_MASK: return LLVMInt1TypeInContext(e->context);
    case IR_ELEMENT_COUNT: break;
    }
    abort();
}

static LLVMTypeRef type_of(const struct emitter *e, struct ir_type type) {
    const LLVMTypeRef element = element_type(e, (enum ir_element)type.element);
    return type.lanes == 1 ? element : LLVMVectorType(element, type.lanes);
}

static LLVMTypeRef pointer_type(const struct emitter *e) {
    return LLVMPointerTypeInContext(e->context, 0);
}

static bool is_real(enum ir_element element) {
    return ir_elements[element].real;
}

static bool is_signed(enum ir_element element) {
    return element == IR_I32 || element == IR_I64;
}

static enum ir_element element_of(const struct emitter *e, ir_ref ref) {
    return (enum ir_element)ir_at(e->f, ref)->type.element;
}

/* ---- names ---- */

static void name_value(LLVMValueRef value, const char *word, uint32_t number) {
    char name[NAME_MAX];
    const int length = snprintf(name, sizeof name, "%s.%u", word, (unsigned)number);
    LLVMSetValueName2(value, name, (size_t)length < sizeof name ? (size_t)length : sizeof name - 1);
}

static LLVMBasicBlockRef add_block(struct emitter *e, const char *word, const char *suffix) {
    char name[NAME_MAX];
    snprintf(name, sizeof name, "%s%s", word, suffix);
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

/* ---- constants ---- */

static LLVMValueRef index_constant(const struct emitter *e, int64_t value) {
    return LLVMConstInt(e->index, (unsigned long long)value, true);
}

static LLVMValueRef lane_number(const struct emitter *e, int lane) {
    return LLVMConstInt(LLVMInt32TypeInContext(e->context), (unsigned long long)lane, false);
}

static LLVMValueRef constant(const struct emitter *e, const struct ir_node *n) {
    const enum ir_element element = (enum ir_element)n->type.element;
    const LLVMTypeRef type = element_type(e, element);
    LLVMValueRef lanes[IR_LANES_MAX];
    for (int i = 0; i < n->type.lanes; i++) {
        if (is_real(element))
            lanes[i] = LLVMConstReal(type, n->u.real);
        else if (element == IR_MASK)
            lanes[i] = LLVMConstInt(type, (uint64_t)n->u.integer >> i & 1, false);
        else
            lanes[i] = LLVMConstInt(type, (unsigned long long)n->u.integer, true);
    }
    return n->type.lanes == 1 ? lanes[0] : LLVMConstVector(lanes, n->type.lanes);
}

/* ---- values ---- */

/* Constants stand in no block and are made where they are used. */
static LLVMValueRef value_of(struct emitter *e, ir_ref ref) {
    if (!e->value[ref])
        e->value[ref] = constant(e, ir_at(e->f, ref));
    return e->value[ref];
}

/* An integer of another width. */
static LLVMValueRef resize(struct emitter *e, LLVMValueRef value, LLVMTypeRef type, bool extend_sign) {
    return LLVMBuildIntCast2(e->builder, value, type, extend_sign, "");
}

/* plus + sum of stride * variable, in an integer type that holds the value. `exact`: no part of the sum leaves the type,
 * which holds for addresses and lets LLVM reason about them; elsewhere what overflows on the way wraps back. */
static LLVMValueRef affine_sum(struct emitter *e, const struct ir_affine *affine, int64_t plus, LLVMTypeRef type,
                               bool exact) {
    LLVMValueRef sum = plus || affine->count == 0 ? LLVMConstInt(type, (unsigned long long)plus, true) : NULL;
    for (int i = 0; i < affine->count; i++) {
        LLVMValueRef term = resize(e, e->variable[affine->term[i].loop], type, false);
        const LLVMValueRef stride = LLVMConstInt(type, (unsigned long long)affine->term[i].stride, true);
        if (affine->term[i].stride != 1)
            term = (exact ? LLVMBuildNSWMul : LLVMBuildMul)(e->builder, term, stride, "");
        sum = sum ? (exact ? LLVMBuildNSWAdd : LLVMBuildAdd)(e->builder, sum, term, "") : term;
    }
    return sum;
}

static LLVMValueRef splat(struct emitter *e, LLVMValueRef lane, int lanes) {
    if (lanes == 1)
        return lane;
    const LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(lane), (unsigned)lanes);
    const LLVMValueRef first = LLVMBuildInsertElement(e->builder, LLVMGetPoison(type), lane, lane_number(e, 0), "");
    const LLVMTypeRef list = LLVMVectorType(LLVMInt32TypeInContext(e->context), (unsigned)lanes);
    return LLVMBuildShuffleVector(e->builder, first, LLVMGetPoison(type), LLVMConstNull(list), "");
}

static LLVMValueRef lane_of(struct emitter *e, LLVMValueRef value, int lanes, int lane) {
    return lanes == 1 ? value : LLVMBuildExtractElement(e->builder, value, lane_number(e, lane), "");
}

static LLVMValueRef shuffle(struct emitter *e, const struct ir_node *n) {
    const uint8_t *list = e->f->lists[n->aux];
    const int from = ir_at(e->f, n->operand[0])->type.lanes;
    const LLVMValueRef a = value_of(e, n->operand[0]), b = value_of(e, n->operand[1]);
    if (n->type.lanes == 1)
        return list[0] < from ? lane_of(e, a, from, list[0]) : lane_of(e, b, from, list[0] - from);
    LLVMValueRef value = LLVMGetPoison(type_of(e, n->type)), numbers[IR_LANES_MAX];
    if (from > 1) {
        for (int i = 0; i < n->type.lanes; i++)
            numbers[i] = lane_number(e, list[i]);
        return LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(numbers, n->type.lanes), "");
    }
    for (int i = 0; i < n->type.lanes; i++)
        value = LLVMBuildInsertElement(e->builder, value, list[i] ? b : a, lane_number(e, i), "");
    return value;
}

/* ---- memory ---- */

static LLVMValueRef address(struct emitter *e, const struct ir_node *n) {
    const struct ir_affine *affine = &e->f->affines[n->aux];
    const LLVMTypeRef element = element_type(e, e->f->buffers[affine->buffer].element);
    if (!e->place[n->aux]) {
        LLVMValueRef place = e->buffer[affine->buffer];
        if (affine->count > 0) {
            LLVMValueRef offset = affine_sum(e, affine, 0, e->index, true);
            place = LLVMBuildGEP2(e->builder, element, place, &offset, 1, e->f->buffers[affine->buffer].name);
        }
        e->place[n->aux] = place;
        e->places[e->place_count++] = n->aux;
    }
    if (n->u.integer == 0)
        return e->place[n->aux];
    LLVMValueRef offset = index_constant(e, n->u.integer);
    return LLVMBuildGEP2(e->builder, element, e->place[n->aux], &offset, 1, "");
}

/* Masked accesses are calls of intrinsics, which have vectors also of one lane. */
static LLVMValueRef call_masked(struct emitter *e, const char *name, LLVMTypeRef vector, LLVMValueRef *arguments,
                                unsigned count) {
    LLVMTypeRef types[] = {vector, pointer_type(e)};
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    const LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, 2);
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, types, 2), function, arguments, count, "");
}

static LLVMValueRef as_vector(struct emitter *e, LLVMValueRef value, int lanes) {
    return lanes > 1 ? value : LLVMBuildBitCast(e->builder, value, LLVMVectorType(LLVMTypeOf(value), 1), "");
}

static LLVMValueRef masked_alignment(const struct emitter *e, unsigned bytes) {
    return LLVMConstInt(LLVMInt32TypeInContext(e->context), bytes, false);
}

static LLVMValueRef load(struct emitter *e, const struct ir_node *n) {
    const LLVMTypeRef type = type_of(e, n->type);
    const unsigned bytes = (unsigned)ir_elements[n->type.element].bytes;
    const LLVMValueRef at = address(e, n);
    if (!n->operand[0]) {
        const LLVMValueRef value = LLVMBuildLoad2(e->builder, type, at, "");
        LLVMSetAlignment(value, bytes);
        return value;
    }
    const LLVMTypeRef vector = LLVMVectorType(element_type(e, (enum ir_element)n->type.element), n->type.lanes);
    LLVMValueRef arguments[] = {at, masked_alignment(e, bytes), as_vector(e, value_of(e, n->operand[0]), n->type.lanes),
                                LLVMConstNull(vector)};
    const LLVMValueRef value = call_masked(e, "llvm.masked.load", vector, arguments, 4);
    return n->type.lanes > 1 ? value : LLVMBuildBitCast(e->builder, value, type, "");
}

static void store(struct emitter *e, const struct ir_node *n) {
    const unsigned bytes = (unsigned)ir_elements[n->type.element].bytes;
    const LLVMValueRef at = address(e, n), value = value_of(e, n->operand[0]);
    if (!n->operand[1]) {
        LLVMSetAlignment(LLVMBuildStore(e->builder, value, at), bytes);
        return;
    }
    const LLVMTypeRef vector = LLVMVectorType(element_type(e, (enum ir_element)n->type.element), n->type.lanes);
    LLVMValueRef arguments[] = {as_vector(e, value, n->type.lanes), at, masked_alignment(e, bytes),
                                as_vector(e, value_of(e, n->operand[1]), n->type.lanes)};
    call_masked(e, "llvm.masked.store", vector, arguments, 4);
}

/* ---- operations ---- */

static LLVMValueRef compare(struct emitter *e, enum ir_element element, LLVMRealPredicate real, LLVMIntPredicate signed_,
                            LLVMIntPredicate unsigned_, LLVMValueRef a, LLVMValueRef b) {
    if (is_real(element))
        return LLVMBuildFCmp(e->builder, real, a, b, "");
    return LLVMBuildICmp(e->builder, is_signed(element) ? signed_ : unsigned_, a, b, "");
}

static LLVMValueRef greater(struct emitter *e, enum ir_element element, LLVMValueRef a, LLVMValueRef b) {
    return compare(e, element, LLVMRealOGT, LLVMIntSGT, LLVMIntUGT, a, b);
}

static LLVMValueRef less(struct emitter *e, enum ir_element element, LLVMValueRef a, LLVMValueRef b) {
    return compare(e, element, LLVMRealOLT, LLVMIntSLT, LLVMIntULT, a, b);
}

static LLVMValueRef ordered(struct emitter *e, enum ir_op op, enum ir_element element, LLVMValueRef a, LLVMValueRef b) {
    if (op == IR_LE)
        return compare(e, element, LLVMRealOLE, LLVMIntSLE, LLVMIntULE, a, b);
    return compare(e, element, LLVMRealOGE, LLVMIntSGE, LLVMIntUGE, a, b);
}

/* No integer is unordered. */
static LLVMValueRef unordered(struct emitter *e, enum ir_element element, LLVMValueRef a, LLVMValueRef b) {
    if (is_real(element))
        return LLVMBuildFCmp(e->builder, LLVMRealUNO, a, b, "");
    return LLVMBuildICmp(e->builder, LLVMIntNE, a, a, "");
}

static LLVMValueRef pick(struct emitter *e, LLVMValueRef first, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(e->builder, first, a, b, "");
}

/* sqrt and fabs are exact everywhere, so LLVM may compute them as it likes. */
static LLVMValueRef call_exact(struct emitter *e, const char *name, LLVMValueRef a) {
    LLVMTypeRef type = LLVMTypeOf(a);
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    const LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, &type, 1), function, &a, 1, "");
}

static LLVMValueRef absolute(struct emitter *e, enum ir_element element, LLVMValueRef a) {
    if (is_real(element))
        return call_exact(e, "llvm.fabs", a);
    if (!is_signed(element))
        return a;
    return pick(e, less(e, element, a, LLVMConstNull(LLVMTypeOf(a))), LLVMBuildNeg(e->builder, a, ""), a);
}

static LLVMAttributeRef attribute(const struct emitter *e, const char *name, uint64_t value) {
    return LLVMCreateEnumAttribute(e->context, LLVMGetEnumAttributeKindForName(name, strlen(name)), value);
}

/* A function of the C library, lane by lane: `nobuiltin`, because LLVM knows other ways to compute some powers, whose last
 * bit differs.  It is said to touch no memory: nobody reads errno. */
static LLVMValueRef call_library(struct emitter *e, const char *name, enum ir_element element, int lanes,
                                 const LLVMValueRef *operands, unsigned count) {
    char full[8];
    snprintf(full, sizeof full, "%s%s", name, element == IR_F32 ? "f" : "");
    const LLVMTypeRef real = element_type(e, element);
    LLVMTypeRef parameters[] = {real, real};
    const LLVMTypeRef type = LLVMFunctionType(real, parameters, count, false);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, full);
    if (!function) {
        function = LLVMAddFunction(e->module, full, type);
        static const char *const facts[] = {"nounwind", "willreturn", "nofree", "nocallback", "nosync"};
        for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
            LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute(e, facts[i], 0));
        LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute(e, "memory", 0));
    }
    LLVMValueRef result = lanes > 1 ? LLVMGetPoison(LLVMVectorType(real, (unsigned)lanes)) : NULL;
    for (int i = 0; i < lanes; i++) {
        LLVMValueRef arguments[2];
        for (unsigned k = 0; k < count; k++)
            arguments[k] = lane_of(e, operands[k], lanes, i);
        const LLVMValueRef call = LLVMBuildCall2(e->builder, type, function, arguments, count, "");
        LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute(e, "nobuiltin", 0));
        result = lanes > 1 ? LLVMBuildInsertElement(e->builder, result, call, lane_number(e, i), "") : call;
    }
    return result;
}

static LLVMValueRef divide(struct emitter *e, enum ir_element element, LLVMValueRef a, LLVMValueRef b) {
    if (is_real(element))
        return LLVMBuildFDiv(e->builder, a, b, "");
    return is_signed(element) ? LLVMBuildSDiv(e->builder, a, b, "") : LLVMBuildUDiv(e->builder, a, b, "");
}

/* The lanes from the first to the last: result = op(result, lane), or what ops.def says of the picks. */
static LLVMValueRef reduce(struct emitter *e, const struct ir_node *n) {
    const enum ir_element element = (enum ir_element)n->type.element;
    const int lanes = ir_at(e->f, n->operand[0])->type.lanes;
    const LLVMValueRef a = value_of(e, n->operand[0]);
    LLVMValueRef result = lane_of(e, a, lanes, 0);
    for (int i = 1; i < lanes; i++) {
        const LLVMValueRef lane = lane_of(e, a, lanes, i);
        if (n->op == IR_REDUCE_ADD)
            result =
                is_real(element) ? LLVMBuildFAdd(e->builder, result, lane, "") : LLVMBuildAdd(e->builder, result, lane, "");
        else
            result = pick(e, (n->op == IR_REDUCE_GT ? greater : less)(e, element, lane, result), lane, result);
    }
    return result;
}

static LLVMValueRef operation(struct emitter *e, const struct ir_node *n) {
    const LLVMBuilderRef b = e->builder;
    const int operands = ir_ops[n->op].operands;
    const enum ir_element element = element_of(e, operands ? n->operand[0] : 0);
    const bool real = is_real(element);
    const LLVMValueRef x = operands > 0 ? value_of(e, n->operand[0]) : NULL;
    const LLVMValueRef y = operands > 1 ? value_of(e, n->operand[1]) : NULL;
    switch ((enum ir_op)n->op) {
    case IR_AFFINE: {
        const LLVMTypeRef type = element_type(e, (enum ir_element)n->type.element);
        return splat(e, affine_sum(e, &e->f->affines[n->aux], n->u.integer, type, false), n->type.lanes);
    }
    case IR_LOAD: return load(e, n);
    case IR_ADD: return real ? LLVMBuildFAdd(b, x, y, "") : LLVMBuildAdd(b, x, y, "");
    case IR_SUB: return real ? LLVMBuildFSub(b, x, y, "") : LLVMBuildSub(b, x, y, "");
    case IR_MUL: return real ? LLVMBuildFMul(b, x, y, "") : LLVMBuildMul(b, x, y, "");
    case IR_DIV: return divide(e, element, x, y);
    case IR_NEG: return real ? LLVMBuildFNeg(b, x, "") : LLVMBuildNeg(b, x, "");
    case IR_ABS: return absolute(e, element, x);
    case IR_SQRT: return call_exact(e, "llvm.sqrt", x);
    case IR_POW: return call_library(e, "pow", element, n->type.lanes, (LLVMValueRef[]){x, y}, 2);
    case IR_EXP: return call_library(e, "exp", element, n->type.lanes, &x, 1);
    case IR_LOG: return call_library(e, "log", element, n->type.lanes, &x, 1);
    case IR_PICK_GT: return pick(e, greater(e, element, x, y), x, y);
    case IR_PICK_LT: return pick(e, less(e, element, x, y), x, y);
    case IR_GT: return greater(e, element, x, y);
    case IR_LT: return less(e, element, x, y);
    case IR_EQ: return compare(e, element, LLVMRealOEQ, LLVMIntEQ, LLVMIntEQ, x, y);
    case IR_LE:
    case IR_GE: return ordered(e, (enum ir_op)n->op, element, x, y);
    case IR_UNORDERED: return unordered(e, element, x, y);
    case IR_AND: return LLVMBuildAnd(b, x, y, "");
    case IR_OR: return LLVMBuildOr(b, x, y, "");
    case IR_NOT: return LLVMBuildNot(b, x, "");
    case IR_SELECT: return pick(e, x, y, value_of(e, n->operand[2]));
    case IR_CONVERT: return resize(e, x, type_of(e, n->type), is_signed(element));
    case IR_SPLAT: return splat(e, x, n->type.lanes);
    case IR_SHUFFLE: return shuffle(e, n);
    case IR_REDUCE_ADD:
    case IR_REDUCE_GT:
    case IR_REDUCE_LT: return reduce(e, n);
    case IR_NONE:
    case IR_CONST:
    case IR_CARRIED:
    case IR_RESULT:
    case IR_STORE:
    case IR_FOR:
    case IR_COMMENT:
    case IR_OP_COUNT: break;
    }
    abort();
}

/* ---- statements ---- */

static void emit_block(struct emitter *e, const struct ir_block *block);
static void emit_shared(struct emitter *e, const struct ir_block *block);

/* Addresses that were computed inside a loop or a branch do not reach out of it. */
static void forget_places(struct emitter *e, size_t kept) {
    while (e->place_count > kept)
        e->place[e->places[--e->place_count]] = NULL;
}

static void emit_body(struct emitter *e, const struct ir_loop *loop, enum ir_share share) {
    const size_t before = e->place_count;
    (share == IR_OPEN ? emit_shared : emit_block)(e, &loop->body);
    forget_places(e, before);
}

/* Runs once: no loop at all. */
static void emit_once(struct emitter *e, uint32_t number, enum ir_share share) {
    const struct ir_loop *loop = &e->f->loops[number];
    e->variable[number] = index_constant(e, 0);
    for (size_t i = 0; i < loop->carried_count; i++)
        e->value[loop->carried[i].param] = value_of(e, loop->carried[i].initial);
    emit_body(e, loop, share);
}

/* The numbers of a loop's iterations: all, or those of the part. */
struct range {
    LLVMValueRef from, to;
};

static struct range range_of(const struct emitter *e, const struct ir_loop *loop, enum ir_share share) {
    size_t i = 0;
    if (share != IR_SPLIT)
        return (struct range){index_constant(e, 0), index_constant(e, loop->trip)};
    while (e->parts.trips[i] != loop->trip)
        i++;
    return (struct range){e->from[i], e->to[i]};
}

/* The test stands at the end, for every loop runs at least once; only the share of a part may be empty. */
static void emit_repeated(struct emitter *e, uint32_t number, enum ir_share share) {
    const struct ir_loop *loop = &e->f->loops[number];
    const struct range range = range_of(e, loop, share);
    const LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder), body = add_block(e, loop->name, ".loop");
    const LLVMBasicBlockRef after = add_block(e, loop->name, ".end");
    if (share == IR_SPLIT)
        LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntULT, range.from, range.to, ""), body, after);
    else
        LLVMBuildBr(e->builder, body);
    LLVMPositionBuilderAtEnd(e->builder, body);
    const LLVMValueRef variable = LLVMBuildPhi(e->builder, e->index, loop->name);
    e->variable[number] = variable;
    for (size_t i = 0; i < loop->carried_count; i++) {
        const ir_ref param = loop->carried[i].param;
        e->value[param] = LLVMBuildPhi(e->builder, type_of(e, ir_at(e->f, param)->type), "");
        name_value(e->value[param], "carried", param);
    }
    emit_body(e, loop, share);
    const LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMMoveBasicBlockAfter(after, last);
    const LLVMValueRef next = LLVMBuildNUWAdd(e->builder, variable, index_constant(e, 1), "");
    const LLVMValueRef done = LLVMBuildICmp(e->builder, LLVMIntEQ, next, range.to, "");
    const LLVMValueRef branch = LLVMBuildCondBr(e->builder, done, after, body);
    if (last == body)
        pc_add_loop_hints(e->f, number, branch);
    const LLVMBasicBlockRef from[] = {before, last};
    const LLVMValueRef counts[] = {range.from, next};
    LLVMAddIncoming(variable, (LLVMValueRef *)counts, (LLVMBasicBlockRef *)from, 2);
    for (size_t i = 0; i < loop->carried_count; i++) {
        const struct ir_carried *carried = &loop->carried[i];
        LLVMValueRef values[] = {value_of(e, carried->initial), value_of(e, carried->next)};
        LLVMAddIncoming(e->value[carried->param], values, (LLVMBasicBlockRef *)from, 2);
    }
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static void emit_loop(struct emitter *e, uint32_t number, enum ir_share share) {
    const struct ir_loop *loop = &e->f->loops[number];
    if (loop->trip == 1)
        emit_once(e, number, share);
    else
        emit_repeated(e, number, share);
    for (size_t i = 0; i < loop->carried_count; i++)
        e->value[loop->carried[i].result] = value_of(e, loop->carried[i].next);
}

static void emit_item(struct emitter *e, ir_ref ref, enum ir_share share) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_FOR) {
        emit_loop(e, n->aux, share);
    } else if (n->op == IR_STORE) {
        store(e, n);
    } else if (n->op != IR_COMMENT && n->op != IR_NONE) {
        e->value[ref] = operation(e, n);
        if (!LLVMIsConstant(e->value[ref]))
            name_value(e->value[ref], ir_ops[n->op].name, ref);
    }
}

static void emit_block(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0; i < block->count; i++)
        emit_item(e, block->items[i], IR_EVERY);
}

/* What items begin .. end - 1 have for part 0. */
static void emit_first(struct emitter *e, const struct ir_block *block, size_t begin, size_t end) {
    const size_t before = e->place_count;
    const LLVMBasicBlockRef first = add_block(e, "first", ""), after = add_block(e, "first", ".end");
    const LLVMValueRef is_first = LLVMBuildICmp(e->builder, LLVMIntEQ, e->part, index_constant(e, 0), "");
    LLVMBuildCondBr(e->builder, is_first, first, after);
    LLVMPositionBuilderAtEnd(e->builder, first);
    for (size_t i = begin; i < end; i++)
        if (e->parts.share[block->items[i]] == IR_FIRST)
            emit_item(e, block->items[i], IR_FIRST);
    LLVMBuildBr(e->builder, after);
    LLVMMoveBasicBlockAfter(after, LLVMGetInsertBlock(e->builder));
    LLVMPositionBuilderAtEnd(e->builder, after);
    forget_places(e, before);
}

/* A block that is shared out among parts: of each run, first what is for every part, then what is for part 0. */
static void emit_shared(struct emitter *e, const struct ir_block *block) {
    for (size_t begin = 0, end; begin < block->count; begin = end) {
        bool first = false;
        end = ir_parts_run(e->f, &e->parts, block, begin);
        for (size_t i = begin; i < end; i++) {
            const enum ir_share share = (enum ir_share)e->parts.share[block->items[i]];
            first |= share == IR_FIRST;
            if (share != IR_FIRST)
                emit_item(e, block->items[i], share);
        }
        if (first)
            emit_first(e, block, begin, end);
    }
}

/* ---- the function ---- */

static void describe_parameter(struct emitter *e, const struct ir_buffer *buffer, unsigned number) {
    const LLVMAttributeIndex place = number + 1; /* 0 is the function's result */
    const uint64_t bytes = (uint64_t)buffer->count * (uint64_t)ir_elements[buffer->element].bytes;
    LLVMAddAttributeAtIndex(e->function, place, attribute(e, "noalias", 0));
    LLVMAddAttributeAtIndex(e->function, place, attribute(e, "nocapture", 0));
    LLVMAddAttributeAtIndex(e->function, place, attribute(e, "noundef", 0));
    LLVMAddAttributeAtIndex(e->function, place, attribute(e, "align", (uint64_t)ir_elements[buffer->element].bytes));
    if (buffer->role == IR_INPUT)
        LLVMAddAttributeAtIndex(e->function, place, attribute(e, "readonly", 0));
    if (buffer->role == IR_OUTPUT)
        LLVMAddAttributeAtIndex(e->function, place, attribute(e, "writeonly", 0));
    LLVMAddAttributeAtIndex(e->function, place, attribute(e, "dereferenceable", bytes));
    LLVMSetValueName2(LLVMGetParam(e->function, number), buffer->name, strlen(buffer->name));
}

/* A function over the buffers, empty but for its first block: over the locals too where it is a piece of another, with part
 * and count behind where it is `partial`. */
static struct function begin_function(struct emitter *e, const char *suffix, bool locals, bool partial) {
    unsigned count = 0;
    for (size_t i = 0; i < e->f->buffer_count; i++)
        if (locals || e->f->buffers[i].role != IR_LOCAL)
            e->parameters[count++] = pointer_type(e);
    if (partial)
        e->parameters[count++] = e->index, e->parameters[count++] = e->index;
    const LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), e->parameters, count, false);
    snprintf(e->name, e->name_size, "%s%s", e->f->name, suffix);
    e->function = LLVMAddFunction(e->module, e->name, type);
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute(e, "nounwind", 0));
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute(e, "willreturn", 0));
    unsigned next = 0;
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        if (!locals && e->f->buffers[i].role == IR_LOCAL)
            continue;
        describe_parameter(e, &e->f->buffers[i], next);
        e->buffer[i] = LLVMGetParam(e->function, next++);
    }
    if (partial) {
        e->part = LLVMGetParam(e->function, next++);
        e->count = LLVMGetParam(e->function, next);
        LLVMSetValueName2(e->part, "part", strlen("part"));
        LLVMSetValueName2(e->count, "parts", strlen("parts"));
    }
    LLVMPositionBuilderAtEnd(e->builder, add_block(e, "entry", ""));
    return (struct function){type, e->function};
}

static void end_function(struct emitter *e) {
    LLVMBuildRetVoid(e->builder);
    forget_places(e, 0);
}

static void add_locals(struct emitter *e) {
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        const struct ir_buffer *buffer = &e->f->buffers[i];
        if (buffer->role != IR_LOCAL)
            continue;
        const LLVMTypeRef array = LLVMArrayType2(element_type(e, buffer->element), (uint64_t)buffer->count);
        e->buffer[i] = LLVMBuildAlloca(e->builder, array, buffer->name);
        LLVMSetAlignment(e->buffer[i], LOCAL_ALIGNMENT);
    }
}

/* A piece of a long straight line becomes a function of its own, as in C: see note [parts] in lower.c. */
static struct function emit_piece(struct emitter *e, ir_ref ref) {
    char suffix[16];
    snprintf(suffix, sizeof suffix, "_%u", (unsigned)ir_at(e->f, ref)->aux);
    const struct function piece = begin_function(e, suffix, true, false);
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute(e, "noinline", 0));
    emit_once(e, ir_at(e->f, ref)->aux, IR_EVERY);
    end_function(e);
    return piece;
}

static struct function emit_pieces(struct emitter *e) {
    for (size_t i = 0; i < e->f->body.count; i++)
        e->pieces[i] = emit_piece(e, e->f->body.items[i]);
    const struct function whole = begin_function(e, "", false, false);
    add_locals(e);
    for (size_t i = 0; i < e->f->body.count; i++)
        LLVMBuildCall2(e->builder, e->pieces[i].type, e->pieces[i].value, e->buffer, (unsigned)e->f->buffer_count, "");
    end_function(e);
    return whole;
}

static struct function emit_whole(struct emitter *e) {
    const struct function whole = begin_function(e, "", false, false);
    add_locals(e);
    emit_block(e, &e->f->body);
    end_function(e);
    return whole;
}

/* ---- parts ---- */

/* ir_parts_begin() for `part` and `part` + 1. */
static struct range divide_trip(struct emitter *e, int64_t trip) {
    const LLVMBuilderRef b = e->builder;
    const LLVMValueRef all = index_constant(e, trip), next = LLVMBuildAdd(b, e->part, index_constant(e, 1), "");
    const LLVMValueRef share = LLVMBuildUDiv(b, all, e->count, ""), rest = LLVMBuildURem(b, all, e->count, "");
    const LLVMValueRef small = LLVMBuildSub(b, e->count, rest, "");
    const LLVMValueRef parts[] = {e->part, next};
    LLVMValueRef begin[2];
    for (int i = 0; i < 2; i++) {
        const LLVMValueRef more = LLVMBuildICmp(b, LLVMIntUGT, parts[i], small, "");
        const LLVMValueRef extra = LLVMBuildSelect(b, more, LLVMBuildSub(b, parts[i], small, ""), index_constant(e, 0), "");
        begin[i] = LLVMBuildAdd(b, LLVMBuildMul(b, parts[i], share, ""), extra, "");
    }
    return (struct range){begin[0], begin[1]};
}

/* The ranges of the part, for every trip count. Divisions are slow, and one part is the usual number. */
static void divide_trips(struct emitter *e) {
    const LLVMBasicBlockRef entry = LLVMGetInsertBlock(e->builder);
    const LLVMBasicBlockRef several = add_block(e, "several", ""), after = add_block(e, "several", ".end");
    const LLVMValueRef is_one = LLVMBuildICmp(e->builder, LLVMIntEQ, e->count, index_constant(e, 1), "");
    LLVMBuildCondBr(e->builder, is_one, after, several);
    LLVMPositionBuilderAtEnd(e->builder, several);
    for (size_t i = 0; i < e->parts.trip_count; i++) {
        const struct range range = divide_trip(e, e->parts.trips[i]);
        e->from[i] = range.from;
        e->to[i] = range.to;
    }
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    LLVMBasicBlockRef blocks[] = {entry, several};
    for (size_t i = 0; i < e->parts.trip_count; i++) {
        LLVMValueRef from[] = {index_constant(e, 0), e->from[i]}, to[] = {index_constant(e, e->parts.trips[i]), e->to[i]};
        e->from[i] = LLVMBuildPhi(e->builder, e->index, "from");
        e->to[i] = LLVMBuildPhi(e->builder, e->index, "to");
        LLVMAddIncoming(e->from[i], from, blocks, 2);
        LLVMAddIncoming(e->to[i], to, blocks, 2);
    }
}

/* The buffers of the function that is being written, and what follows them. */
static void call(struct emitter *e, const struct function *function, LLVMValueRef part, LLVMValueRef count) {
    LLVMValueRef *arguments = e->arguments;
    unsigned number = 0;
    for (size_t i = 0; i < e->f->buffer_count; i++)
        if (e->f->buffers[i].role != IR_LOCAL)
            arguments[number++] = e->buffer[i];
    if (part)
        arguments[number++] = part, arguments[number++] = count;
    LLVMSetTailCall(LLVMBuildCall2(e->builder, function->type, function->value, arguments, number, ""), true);
}

/* name_part() has the code, and name() calls it. */
static void emit_split(struct emitter *e) {
    const struct function part = begin_function(e, "_part", false, true);
    add_locals(e);
    divide_trips(e);
    emit_shared(e, &e->f->body);
    end_function(e);
    begin_function(e, "", false, false);
    call(e, &part, index_constant(e, 0), index_constant(e, 1));
    end_function(e);
}

/* name_part() calls name() for part 0. */
static void emit_only_part(struct emitter *e, const struct function *whole) {
    begin_function(e, "_part", false, true);
    const LLVMBasicBlockRef first = add_block(e, "first", ""), after = add_block(e, "first", ".end");
    const LLVMValueRef is_first = LLVMBuildICmp(e->builder, LLVMIntEQ, e->part, index_constant(e, 0), "");
    LLVMBuildCondBr(e->builder, is_first, first, after);
    LLVMPositionBuilderAtEnd(e->builder, first);
    call(e, whole, NULL, NULL);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    end_function(e);
}

void pc_emit_llvm(const struct ir_function *function, LLVMModuleRef module) {
    enum { PART_PARAMETERS = 2 };
    struct pc_arena *arena = function->arena;
    struct emitter e = {.f = function, .module = module, .context = LLVMGetModuleContext(module)};
    e.index = LLVMIntPtrTypeInContext(e.context, LLVMGetModuleDataLayout(module));
    e.value = PC_NEW_ARRAY(arena, function->node_count, LLVMValueRef);
    e.buffer = PC_NEW_ARRAY(arena, function->buffer_count, LLVMValueRef);
    e.arguments = PC_NEW_ARRAY(arena, function->buffer_count + PART_PARAMETERS, LLVMValueRef);
    e.variable = PC_NEW_ARRAY(arena, function->loop_count, LLVMValueRef);
    e.place = PC_NEW_ARRAY(arena, function->affine_count, LLVMValueRef);
    e.places = PC_NEW_ARRAY(arena, function->affine_count, uint32_t);
    e.parameters = PC_NEW_ARRAY(arena, function->buffer_count + PART_PARAMETERS, LLVMTypeRef);
    e.pieces = PC_NEW_ARRAY(arena, function->body.count, struct function);
    e.name_size = strlen(function->name) + sizeof "_4294967295";
    e.name = PC_NEW_ARRAY(arena, e.name_size, char);
    e.parts = ir_parts_of(function, arena);
    e.from = PC_NEW_ARRAY(arena, e.parts.trip_count, LLVMValueRef);
    e.to = PC_NEW_ARRAY(arena, e.parts.trip_count, LLVMValueRef);
    e.builder = LLVMCreateBuilderInContext(e.context);
    if (e.parts.is_split) {
        emit_split(&e);
    } else {
        const struct function whole = ir_has_parts(function) ? emit_pieces(&e) : emit_whole(&e);
        emit_only_part(&e, &whole);
    }
    LLVMDisposeBuilder(e.builder);
}
