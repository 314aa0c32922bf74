/* subject.c - see subject.h. */
#include "subject.h"

#include "pool/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const tensor_names[PC_TENSOR_COUNT] = {"x", "y", "indices", "state", "dy", "dx"};

/* ---- memory ---- */

bool tensors_open(struct tensors *tensors, const struct pc_layer *layer, enum pc_guarded_end end) {
    const size_t real = pool_dtype_size(layer->desc.dtype);
    const size_t x = (size_t)layer->x_count, y = (size_t)layer->y_count;
    *tensors = (struct tensors){
        .layer = layer,
        .bytes = {[PC_TENSOR_X] = x * real,
                  [PC_TENSOR_Y] = y * real,
                  [PC_TENSOR_INDICES] = y * (size_t)ir_elements[pc_index_element(layer)].bytes,
                  [PC_TENSOR_STATE] = y * (size_t)ir_elements[pc_state_element(layer)].bytes,
                  [PC_TENSOR_DY] = y * real,
                  [PC_TENSOR_DX] = x * real},
    };
    for (int i = 0; i < PC_TENSOR_COUNT; i++) {
        if (!pc_guarded_open(&tensors->buffer[i], tensors->bytes[i], end)) {
            tensors_close(tensors);
            return false;
        }
    }
    return true;
}

void tensors_close(struct tensors *tensors) {
    for (int i = 0; i < PC_TENSOR_COUNT; i++)
        pc_guarded_close(&tensors->buffer[i]);
}

void tensors_clear_outputs(struct tensors *tensors, int byte) {
    static const enum pc_tensor outputs[] = {PC_TENSOR_Y, PC_TENSOR_INDICES, PC_TENSOR_STATE, PC_TENSOR_DX};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        memset(tensors->buffer[outputs[i]].data, byte, tensors->bytes[outputs[i]]);
}

struct pc_tensors tensors_between(const struct tensors *inputs, const struct tensors *outputs, enum pc_kernel_kind kind) {
    const struct tensors *narrow = kind == PC_KERNEL_BACKWARD ? inputs : outputs;
    return (struct pc_tensors){
        .x = inputs->buffer[PC_TENSOR_X].data,
        .y = narrow->buffer[PC_TENSOR_Y].data,
        .indices = outputs->buffer[PC_TENSOR_INDICES].data,
        .state = narrow->buffer[PC_TENSOR_STATE].data,
        .dy = inputs->buffer[PC_TENSOR_DY].data,
        .dx = outputs->buffer[PC_TENSOR_DX].data,
    };
}

const char *tensors_damaged(const struct tensors *tensors) {
    for (int i = 0; i < PC_TENSOR_COUNT; i++)
        if (!pc_guarded_intact(&tensors->buffer[i], tensors->bytes[i]))
            return tensor_names[i];
    return NULL;
}

void tensors_fill(struct tensors *tensors, uint64_t seed, int set) {
    const struct pc_layer *layer = tensors->layer;
    const enum pool_dtype dtype = layer->desc.dtype;
    void *x = tensors->buffer[PC_TENSOR_X].data, *dy = tensors->buffer[PC_TENSOR_DY].data;
    if (set < 0) {
        pool_random_fill(seed, "x", dtype, layer->x_count, x);
        pool_random_fill(seed, "dy", dtype, layer->y_count, dy);
    } else {
        pool_random_hard(seed, "x", (enum pool_hard)set, dtype, layer->x_count, x);
        pool_random_hard(seed, "dy", (enum pool_hard)set, dtype, layer->y_count, dy);
    }
}

/* ---- comparing ---- */

static int64_t integer_at(const void *memory, enum ir_element element, int64_t at) {
    switch (element) {
    case IR_U8: return ((const uint8_t *)memory)[at];
    case IR_U16: return ((const uint16_t *)memory)[at];
    case IR_I32: return ((const int32_t *)memory)[at];
    case IR_I64: return ((const int64_t *)memory)[at];
    case IR_F32: case IR_F64: case IR_MASK: case IR_ELEMENT_COUNT: break;
    }
    abort();
}

static double number_at(const void *memory, enum ir_element element, int64_t at) {
    if (element == IR_F32)
        return (double)((const float *)memory)[at];
    return element == IR_F64 ? ((const double *)memory)[at] : (double)integer_at(memory, element, at);
}

static bool equal_bits(const struct pc_parameter *parameter, const void *a, const void *b, int64_t *at) {
    if (ir_elements[parameter->element].real)
        return pool_equal_bits(parameter->element == IR_F64 ? POOL_F64 : POOL_F32, parameter->elements, a, b, at);
    for (*at = 0; *at < parameter->elements; ++*at)
        if (integer_at(a, parameter->element, *at) != integer_at(b, parameter->element, *at))
            return false;
    return true;
}

bool tensors_equal(const struct tensors *expected, const struct tensors *actual, enum pc_kernel_kind kind,
                   struct difference *difference) {
    const struct pc_parameters parameters = pc_parameters_of(expected->layer, kind);
    for (int i = 0; i < parameters.count; i++) {
        const struct pc_parameter *parameter = &parameters.items[i];
        const void *a = expected->buffer[parameter->tensor].data, *b = actual->buffer[parameter->tensor].data;
        int64_t at;
        if (!parameter->output || equal_bits(parameter, a, b, &at))
            continue;
        *difference = (struct difference){.tensor = tensor_names[parameter->tensor],
                                          .at = at,
                                          .expected = number_at(a, parameter->element, at),
                                          .actual = number_at(b, parameter->element, at),
                                          .low = NAN,
                                          .high = NAN};
        return false;
    }
    return true;
}

/* Indices or state against the reference. */
static enum pool_status compare_numbers(const struct tensors *inputs, const struct tensors *outputs, enum pc_tensor tensor,
                                        struct pool_comparison *result) {
    const struct pc_layer *layer = inputs->layer;
    const bool state = tensor == PC_TENSOR_STATE;
    const enum ir_element element = state ? pc_state_element(layer) : pc_index_element(layer);
    int64_t *numbers = calloc((size_t)layer->y_count, sizeof *numbers);
    if (!numbers)
        return POOL_NO_MEMORY;
    for (int64_t i = 0; i < layer->y_count; i++)
        numbers[i] = integer_at(outputs->buffer[tensor].data, element, i);
    const enum pool_status status =
        pool_compare_indices(&layer->desc, inputs->buffer[PC_TENSOR_X].data,
                             state ? POOL_INDICES_WINDOW : layer->desc.indices, numbers, result);
    free(numbers);
    return status;
}

static enum pool_status compare_one(const struct tensors *inputs, const struct tensors *outputs, enum pc_tensor tensor,
                                    struct pool_comparison *result) {
    const struct pool_desc *desc = &inputs->layer->desc;
    const void *x = inputs->buffer[PC_TENSOR_X].data;
    switch (tensor) {
    case PC_TENSOR_Y:
        return pool_compare_forward(desc, x, outputs->buffer[tensor].data, result);
    case PC_TENSOR_DX:
        return pool_compare_backward(desc, x, inputs->buffer[PC_TENSOR_Y].data, inputs->buffer[PC_TENSOR_DY].data,
                                     outputs->buffer[tensor].data, result);
    case PC_TENSOR_INDICES:
    case PC_TENSOR_STATE:
        return compare_numbers(inputs, outputs, tensor, result);
    case PC_TENSOR_X: case PC_TENSOR_DY: case PC_TENSOR_COUNT:
        break;
    }
    abort();
}

bool tensors_correct(const struct tensors *inputs, const struct tensors *outputs, enum pc_kernel_kind kind,
                     struct difference *difference, int64_t counts[2]) {
    const struct pc_parameters parameters = pc_parameters_of(inputs->layer, kind);
    for (int i = 0; i < parameters.count; i++) {
        const enum pc_tensor tensor = parameters.items[i].tensor;
        struct pool_comparison result;
        if (!parameters.items[i].output)
            continue;
        if (compare_one(inputs, outputs, tensor, &result) != POOL_OK) {
            *difference = (struct difference){.tensor = tensor_names[tensor], .at = -1};
            return false;
        }
        counts[0] += result.count;
        counts[1] += result.unchecked;
        if (result.mismatches == 0)
            continue;
        *difference = (struct difference){.tensor = tensor_names[tensor],
                                          .at = result.at,
                                          .expected = result.expected,
                                          .actual = result.actual,
                                          .low = result.low,
                                          .high = result.high};
        return false;
    }
    return true;
}
