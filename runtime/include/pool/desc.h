/* pool/desc.h - what a pooling layer computes.
 *
 * struct pool_desc is the one description that the compiler, the reference and the embedding API share.  It holds what
 * was asked for, with every default filled in, and nothing derived: output sizes and resolved pads follow from it, and the
 * reference (pool/reference.h) and the compiler each work them out for themselves, so that one can check the other. */
#ifndef POOL_DESC_H
#define POOL_DESC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { POOL_MAX_RANK = 3 };

#define POOL_EXPONENT_MAX 1e30 /* it and its reciprocal are normal numbers of every dtype */

/* What a window becomes. The compiler's compiler/modes.def has one row per enumerator, in this order. */
enum pool_mode { POOL_MAX, POOL_MIN, POOL_AVG, POOL_SUM, POOL_LP };

enum pool_dtype { POOL_F32, POOL_F64 };

/* Where the channels lie in x, y and their gradients: (N, C, spatial...) or (N, spatial..., C). */
enum pool_layout { POOL_CHANNELS_FIRST, POOL_CHANNELS_LAST };

/* Max and min: a NaN in the window is the result, or counts as the identity, -Inf or +Inf. */
enum pool_nan { POOL_NAN_PROPAGATE, POOL_NAN_IGNORE };

/* Max and min also tell where the result came from:
 * WINDOW  the tap number, row-major in the window ((kd * KH + kh) * KW + kw; padding taps count; for adaptive windows the
 *         box of the largest window of each axis gives KH and KW);
 * PLANE   (d * H + h) * W + w in the input plane, without padding, the same numbers in both layouts (PyTorch);
 * TENSOR  the element's offset in x as it lies in memory (for channels first: ONNX). */
enum pool_indices { POOL_INDICES_NONE, POOL_INDICES_WINDOW, POOL_INDICES_PLANE, POOL_INDICES_TENSOR };

/* EXPLICIT uses pad_begin and pad_end. SAME and SAME_LOWER ignore them: out = ceil(in / stride), the total padding is
 * max((out - 1) * stride + extent - in, 0) with extent = dilation * (kernel - 1) + 1, and the odd one goes to the end
 * (SAME) or to the beginning (SAME_LOWER). */
enum pool_padding { POOL_PAD_EXPLICIT, POOL_PAD_SAME, POOL_PAD_SAME_LOWER };

/* Average: what the sum is divided by.
 * TAPS      the taps inside the input;
 * PADDED    the taps inside the input and its padding: a last window that hangs over the end padding (ceil_mode) does
 *           not count the overhang (PyTorch and ONNX, count_include_pad);
 * WINDOW    the kernel size, always (oneDNN include_padding);
 * OVERRIDE  divisor_override, which may be negative. */
enum pool_divisor { POOL_DIVISOR_TAPS, POOL_DIVISOR_PADDED, POOL_DIVISOR_WINDOW, POOL_DIVISOR_OVERRIDE };

/* One layer. Arrays are per spatial axis, outermost first: [0] is W for rank 1, H for rank 2, D for rank 3. Entries at and
 * beyond `rank` are not read. */
struct pool_desc {
    enum pool_mode mode;
    double p; /* POOL_LP: the exponent, 1 to POOL_EXPONENT_MAX */
    int rank; /* number of spatial axes, 1 to POOL_MAX_RANK */
    int64_t batch, channels;
    int64_t in[POOL_MAX_RANK];

    /* Adaptive: window j of an axis is [floor(j * in / out), ceil((j + 1) * in / out)). The fields of the ordinary
     * window below are not read, and divisor is TAPS. */
    bool adaptive;
    int64_t adaptive_out[POOL_MAX_RANK];

    /* Ordinary windows. `global` in a .pool file is kernel = in. */
    int64_t kernel[POOL_MAX_RANK], stride[POOL_MAX_RANK], dilation[POOL_MAX_RANK]; /* dilation 1: none */
    enum pool_padding padding;
    int64_t pad_begin[POOL_MAX_RANK], pad_end[POOL_MAX_RANK];
    bool ceil_mode; /* round the output size up; the last window must start inside the input or the begin padding */

    enum pool_divisor divisor; /* POOL_AVG */
    int64_t divisor_override;
    enum pool_dtype dtype;
    enum pool_layout layout;
    enum pool_nan nan;         /* POOL_MAX, POOL_MIN */
    enum pool_indices indices; /* POOL_MAX, POOL_MIN; NONE otherwise */
};

#ifdef __cplusplus
}
#endif
#endif
