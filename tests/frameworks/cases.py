"""The layers whose numbers other frameworks give: one row per case.

Each row is chosen for one rule of docs/language.md that implementations disagree on: output size with ceil_mode, the divisor
of a window over the padding, ties, NaN and -0, index conventions, adaptive windows that overlap. Tensors stay at a few
hundred elements.

Left out on purpose:
  * windows without a tap inside the input: an error in poolc, and no two frameworks agree on them;
  * LPPool of PyTorch with negative input and odd p, or with ceil_mode: it sums signed powers, and scales up a clipped
    window;
  * ONNX Runtime's MaxPool with NaN or with zeros of both signs: without indices the result depends on operand order;
  * ONNX Runtime with auto_pad SAME and dilation: it takes the undilated kernel for the padding;
  * ONNX Runtime with auto_pad SAME where the last stride leaves input over: it computes a negative padding and fails;
  * ONNX Runtime's AveragePool below opset 19 with ceil_mode and count_include_pad: old versions divide by the whole kernel;
  * 3-d channels-last max pooling of PyTorch over -Inf alone with indices: the index lacks the depth.
"""
from model import Layer

T = True
INF = float("inf")


def torch_case(name, mode, shape, kernel=None, **more):
    return Layer("torch_" + name, mode, shape, kernel, framework="pytorch", **more)


def ort_case(name, mode, shape, kernel=None, opset=22, **more):
    return Layer("ort_" + name, mode, shape, kernel, framework="onnxruntime", opset=opset, **more)


def onednn_case(name, shape, kernel, **more):
    return Layer("onednn_" + name, "avg", shape, kernel, framework="onednn", divisor="window", **more)


def numpy_case(name, mode, shape, kernel, **more):
    return Layer("numpy_" + name, mode, shape, kernel, framework="numpy", **more)


def even(*sizes):
    """Symmetric padding."""
    return tuple((s, s) for s in sizes)


TORCH_MAX = [
    torch_case("max1d", "max", (17,), (3,), stride=(2,), padding=even(1), batch=2, channels=3, indices="plane"),
    torch_case("max1d_dilated", "max", (19,), (3,), stride=(1,), padding=even(1), dilation=(3,), channels=2,
               indices="plane"),
    torch_case("max1d_ceil_dilated", "max", (32,), (5,), stride=(3,), dilation=(2,), ceil=T, channels=2, indices="plane"),
    torch_case("max1d_ceil_wide_pad", "max", (9,), (7,), stride=(3,), padding=even(3), ceil=T, channels=3, indices="plane"),
    torch_case("max1d_special", "max", (40,), (4,), stride=(1,), padding=even(2), channels=4, data="special",
               indices="plane"),
    torch_case("max2d_stem", "max", (11, 11), (3, 3), stride=(2, 2), padding=even(1, 1), channels=2, indices="plane"),
    torch_case("max2d_halve", "max", (8, 10), (2, 2), batch=2, channels=2, indices="plane"),
    torch_case("max2d_rect", "max", (11, 13), (2, 5), stride=(3, 1), padding=even(1, 2), channels=2, indices="plane"),
    torch_case("max2d_dilated", "max", (11, 12), (3, 3), stride=(1, 2), padding=even(1, 0), dilation=(2, 3), channels=2,
               indices="plane"),
    torch_case("max2d_ceil_drops_last", "max", (5, 5), (3, 3), stride=(3, 3), padding=even(1, 1), ceil=T, channels=3,
               indices="plane"),
    torch_case("max2d_ceil_overhang", "max", (7, 8), (2, 3), stride=(3, 3), ceil=T, channels=3, indices="plane"),
    torch_case("max2d_gaps", "max", (10, 11), (2, 1), stride=(3, 4), channels=2, indices="plane"),
    torch_case("max2d_global", "max", (5, 7), batch=2, channels=3, indices="plane"),
    torch_case("max2d_ties", "max", (9, 9), (3, 3), stride=(1, 1), padding=even(1, 1), channels=2, data="ties",
               indices="plane"),
    torch_case("max2d_special", "max", (9, 10), (3, 3), stride=(2, 1), padding=even(1, 1), channels=2, data="special",
               indices="plane"),
    torch_case("max2d_zeros", "max", (8, 8), (2, 3), stride=(1, 2), channels=3, data="zeros", indices="plane"),
    torch_case("max2d_minus_inf", "max", (6, 6), (3, 3), stride=(2, 2), padding=even(1, 1), ceil=T, channels=1,
               values=(-INF,) * 36, indices="plane"),
    torch_case("max2d_f64", "max", (9, 8), (3, 2), stride=(2, 2), padding=even(1, 1), channels=2, dtype="f64",
               data="special", indices="plane"),
    # 19 and 17 channels: whole vectors of four and eight lanes and a rest.
    torch_case("max2d_nhwc", "max", (5, 4), (3, 3), stride=(2, 1), padding=even(1, 1), channels=19, last=T,
               indices="plane"),
    torch_case("max2d_nhwc_special", "max", (4, 5), (2, 2), stride=(1, 2), channels=17, last=T, data="special",
               indices="plane"),
    torch_case("max3d", "max", (5, 6, 7), (2, 3, 3), stride=(2, 1, 2), padding=even(1, 1, 0), indices="plane"),
    torch_case("max3d_dilated_ceil", "max", (6, 5, 6), (2, 2, 3), stride=(3, 2, 2), padding=even(0, 1, 1),
               dilation=(3, 2, 1), ceil=T, indices="plane"),
    torch_case("max3d_special", "max", (4, 5, 5), (2, 2, 2), stride=(1, 2, 1), padding=even(1, 0, 1), data="special",
               indices="plane"),
    torch_case("max3d_ndhwc", "max", (3, 3, 3), (2, 2, 2), stride=(1, 1, 2), padding=even(0, 1, 1), channels=11, last=T,
               indices="plane"),
    torch_case("min2d", "min", (8, 9), (3, 2), stride=(2, 2), padding=even(1, 1), channels=2, indices="plane"),
    torch_case("min2d_special", "min", (8, 9), (2, 3), stride=(1, 2), padding=even(0, 1), channels=2, data="special",
               indices="plane"),
]

REPORTED = (2.0903, 4.6493, 1.6320, -3.2051, 4.6975, 4.7296, 3.3653, -1.5815, -2.3832)  # onnxruntime issue 16203

TORCH_AVG = [
    torch_case("avg1d_include", "avg", (17,), (4,), stride=(3,), padding=even(2), divisor="padded", batch=2, channels=3),
    torch_case("avg1d_exclude", "avg", (17,), (4,), stride=(3,), padding=even(2), batch=2, channels=3),
    torch_case("avg1d_ceil_reported", "avg", (9,), (7,), stride=(3,), padding=even(3), divisor="padded", ceil=T,
               values=REPORTED, quoted=(.7381, 2.5656, .8032, -.0999)),
    torch_case("avg1d_ceil_pairs", "avg", (5,), (2,), stride=(2,), divisor="padded", ceil=T, values=(1, 2, 3, 4, 5),
               quoted=(1.5, 3.5, 5), bits=T),
    torch_case("avg1d_ceil_include", "avg", (6,), (3,), stride=(2,), padding=even(1), divisor="padded", ceil=T,
               values=(1, 2, 3, 4, 5, 6), quoted=(1, 3, 5, 3)),
    torch_case("avg1d_ceil_exclude", "avg", (6,), (3,), stride=(2,), padding=even(1), ceil=T, values=(1, 2, 3, 4, 5, 6),
               quoted=(1.5, 3, 5, 6)),
    torch_case("avg2d_include", "avg", (9, 10), (3, 3), stride=(2, 2), padding=even(1, 1), channels=2, divisor="padded"),
    torch_case("avg2d_exclude", "avg", (9, 10), (3, 3), stride=(2, 2), padding=even(1, 1), channels=2),
    torch_case("avg2d_dialect", "avg", (7, 9), (3, 5), stride=(1, 2), padding=even(1, 2), channels=2, divisor="padded",
               dialect="torch"),
    torch_case("avg2d_ceil_reported", "avg", (7, 7), (2, 2), stride=(3, 3), divisor="padded", ceil=T, bits=T,
               values=tuple(range(49)), quoted=(4, 7, 9.5, 25, 28, 30.5, 42.5, 45.5, 48)),
    torch_case("avg2d_ceil_include", "avg", (8, 9), (3, 5), stride=(2, 3), padding=even(1, 2), ceil=T, channels=2,
               divisor="padded"),
    torch_case("avg2d_ceil_exclude", "avg", (8, 9), (3, 5), stride=(2, 3), padding=even(1, 2), ceil=T, channels=2),
    torch_case("avg2d_override", "avg", (8, 9), (3, 3), stride=(2, 2), padding=even(1, 0), channels=2, divisor=5),
    torch_case("avg2d_override_negative", "avg", (8, 9), (2, 3), stride=(3, 2), ceil=T, channels=2, divisor=-3),
    torch_case("avg2d_exact", "avg", (8, 8), (2, 4), stride=(2, 1), channels=2, data="eighths", bits=T),
    torch_case("avg2d_special", "avg", (8, 9), (3, 3), stride=(2, 3), padding=even(1, 1), channels=2, data="few_special"),
    torch_case("avg2d_f64", "avg", (9, 8), (3, 3), stride=(2, 2), padding=even(1, 1), channels=2, dtype="f64"),
    torch_case("avg2d_nhwc", "avg", (5, 4), (3, 2), stride=(2, 1), padding=even(1, 1), channels=19, last=T),
    torch_case("avg3d_include", "avg", (5, 6, 5), (2, 3, 3), stride=(2, 2, 1), padding=even(1, 1, 0), divisor="padded",
               ceil=T),
    torch_case("avg3d_exclude", "avg", (5, 5, 6), (3, 2, 2), stride=(2, 1, 2), padding=even(1, 0, 1)),
    torch_case("avg3d_override", "avg", (4, 5, 5), (2, 2, 2), stride=(1, 2, 2), ceil=T, divisor=-7),
    torch_case("sum2d", "sum", (8, 9), (3, 3), stride=(1, 2), padding=even(1, 1), channels=2, data="eighths", bits=T),
    torch_case("sum3d", "sum", (4, 5, 6), (2, 3, 2), stride=(2, 1, 2), padding=even(0, 1, 1)),
]

TORCH_LP = [
    torch_case("lp1d_p2", "lp", (17,), (3,), stride=(2,), p=2, channels=3),
    torch_case("lp1d_p1", "lp", (17,), (4,), stride=(1,), p=1, channels=2, data="positive"),
    torch_case("lp2d_p2", "lp", (8, 9), (3, 2), stride=(2, 2), p=2, channels=2),
    torch_case("lp2d_p3", "lp", (8, 9), (3, 3), stride=(2, 3), p=3, channels=2, data="positive"),
    torch_case("lp2d_p4", "lp", (7, 8), (2, 3), stride=(1, 2), p=4, channels=2),
    torch_case("lp2d_p1_5_nhwc_f64", "lp", (4, 4), (2, 2), stride=(1, 1), p=1.5, channels=3, dtype="f64", last=T,
               data="positive"),
]

TORCH_ADAPTIVE = [
    torch_case("adaptive_max1d", "max", (10,), output=(7,), channels=3, indices="plane"),
    torch_case("adaptive_max1d_up", "max", (3,), output=(5,), channels=3, indices="plane"),
    torch_case("adaptive_max2d", "max", (7, 10), output=(3, 7), channels=2, indices="plane"),
    torch_case("adaptive_max2d_special", "max", (7, 8), output=(3, 5), channels=2, data="special", indices="plane"),
    torch_case("adaptive_max2d_nhwc", "max", (5, 3), output=(3, 5), channels=9, last=T, indices="plane"),
    torch_case("adaptive_max3d", "max", (4, 5, 6), output=(3, 5, 4), indices="plane"),
    torch_case("adaptive_avg1d", "avg", (10,), output=(7,), channels=3),
    torch_case("adaptive_avg2d", "avg", (7, 10), output=(3, 7), channels=2),
    torch_case("adaptive_avg2d_up", "avg", (3, 4), output=(5, 9), channels=2),
    torch_case("adaptive_avg2d_one", "avg", (5, 7), output=(1, 1), batch=2, channels=3),
    torch_case("adaptive_avg2d_nhwc", "avg", (5, 3), output=(3, 5), channels=9, last=T),
    torch_case("adaptive_avg3d", "avg", (5, 4, 6), output=(3, 6, 4)),
]

ORT = [
    ort_case("max1d_asymmetric", "max", (17,), (4,), opset=12, stride=(3,), padding=((3, 1),), channels=2, batch=2,
             indices="tensor"),
    ort_case("max2d_asymmetric", "max", (8, 9), (3, 4), opset=12, stride=(2, 1), padding=((0, 2), (3, 1)), channels=2,
             indices="tensor"),
    ort_case("max2d_dialect", "max", (7, 8), (2, 3), stride=(1, 1), channels=2, dialect="onnx"),
    ort_case("max2d_dilated", "max", (9, 10), (3, 2), stride=(1, 2), padding=((2, 1), (0, 1)), dilation=(2, 3), channels=2,
             batch=2, indices="tensor"),
    ort_case("max2d_ceil", "max", (8, 9), (3, 3), stride=(3, 2), padding=((1, 0), (0, 1)), ceil=T, channels=2,
             indices="tensor"),
    ort_case("max2d_ceil_drops_last", "max", (5, 5), (3, 3), stride=(3, 3), padding=even(1, 1), ceil=T, channels=2,
             indices="tensor"),
    ort_case("max2d_same_upper", "max", (10, 9), (5, 4), stride=(3, 2), padding="same", channels=2, indices="tensor"),
    ort_case("max2d_same_lower", "max", (10, 9), (5, 4), stride=(3, 2), padding="same_lower", channels=2, indices="tensor"),
    ort_case("max2d_same_gaps", "max", (7, 8), (2, 2), stride=(3, 3), padding="same", channels=2),
    ort_case("max2d_valid", "max", (8, 9), (3, 3), stride=(2, 2), padding="valid", channels=2),
    ort_case("max2d_ties", "max", (9, 8), (3, 3), stride=(1, 2), padding=even(1, 1), channels=2, data="ties_positive",
             indices="tensor"),
    ort_case("max2d_f64", "max", (7, 8), (2, 3), stride=(2, 2), padding=((1, 0), (0, 2)), channels=2, dtype="f64",
             indices="tensor"),
    ort_case("max3d", "max", (4, 5, 6), (2, 3, 2), stride=(2, 1, 2), padding=((1, 0), (0, 2), (1, 1)), indices="tensor"),
    ort_case("avg1d_dilated", "avg", (17,), (3,), opset=19, stride=(2,), padding=((2, 1),), dilation=(2,), channels=2),
    ort_case("avg2d_reported", "avg", (2, 2), (2, 2), stride=(1, 1), padding=((0, 1), (0, 1)), divisor="padded", bits=T,
             values=(1, 1, 1, 1), quoted=(1, .5, .5, .25)),
    ort_case("avg2d_include", "avg", (8, 9), (3, 4), stride=(2, 1), padding=((0, 2), (3, 1)), divisor="padded", channels=2),
    ort_case("avg2d_exclude", "avg", (8, 9), (3, 4), opset=11, stride=(2, 1), padding=((0, 2), (3, 1)), channels=2),
    ort_case("avg2d_ceil_include", "avg", (8, 9), (3, 4), stride=(3, 3), padding=((1, 0), (1, 2)), divisor="padded", ceil=T,
             channels=2),
    ort_case("avg2d_ceil_exclude", "avg", (8, 9), (3, 4), opset=19, stride=(3, 3), padding=((1, 0), (1, 2)), ceil=T,
             channels=2),
    ort_case("avg2d_dilated_include", "avg", (9, 10), (3, 3), stride=(2, 1), padding=((1, 2), (2, 0)), dilation=(2, 3),
             divisor="padded", channels=2),
    ort_case("avg2d_dilated_exclude", "avg", (9, 10), (2, 3), opset=19, stride=(2, 2), padding=((1, 1), (2, 0)),
             dilation=(3, 2), channels=2),
    ort_case("avg2d_same_lower", "avg", (9, 10), (4, 3), stride=(2, 3), padding="same_lower", channels=2),
    ort_case("avg3d_include", "avg", (4, 5, 6), (2, 3, 2), stride=(1, 2, 2), padding=((1, 0), (0, 2), (1, 1)),
             divisor="padded"),
    ort_case("lp2d_p1", "lp", (7, 8), (3, 2), stride=(2, 1), p=1, channels=2),
    ort_case("lp2d_p2_pads", "lp", (7, 8), (3, 3), stride=(2, 2), padding=((1, 0), (1, 2)), p=2, channels=2),
    ort_case("lp2d_p3_dilated", "lp", (8, 9), (2, 3), stride=(2, 1), padding=((1, 1), (0, 1)), dilation=(3, 2), p=3,
             channels=2),
    ort_case("lp1d_p3_ceil", "lp", (16,), (3,), stride=(3,), ceil=T, p=3, channels=2),
    ort_case("global_max2d", "max", (5, 7), batch=2, channels=3),
    ort_case("global_avg3d", "avg", (3, 4, 5), batch=2, channels=2),
    ort_case("global_lp2d", "lp", (5, 7), opset=21, p=2, batch=2, channels=3),
]

ONEDNN = [
    onednn_case("avg2d_ceil_reported", (7, 7), (2, 2), stride=(3, 3), ceil=T, values=tuple(range(49)), bits=T,
                quoted=(4, 7, 4.75, 25, 28, 15.25, 21.25, 22.75, 12)),
    onednn_case("avg2d_ceil", (8, 9), (3, 3), stride=(2, 3), padding=even(1, 1), ceil=T, channels=2),
    onednn_case("avg3d_ceil", (5, 6, 5), (2, 3, 3), stride=(2, 2, 1), padding=even(1, 1, 1), ceil=T),
]

NUMPY = [
    numpy_case("max1d_nwc_window", "max", (14,), (4,), stride=(2,), padding=((1, 2),), channels=5, last=T, indices="window"),
    numpy_case("max2d_window", "max", (8, 9), (3, 3), stride=(2, 1), padding=((1, 0), (2, 1)), dilation=(1, 2), channels=2,
               data="ties", indices="window"),
    numpy_case("min2d_nhwc_window", "min", (6, 5), (2, 3), stride=(1, 2), padding=((0, 1), (1, 0)), channels=7, last=T,
               indices="window"),
    numpy_case("max3d_window", "max", (4, 5, 5), (2, 2, 3), stride=(1, 2, 1), padding=((1, 0), (0, 1), (1, 1)),
               indices="window"),
    # Padding beyond the kernel: a dilated window still reaches the input.
    numpy_case("max2d_wide_pad", "max", (7, 8), (3, 2), stride=(2, 3), padding=((4, 3), (1, 3)), dilation=(2, 4), channels=2,
               indices="window"),
    numpy_case("max2d_ignore_nan", "max", (8, 9), (3, 3), stride=(2, 1), channels=2, data="some_nan", nan="ignore"),
    numpy_case("min2d_ignore_nan", "min", (8, 9), (3, 2), stride=(1, 2), channels=2, data="some_nan", nan="ignore"),
]

CASES = TORCH_MAX + TORCH_AVG + TORCH_LP + TORCH_ADAPTIVE + ORT + ONEDNN + NUMPY
