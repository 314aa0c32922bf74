/* tensor.h - the tensors of a layer as the command line sees them: names, NumPy types and shapes, memory. */
#ifndef PC_TENSOR_H
#define PC_TENSOR_H

#include "cli/cli.h"
#include "ir/ir.h"
#include "pool/npy.h"

#define PC_TENSORS(TENSOR)                                                                                                  \
    TENSOR(X, "x") TENSOR(Y, "y") TENSOR(INDICES, "indices") TENSOR(STATE, "state") TENSOR(DY, "dy") TENSOR(DX, "dx")

enum pc_tensor_id {
#define ID(id, name) PC_T_##id,
    PC_TENSORS(ID)
#undef ID
        PC_T_COUNT
};
extern const char *const pc_tensor_names[PC_T_COUNT];

/* A tensor of a layer: (batch, channels, axes...) or (batch, axes..., channels). */
struct pc_tensor_facts {
    enum ir_element element;
    enum pool_npy_type type;
    int rank;
    int64_t shape[POOL_NPY_MAX_RANK];
    int64_t count;
};
struct pc_tensor_facts pc_tensor_facts_of(const struct pc_layer *layer, enum pc_tensor_id tensor);

/* Bytes of the tensor. Fits: tensors have at most 2^40 elements. */
int64_t pc_tensor_bytes(const struct pc_tensor_facts *facts);

/* "float32 (1, 64, 112, 112)" */
const char *pc_tensor_describe(enum pool_npy_type type, int rank, const int64_t *shape, struct pc_arena *arena);

/* "[0, 3, 5, 5]": the place of an element. */
const char *pc_tensor_place(const struct pc_tensor_facts *facts, int64_t at, struct pc_arena *arena);

/* `count` elements, from `from` on, as numbers; integers of more than 53 bits are rounded. */
void pc_tensor_values(const struct pc_tensor_facts *facts, const void *data, int64_t from, int64_t count, double *values);
double pc_tensor_value(const struct pc_tensor_facts *facts, const void *data, int64_t at);

/* The layer has this tensor. */
bool pc_layer_has_tensor(const struct pc_layer *layer, enum pc_tensor_id tensor);

/* Memory for the elements, not set; NULL where there is none. free() releases it. */
void *pc_tensor_new(const struct pc_tensor_facts *facts);

/* Reports, before anything is allocated, when `bytes` for `what` are more than this process may have. */
bool pc_memory_suffices(struct pc_cli *cli, const struct pc_layer *layer, int64_t bytes);

#endif
