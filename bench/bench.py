#!/usr/bin/env python3
"""bench.py - poolc's kernels beside libraries, on the same buffers in one run; scripts/bench installs them and starts this.

One process for each library and number of threads (worker.h), all over one file in memory. For a layer, layout and pass
everybody is prepared and must compute what poolc computes, and then is measured in rounds: each round asks everybody for
one sample, beginning with another one, so that whatever drifts hits all alike. The median of the samples counts. Each line
of the results is one number; report.py makes the tables of them. docs/benchmarks.md says what is fair and what is not.
"""
import argparse
import concurrent.futures
import json
import math
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True     # the folder is the sources'
import layers as shapes  # noqa: E402

HERE = Path(__file__).resolve().parent
SAMPLE_NS = 1_500_000              # a sample is so many calls as take this long
CALLS_MAX = 100_000
SLOW_NS = 100_000_000              # a call that takes longer is taken once: nothing hangs on how exactly it is lost
IDLE_MIN = 0.9                     # of the processors, before the first measurement
QUICK = (r"^(resnet50\.stem|vgg16\.pool5|googlenet\.inception3a|inception_v3\.mixed_6bcde|yolo_spp\.spp9_13|"
         r"mobilenet_v2\.head)$")


@dataclass
class Library:
    """How a library's worker is started: a program of the build folder, or a script for the libraries' Python."""
    name: str
    program: str


LIBRARIES = [
    Library("limit", "bench_limit"),
    Library("poolc", "bench_poolc"),
    Library("onednn", "bench_onednn"),
    Library("pytorch", "bench_torch"),
    Library("openvino", "bench_openvino"),
    Library("onnxruntime", "worker_onnxruntime.py"),
    Library("litert", "worker_litert.py"),
]
NEEDED = ("limit", "poolc")


class Worker:
    """A running worker. no is why it cannot do what it was last prepared for, or None."""

    def __init__(self, library, command, memory, threads):
        processors = sorted(os.sched_getaffinity(0))
        mine = processors[-1:] if threads == 1 else processors
        self.library, self.threads, self.no, self.shape = library, threads, None, None
        self.start = lambda: subprocess.Popen([*map(str, command), memory, str(threads)], stdin=subprocess.PIPE,
                                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
                                              env={**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_PROC_BIND": "true",
                                                   "PYTHONDONTWRITEBYTECODE": "1"},
                                              preexec_fn=lambda: os.sched_setaffinity(0, mine))
        self.process = self.start()

    def tell(self, text):
        """The line of its answer, empty where it has none."""
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except BrokenPipeError:
            return ""

    def ask(self, *words):
        """(answer, None) or (None, why not). A worker that crashes is started again, with the same layer."""
        line = self.tell(" ".join(map(str, words)))
        if not line:
            self.close()
            status, self.process = self.process.returncode, self.start()
            if self.shape:
                self.tell(self.shape)
            return None, "crashed, with status %d" % status
        word, _, rest = line.strip().partition(" ")
        return (rest, None) if word == "ok" else (None, rest)

    def layer(self, numbers, kernels):
        """Says which layer comes; why not, or None."""
        self.shape = "layer %s %s" % (numbers, kernels.object)
        return self.ask(self.shape)[1]

    def prepare(self, kind):
        """Sets `no`: whether it can compute the pass, and computes what poolc computes."""
        self.no = self.ask("prepare", shapes.PASSES.index(kind))[1]
        if not self.no and self.library != "limit":
            self.no = self.ask("check")[1]

    def sample(self, calls):
        """Nanoseconds of one call."""
        answer, wrong = self.ask("run", calls)
        if wrong:
            raise shapes.Failed("%s: %s" % (self.library, wrong))
        return int(answer) / calls

    def close(self):
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@dataclass
class Team:
    """All workers of a number of threads."""
    threads: int
    workers: list = field(default_factory=list)


def start(options, memory, everyone):
    """A team for each number of threads; all workers are also added to `everyone`. Libraries that are not there are left
    out, and said so."""
    teams = []
    for threads in options.threads:
        team = Team(threads)
        teams.append(team)
        for library in LIBRARIES:
            if library.name not in NEEDED and library.name not in options.against:
                continue
            if library.program.endswith(".py"):
                command = [options.python, HERE / library.program]
                there = options.python and Path(options.python).exists()
            else:
                command = [options.workers / library.program]
                there = command[0].exists()
            worker = Worker(library.name, command, memory, threads) if there else None
            if worker:
                everyone.append(worker)
            wrong = worker.ask("version")[1] if worker else "is not installed"
            if wrong:
                say("%s: %s" % (library.name, wrong))
                if library.name in NEEDED:
                    raise shapes.Failed("without %s there is nothing to measure" % library.name)
                continue
            team.workers.append(worker)
    return teams


def say(text):
    print(text, file=sys.stderr, flush=True)


def calls_for(nanoseconds):
    return max(1, min(CALLS_MAX, math.ceil(SAMPLE_NS / max(1.0, nanoseconds))))


def measure(workers, rounds, limit_ns):
    """{worker: samples}. A sample that takes long is taken in fewer of the rounds, so that it takes limit_ns in all."""
    plan = {}
    for worker in workers:
        once = worker.sample(1)
        once = worker.sample(calls_for(once)) if once < SAMPLE_NS else once
        calls = calls_for(once)
        fits = min(rounds, max(1 if once > SLOW_NS else 3, int(limit_ns / ((calls + 1) * once))))
        plan[worker] = calls, rounds // fits
    samples = {worker: [] for worker in workers}
    for i in range(rounds):
        for k in range(len(workers)):
            worker = workers[(i + k) % len(workers) if i % 2 else (i - k) % len(workers)]
            calls, every = plan[worker]
            if i % every == 0:
                samples[worker].append(worker.sample(calls))
    return samples


def processor():
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.*)$", text, flags=re.M)
    lanes = [name for name in ("avx512f", "avx2", "asimd") if re.search(r"\b%s\b" % name, text)]
    return "%s, %d processors%s" % (found.group(1) if found else platform.machine(), len(os.sched_getaffinity(0)),
                                    ", " + lanes[0] if lanes else "")


def idle_share(seconds=1.0):
    """Of the processors' time, what nobody uses now; None where the system does not tell."""
    def ticks():
        return [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:]]
    try:
        before = ticks()
        time.sleep(seconds)
        spent = [b - a for a, b in zip(before, ticks())]
        return (spent[3] + spent[4]) / max(1, sum(spent))       # idle, and waiting for a disk
    except (OSError, ValueError, IndexError):
        return None


def head(teams, options):
    """The first line of the results: what is measured where, and what an empty call of each library costs."""
    versions, empty = {}, {}
    for worker in teams[0].workers:
        versions[worker.library] = worker.ask("version")[0]
        if worker.library not in NEEDED and not worker.ask("empty")[1]:
            worker.sample(CALLS_MAX // 50)
            empty[worker.library] = round(statistics.median(worker.sample(CALLS_MAX // 50) for _ in range(5)))
    compiler = shapes.output_of([*os.environ.get("CC", "cc").split(), "--version"]).splitlines()[0]
    return {"kind": "head", "date": time.strftime("%Y-%m-%d"), "processor": processor(), "system": platform.release(),
            "compiler": compiler, "flags": " ".join(shapes.CC_FLAGS[:4]), "versions": versions, "empty_ns": empty,
            "poolc_options": " ".join(options.poolc_options)}


def measure_layer(layer, kernels, judge, teams, options, write):
    """The judge is one more worker of poolc's, with one thread: what it computes is expected of all."""
    x, y = layer.counts()
    facts = {"group": layer.group, "layer": layer.name, "line": layer.line(), "average": layer.average,
             "kernel": max(layer.kernel), "stride": max(layer.stride), "global": layer.out == (1, 1, 1),
             "rank": layer.rank, "mib": round(4 * x / 2**20, 3)}
    for layout in shapes.LAYOUTS:
        if layout not in options.layouts:
            continue
        for worker in (judge, *(worker for team in teams for worker in team.workers)):
            wrong = worker.layer(layer.numbers(layout, kernels.state_bytes), kernels)
            if wrong:
                raise shapes.Failed("%s, %s: %s" % (layer.name, worker.library, wrong))
        judge.ask("fill")
        for kind in options.passes:
            if layer.average and kind == "train":
                continue                # it is the forward pass
            wrong = judge.ask("prepare", shapes.PASSES.index(kind))[1] or judge.ask("expect")[1]
            if wrong:
                say("%s %s, channels %s: poolc %s" % (layer.name, kind, layout, wrong))
                continue
            for team in teams:
                if team.threads > 1 and facts["mib"] < options.threads_from:
                    continue
                for worker in team.workers:
                    worker.prepare(kind)
                able = [worker for worker in team.workers if not worker.no]
                samples = measure(able, options.rounds, options.limit_ns)
                for worker in team.workers:
                    row = {"kind": "time", **facts, "layout": layout, "pass": kind, "threads": team.threads,
                           "library": worker.library}
                    if worker.no:
                        row["no"] = worker.no
                    else:
                        row["ns"] = round(statistics.median(samples[worker]), 2)
                        row["best"] = round(min(samples[worker]), 2)
                        row["samples"] = len(samples[worker])
                    write(row)


def arguments():
    parser = argparse.ArgumentParser(description="Measures poolc's kernels beside libraries.")
    names = [library.name for library in LIBRARIES if library.name not in NEEDED]

    def words(text):
        return [word for word in text.split(",") if word]
    parser.add_argument("--poolc", required=True, type=Path, help="the program")
    parser.add_argument("--workers", required=True, type=Path, help="the folder of the programs bench_...")
    parser.add_argument("--python", help="the Python that has ONNX Runtime and LiteRT")
    parser.add_argument("--work", required=True, type=Path, help="a folder for generated kernels, kept for the next run")
    parser.add_argument("-o", "--output", required=True, type=Path, help="the results, one JSON object to a line")
    parser.add_argument("--against", type=words, default=names, metavar="LIST",
                        help="only these libraries, separated by commas; of " + ", ".join(names))
    parser.add_argument("--layers", default="", metavar="REGEX", help="only layers with such names")
    parser.add_argument("--layouts", type=words, default=list(shapes.LAYOUTS), help="first, last, or both")
    parser.add_argument("--passes", type=words, default=list(shapes.PASSES), help="of forward, train, backward")
    parser.add_argument("--threads", type=lambda text: [int(word) for word in words(text)], metavar="LIST",
                        help="default: 1,2")
    parser.add_argument("--threads-from", type=float, default=1, metavar="MIB",
                        help="more threads than one only for layers whose input is as large; default: 1")
    parser.add_argument("--rounds", type=int, help="samples of each; default: 15")
    parser.add_argument("--quick", action="store_true", help="few layers, one thread, few samples: less than a minute")
    parser.add_argument("--shapes", type=Path, metavar="FILE", help="the layers of this CSV file instead of the named ones")
    parser.add_argument("--poolc-options", type=str.split, default=None, metavar="OPTIONS",
                        help="more words for 'poolc build'; default: '--target native' where poolc knows it")
    options = parser.parse_args()
    unknown = [name for name in options.against if name not in names]
    if unknown:
        parser.error("no such library: " + ", ".join(unknown))
    for name, there in (("layouts", shapes.LAYOUTS), ("passes", shapes.PASSES)):
        if not set(getattr(options, name)) <= set(there):
            parser.error("--%s: of %s" % (name, ", ".join(there)))
    options.threads = options.threads or ([1] if options.quick else [1, 2])
    options.rounds = options.rounds or (7 if options.quick else 15)
    if options.quick and not options.layers:
        options.layers = QUICK
    options.poolc, options.workers, options.work = (path.resolve() for path in
                                                    (options.poolc, options.workers, options.work))
    options.limit_ns = options.rounds * 6 * SAMPLE_NS
    return options


def choose(options):
    found = shapes.real(options.shapes) if options.shapes else shapes.named(options.poolc, HERE.parent / "examples")
    found = [layer for layer in found if re.search(options.layers, layer.name)]
    if not found:
        raise shapes.Failed("no layer has such a name")
    return found


def native(poolc):
    """--target native, from the day on which poolc has it."""
    targets = shapes.output_of([poolc, "list", "targets"])
    return ["--target", "native"] if re.search(r"^native\b", targets, flags=re.M) else []


def compile_all(found, options):
    """The kernels of all layers, two at a time. A layer that cannot be built is left out, and said so."""
    built = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        work = {pool.submit(shapes.build, layer, options.poolc, options.poolc_options, options.work): layer
                for layer in found}
        for i, done in enumerate(concurrent.futures.as_completed(work), 1):
            try:
                built[work[done].name] = done.result()
            except shapes.Failed as failed:
                say("%s: %s" % (work[done].name, failed))
            if i % 10 == 0:
                say("compiled %d of %d layers" % (i, len(found)))
    return built


def bytes_of(layer):
    """Of the shared file: five tensors and the state, each with room to align (worker.c)."""
    x, y = layer.counts()
    return 4 * (3 * x + 3 * y) + 8 * y + (1 << 16)


def run(options):
    if options.poolc_options is None:
        options.poolc_options = native(options.poolc)
    found = choose(options)
    built = compile_all(found, options)
    found = [layer for layer in found if layer.name in built]
    if not found:
        raise shapes.Failed("no layer was built")
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    everyone, begin = [], time.monotonic()
    with tempfile.NamedTemporaryFile(prefix="poolc-bench-", dir=folder) as memory, \
            open(options.output, "w", encoding="utf-8") as output:
        memory.truncate(max(map(bytes_of, found)))
        idle = idle_share()
        if idle is not None and idle < IDLE_MIN:
            say("others use %.0f %% of the processors: two threads, above all, will show that" % (100 - 100 * idle))

        def write(row):
            output.write(json.dumps(row) + "\n")
            output.flush()
        try:
            judge = Worker("poolc", [options.workers / "bench_poolc"], memory.name, 1)
            everyone.append(judge)
            teams = start(options, memory.name, everyone)
            write(head(teams, options))
            for i, layer in enumerate(found, 1):
                say("%4.0f s  %d/%d %s" % (time.monotonic() - begin, i, len(found), layer.name))
                measure_layer(layer, built[layer.name], judge, teams, options, write)
        finally:
            for worker in everyone:
                worker.close()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))      # so that nothing is left in memory
    try:
        run(arguments())
    except shapes.Failed as reason:
        sys.exit("bench: %s" % reason)
