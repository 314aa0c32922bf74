/* emit_llvm_values.h - what emit_llvm.c (statements, functions) and emit_llvm_values.c (values) share; private to both. */
#ifndef PC_EMIT_LLVM_VALUES_H
#define PC_EMIT_LLVM_VALUES_H

#include "ir/ir_parts.h"

#include <llvm-c/Core.h>

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
    LLVMTypeRef index; /* what addresses are computed in */
    bool has_lanes;
    bool has_avx512;         /* the machine has registers of masks, and VFIXUPIMM */
    LLVMValueRef *value;     /* per node */
    uint8_t *steps;          /* per node: constant choices among lanes behind it, one after the other, that LLVM sees */
    LLVMValueRef *buffer;    /* per buffer: its first element */
    LLVMValueRef **slots, *arguments; /* of calls: `slot_count` for each function that is being written inside another */
    size_t slot_count, section_depth, section_count;
    LLVMValueRef *variable;  /* per loop: its counter, of type index */
    LLVMValueRef *place;     /* per affine: address without the constant part, where one was computed; else NULL */
    uint32_t *places;        /* affines that have a place, in the order in which they got it: a stack */
    size_t place_count;
    LLVMTypeRef *parameters; /* of the function that begins */
    const uint32_t *sections; /* per node: items of the section that begins with it (ir.h) */
    uint32_t *open;          /* loops around the place, outermost first, that run more than once */
    size_t open_count;
    char *name;              /* of one of several functions */
    size_t name_size;
    struct ir_parts parts;
    LLVMValueRef part, count; /* of the function that runs a part: its last parameters */
    LLVMValueRef *from, *to;  /* per trip of parts: where the iterations of the part begin and end */
};

/* Types of the IR in LLVM's. */
LLVMTypeRef pc_llvm_element_type(const struct emitter *e, enum ir_element element);
LLVMTypeRef pc_llvm_type_of(const struct emitter *e, struct ir_type type);
LLVMTypeRef pc_llvm_pointer_type(const struct emitter *e);

/* Names a value `word` and its number, unless it is a constant. */
void pc_llvm_name_value(LLVMValueRef value, const char *word, uint32_t number);

/* A constant of the type in which addresses are computed. */
LLVMValueRef pc_llvm_index_constant(const struct emitter *e, int64_t value);

/* The value of a node that was emitted; constants are made where they are needed. */
LLVMValueRef pc_llvm_value_of(struct emitter *e, ir_ref ref);

void pc_llvm_store(struct emitter *e, const struct ir_node *n);
void pc_llvm_fetch(struct emitter *e, const struct ir_node *n);
void pc_llvm_add_at(struct emitter *e, const struct ir_node *n);

/* An attribute of functions and parameters. */
LLVMAttributeRef pc_llvm_attribute(const struct emitter *e, const char *name, uint64_t value);

/* A call of LLVM's intrinsic over one type, with one operand. */
LLVMValueRef pc_llvm_intrinsic(const struct emitter *e, const char *name, LLVMTypeRef type, LLVMValueRef a);

/* What a node computes, of operands that have their values. */
LLVMValueRef pc_llvm_operation(struct emitter *e, const struct ir_node *n);

#endif
