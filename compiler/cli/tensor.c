/* tensor.c - see tensor.h. */
#include "cli/tensor.h"

#include "middle/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

const char *const pc_tensor_names[PC_T_COUNT] = {
#define NAME(id, name) name,
    PC_TENSORS(NAME)
#undef NAME
};

static enum pool_npy_type npy_type(enum ir_element element) {
    switch (element) {
    case IR_F32:
        return POOL_NPY_F4;
    case IR_F64:
        return POOL_NPY_F8;
    case IR_U8:
        return POOL_NPY_U1;
    case IR_U16:
        return POOL_NPY_U2;
    case IR_I32:
        return POOL_NPY_I4;
    case IR_I64:
        return POOL_NPY_I8;
    case IR_MASK:
    case IR_ELEMENT_COUNT:
        break;
    }
    abort();
}

struct pc_tensor_facts pc_tensor_facts_of(const struct pc_layer *layer, enum pc_tensor_id tensor) {
    const struct pool_desc *desc = &layer->desc;
    const bool input = tensor == PC_T_X || tensor == PC_T_DX;
    struct pc_tensor_facts facts = {.element = desc->dtype == POOL_F32 ? IR_F32 : IR_F64,
                                    .count = input ? layer->x_count : layer->y_count};
    if (tensor == PC_T_INDICES)
        facts.element = pc_index_element(layer);
    else if (tensor == PC_T_STATE)
        facts.element = pc_state_element(layer);
    facts.type = npy_type(facts.element);
    facts.shape[facts.rank++] = desc->batch;
    if (desc->layout == POOL_CHANNELS_FIRST)
        facts.shape[facts.rank++] = desc->channels;
    for (int a = POOL_MAX_RANK - desc->rank; a < POOL_MAX_RANK; a++)
        facts.shape[facts.rank++] = input ? layer->axis[a].in : layer->axis[a].out;
    if (desc->layout == POOL_CHANNELS_LAST)
        facts.shape[facts.rank++] = desc->channels;
    return facts;
}

int64_t pc_tensor_bytes(const struct pc_tensor_facts *facts) {
    return facts->count * ir_elements[facts->element].bytes;
}

const char *pc_tensor_describe(enum pool_npy_type type, int rank, const int64_t *shape, struct pc_arena *arena) {
    const char *text = pc_arena_printf(arena, "%s (", pool_npy_name(type));
    for (int i = 0; i < rank; i++)
        text = pc_arena_printf(arena, "%s%s%" PRId64, text, i ? ", " : "", shape[i]);
    return pc_arena_printf(arena, "%s%s)", text, rank == 1 ? "," : "");
}

const char *pc_tensor_place(const struct pc_tensor_facts *facts, int64_t at, struct pc_arena *arena) {
    const char *text = "]";
    for (int i = facts->rank - 1; i >= 0; i--) {
        text = pc_arena_printf(arena, "%s%" PRId64 "%s", i ? ", " : "", at % facts->shape[i], text);
        at /= facts->shape[i];
    }
    return pc_arena_printf(arena, "[%s", text);
}

void pc_tensor_values(const struct pc_tensor_facts *facts, const void *data, int64_t from, int64_t count, double *values) {
    switch (facts->element) {
#define VALUES(element, type)                                                                                               \
    case element:                                                                                                           \
        for (int64_t i = 0; i < count; i++)                                                                                 \
            values[i] = (double)((const type *)data)[from + i];                                                             \
        return;
        VALUES(IR_F32, float)
        VALUES(IR_F64, double)
        VALUES(IR_U8, uint8_t)
        VALUES(IR_U16, uint16_t)
        VALUES(IR_I32, int32_t)
        VALUES(IR_I64, int64_t)
#undef VALUES
    case IR_MASK:
    case IR_ELEMENT_COUNT:
        break;
    }
    abort();
}

double pc_tensor_value(const struct pc_tensor_facts *facts, const void *data, int64_t at) {
    double value;
    pc_tensor_values(facts, data, at, 1, &value);
    return value;
}

bool pc_layer_has_tensor(const struct pc_layer *layer, enum pc_tensor_id tensor) {
    if (tensor == PC_T_INDICES)
        return layer->desc.indices != POOL_INDICES_NONE;
    return tensor != PC_T_STATE || pc_mode_of(layer->desc.mode)->gradient == PC_GRADIENT_SELECT;
}

/* ---- memory ---- */

void *pc_tensor_new(const struct pc_tensor_facts *facts) {
    enum { HUGE = 2 * 1024 * 1024 }; /* bytes: the second size of pages of most machines */
    const size_t bytes = (size_t)pc_tensor_bytes(facts);
    void *data;
    if (bytes < HUGE)
        return malloc(bytes);
    if (posix_memalign(&data, HUGE, bytes) != 0)
        return NULL;
    madvise(data, bytes, MADV_HUGEPAGE); /* which only saves time: page by page, memory takes longer than a kernel */
    return data;
}

/* The limit of the control group that the process runs in, as containers set it; INT64_MAX where there is none. */
static int64_t group_limit(void) {
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    int64_t limit = INT64_MAX;
    if (!file)
        return limit;
    if (fscanf(file, "%" SCNd64, &limit) != 1) /* "max" */
        limit = INT64_MAX;
    fclose(file);
    return limit;
}

static int64_t memory_limit(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    int64_t limit = pages > 0 && page > 0 ? (int64_t)pages * page : INT64_MAX;
    const int64_t group = group_limit();
    if (group < limit)
        limit = group;
    struct rlimit space;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY && space.rlim_cur < (uint64_t)limit)
        limit = (int64_t)space.rlim_cur;
    return limit;
}

bool pc_memory_suffices(struct pc_cli *cli, const struct pc_layer *layer, int64_t bytes) {
    const int64_t limit = memory_limit();
    const double mebibyte = 1024 * 1024;
    if (bytes <= limit)
        return true;
    pc_cli_fail(cli, PC_EXIT_INPUT,
                "the tensors of pool '%s' need %.0f MiB of memory, of which this process may have %.0f MiB", layer->name,
                (double)bytes / mebibyte, (double)limit / mebibyte);
    return false;
}
