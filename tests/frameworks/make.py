#!/usr/bin/env python3
"""Makes the goldens of this folder: small pooling layers computed by PyTorch, ONNX Runtime, oneDNN and numpy.

    python3 make.py             compute every case and write cases/ and manifest.csv
    python3 make.py --check     compute every case and compare with what is stored, bit by bit
    python3 make.py --verify    compare what is stored with the numpy model alone; needs no framework

Every number, also one that is stored already, is compared with model.py, which computes the layer from its definition. The
same versions on the same kind of machine give the same bytes: inputs come from a generator seeded with the name of the case,
and frameworks run in one thread. Exit status 1 means that something differs. README.md tells how to get the frameworks.
"""
import argparse
import csv
import io
import os
import sys
import zlib
from collections import Counter

import numpy as np

from cases import CASES
from model import difference, evaluate, same_bits, spec

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "cases")
MANIFEST = os.path.join(HERE, "manifest.csv")
SUFFIXES = ("x", "y", "indices", "dy", "dx")

# An opset is older than this format; the newest that every listed version of ONNX Runtime reads.
ONNX_IR_VERSION = 10


# ---- inputs ------------------------------------------------------------------------------------------------------------

def generator(layer, purpose):
    """RandomState, not default_rng: numpy promises that its stream never changes."""
    return np.random.RandomState(zlib.crc32(("%s.%s" % (layer.name, purpose)).encode()))


def fill(layer):
    """x as (N, C, spatial)."""
    shape = (layer.batch, layer.channels) + layer.shape
    if layer.values:
        return np.array(layer.values, layer.real).reshape(shape)
    random = generator(layer, "x")
    x = random.standard_normal(shape)
    if layer.data == "positive":
        x = np.abs(x) + 0.125
    elif layer.data == "ties":
        x = random.randint(-1, 2, shape).astype(float)
    elif layer.data == "ties_positive":
        x = random.randint(1, 4, shape).astype(float)
    elif layer.data == "zeros":
        x = np.copysign(0.0, x)
    elif layer.data == "eighths":
        x = random.randint(-64, 65, shape) / 8
    elif layer.data in ("special", "few_special"):
        # Max and min: so dense that some windows hold two NaN, which tells the last from the first, and some hold none.
        # Sums: so sparse that most windows stay finite.
        share = 0.25 if layer.data == "special" else 0.08
        tiny = float(np.finfo(layer.real).smallest_subnormal)
        hard = np.array([np.nan, np.nan, np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, 1.0, 1.0, -1.0])
        x = np.where(random.uniform(size=shape) < share, random.choice(hard, shape), x)
    elif layer.data == "some_nan":
        x = np.where(random.uniform(size=shape) < 0.2, np.nan, x)
    return x.astype(layer.real)


def incoming(layer):
    """A function that makes dy for the shape of y; in eighths where the result is to be exact."""
    def dy(shape):
        random = generator(layer, "dy")
        return (random.randint(-64, 65, shape) / 8 if layer.bits else random.standard_normal(shape)).astype(layer.real)
    return dy


# ---- frameworks: each takes x (N, C, spatial) and gives (operator, y, indices or None, dx or None) -----------------------

def run_torch(layer, x, dy):
    """PyTorch, forward and autograd. Min is -max(-x), a sum is an average with the divisor 1."""
    import torch
    import torch.nn.functional as functional
    torch.set_num_threads(1)
    tensor = torch.from_numpy(layer.memory(x).copy())
    if layer.last:
        # A view with the strides of a channels-last tensor: PyTorch then runs its channels-last kernel.
        tensor = tensor.movedim(-1, 1)
    tensor.requires_grad_(True)
    source = -tensor if layer.mode == "min" else tensor
    kind = {"min": "max", "sum": "avg"}.get(layer.mode, layer.mode)
    pads = tuple(begin for begin, _ in layer.pads())
    found = None
    if layer.output:
        operator = "adaptive_%s_pool%dd" % (kind, layer.rank)
        call = getattr(functional, operator)
        result = call(source, layer.output, return_indices=True) if kind == "max" else call(source, layer.output)
    elif kind == "max":
        operator = "max_pool%dd" % layer.rank
        result = getattr(functional, operator)(source, layer.window, layer.strides(), pads, layer.dilations(), layer.ceil,
                                               return_indices=True)
    elif kind == "avg":
        operator = "avg_pool%dd" % layer.rank
        more = {}
        if layer.mode == "sum" or isinstance(layer.divisor, int):
            more["divisor_override"] = 1 if layer.mode == "sum" else layer.divisor
        result = getattr(functional, operator)(source, layer.window, layer.strides(), pads, layer.ceil,
                                               layer.divisor == "padded", **more)
    else:
        operator = "lp_pool%dd" % layer.rank
        # The 1-d function wants plain numbers.
        window, stride = (layer.window, layer.strides()) if layer.rank > 1 else (layer.window[0], layer.strides()[0])
        result = getattr(functional, operator)(source, layer.p, window, stride, layer.ceil)
    if kind == "max":
        result, found = result
        found = found.numpy()
    if layer.mode == "min":
        result = -result
    gradient, = torch.autograd.grad(result, tensor, torch.from_numpy(dy(tuple(result.shape))))
    # + 0.0: the two negations of min leave -0 where no window chose an element.
    return "torch.nn.functional." + operator, result.detach().numpy(), found, gradient.numpy() + layer.real(0)


def run_onednn(layer, x, dy):
    """oneDNN's average that includes the padding, through PyTorch's mkldnn tensors; forward only."""
    import torch
    import torch.nn.functional as functional
    torch.set_num_threads(1)
    operator = "avg_pool%dd" % layer.rank
    result = getattr(functional, operator)(torch.from_numpy(x).to_mkldnn(), layer.window, layer.strides(),
                                           tuple(begin for begin, _ in layer.pads()), layer.ceil, True)
    return "pooling_avg_include_padding by torch.nn.functional." + operator, result.to_dense().numpy(), None, None


def run_onnxruntime(layer, x, dy):
    """One ONNX node, no graph optimisation, so that the named operator itself runs; forward only."""
    import onnx
    import onnxruntime
    from onnx import helper
    name = {"max": "MaxPool", "avg": "AveragePool", "lp": "LpPool"}[layer.mode]
    attributes = {}
    if layer.kernel:
        attributes.update(kernel_shape=layer.kernel, ceil_mode=int(layer.ceil))
        # The dialect's row leaves the strides to ONNX's default, as its spec leaves them to poolc's.
        if layer.dialect != "onnx":
            attributes["strides"] = layer.strides()
        if layer.dilation:
            attributes["dilations"] = layer.dilation
        if isinstance(layer.padding, str):
            attributes["auto_pad"] = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}[layer.padding]
        elif layer.padding:
            attributes["pads"] = [b for b, _ in layer.padding] + [e for _, e in layer.padding]
        if layer.mode == "avg":
            attributes["count_include_pad"] = int(layer.divisor == "padded")
    else:
        name = "Global" + name
    if layer.mode == "lp":
        attributes["p"] = int(layer.p)
    outputs = ["y", "indices"] if layer.indices != "none" else ["y"]
    element = onnx.TensorProto.DOUBLE if layer.dtype == "f64" else onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(o, onnx.TensorProto.INT64 if o == "indices" else element, None) for o in outputs]
    graph = helper.make_graph([helper.make_node(name, ["x"], outputs, **attributes)], layer.name,
                              [helper.make_tensor_value_info("x", element, x.shape)], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", layer.opset)], ir_version=ONNX_IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, {"x": x})
    return "%s opset %d" % (name, layer.opset), results[0], results[1] if len(results) > 1 else None, None


def run_numpy(layer, x, dy):
    """numpy's own window views and reductions: for what no framework has. Plain (floor) windows; forward only."""
    sign = -1 if layer.mode == "min" else 1
    padded = np.pad(x, [(0, 0), (0, 0)] + layer.pads(), constant_values=-sign * np.inf)
    extents = [d * (k - 1) + 1 for d, k in zip(layer.dilations(), layer.window)]
    spatial = tuple(range(2, 2 + layer.rank))
    view = np.lib.stride_tricks.sliding_window_view(padded, extents, spatial)
    every = tuple(slice(None, None, s) for s in layer.strides())
    taps = tuple(slice(None, None, d) for d in layer.dilations())
    view = view[(slice(None),) * 2 + every + taps]
    flat = view.reshape(view.shape[:2 + layer.rank] + (-1,))
    if layer.nan == "ignore":
        name = "fmax" if layer.mode == "max" else "fmin"
        return "numpy.%s.reduce" % name, getattr(np, name).reduce(flat, axis=-1), None, None
    name = "arg" + layer.mode
    found = getattr(np, name)(flat, axis=-1)
    y = np.take_along_axis(flat, found[..., None], -1)[..., 0]
    return "numpy.%s of sliding_window_view" % name, y, found, None


def version_of(framework):
    if framework == "numpy":
        return np.__version__
    if framework == "onnxruntime":
        import onnxruntime
        return onnxruntime.__version__
    import torch
    if framework == "pytorch":
        return torch.__version__
    for line in torch.__config__.show().splitlines():
        if "MKL-DNN" in line or "oneDNN" in line:
            return next(word for word in line.split() if word.startswith("v") and word[1:2].isdigit())[1:]
    return "in PyTorch " + torch.__version__


RUNNERS = {"pytorch": run_torch, "onednn": run_onednn, "onnxruntime": run_onnxruntime, "numpy": run_numpy}


# ---- one case ----------------------------------------------------------------------------------------------------------

def problems(layer, arrays, worst):
    """Compares a case's arrays, as (N, C, spatial), with the model; yields texts. Notes in `worst` how much of the bound was
    needed, per mode."""
    with np.errstate(invalid="ignore", over="ignore"):
        y, indices, dx, y_bound, dx_bound = evaluate(layer, arrays["x"], (lambda shape: arrays["dy"]) if "dy" in arrays
                                                     else None)
    for key, want, bound in (("y", y, y_bound), ("dx", dx, dx_bound)):
        if (want is None) != (key not in arrays):
            yield "%s is missing or not wanted" % key
        elif want is not None:
            got = arrays[key]
            if got.dtype != want.dtype or got.shape != want.shape:
                yield "%s is %s%s, the model has %s%s" % (key, got.dtype, got.shape, want.dtype, want.shape)
            elif layer.tolerance == "bits":
                if not same_bits(got, want):
                    yield "%s differs from the model" % key
            else:
                used = difference(got, want, bound)
                worst[layer.mode] = max(worst.get(layer.mode, 0), used)
                if used > 1:
                    yield "%s differs from the model by %.3g times the bound" % (key, used)
    if (indices is None) != ("indices" not in arrays):
        yield "indices are missing or not wanted"
    elif indices is not None and not np.array_equal(arrays["indices"], indices):
        yield "indices differ from the model"
    if layer.quoted and not np.allclose(arrays["y"].ravel(), layer.quoted, rtol=0, atol=0.5e-4):
        yield "y is not what the report quotes"


def compute(layer):
    """Runs a case in its framework: (operator, arrays as (N, C, spatial))."""
    x, dy = fill(layer), incoming(layer)
    operator, y, indices, dx = RUNNERS[layer.framework](layer, x, dy)
    arrays = {"x": x, "y": y}
    if layer.indices != "none":
        arrays["indices"] = indices.astype(np.int64)
    if dx is not None:
        arrays.update(dy=dy(y.shape), dx=dx)
    return operator, arrays


def files_of(layer, operator, arrays):
    """{file name: bytes} of a case."""
    files = {layer.name + ".pool": spec(layer, operator).encode()}
    for key, array in arrays.items():
        out = io.BytesIO()
        memory = layer.memory(array)
        np.save(out, memory.astype(memory.dtype.newbyteorder("<")), allow_pickle=False)
        files["%s.%s.npy" % (layer.name, key)] = out.getvalue()
    return files


def stored(layer):
    """A case's arrays from the folder, as (N, C, spatial)."""
    arrays = {}
    for key in SUFFIXES:
        path = os.path.join(FOLDER, "%s.%s.npy" % (layer.name, key))
        if os.path.exists(path):
            arrays[key] = np.ascontiguousarray(layer.planes(np.load(path, allow_pickle=False)))
    return arrays


# ---- all cases ---------------------------------------------------------------------------------------------------------

def manifest(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("case", "framework", "version", "operator", "tolerance"))
    writer.writerows(rows)
    return out.getvalue().encode()


def make_all(worst):
    """Every case by its framework: ({file name: bytes}, the manifest, texts of what is wrong)."""
    files, rows, wrong = {}, [], []
    versions = {framework: version_of(framework) for framework in RUNNERS}
    for layer in CASES:
        operator, arrays = compute(layer)
        wrong += ["%s: %s" % (layer.name, text) for text in problems(layer, arrays, worst)]
        files.update(files_of(layer, operator, arrays))
        rows.append((layer.name, layer.framework, versions[layer.framework], operator, layer.tolerance))
    return files, manifest(rows), wrong


def write(files, table):
    """Writes all files, and removes those of cases that are gone."""
    os.makedirs(FOLDER, exist_ok=True)
    for name in sorted(os.listdir(FOLDER)):
        if name not in files:
            os.remove(os.path.join(FOLDER, name))
    for name, data in files.items():
        with open(os.path.join(FOLDER, name), "wb") as out:
            out.write(data)
    with open(MANIFEST, "wb") as out:
        out.write(table)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def compare(files, table):
    """Texts of what is stored otherwise."""
    names = set(files) | set(os.listdir(FOLDER))
    wrong = ["%s is not what the framework gives" % name for name in sorted(names)
             if files.get(name) != read(os.path.join(FOLDER, name))]
    return wrong + (["manifest.csv differs"] if read(MANIFEST) != table else [])


def verify(worst):
    """Texts of what the stored files hold other than the model and the rows of cases.py say."""
    with open(MANIFEST, newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    wrong, expected = [], set()
    for layer in CASES:
        row, arrays = rows.pop(layer.name, None), stored(layer)
        if not row or "x" not in arrays or "y" not in arrays:
            wrong.append("%s is not stored" % layer.name)
            continue
        if (row["framework"], row["tolerance"]) != (layer.framework, layer.tolerance):
            wrong.append("%s: manifest.csv differs" % layer.name)
        if not same_bits(arrays["x"], fill(layer)):
            wrong.append("%s: x is not what the generator gives" % layer.name)
        if read(os.path.join(FOLDER, layer.name + ".pool")) != spec(layer, row["operator"]).encode():
            wrong.append("%s: the spec differs" % layer.name)
        wrong += ["%s: %s" % (layer.name, text) for text in problems(layer, arrays, worst)]
        expected |= {layer.name + ".pool"} | {"%s.%s.npy" % (layer.name, key) for key in arrays}
    wrong += ["%s is in manifest.csv only" % name for name in rows]
    return wrong + ["%s belongs to no case" % name for name in sorted(set(os.listdir(FOLDER)) - expected)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="compute and compare with what is stored; write nothing")
    action.add_argument("--verify", action="store_true", help="compare what is stored with the model; no framework needed")
    options = parser.parse_args()
    if len({layer.name for layer in CASES}) != len(CASES):
        sys.exit("two cases have one name")
    worst = {}
    if options.verify:
        wrong = verify(worst)
    else:
        files, table, wrong = make_all(worst)
        if options.check:
            wrong += compare(files, table)
        elif not wrong:
            write(files, table)
    stored_files = [os.path.join(FOLDER, name) for name in (os.listdir(FOLDER) if os.path.isdir(FOLDER) else [])]
    print("%d cases: %s" % (len(CASES), ", ".join("%s %d" % pair for pair in Counter(c.framework for c in CASES).items())))
    print("%d files, %.1f KiB" % (len(stored_files), sum(map(os.path.getsize, stored_files)) / 1024))
    print("used of the error bound: " + ", ".join("%s %.2f" % pair for pair in sorted(worst.items())))
    for text in wrong:
        print("wrong: " + text)
    print("%d wrong%s" % (len(wrong), "; nothing written" if wrong and not (options.verify or options.check) else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
