/* emit_llvm.c - see emit_llvm.h.
 *
 * A value of one lane is an LLVM scalar, of more lanes a vector; a mask is i1 or a vector of i1.  Addresses are cut in two:
 * what moves with loop variables is computed once in the block that first needs it, the constant part is an offset from it.
 */
#include "llvm/emit_llvm.h"

#include "llvm/emit_llvm_values.h"
#include "llvm/loop_hints.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOCAL_ALIGNMENT = 64 }; /* bytes of a local array: a cache line, and the widest vector */

static LLVMBasicBlockRef add_block(struct emitter *e, const char *word, const char *suffix) {
    char name[NAME_MAX];
    snprintf(name, sizeof name, "%s%s", word, suffix);
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

/* ---- statements ---- */

static void emit_block(struct emitter *e, const struct ir_block *block);
static void emit_shared(struct emitter *e, const struct ir_block *block);

/* Addresses that were computed inside a loop or a branch do not reach out of it. */
static void forget_places(struct emitter *e, size_t kept) {
    while (e->place_count > kept)
        e->place[e->places[--e->place_count]] = NULL;
}

/* What is known now; a section forgets all of it, and then nothing that was found since may stay. */
struct place_mark {
    size_t count, sections;
};

static struct place_mark mark_places(const struct emitter *e) {
    return (struct place_mark){e->place_count, e->section_count};
}

static void forget_places_since(struct emitter *e, struct place_mark mark) {
    forget_places(e, e->section_count == mark.sections ? mark.count : 0);
}

static void emit_body(struct emitter *e, const struct ir_loop *loop, enum ir_share share) {
    const struct place_mark before = mark_places(e);
    (share == IR_OPEN ? emit_shared : emit_block)(e, &loop->body);
    forget_places_since(e, before);
}

/* Runs once: no loop at all. */
static void emit_once(struct emitter *e, uint32_t number, enum ir_share share) {
    const struct ir_loop *loop = &e->f->loops[number];
    e->variable[number] = pc_llvm_index_constant(e, 0);
    for (size_t i = 0; i < loop->carried_count; i++)
        e->value[loop->carried[i].param] = pc_llvm_value_of(e, loop->carried[i].initial);
    emit_body(e, loop, share);
}

/* The numbers of a loop's iterations: all, or those of the part. */
struct range {
    LLVMValueRef from, to;
};

static struct range range_of(const struct emitter *e, const struct ir_loop *loop, enum ir_share share) {
    size_t i = 0;
    if (share != IR_SPLIT)
        return (struct range){pc_llvm_index_constant(e, 0), pc_llvm_index_constant(e, loop->trip)};
    while (e->parts.trips[i] != loop->trip)
        i++;
    return (struct range){e->from[i], e->to[i]};
}

/* note [opaque counters]
 * LLVM's strength reduction of loops cannot be switched off for one function, and in kernels with lanes it finds nothing to
 * gain: addresses already are a constant away from few bases. It took two fifths of the time that machine code takes, unless
 * it does not see how a counter moves. Going through a pointer that might have become another hides that, and is no
 * instruction. */
static LLVMValueRef hide(const struct emitter *e, LLVMValueRef counter) {
    const LLVMTypeRef pointer = pc_llvm_pointer_type(e);
    const LLVMValueRef seen = LLVMBuildIntToPtr(e->builder, counter, pointer, "");
    const LLVMValueRef hidden = pc_llvm_intrinsic(e, "llvm.launder.invariant.group", pointer, seen);
    return LLVMBuildPtrToInt(e->builder, hidden, e->index, "");
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
        e->value[param] = LLVMBuildPhi(e->builder, pc_llvm_type_of(e, ir_at(e->f, param)->type), "");
        pc_llvm_name_value(e->value[param], "carried", param);
    }
    e->open[e->open_count++] = number;
    emit_body(e, loop, share);
    e->open_count--;
    const LLVMBasicBlockRef last = LLVMGetInsertBlock(e->builder);
    LLVMMoveBasicBlockAfter(after, last);
    const LLVMValueRef sum = LLVMBuildNUWAdd(e->builder, variable, pc_llvm_index_constant(e, 1), "");
    const LLVMValueRef next = e->has_lanes ? hide(e, sum) : sum;
    const LLVMValueRef done = LLVMBuildICmp(e->builder, LLVMIntEQ, next, range.to, "");
    const LLVMValueRef branch = LLVMBuildCondBr(e->builder, done, after, body);
    if (last == body)
        pc_add_loop_hints(e->f, number, branch);
    const LLVMBasicBlockRef from[] = {before, last};
    const LLVMValueRef counts[] = {range.from, next};
    LLVMAddIncoming(variable, (LLVMValueRef *)counts, (LLVMBasicBlockRef *)from, 2);
    for (size_t i = 0; i < loop->carried_count; i++) {
        const struct ir_carried *carried = &loop->carried[i];
        LLVMValueRef values[] = {pc_llvm_value_of(e, carried->initial), pc_llvm_value_of(e, carried->next)};
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
        e->value[loop->carried[i].result] = pc_llvm_value_of(e, loop->carried[i].next);
}

static void emit_item(struct emitter *e, ir_ref ref, enum ir_share share) {
    const struct ir_node *n = ir_at(e->f, ref);
    if (n->op == IR_FOR) {
        emit_loop(e, n->aux, share);
    } else if (n->op == IR_STORE) {
        pc_llvm_store(e, n);
    } else if (n->op == IR_FETCH) {
        pc_llvm_fetch(e, n);
    } else if (n->op == IR_ADD_AT) {
        pc_llvm_add_at(e, n);
    } else if (n->op != IR_COMMENT && n->op != IR_NONE) {
        e->value[ref] = pc_llvm_operation(e, n);
        if (!LLVMIsConstant(e->value[ref]))
            pc_llvm_name_value(e->value[ref], ir_ops[n->op].name, ref);
    }
}

static void emit_run(struct emitter *e, const struct ir_block *block, size_t begin, size_t end, bool shared);

static void emit_block(struct emitter *e, const struct ir_block *block) {
    for (size_t i = 0, next; i < block->count; i = next) {
        const uint32_t section = e->sections[block->items[i]];
        next = i + (section ? section : 1);
        if (section)
            emit_run(e, block, i, next, false);
        else
            emit_item(e, block->items[i], IR_EVERY);
    }
}

/* What items begin .. end - 1 have for part 0. */
static void emit_first(struct emitter *e, const struct ir_block *block, size_t begin, size_t end) {
    const struct place_mark before = mark_places(e);
    const LLVMBasicBlockRef first = add_block(e, "first", ""), after = add_block(e, "first", ".end");
    const LLVMValueRef is_first = LLVMBuildICmp(e->builder, LLVMIntEQ, e->part, pc_llvm_index_constant(e, 0), "");
    LLVMBuildCondBr(e->builder, is_first, first, after);
    LLVMPositionBuilderAtEnd(e->builder, first);
    for (size_t i = begin; i < end; i++)
        if (e->parts.share[block->items[i]] == IR_FIRST)
            emit_item(e, block->items[i], IR_FIRST);
    LLVMBuildBr(e->builder, after);
    LLVMMoveBasicBlockAfter(after, LLVMGetInsertBlock(e->builder));
    LLVMPositionBuilderAtEnd(e->builder, after);
    forget_places_since(e, before);
}

static bool has_first(const struct emitter *e, const struct ir_block *block, size_t begin, size_t end) {
    bool has = false;
    for (size_t i = begin; i < end; i++)
        has |= e->parts.share[block->items[i]] == IR_FIRST;
    return has;
}

/* A block that is shared out among parts: of each stretch, first what is for every part, then what is for part 0. */
static void emit_shared(struct emitter *e, const struct ir_block *block) {
    for (size_t begin = 0, end; begin < block->count; begin = end) {
        bool first = false;
        end = ir_parts_stretch(e->f, &e->parts, block, begin);
        for (size_t i = begin, next; i < end; i = next) {
            const uint32_t section = e->sections[block->items[i]];
            const enum ir_share share = (enum ir_share)e->parts.share[block->items[i]];
            const bool is_section = section > 0 && !has_first(e, block, begin, i + section);
            next = i + (is_section ? section : 1);
            end = next > end ? next : end;
            first |= share == IR_FIRST;
            if (is_section)
                emit_run(e, block, i, next, true);
            else if (share != IR_FIRST)
                emit_item(e, block->items[i], share);
        }
        if (first)
            emit_first(e, block, begin, end);
    }
}

/* ---- the function ---- */

/* note [loads stay behind stores]
 * Kernels of vectors are written in an order in which little is alive at a time.  Where LLVM knows that what is loaded is
 * not what is stored, its scheduler moves loads of a long block, and what is made of them, far ahead, and registers
 * overflow: 3 x 3 averages of 35 x 35 planes, 77 vectors, took 48 us, and 32 where it does not know (Zen 4). */
static void describe_parameter(struct emitter *e, const struct ir_buffer *buffer, unsigned number) {
    const LLVMAttributeIndex place = number + 1; /* 0 is the function's result */
    const uint64_t bytes = (uint64_t)buffer->count * (uint64_t)ir_elements[buffer->element].bytes;
    if (!e->has_lanes) /* see note [loads stay behind stores] */
        LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "noalias", 0));
    LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "nocapture", 0));
    LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "noundef", 0));
    LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "align", (uint64_t)ir_elements[buffer->element].bytes));
    if (buffer->role == IR_INPUT)
        LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "readonly", 0));
    if (buffer->role == IR_OUTPUT)
        LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "writeonly", 0));
    LLVMAddAttributeAtIndex(e->function, place, pc_llvm_attribute(e, "dereferenceable", bytes));
    LLVMSetValueName2(LLVMGetParam(e->function, number), buffer->name, strlen(buffer->name));
}

/* A function of `count` e->parameters, empty but for its first block. */
static struct function add_function(struct emitter *e, const char *suffix, unsigned count) {
    const LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), e->parameters, count, false);
    snprintf(e->name, e->name_size, "%s%s", e->f->name, suffix);
    e->function = LLVMAddFunction(e->module, e->name, type);
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            pc_llvm_attribute(e, "nounwind", 0));
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            pc_llvm_attribute(e, "willreturn", 0));
    LLVMPositionBuilderAtEnd(e->builder, add_block(e, "entry", ""));
    return (struct function){type, e->function};
}

/* A function over the buffers, with part and count behind where it is `partial`. */
static struct function begin_function(struct emitter *e, const char *suffix, bool partial) {
    unsigned count = 0, next = 0;
    for (size_t i = 0; i < e->f->buffer_count; i++)
        if (e->f->buffers[i].role != IR_LOCAL)
            e->parameters[count++] = pc_llvm_pointer_type(e);
    if (partial)
        e->parameters[count++] = e->index, e->parameters[count++] = e->index;
    const struct function function = add_function(e, suffix, count);
    for (size_t i = 0; i < e->f->buffer_count; i++) {
        if (e->f->buffers[i].role == IR_LOCAL)
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
    return function;
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
        const LLVMTypeRef array = LLVMArrayType2(pc_llvm_element_type(e, buffer->element), (uint64_t)buffer->count);
        e->buffer[i] = LLVMBuildAlloca(e->builder, array, buffer->name);
        LLVMSetAlignment(e->buffer[i], LOCAL_ALIGNMENT);
    }
}

/* ---- sections ---- */

/* Where everything is kept that a section gets from around it: buffers, counters of loops and, `shared`, the part. No
 * values: it uses none. */
static unsigned list_slots(struct emitter *e, bool shared, LLVMValueRef **slots) {
    unsigned count = 0;
    for (size_t i = 0; i < e->f->buffer_count; i++)
        slots[count++] = &e->buffer[i];
    for (size_t i = 0; i < e->open_count; i++)
        slots[count++] = &e->variable[e->open[i]];
    for (size_t i = 0; shared && i < e->parts.trip_count; i++)
        slots[count++] = &e->from[i], slots[count++] = &e->to[i];
    if (shared) /* some loop inside may have something for part 0 only */
        slots[count++] = &e->part;
    return count;
}

/* A section becomes a function of its own (see ir_sections_of), which is called where it stands: how much is `shared` out
 * says the share of each. */
static void emit_run(struct emitter *e, const struct ir_block *block, size_t begin, size_t end, bool shared) {
    LLVMValueRef **slots = &e->slots[e->section_depth * e->slot_count],
                 *arguments = &e->arguments[e->section_depth * e->slot_count];
    const unsigned count = list_slots(e, shared, slots);
    const LLVMValueRef outer = e->function;
    const LLVMBasicBlockRef place = LLVMGetInsertBlock(e->builder);
    char suffix[16];
    snprintf(suffix, sizeof suffix, "_%u", (unsigned)block->items[begin]);
    for (unsigned i = 0; i < count; i++) {
        arguments[i] = *slots[i];
        e->parameters[i] = LLVMTypeOf(arguments[i]);
    }
    forget_places(e, 0);
    e->section_count++;
    const struct function section = add_function(e, suffix, count);
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            pc_llvm_attribute(e, "noinline", 0));
    for (unsigned i = 0; i < count; i++) {
        *slots[i] = LLVMGetParam(e->function, i);
        if (i < e->f->buffer_count)
            describe_parameter(e, &e->f->buffers[i], i);
    }
    e->section_depth++;
    for (size_t i = begin; i < end; i++)
        emit_item(e, block->items[i], shared ? (enum ir_share)e->parts.share[block->items[i]] : IR_EVERY);
    e->section_depth--;
    end_function(e);
    e->function = outer;
    for (unsigned i = 0; i < count; i++)
        *slots[i] = arguments[i];
    LLVMPositionBuilderAtEnd(e->builder, place);
    LLVMBuildCall2(e->builder, section.type, section.value, arguments, count, "");
}

static struct function emit_whole(struct emitter *e) {
    const struct function whole = begin_function(e, "", false);
    add_locals(e);
    emit_block(e, &e->f->body);
    end_function(e);
    return whole;
}

/* ---- parts ---- */

/* ir_parts_begin() for `part` and `part` + 1. */
static struct range divide_trip(struct emitter *e, int64_t trip) {
    const LLVMBuilderRef b = e->builder;
    const LLVMValueRef all = pc_llvm_index_constant(e, trip),
                       next = LLVMBuildAdd(b, e->part, pc_llvm_index_constant(e, 1), "");
    const LLVMValueRef share = LLVMBuildUDiv(b, all, e->count, ""), rest = LLVMBuildURem(b, all, e->count, "");
    const LLVMValueRef small = LLVMBuildSub(b, e->count, rest, "");
    const LLVMValueRef parts[] = {e->part, next};
    LLVMValueRef begin[2];
    for (int i = 0; i < 2; i++) {
        const LLVMValueRef more = LLVMBuildICmp(b, LLVMIntUGT, parts[i], small, "");
        const LLVMValueRef extra =
            LLVMBuildSelect(b, more, LLVMBuildSub(b, parts[i], small, ""), pc_llvm_index_constant(e, 0), "");
        begin[i] = LLVMBuildAdd(b, LLVMBuildMul(b, parts[i], share, ""), extra, "");
    }
    return (struct range){begin[0], begin[1]};
}

/* The ranges of the part, for every trip count. Divisions are slow, and one part is the usual number. */
static void divide_trips(struct emitter *e) {
    const LLVMBasicBlockRef entry = LLVMGetInsertBlock(e->builder);
    const LLVMBasicBlockRef several = add_block(e, "several", ""), after = add_block(e, "several", ".end");
    const LLVMValueRef is_one = LLVMBuildICmp(e->builder, LLVMIntEQ, e->count, pc_llvm_index_constant(e, 1), "");
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
        LLVMValueRef from[] = {pc_llvm_index_constant(e, 0), e->from[i]},
                     to[] = {pc_llvm_index_constant(e, e->parts.trips[i]), e->to[i]};
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
    const struct function part = begin_function(e, "_part", true);
    add_locals(e);
    divide_trips(e);
    emit_shared(e, &e->f->body);
    end_function(e);
    begin_function(e, "", false);
    call(e, &part, pc_llvm_index_constant(e, 0), pc_llvm_index_constant(e, 1));
    end_function(e);
}

/* name_part() calls name() for part 0. */
static void emit_only_part(struct emitter *e, const struct function *whole) {
    begin_function(e, "_part", true);
    const LLVMBasicBlockRef first = add_block(e, "first", ""), after = add_block(e, "first", ".end");
    const LLVMValueRef is_first = LLVMBuildICmp(e->builder, LLVMIntEQ, e->part, pc_llvm_index_constant(e, 0), "");
    LLVMBuildCondBr(e->builder, is_first, first, after);
    LLVMPositionBuilderAtEnd(e->builder, first);
    call(e, whole, NULL, NULL);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    end_function(e);
}

/* How many loops are around each other at most. */
static size_t depth_of(const struct ir_function *f, const struct ir_block *block) {
    size_t most = 0;
    for (size_t i = 0; i < block->count; i++) {
        const struct ir_node *n = ir_at(f, block->items[i]);
        const size_t depth = n->op == IR_FOR ? 1 + depth_of(f, &f->loops[n->aux].body) : 0;
        most = depth > most ? depth : most;
    }
    return most;
}

void pc_emit_llvm(const struct ir_function *function, LLVMModuleRef module, LLVMBuilderRef builder, bool has_avx512) {
    enum { PART_PARAMETERS = 2 };
    const size_t depth = depth_of(function, &function->body);
    struct pc_arena *arena = function->arena;
    struct emitter e = {.f = function,
                        .module = module,
                        .builder = builder,
                        .context = LLVMGetModuleContext(module),
                        .has_lanes = pc_has_lanes(function),
                        .has_avx512 = has_avx512};
    e.index = LLVMIntPtrTypeInContext(e.context, LLVMGetModuleDataLayout(module));
    e.value = PC_NEW_ARRAY(arena, function->node_count, LLVMValueRef);
    e.steps = PC_NEW_ARRAY(arena, function->node_count, uint8_t);
    e.buffer = PC_NEW_ARRAY(arena, function->buffer_count, LLVMValueRef);
    e.variable = PC_NEW_ARRAY(arena, function->loop_count, LLVMValueRef);
    e.place = PC_NEW_ARRAY(arena, function->affine_count, LLVMValueRef);
    e.places = PC_NEW_ARRAY(arena, function->affine_count, uint32_t);
    e.sections = ir_sections_of(function, arena);
    e.open = PC_NEW_ARRAY(arena, function->loop_count, uint32_t);
    e.name_size = strlen(function->name) + sizeof "_4294967295";
    e.name = PC_NEW_ARRAY(arena, e.name_size, char);
    e.parts = ir_parts_of(function, arena);
    e.slot_count = function->buffer_count + depth + 2 * e.parts.trip_count + PART_PARAMETERS;
    e.slots = PC_NEW_ARRAY(arena, (depth + 1) * e.slot_count, LLVMValueRef *);
    e.arguments = PC_NEW_ARRAY(arena, (depth + 1) * e.slot_count, LLVMValueRef);
    e.parameters = PC_NEW_ARRAY(arena, e.slot_count, LLVMTypeRef);
    e.from = PC_NEW_ARRAY(arena, e.parts.trip_count, LLVMValueRef);
    e.to = PC_NEW_ARRAY(arena, e.parts.trip_count, LLVMValueRef);
    if (e.parts.is_split) {
        emit_split(&e);
    } else {
        const struct function whole = emit_whole(&e);
        emit_only_part(&e, &whole);
    }
}
