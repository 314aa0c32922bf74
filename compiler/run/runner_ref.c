/* runner_ref.c - the reference as a backend: its int64_t indices become the kernel's element types, and the state, which
 * only kernels have, is the tap numbers. */
#include "run/backend.h"

#include "pool/reference.h"

#include <stdlib.h>

static void narrow(const int64_t *from, int64_t count, enum ir_element element, void *to) {
    for (int64_t i = 0; i < count; i++) {
        switch (element) {
        case IR_U8: ((uint8_t *)to)[i] = (uint8_t)from[i]; break;
        case IR_U16: ((uint16_t *)to)[i] = (uint16_t)from[i]; break;
        case IR_I32: ((int32_t *)to)[i] = (int32_t)from[i]; break;
        case IR_I64: ((int64_t *)to)[i] = from[i]; break;
        case IR_F32: case IR_F64: case IR_MASK: case IR_ELEMENT_COUNT: abort();
        }
    }
}

static enum pool_status forward(const struct pc_layer *layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors) {
    const bool indices = layer->desc.indices != POOL_INDICES_NONE, state = kind == PC_KERNEL_TRAIN;
    int64_t *numbers = NULL;
    if ((indices && !tensors->indices) || (state && !tensors->state))
        return POOL_NULL_ARGUMENT;
    if (indices || state) {
        numbers = calloc((size_t)layer->y_count, sizeof *numbers);
        if (!numbers)
            return POOL_NO_MEMORY;
    }
    enum pool_status status = pool_reference_forward(&layer->desc, tensors->x, tensors->y, indices ? numbers : NULL);
    if (status == POOL_OK && indices)
        narrow(numbers, layer->y_count, pc_index_element(layer), tensors->indices);
    if (status == POOL_OK && state) {
        status = pool_reference_indices(&layer->desc, tensors->x, POOL_INDICES_WINDOW, numbers);
        if (status == POOL_OK)
            narrow(numbers, layer->y_count, pc_state_element(layer), tensors->state);
    }
    free(numbers);
    return status;
}

bool pc_reference_run(const struct pc_layer *layer, enum pc_kernel_kind kind, const struct pc_tensors *tensors,
                      struct pc_diags *diags) {
    const enum pool_status status = kind == PC_KERNEL_BACKWARD
                                        ? pool_reference_backward(&layer->desc, tensors->x, tensors->dy, tensors->dx)
                                        : forward(layer, kind, tensors);
    if (status != POOL_OK)
        PC_BACKEND_ERROR(diags, "the reference cannot compute %s of pool '%s': %s", pc_kernel_suffix[kind], layer->name,
                         pool_status_text(status));
    return status == POOL_OK;
}
