"""layers.py - which layers are measured, and poolc's kernels for them as shared objects."""
import csv
import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
AXES = "DHW"
PASSES = ("forward", "train", "backward")        # enum bench_pass
LAYOUTS = ("first", "last")                       # the names of the pools in the specs written here
CC_FLAGS = ["-std=gnu11", "-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"]


class Failed(Exception):
    """A program that is needed said no."""


def output_of(command, **keys):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **keys)
    if done.returncode:
        raise Failed("%s\n%s" % (" ".join(map(str, command)), done.stderr.strip()[:2000]))
    return done.stdout


@dataclass
class Layer:
    """One layer; per-axis values are tuples of three, outermost first, 1 where the layer has no such axis."""
    group: str                  # "named", or "real" of the file of shapes
    name: str
    average: bool
    rank: int
    channels: int
    size: tuple
    out: tuple
    kernel: tuple
    stride: tuple
    dilation: tuple
    pad: tuple                  # of (begin, end), as written
    ceil: bool = False
    count_pad: bool = False

    def key(self):
        """Equal for layers that compute the same."""
        return (self.average, self.rank, self.channels, self.size, self.out, self.kernel, self.stride, self.dilation,
                self.pad, self.ceil, self.count_pad)

    def pad_end(self):
        """The padding with which the sizes come out; negative where the last positions are in no window."""
        return tuple((o - 1) * s + (k - 1) * d + 1 - i - p[0] for i, o, k, s, d, p in
                     zip(self.size, self.out, self.kernel, self.stride, self.dilation, self.pad))

    def counts(self):
        x = y = self.channels
        for i, o in zip(self.size, self.out):
            x, y = x * i, y * o
        return x, y

    def spec(self):
        """The layer as a .pool file, in both layouts."""
        used = slice(3 - self.rank, 3)
        pads = " x ".join("%d:%d" % p for p in self.pad[used])

        def sizes(values):
            return " x ".join(map(str, values[used]))
        keys = ["mode %s" % ("avg" if self.average else "max"), "channels %d" % self.channels, "shape " + sizes(self.size),
                "kernel " + sizes(self.kernel), "stride " + sizes(self.stride), "dilation " + sizes(self.dilation),
                "padding " + pads]
        keys += ["ceil_mode true"] if self.ceil else []
        keys += ["count_include_pad true"] if self.count_pad else []
        return "".join("pool %s { %s; layout channels_%s }\n" % (layout, "; ".join(keys), layout) for layout in LAYOUTS)

    def numbers(self, layout, state_bytes):
        """What a worker is told: see note [commands] in worker.c."""
        rows = (self.size, self.out, self.kernel, self.stride, self.dilation, tuple(p[0] for p in self.pad), self.pad_end())
        head = (self.average, self.count_pad, layout == "last", self.rank, 1, self.channels)
        return " ".join(str(int(v)) for v in (*head, *(v for row in rows for v in row), state_bytes))

    def line(self):
        """For people."""
        used = slice(3 - self.rank, 3)

        def short(values):
            values = values[used]
            return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))
        pads = [p if p[0] != p[1] else p[0] for p in self.pad[used]]
        pads = ["%d:%d" % p if isinstance(p, tuple) else str(p) for p in pads]
        pad = pads[0] if len(set(pads)) == 1 else "x".join(pads)
        text = "%dx%s %s %s" % (self.channels, "x".join(map(str, self.size[used])), "avg" if self.average else "max",
                                short(self.kernel))
        if self.size == self.kernel and pad == "0":
            return text
        return text + " s" + short(self.stride) + ("" if pad == "0" else " p" + pad)


def read_dump(text, group, prefix):
    """The layers of `poolc build --emit layer` that can be measured: ordinary windows, maxima and averages."""
    for block in re.split(r"^layer ", text, flags=re.M)[1:]:
        facts = dict(re.findall(r"^  (\w+) (.*)$", block, flags=re.M))
        axes = [re.search(r"^  axis %s: (\d+) -> (\d+), window (\d+), stride (\d+), dilation (\d+), pad (\d+):(\d+)" % a,
                          block, flags=re.M) for a in AXES]
        if facts["mode"] not in ("max", "avg") or facts["divisor"] not in ("taps", "padded") or not all(axes):
            continue
        rows = list(zip(*([int(v) for v in axis.groups()] for axis in axes)))
        if 0 in rows[3]:            # adaptive windows have no stride
            continue
        if facts["adaptive"] == "false":  # as it was written: of one window poolc's facts say how far it could reach
            written = [int(v) for v in facts["stride"].split(" x ")]
            rows[3] = (1,) * (len(AXES) - len(written)) + tuple(written)
        yield Layer(group, prefix + block.split()[0], facts["mode"] == "avg", int(facts["rank"]), int(facts["channels"]),
                    *rows[:5], tuple(zip(rows[5], rows[6])), facts["ceil_mode"] == "true", facts["divisor"] == "padded")


def named(poolc, examples):
    """The layers of networks.txt, in its order."""
    wanted = [line.strip() for line in (HERE / "networks.txt").read_text().splitlines() if line and line[0] != "#"]
    found = {}
    for spec in sorted({name.split(".")[0] for name in wanted}):
        dump = output_of([poolc, "build", examples / (spec + ".pool"), "--emit", "layer"])
        found.update((layer.name, layer) for layer in read_dump(dump, "named", spec + "."))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Failed("networks.txt names what the examples lack: " + ", ".join(missing))
    return [found[name] for name in wanted]


REAL_NETWORKS = "dl_fwks"          # how the names of the file's anonymous networks begin; the others are named or made up
REAL_BYTES_MAX = 64 << 20         # of the input: one picture of what was measured in batches


def real(path):
    """The anonymous layers of a file of shapes, each once, without their batch; a name is key_NUMBER_MODES. Those are left
    out that no padding describes, and those that are very large."""
    def mode_of(word):
        return {"max": (False, False), "avg_np": (True, False), "avg_p": (True, True)}[word]
    seen, layers = set(), []
    with open(path, encoding="ascii", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["network"].startswith(REAL_NETWORKS)]
    for row in rows:
        def axes(prefix, row=row):
            return tuple(int(row[prefix + a]) for a in "dhw")
        size, out, kernel, stride, begin = map(axes, ("i", "o", "k", "s", "p"))
        kind, number, modes = row["name"].split("_", 2)
        for word in modes.split("+"):
            average, count_pad = mode_of(word)
            layer = Layer("real", "%s_%s_%s" % (kind, number, word), average, 3 if size[0] > 1 or kernel[0] > 1 else 2,
                          int(row["ic"]), size, out, kernel, stride, tuple(d + 1 for d in axes("d")),
                          tuple((p, p) for p in begin), count_pad=count_pad)
            ends = layer.pad_end()
            layer.pad = tuple((p, max(0, e)) for p, e in zip(begin, ends))
            fits = all(-s < e < k for e, s, k in zip(ends, stride, kernel)) and 4 * layer.counts()[0] <= REAL_BYTES_MAX
            if fits and layer.key() not in seen:
                seen.add(layer.key())
                layers.append(layer)
    return layers


def shim(header):
    """Functions of one type for the kernels of the generated header, as worker_poolc.c looks for them."""
    text = '#include "kernels.h"\n#include "worker.h"\n'
    kernels = re.findall(r"\bk_(first|last)_(forward_train|forward|backward)(_part)?\(([^)]*)\);", header)
    if not kernels:
        raise Failed("the generated header declares no kernels")
    for layout, kind, part, parameters in kernels:
        names = [parameter.split()[-1].lstrip("*") for parameter in parameters.split(",")]
        share = iter(("part", "parts"))
        values = ["b->" + name if name in ("x", "y", "state", "dy", "dx") else next(share) for name in names]
        head = "void call_%s_%s%s(const struct bench_buffers *b%s)" % (layout, kind, part,
                                                                        ", int part, int parts" if part else "")
        text += "%s;\n%s {\n    k_%s_%s%s(%s);\n}\n" % (head, head, layout, kind, part, ", ".join(values))
    return text


@dataclass
class Kernels:
    """poolc's kernels of a layer."""
    object: Path
    state_bytes: int


def build(layer, poolc, options, cache):
    """Generates and compiles the kernels, unless the cache has them."""
    folder = cache / hashlib.sha256(repr((layer.key(), options)).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "kernels.pool"
    spec.write_text(layer.spec())
    output_of([poolc, "build", spec, "-o", folder, "--prefix", "k", "--quiet", *options])
    header, source = ((folder / ("kernels" + end)).read_text() for end in (".h", ".c"))
    calls = shim(header)
    compiler = os.environ.get("CC", "cc").split()
    command = [*compiler, *CC_FLAGS, "-I", HERE, folder / "kernels.c", folder / "calls.c", "-lm"]
    stamp = hashlib.sha256("\0".join([source, calls, *map(str, command)]).encode()).hexdigest()[:16]
    shared = folder / (stamp + ".so")
    if not shared.exists():
        (folder / "calls.c").write_text(calls)
        for old in folder.glob("*.so"):
            old.unlink()
        output_of([*command, "-o", folder / "new"])
        (folder / "new").rename(shared)
    state = re.search(r"uint(\d+)_t \*state", header)
    return Kernels(shared, int(state.group(1)) // 8 if state else 1)
