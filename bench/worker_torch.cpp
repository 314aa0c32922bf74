/* worker_torch.cpp - PyTorch through its C++ library: the functions that torch.nn's modules end in, writing into tensors
 * that are there. Tensors see the shared buffers; channels last is the tensor's memory format.
 *
 * A one-dimensional layer is a picture of one row. The mean over whole planes is what adaptive_avg_pool2d(1) calls. */
#include "worker.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <algorithm>
#include <c10/core/InferenceMode.h>
#include <functional>
#include <optional>
#include <string>
#include <torch/version.h>
#include <vector>

namespace {

using Sizes = std::vector<int64_t>;

c10::InferenceMode *mode; /* for as long as the process lives: nothing is recorded for autograd */
std::function<void()> call;
std::string reason;

const char *open_torch(int threads) {
    at::set_num_threads(threads);
    mode = new c10::InferenceMode;
    return nullptr;
}

const char *version() {
    return "PyTorch " TORCH_VERSION;
}

/* The last `rank` of the three axes. */
Sizes axes(const int64_t *values, int rank) {
    return Sizes(values + BENCH_AXES - rank, values + BENCH_AXES);
}

/* A tensor over the buffer, of the sizes (batch, channels, axes) in the layer's order in memory. */
at::Tensor view(const bench_layer &layer, int rank, const int64_t *values, void *data, at::ScalarType type) {
    const Sizes plane = axes(values, rank);
    Sizes sizes = {layer.batch, layer.channels}, strides(2 + rank);
    sizes.insert(sizes.end(), plane.begin(), plane.end());
    int64_t step = layer.channels_last ? layer.channels : 1;
    for (int a = rank - 1; a >= 0; a--) {
        strides[2 + a] = step;
        step *= plane[a];
    }
    strides[1] = layer.channels_last ? 1 : step;
    strides[0] = layer.channels_last ? step : step * layer.channels;
    return at::from_blob(data, sizes, strides, at::TensorOptions(type));
}

/* Whether the layer is one of PyTorch's: the same padding on both sides, or windows that ceil_mode adds. */
bool find_ceil(const bench_layer &layer, int rank, bool *ceil) {
    bool floors = true, ceils = true;
    for (int a = BENCH_AXES - rank; a < BENCH_AXES; a++) {
        const int64_t span = layer.in[a] + 2 * layer.pad[a] - layer.dilation[a] * (layer.kernel[a] - 1) - 1;
        const int64_t floor_out = span / layer.stride[a] + 1;
        int64_t ceil_out = (span + layer.stride[a] - 1) / layer.stride[a] + 1;
        if ((ceil_out - 1) * layer.stride[a] >= layer.in[a] + layer.pad[a])
            ceil_out--;
        floors = floors && floor_out == layer.out[a];
        ceils = ceils && ceil_out == layer.out[a];
    }
    *ceil = !floors;
    return floors || ceils;
}

void make_global(const at::Tensor &x, at::Tensor y, const at::Tensor &dy, at::Tensor dx, enum bench_pass pass, int rank) {
    Sizes dims;
    double count = 1;
    for (int a = 0; a < rank; a++) {
        dims.push_back(2 + a);
        count *= static_cast<double>(x.size(2 + a));
    }
    if (pass == BENCH_BACKWARD)
        call = [=]() mutable { at::div_out(dx, dy.expand_as(dx), at::scalar_tensor(count)); };
    else
        call = [=]() mutable { at::mean_out(y, x, dims, true); };
}

const char *make(const bench_layer &layer, enum bench_pass pass, const bench_buffers &b) {
    const int rank = layer.rank == 1 ? 2 : layer.rank;
    bool ceil;
    if (!find_ceil(layer, rank, &ceil))
        return "has no such padding";
    const Sizes k = axes(layer.kernel, rank), s = axes(layer.stride, rank), p = axes(layer.pad, rank),
                d = axes(layer.dilation, rank);
    const bool count_pad = layer.count_pad;
    const at::Tensor x = view(layer, rank, layer.in, b.x, at::kFloat), dy = view(layer, rank, layer.out, b.dy, at::kFloat);
    at::Tensor y = view(layer, rank, layer.out, b.y, at::kFloat), dx = view(layer, rank, layer.in, b.dx, at::kFloat);
    if (layer.average && rank == 3 && layer.channels_last)
        return "has no channels-last average of volumes"; /* it would write the result channels first */
    if (layer.average && bench_is_global(&layer)) {
        make_global(x, y, dy, dx, pass, rank);
        return nullptr;
    }
    if (layer.average) {
        if (pass == BENCH_BACKWARD && rank == 2)
            call = [=]() mutable { at::avg_pool2d_backward_out(dx, dy, x, k, s, p, ceil, count_pad, std::nullopt); };
        else if (pass == BENCH_BACKWARD)
            call = [=]() mutable { at::avg_pool3d_backward_out(dx, dy, x, k, s, p, ceil, count_pad, std::nullopt); };
        else if (rank == 2)
            call = [=]() mutable { at::avg_pool2d_out(y, x, k, s, p, ceil, count_pad, std::nullopt); };
        else
            call = [=]() mutable { at::avg_pool3d_out(y, x, k, s, p, ceil, count_pad, std::nullopt); };
        return nullptr;
    }
    at::Tensor indices = at::empty_strided(y.sizes(), y.strides(), at::kLong);
    if (rank == 2)
        call = [=]() mutable { at::max_pool2d_with_indices_out(y, indices, x, k, s, p, d, ceil); };
    else
        call = [=]() mutable { at::max_pool3d_with_indices_out(y, indices, x, k, s, p, d, ceil); };
    if (pass != BENCH_BACKWARD)
        return nullptr;
    call(); /* the indices */
    if (rank == 2)
        call = [=]() mutable { at::max_pool2d_with_indices_backward_out(dx, dy, x, k, s, p, d, ceil, indices); };
    else
        call = [=]() mutable { at::max_pool3d_with_indices_backward_out(dx, dy, x, k, s, p, d, ceil, indices); };
    return nullptr;
}

const char *prepare(const bench_layer *layer, enum bench_pass pass, const bench_buffers *buffers) {
    call = nullptr;
    try {
        const char *wrong = make(*layer, pass, *buffers);
        if (!wrong)
            call(); /* an error shows here */
        return wrong;
    } catch (const std::exception &error) {
        reason = error.what();
        reason.resize(std::min(reason.find('\n'), reason.size()));
        return reason.c_str();
    }
}

void run() {
    call();
}

/* The cheapest of the functions that are measured, on one element. */
const char *prepare_empty() {
    const at::Tensor x = at::zeros({1, 1, 1, 1});
    at::Tensor y = at::zeros({1, 1, 1, 1});
    const Sizes one = {1, 1}, none = {0, 0};
    call = [=]() mutable { at::avg_pool2d_out(y, x, one, one, none, false, false, std::nullopt); };
    return nullptr;
}

} // namespace

int main(int argc, char **argv) {
    bench_adapter adapter = {};
    adapter.open = open_torch;
    adapter.version = version;
    adapter.prepare = prepare;
    adapter.run = run;
    adapter.prepare_empty = prepare_empty;
    return bench_worker(&adapter, argc, argv);
}
