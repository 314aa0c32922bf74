/* emit_llvm_values.c - values, memory and operations: see emit_llvm_values.h. */
#include "llvm/emit_llvm_values.h"

#include <llvm-c/Target.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- types ---- */

LLVMTypeRef pc_llvm_element_type(const struct emitter *e, enum ir_element element) {
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

LLVMTypeRef pc_llvm_type_of(const struct emitter *e, struct ir_type type) {
    const LLVMTypeRef element = pc_llvm_element_type(e, (enum ir_element)type.element);
    return type.lanes == 1 ? element : LLVMVectorType(element, type.lanes);
}

LLVMTypeRef pc_llvm_pointer_type(const struct emitter *e) {
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

void pc_llvm_name_value(LLVMValueRef value, const char *word, uint32_t number) {
    char name[NAME_MAX];
    const int length = snprintf(name, sizeof name, "%s.%u", word, (unsigned)number);
    LLVMSetValueName2(value, name, (size_t)length < sizeof name ? (size_t)length : sizeof name - 1);
}

/* ---- constants ---- */

LLVMValueRef pc_llvm_index_constant(const struct emitter *e, int64_t value) {
    return LLVMConstInt(e->index, (unsigned long long)value, true);
}

static LLVMValueRef lane_number(const struct emitter *e, int lane) {
    return LLVMConstInt(LLVMInt32TypeInContext(e->context), (unsigned long long)lane, false);
}

static LLVMValueRef constant(const struct emitter *e, const struct ir_node *n) {
    const enum ir_element element = (enum ir_element)n->type.element;
    const LLVMTypeRef type = pc_llvm_element_type(e, element);
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
LLVMValueRef pc_llvm_value_of(struct emitter *e, ir_ref ref) {
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

/* ---- values in registers ---- */

/* Whether a value is a register of AVX-512. */
static bool is_register(const struct emitter *e, struct ir_type type) {
    enum { AVX512_BYTES = 64 };
    return e->has_avx512 && ir_elements[type.element].bytes >= 4 &&
           type.lanes * ir_elements[type.element].bytes == AVX512_BYTES;
}

/* What an empty line of assembly returns may be anything: LLVM does not look behind it, and keeps it in a register. */
static LLVMValueRef hide(struct emitter *e, LLVMValueRef value, const char *constraints) {
    const LLVMTypeRef same = LLVMTypeOf(value), type = LLVMFunctionType(same, (LLVMTypeRef[]){same}, 1, false);
    const LLVMValueRef nothing =
        LLVMGetInlineAsm(type, "", 0, constraints, strlen(constraints), false, false, LLVMInlineAsmDialectATT, false);
    return LLVMBuildCall2(e->builder, type, nothing, &value, 1, "");
}

static LLVMValueRef hide_value(struct emitter *e, LLVMValueRef value) {
    return hide(e, value, "=v,0");
}

/* LLVM takes networks of constant choices among lanes, as those that transpose, for one choice among all that goes into
 * them, and looks long for it: after so many steps it sees no further. */
enum { STEPS_SEEN = 2 };

static LLVMValueRef end_step(struct emitter *e, const struct ir_node *n, ir_ref a, ir_ref b, LLVMValueRef value) {
    const uint8_t steps = (uint8_t)((e->steps[a] > e->steps[b] ? e->steps[a] : e->steps[b]) + 1);
    const bool hides = steps >= STEPS_SEEN && is_register(e, n->type);
    e->steps[n - e->f->nodes] = hides ? 0 : steps < STEPS_SEEN ? steps : STEPS_SEEN;
    return hides ? hide_value(e, value) : value;
}

static LLVMValueRef shuffle(struct emitter *e, const struct ir_node *n) {
    const uint8_t *list = e->f->lists[n->aux].at;
    const int from = ir_at(e->f, n->operand[0])->type.lanes;
    const LLVMValueRef a = pc_llvm_value_of(e, n->operand[0]), b = pc_llvm_value_of(e, n->operand[1]);
    if (n->type.lanes == 1)
        return list[0] < from ? lane_of(e, a, from, list[0]) : lane_of(e, b, from, list[0] - from);
    LLVMValueRef value = LLVMGetPoison(pc_llvm_type_of(e, n->type)), numbers[IR_LANES_MAX];
    if (from > 1) {
        for (int i = 0; i < n->type.lanes; i++)
            numbers[i] = lane_number(e, list[i]);
        return end_step(e, n, n->operand[0], n->operand[1],
                        LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(numbers, n->type.lanes), ""));
    }
    for (int i = 0; i < n->type.lanes; i++)
        value = LLVMBuildInsertElement(e->builder, value, list[i] ? b : a, lane_number(e, i), "");
    return value;
}

/* ---- memory ---- */

static LLVMValueRef address(struct emitter *e, const struct ir_node *n) {
    const struct ir_affine *affine = &e->f->affines[n->aux];
    const LLVMTypeRef element = pc_llvm_element_type(e, e->f->buffers[affine->buffer].element);
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
    LLVMValueRef offset = pc_llvm_index_constant(e, n->u.integer);
    return LLVMBuildGEP2(e->builder, element, e->place[n->aux], &offset, 1, "");
}

/* The same, `a` elements further. */
static LLVMValueRef address_at(struct emitter *e, const struct ir_node *n, LLVMValueRef a) {
    const LLVMTypeRef element = pc_llvm_element_type(e, (enum ir_element)n->type.element);
    LLVMValueRef offset = resize(e, a, e->index, is_signed(element_of(e, n->operand[0])));
    return LLVMBuildGEP2(e->builder, element, address(e, n), &offset, 1, "");
}

/* Masked accesses are calls of intrinsics, which have vectors also of one lane. */
static LLVMValueRef call_masked(struct emitter *e, const char *name, LLVMTypeRef vector, LLVMValueRef *arguments,
                                unsigned count) {
    LLVMTypeRef types[] = {vector, pc_llvm_pointer_type(e)};
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

static LLVMValueRef load(struct emitter *e, const struct ir_node *n, LLVMValueRef at, ir_ref mask) {
    const LLVMTypeRef type = pc_llvm_type_of(e, n->type);
    const unsigned bytes = (unsigned)ir_elements[n->type.element].bytes;
    if (!mask) {
        const LLVMValueRef value = LLVMBuildLoad2(e->builder, type, at, "");
        LLVMSetAlignment(value, bytes);
        return value;
    }
    const LLVMTypeRef vector = LLVMVectorType(pc_llvm_element_type(e, (enum ir_element)n->type.element), n->type.lanes);
    LLVMValueRef arguments[] = {at, masked_alignment(e, bytes), as_vector(e, pc_llvm_value_of(e, mask), n->type.lanes),
                                LLVMConstNull(vector)};
    const LLVMValueRef value = call_masked(e, "llvm.masked.load", vector, arguments, 4);
    return n->type.lanes > 1 ? value : LLVMBuildBitCast(e->builder, value, type, "");
}

/* How many lanes a constant mask has, if they are the first of more than one; else 0. */
static int first_lanes(const struct ir_node *mask, int lanes) {
    const uint64_t bits = mask->op == IR_CONST ? (uint64_t)mask->u.integer : 0;
    const bool first = lanes > 1 && bits && !(bits & (bits + 1));
    return first ? __builtin_popcountll(bits) : 0;
}

/* A vector of the first lanes of another. */
static LLVMValueRef start_of(struct emitter *e, LLVMValueRef value, int lanes) {
    LLVMValueRef numbers[IR_LANES_MAX];
    for (int i = 0; i < lanes; i++)
        numbers[i] = lane_number(e, i);
    return LLVMBuildShuffleVector(e->builder, value, LLVMGetPoison(LLVMTypeOf(value)),
                                  LLVMConstVector(numbers, (unsigned)lanes), "");
}

void pc_llvm_store(struct emitter *e, const struct ir_node *n) {
    const unsigned bytes = (unsigned)ir_elements[n->type.element].bytes;
    const LLVMValueRef at = address(e, n), value = pc_llvm_value_of(e, n->operand[0]);
    if (!n->operand[1]) {
        LLVMSetAlignment(LLVMBuildStore(e->builder, value, at), bytes);
        return;
    }
    const int first = e->has_avx512 ? 0 : first_lanes(ir_at(e->f, n->operand[1]), n->type.lanes);
    if (first > 0) { /* in pieces, for a store by a mask is slow, or made of single lanes, where masks are no registers */
        LLVMSetAlignment(LLVMBuildStore(e->builder, start_of(e, value, first), at), bytes);
        return;
    }
    const LLVMTypeRef vector = LLVMVectorType(pc_llvm_element_type(e, (enum ir_element)n->type.element), n->type.lanes);
    LLVMValueRef arguments[] = {as_vector(e, value, n->type.lanes), at, masked_alignment(e, bytes),
                                as_vector(e, pc_llvm_value_of(e, n->operand[1]), n->type.lanes)};
    call_masked(e, "llvm.masked.store", vector, arguments, 4);
}

/* For writing, to the nearest cache, of data. */
void pc_llvm_fetch(struct emitter *e, const struct ir_node *n) {
    static const char name[] = "llvm.prefetch";
    const LLVMTypeRef pointer = pc_llvm_pointer_type(e), integer = LLVMInt32TypeInContext(e->context);
    const LLVMValueRef one = LLVMConstInt(integer, 1, false), nearest = LLVMConstInt(integer, 3, false);
    LLVMTypeRef type = pointer;
    LLVMValueRef arguments[] = {address(e, n), one, nearest, one};
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    const LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, &type, 1), function, arguments, 4, "");
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

LLVMValueRef pc_llvm_intrinsic(const struct emitter *e, const char *name, LLVMTypeRef type, LLVMValueRef a) {
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    const LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, &type, 1), function, &a, 1, "");
}

/* One instruction of AVX-512, whose table has four bits for each class of number: 1, the second operand, for both kinds of
 * NaN, else 0, the first. */
static LLVMValueRef fix_up(struct emitter *e, enum ir_element element, LLVMValueRef a, LLVMValueRef b) {
    const bool single = element == IR_F32;
    const char *name = single ? "llvm.x86.avx512.mask.fixupimm.ps.512" : "llvm.x86.avx512.mask.fixupimm.pd.512";
    const int lanes = single ? 16 : 8;
    enum { TABLE = 0x11, CURRENT_DIRECTION = 4 };
    const LLVMTypeRef integer = single ? LLVMInt32TypeInContext(e->context) : LLVMInt64TypeInContext(e->context);
    const LLVMTypeRef narrow = LLVMInt32TypeInContext(e->context), mask = LLVMIntTypeInContext(e->context, (unsigned)lanes);
    LLVMValueRef arguments[] = {b,
                                a,
                                splat(e, LLVMConstInt(integer, TABLE, 0), lanes),
                                LLVMConstNull(narrow),
                                LLVMConstAllOnes(mask),
                                LLVMConstInt(narrow, CURRENT_DIRECTION, 0)};
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, NULL, 0),
                          LLVMGetIntrinsicDeclaration(e->module, id, NULL, 0), arguments,
                          sizeof arguments / sizeof *arguments, "");
}

static LLVMValueRef nan_or(struct emitter *e, struct ir_type type, LLVMValueRef a, LLVMValueRef b) {
    const enum ir_element element = (enum ir_element)type.element;
    if (!is_real(element))
        return b;
    return is_register(e, type) ? fix_up(e, element, a, b) : pick(e, unordered(e, element, a, a), a, b);
}

/* sqrt and fabs are exact everywhere, so LLVM may compute them as it likes. */
static LLVMValueRef call_exact(const struct emitter *e, const char *name, LLVMValueRef a) {
    return pc_llvm_intrinsic(e, name, LLVMTypeOf(a), a);
}

/* a * b + c. */
static LLVMValueRef fused(const struct emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    LLVMTypeRef type = LLVMTypeOf(a);
    const unsigned id = LLVMLookupIntrinsicID("llvm.fma", strlen("llvm.fma"));
    const LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    LLVMValueRef arguments[] = {a, b, c};
    return LLVMBuildCall2(e->builder, LLVMIntrinsicGetType(e->context, id, &type, 1), function, arguments, 3, "");
}

static LLVMValueRef absolute(struct emitter *e, enum ir_element element, LLVMValueRef a) {
    if (is_real(element))
        return call_exact(e, "llvm.fabs", a);
    if (!is_signed(element))
        return a;
    return pick(e, less(e, element, a, LLVMConstNull(LLVMTypeOf(a))), LLVMBuildNeg(e->builder, a, ""), a);
}

/* Whether a choice keeps an operand of the sum that it chooses: an addition in some lanes. */
static bool adds_in_lanes(const struct emitter *e, const struct ir_node *choice) {
    const struct ir_node *sum = ir_at(e->f, choice->operand[1]);
    return sum->op == IR_ADD && (sum->operand[0] == choice->operand[2] || sum->operand[1] == choice->operand[2]);
}

/* A constant mask, hidden: LLVM would add in all lanes, and then put back those that the mask leaves out. */
static LLVMValueRef hide_mask(struct emitter *e, LLVMValueRef mask, int lanes) {
    const LLVMTypeRef bits = LLVMIntTypeInContext(e->context, (unsigned)lanes), type = LLVMTypeOf(mask);
    const LLVMValueRef hidden = hide(e, LLVMBuildBitCast(e->builder, mask, bits, ""), "=k,0");
    static const char *const facts[] = {"memory", "nounwind"}; /* none: so that it leaves loops, and is there once */
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        LLVMAddCallSiteAttribute(hidden, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, pc_llvm_attribute(e, facts[i], 0));
    return LLVMBuildBitCast(e->builder, hidden, type, "");
}

/* A constant that takes the place of lanes is hidden, but for zero, which a mask gives by itself: LLVM would broadcast it
 * from memory for every vector, by the mask, which takes two instructions' time. */
static LLVMValueRef choose(struct emitter *e, const struct ir_node *n) {
    const LLVMValueRef mask = pc_llvm_value_of(e, n->operand[0]), a = pc_llvm_value_of(e, n->operand[1]);
    const bool real_register = is_register(e, n->type) && is_real((enum ir_element)n->type.element);
    const bool keeps = real_register && LLVMIsConstant(a) && !LLVMIsNull(a);
    if (real_register && LLVMIsConstant(mask) && adds_in_lanes(e, n))
        return pick(e, hide_mask(e, mask, n->type.lanes), a, pc_llvm_value_of(e, n->operand[2]));
    const LLVMValueRef value = pick(e, mask, keeps ? hide_value(e, a) : a, pc_llvm_value_of(e, n->operand[2]));
    return LLVMIsConstant(mask) ? end_step(e, n, n->operand[1], n->operand[2], value) : value;
}

LLVMAttributeRef pc_llvm_attribute(const struct emitter *e, const char *name, uint64_t value) {
    return LLVMCreateEnumAttribute(e->context, LLVMGetEnumAttributeKindForName(name, strlen(name)), value);
}

/* A function of the C library, lane by lane: `nobuiltin`, because LLVM knows other ways to compute some powers, whose last
 * bit differs.  It is said to touch no memory: nobody reads errno. */
static LLVMValueRef call_library(struct emitter *e, const char *name, enum ir_element element, int lanes,
                                 const LLVMValueRef *operands, unsigned count) {
    char full[8];
    snprintf(full, sizeof full, "%s%s", name, element == IR_F32 ? "f" : "");
    const LLVMTypeRef real = pc_llvm_element_type(e, element);
    LLVMTypeRef parameters[] = {real, real};
    const LLVMTypeRef type = LLVMFunctionType(real, parameters, count, false);
    LLVMValueRef function = LLVMGetNamedFunction(e->module, full);
    if (!function) {
        function = LLVMAddFunction(e->module, full, type);
        static const char *const facts[] = {"nounwind", "willreturn", "nofree", "nocallback", "nosync"};
        for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
            LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                    pc_llvm_attribute(e, facts[i], 0));
        LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, pc_llvm_attribute(e, "memory", 0));
    }
    LLVMValueRef result = lanes > 1 ? LLVMGetPoison(LLVMVectorType(real, (unsigned)lanes)) : NULL;
    for (int i = 0; i < lanes; i++) {
        LLVMValueRef arguments[2];
        for (unsigned k = 0; k < count; k++)
            arguments[k] = lane_of(e, operands[k], lanes, i);
        const LLVMValueRef call = LLVMBuildCall2(e->builder, type, function, arguments, count, "");
        LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, pc_llvm_attribute(e, "nobuiltin", 0));
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
    const LLVMValueRef a = pc_llvm_value_of(e, n->operand[0]);
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

static LLVMValueRef numbers(struct emitter *e, const struct ir_node *n) {
    const enum ir_element element = (enum ir_element)n->type.element;
    const LLVMTypeRef type = pc_llvm_element_type(e, element);
    LLVMValueRef lanes[IR_LANES_MAX];
    for (int i = 0; i < n->type.lanes; i++) {
        const int64_t value = e->f->numbers[n->aux].at[i];
        lanes[i] =
            is_real(element) ? LLVMConstReal(type, (double)value) : LLVMConstInt(type, (unsigned long long)value, true);
    }
    return LLVMConstVector(lanes, n->type.lanes);
}

/* The list is a constant of the module. */
static LLVMValueRef lookup(struct emitter *e, const struct ir_node *n) {
    const struct ir_numbers *numbers = &e->f->numbers[n->aux];
    const int64_t count = ir_lookup_count(e->f, n);
    const enum ir_element element = ir_numbers_element(numbers);
    const LLVMTypeRef number = pc_llvm_element_type(e, element);
    /* The whole name of the function: another of the module may begin like it. Lists of two lengths are two. */
    const char *name = pc_arena_printf(e->f->arena, "numbers%u.%u.of.%s", (unsigned)n->aux, (unsigned)count, e->f->name);
    LLVMValueRef list = LLVMGetNamedGlobal(e->module, name);
    if (!list) {
        LLVMValueRef *values = PC_NEW_ARRAY(e->f->arena, (size_t)count, LLVMValueRef);
        for (int64_t i = 0; i < count; i++)
            values[i] =
                LLVMConstInt(number, (unsigned long long)numbers->at[i < numbers->count ? i : numbers->count - 1], true);
        list = LLVMAddGlobal(e->module, LLVMArrayType2(number, (uint64_t)count), name);
        LLVMSetInitializer(list, LLVMConstArray2(number, values, (uint64_t)count));
        LLVMSetGlobalConstant(list, true);
        LLVMSetLinkage(list, LLVMPrivateLinkage);
        LLVMSetUnnamedAddress(list, LLVMGlobalUnnamedAddr);
    }
    const LLVMValueRef a = resize(e, pc_llvm_value_of(e, n->operand[0]), e->index, is_signed(element_of(e, n->operand[0])));
    const LLVMValueRef last = pc_llvm_index_constant(e, count - 1);
    LLVMValueRef at = count > UINT8_MAX && element_of(e, n->operand[0]) == IR_U8
                          ? a
                          : LLVMBuildSelect(e->builder, LLVMBuildICmp(e->builder, LLVMIntULT, a, last, ""), a, last, "");
    const LLVMValueRef place = LLVMBuildGEP2(e->builder, number, list, &at, 1, "");
    return resize(e, LLVMBuildLoad2(e->builder, number, place, ""), pc_llvm_type_of(e, n->type), is_signed(element));
}

void pc_llvm_add_at(struct emitter *e, const struct ir_node *n) {
    const struct ir_affine *affine = &e->f->affines[n->aux];
    const struct ir_buffer *buffer = &e->f->buffers[affine->buffer];
    const LLVMTypeRef real = pc_llvm_element_type(e, buffer->element);
    const LLVMValueRef a = resize(e, pc_llvm_value_of(e, n->operand[0]), e->index, is_signed(element_of(e, n->operand[0])));
    LLVMValueRef at = LLVMBuildAdd(e->builder, affine_sum(e, affine, n->u.integer, e->index, true), a, "");
    const LLVMValueRef place = LLVMBuildGEP2(e->builder, real, e->buffer[affine->buffer], &at, 1, "");
    const LLVMValueRef old = LLVMBuildLoad2(e->builder, real, place, "");
    LLVMBuildStore(e->builder, LLVMBuildFAdd(e->builder, old, pc_llvm_value_of(e, n->operand[1]), ""), place);
}

static LLVMValueRef convert(struct emitter *e, LLVMValueRef x, struct ir_type to, bool from_signed) {
    const LLVMTypeRef type = pc_llvm_type_of(e, to);
    if (!is_real((enum ir_element)to.element))
        return resize(e, x, type, from_signed);
    return from_signed ? LLVMBuildSIToFP(e->builder, x, type, "") : LLVMBuildUIToFP(e->builder, x, type, "");
}

LLVMValueRef pc_llvm_operation(struct emitter *e, const struct ir_node *n) {
    const LLVMBuilderRef b = e->builder;
    const int operands = ir_ops[n->op].operands;
    const enum ir_element element = element_of(e, operands ? n->operand[0] : 0);
    const bool real = is_real(element);
    const LLVMValueRef x = operands > 0 ? pc_llvm_value_of(e, n->operand[0]) : NULL;
    const LLVMValueRef y = operands > 1 ? pc_llvm_value_of(e, n->operand[1]) : NULL;
    switch ((enum ir_op)n->op) {
    case IR_LANES: return numbers(e, n);
    case IR_AFFINE: {
        const LLVMTypeRef type = pc_llvm_element_type(e, (enum ir_element)n->type.element);
        return splat(e, affine_sum(e, &e->f->affines[n->aux], n->u.integer, type, false), n->type.lanes);
    }
    case IR_LOAD: return load(e, n, address(e, n), n->operand[0]);
    case IR_LOAD_AT: return load(e, n, address_at(e, n, x), n->operand[1]);
    case IR_ADD: return real ? LLVMBuildFAdd(b, x, y, "") : LLVMBuildAdd(b, x, y, "");
    case IR_SUB: return real ? LLVMBuildFSub(b, x, y, "") : LLVMBuildSub(b, x, y, "");
    case IR_MUL: return real ? LLVMBuildFMul(b, x, y, "") : LLVMBuildMul(b, x, y, "");
    case IR_DIV: return divide(e, element, x, y);
    case IR_NEG: return real ? LLVMBuildFNeg(b, x, "") : LLVMBuildNeg(b, x, "");
    case IR_ABS: return absolute(e, element, x);
    case IR_SQRT: return call_exact(e, "llvm.sqrt", x);
    case IR_FMSUB: return fused(e, x, y, LLVMBuildFNeg(b, pc_llvm_value_of(e, n->operand[2]), ""));
    case IR_FNMADD: return fused(e, LLVMBuildFNeg(b, x, ""), y, pc_llvm_value_of(e, n->operand[2]));
    case IR_POW: return call_library(e, "pow", element, n->type.lanes, (LLVMValueRef[]){x, y}, 2);
    case IR_EXP: return call_library(e, "exp", element, n->type.lanes, &x, 1);
    case IR_LOG: return call_library(e, "log", element, n->type.lanes, &x, 1);
    case IR_PICK_GT: return pick(e, greater(e, element, x, y), x, y);
    case IR_PICK_LT: return pick(e, less(e, element, x, y), x, y);
    case IR_NAN_OR: return nan_or(e, n->type, x, y);
    case IR_GT: return greater(e, element, x, y);
    case IR_LT: return less(e, element, x, y);
    case IR_EQ: return compare(e, element, LLVMRealOEQ, LLVMIntEQ, LLVMIntEQ, x, y);
    case IR_LE:
    case IR_GE: return ordered(e, (enum ir_op)n->op, element, x, y);
    case IR_UNORDERED: return unordered(e, element, x, y);
    case IR_AND: return LLVMBuildAnd(b, x, y, "");
    case IR_OR: return LLVMBuildOr(b, x, y, "");
    case IR_NOT: return LLVMBuildNot(b, x, "");
    case IR_SELECT: return choose(e, n);
    case IR_CONVERT: return convert(e, x, n->type, is_signed(element));
    case IR_LOOKUP: return lookup(e, n);
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
    case IR_FETCH:
    case IR_ADD_AT:
    case IR_FOR:
    case IR_COMMENT:
    case IR_OP_COUNT: break;
    }
    abort();
}
