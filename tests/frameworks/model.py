"""One pooling layer, its spec in the .pool language, and its definition in plain numpy.

make.py lets frameworks compute the goldens; the model here is the second opinion that notices a wrong row of cases.py or a
framework's fault while the goldens are made. It is slow and literal: it lists the taps of every window by their positions
and never looks at what a framework or poolc does. Layouts and names follow docs/language.md.
"""
import math
from dataclasses import dataclass
from itertools import product

import numpy as np

# Rounding errors that a framework's kernel adds to those of the sum itself: the division; for Lp two calls of pow and what
# they amplify. The bound of a window is (number of terms + this) * epsilon * (sum of the absolute terms).
EXTRA_ROUNDINGS = {"avg": 4, "sum": 4, "lp": 16}


@dataclass
class Layer:
    """What a case computes. Per-axis values are tuples, outermost axis first; `None` leaves the key out of the spec."""

    name: str
    mode: str                  # max min avg sum lp
    shape: tuple               # input size of each spatial axis
    kernel: tuple = None       # None with `output` and for a global pool
    stride: tuple = None       # None: the kernel
    padding: object = None     # tuple of (begin, end), or "same", "same_lower", "valid"
    dilation: tuple = None
    output: tuple = None       # adaptive
    batch: int = 1
    channels: int = 1
    ceil: bool = False
    divisor: object = "taps"   # "taps", "padded" (count_include_pad), "window", or the integer of divisor_override
    p: float = None
    dtype: str = "f32"
    last: bool = False         # channels last
    nan: str = "propagate"
    indices: str = "none"      # none window plane tensor
    dialect: str = None        # only where its defaults say the same as the fields above, which then stay unwritten
    # Where the numbers come from.
    framework: str = "pytorch"
    opset: int = None          # ONNX Runtime
    data: str = "normal"       # which values x has (make.py: fill)
    values: tuple = None       # x itself, flat
    quoted: tuple = None       # y as a bug report prints it, flat
    bits: bool = False         # the result is one exact number, whatever the order of the sum

    @property
    def rank(self):
        return len(self.shape)

    @property
    def real(self):
        return np.float64 if self.dtype == "f64" else np.float32

    @property
    def window(self):
        return self.kernel or self.shape

    @property
    def tolerance(self):
        return "bits" if self.bits or self.mode in ("max", "min") else "sum"

    def pads(self):
        """Begin and end padding of each axis."""
        if self.padding in (None, "valid"):
            return [(0, 0)] * self.rank
        if not isinstance(self.padding, str):
            return list(self.padding)
        pads = []
        for size, kernel, stride in zip(self.shape, self.window, self.strides()):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            small = total // 2
            pads.append((small, total - small) if self.padding == "same" else (total - small, small))
        return pads

    def strides(self):
        return self.stride or self.window

    def dilations(self):
        return self.dilation or (1,) * self.rank

    def memory(self, planes):
        """An array (N, C, spatial) in the memory order of the layer, contiguous."""
        return np.ascontiguousarray(np.moveaxis(planes, 1, -1) if self.last else planes)

    def planes(self, memory):
        """The inverse of memory()."""
        return np.moveaxis(memory, -1, 1) if self.last else memory


def spec(layer, operator):
    """The layer as a .pool file with one pool."""
    def sizes(values):
        values = [str(v) for v in values]
        return values[0] if len(set(values)) == 1 else " x ".join(values)

    lines = [("mode", "lp %g" % layer.p if layer.mode == "lp" else layer.mode)]
    if layer.batch != 1:
        lines.append(("batch", layer.batch))
    if layer.channels != 1:
        lines.append(("channels", layer.channels))
    lines.append(("shape", " x ".join(map(str, layer.shape))))
    if layer.output:
        lines.append(("output", " x ".join(map(str, layer.output))))
    else:
        lines.append(("kernel", " x ".join(map(str, layer.kernel)) if layer.kernel else "global"))
    if layer.stride and not (layer.dialect == "onnx" and set(layer.stride) == {1}):
        lines.append(("stride", sizes(layer.stride)))
    if isinstance(layer.padding, str):
        lines.append(("padding", layer.padding))
    elif layer.padding:
        even = all(begin == end for begin, end in layer.padding)
        lines.append(("padding", sizes(b if even else "%d:%d" % (b, e) for b, e in layer.padding)))
    if layer.dilation:
        lines.append(("dilation", sizes(layer.dilation)))
    if layer.ceil:
        lines.append(("ceil_mode", "true"))
    if layer.divisor == "padded" and layer.dialect != "torch":
        lines.append(("count_include_pad", "true"))
    elif layer.divisor == "window":
        lines.append(("divisor", "window"))
    elif isinstance(layer.divisor, int):
        lines.append(("divisor_override", layer.divisor))
    if layer.dialect:
        lines.append(("dialect", layer.dialect))
    if layer.dtype != "f32":
        lines.append(("dtype", layer.dtype))
    if layer.last:
        lines.append(("layout", ("nwc", "nhwc", "ndhwc")[layer.rank - 1]))
    if layer.nan != "propagate":
        lines.append(("nan", layer.nan))
    if layer.indices != "none":
        lines.append(("indices", layer.indices))
    width = max(len(key) for key, _ in lines) + 1
    body = "".join("    %-*s%s\n" % (width, key, value) for key, value in lines)
    return "# the numbers beside this file: %s\npool %s {\n%s}\n" % (operator, layer.name, body)


def axis_windows(layer, axis):
    """For each output position of an axis: [(tap number, input position)] inside the input, and the number of taps that
    lie inside the input or its padding."""
    size = layer.shape[axis]
    windows = []
    if layer.output:
        out = layer.output[axis]
        for j in range(out):
            begin, end = j * size // out, -(-(j + 1) * size // out)
            windows.append(([(i - begin, i) for i in range(begin, end)], end - begin))
        return windows
    begin, end = layer.pads()[axis]
    kernel, stride, dilation = layer.window[axis], layer.strides()[axis], layer.dilations()[axis]
    start = -begin
    # A window must lie inside the padded input; with ceil_mode one more may hang over its end by less than a stride, if it
    # starts inside the input or the begin padding.
    while True:
        positions = [start + tap * dilation for tap in range(kernel)]
        over = positions[-1] - (size + end - 1)
        if over > 0 and not (layer.ceil and over < stride and start < size):
            break
        inside = [(tap, i) for tap, i in enumerate(positions) if 0 <= i < size]
        if not inside:
            raise ValueError("%s: window %d of axis %d has no tap" % (layer.name, len(windows), axis))
        windows.append((inside, sum(i < size + end for i in positions)))
        start += stride
    return windows


def evaluate(layer, x, dy):
    """y, indices (None without), dx, and the error bounds of y and dx, all (N, C, spatial). x and dy are too; `dy` is a
    function of the shape of y, or None: then dx and its bound are None. Bounds are zero where every bit is determined."""
    axes = [axis_windows(layer, a) for a in range(layer.rank)]
    out = (layer.batch, layer.channels) + tuple(len(a) for a in axes)
    y, y_bound = np.zeros(out, layer.real), np.zeros(out)
    indices = np.zeros(out, np.int64)
    dy = dy(out) if dy else None
    dx, dx_size, dx_terms = np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape, int)
    if layer.mode in ("max", "min"):
        dx = dx.astype(layer.real)
    grid = [max(len(w) for w, _ in a) for a in axes] if layer.output else layer.window
    epsilon = float(np.finfo(layer.real).eps)
    extra = EXTRA_ROUNDINGS.get(layer.mode, 0)
    most = 0
    for n, c in product(range(layer.batch), range(layer.channels)):
        for o in product(*(range(len(a)) for a in axes)):
            sides = [axes[a][j] for a, j in enumerate(o)]
            at = (n, c) + o
            taps = [(np.ravel_multi_index([t for t, _ in tap], grid), (n, c) + tuple(i for _, i in tap))
                    for tap in product(*(inside for inside, _ in sides))]
            g = layer.real(0) if dy is None else dy[at]
            if layer.mode in ("max", "min"):
                tap, source = select(layer, x, taps)
                y[at] = x[source]
                indices[at] = offset(layer, tap, source)
                dx[source] += g
                continue
            most = max(most, len(taps))
            terms = [float(x[source]) for _, source in taps]
            if layer.mode == "lp":
                total = math.fsum(abs(v) ** layer.p for v in terms)
                y[at] = total ** (1 / layer.p)
                weights = [math.copysign(abs(v) ** (layer.p - 1), v) * total ** (1 / layer.p - 1) for v in terms]
                size = float(y[at])
            else:
                divisor = divide_by(layer, sides, len(taps))
                total = math.fsum(terms) if np.isfinite(terms).all() else sum(terms)
                y[at] = total / divisor
                if layer.bits and float(y[at]) * divisor != total:
                    raise ValueError("%s: a quotient is rounded: not a case for `bits`" % layer.name)
                weights = [1 / divisor] * len(taps)
                size = sum(map(abs, terms)) / abs(divisor)
            y_bound[at] = 0 if layer.bits else (len(taps) + extra) * epsilon * size
            for (_, source), weight in zip(taps, weights):
                dx[source] += float(g) * weight
                dx_size[source] += abs(float(g) * weight)
                dx_terms[source] += 1
    # A weight of Lp holds y and so the roundings of a whole window.
    carried = most if layer.mode == "lp" else 0
    dx_bound = np.zeros(x.shape) if layer.bits else (dx_terms + 2 * extra + carried) * epsilon * dx_size
    return (y, indices if layer.indices != "none" else None, None if dy is None else dx.astype(layer.real),
            y_bound, dx_bound)


def select(layer, x, taps):
    """The tap that max or min takes: the first extreme value; the last NaN where there is one, unless they are skipped."""
    if layer.nan == "ignore":
        taps = [tap for tap in taps if not np.isnan(x[tap[1]])]
    best = taps[0]
    for tap in taps[1:]:
        value, old = x[tap[1]], x[best[1]]
        if np.isnan(value) or (value > old if layer.mode == "max" else value < old):
            best = tap
    return best


def offset(layer, tap, source):
    """Where `source` (n, c, spatial) lies, as the layer's `indices` counts."""
    n, c, *spatial = source
    plane = int(np.ravel_multi_index(spatial, layer.shape))
    area = math.prod(layer.shape)
    if layer.indices == "tensor":
        return (n * area + plane) * layer.channels + c if layer.last else (n * layer.channels + c) * area + plane
    return tap if layer.indices == "window" else plane


def divide_by(layer, sides, taps):
    """What the sum of one window is divided by."""
    if layer.mode == "sum":
        return 1
    if layer.divisor == "padded":
        return math.prod(padded for _, padded in sides)
    if layer.divisor == "window":
        return math.prod(layer.window)
    return taps if layer.divisor == "taps" else layer.divisor


def same_bits(a, b):
    """Equal in every bit, any NaN equal to any NaN."""
    kind = {4: np.uint32, 8: np.uint64}[a.dtype.itemsize]
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and bool(((a.view(kind) == b.view(kind)) | ((a != a) & (b != b))).all())


def difference(a, b, bound):
    """The largest |a - b| / bound (0 where both are equal or both NaN; infinite where the bound is exceeded at 0)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(a.astype(float) - b.astype(float))
        error = np.where((a == b) | ((a != a) & (b != b)), 0, error / bound)
    return float(np.where(error != error, np.inf, error).max())
