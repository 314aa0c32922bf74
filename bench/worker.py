"""worker.py - a library under measurement that is reached from Python; worker.c is the same for C and explains the commands.

The loop around the library's call costs about 0.1 us a turn; "empty" measures that and what the library itself adds.
"""
import ctypes
import gc
import itertools
import mmap
import os
import sys
import time

import numpy as np

ALIGN, GAP = 64, 9 * 64           # of the buffers, as in worker.c
ROUNDINGS = 64                    # check() in worker.c
FORWARD, TRAIN, BACKWARD = range(3)


class Layer:
    """The fields of struct bench_layer; the axes are those that the layer has."""

    def __init__(self, text):
        numbers = [int(word) for word in text.split()[:28]]
        self.average, self.count_pad, self.last = map(bool, numbers[:3])
        self.rank, self.batch, self.channels = numbers[3:6]
        rows = [numbers[6 + 3 * i:9 + 3 * i][3 - self.rank:] for i in range(7)]
        self.size, self.out, self.kernel, self.stride, self.dilation, self.pad, end = rows
        self.pad_end = [max(0, e) for e in end]
        self.state_bytes = numbers[27]
        self.is_global = self.out == [1] * self.rank and self.kernel == self.size and not any(self.pad)

    def shape(self, plane):
        """Of a tensor of the layer, as it lies in memory."""
        if self.last:
            return [self.batch, *plane, self.channels]
        return [self.batch, self.channels, *plane]


class Unable(Exception):
    """The library cannot do what is asked."""


class Buffers:
    """The parts of the shared file as arrays."""

    def __init__(self, memory, layer):
        x, y = layer.shape(layer.size), layer.shape(layer.out)
        y_bytes = 4 * int(np.prod(y))
        used = 0
        for name, shape, size in (("x", x, 4 * int(np.prod(x))), ("y", y, y_bytes),
                                  ("state", None, y_bytes // 4 * layer.state_bytes), ("dy", y, y_bytes),
                                  ("dx", x, 4 * int(np.prod(x))), ("want_y", y, y_bytes)):
            if shape:
                setattr(self, name, np.frombuffer(memory, np.float32, size // 4, used).reshape(shape))
            used += -(-size // ALIGN) * ALIGN + GAP


class Worker:
    """`library` has version(), prepare(layer, pass, buffers), which gives the function to call, result(), which gives what
    the last call computed, and empty(), which gives the function that costs nothing."""

    def __init__(self, library, path, threads):
        file = os.open(path, os.O_RDWR)
        self.memory = mmap.mmap(file, os.fstat(file).st_size)
        self.library, self.threads, self.call = library, threads, None

    def version(self, _):
        return self.library.version()

    def layer(self, text):
        self.shape = Layer(text)
        self.buffers = Buffers(self.memory, self.shape)

    def prepare(self, text):
        self.call = None
        self.call = self.library.prepare(self.shape, int(text), self.buffers)

    def empty(self, _):
        self.call = self.library.empty()

    def check(self, _):
        want = self.buffers.want_y
        self.buffers.y.fill(np.nan)
        self.call()
        found = self.library.result(self.buffers)
        tolerance = ROUNDINGS * np.finfo(np.float32).eps if self.shape.average else 0
        good = np.abs(found - want) <= tolerance * (1 + np.abs(want))
        if not good.all():
            raise Unable("computes something else: %d of %d values" % ((~good).sum(), good.size))

    def run(self, text):
        call, turns = self.call, itertools.repeat(None, int(text))
        if self.threads > 1:
            time.sleep(0.002)     # wait_for_others() in worker.c
        call()
        begin = time.perf_counter_ns()
        for _ in turns:
            call()
        return str(time.perf_counter_ns() - begin)


def work(make):
    """The main program: `make(threads)` gives the library."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)                 # a library may print
    threads = int(sys.argv[2])
    worker = Worker(make(threads), sys.argv[1], threads)
    gc.disable()
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        try:
            answer = getattr(worker, command)(rest)
            answers.write("ok %s\n" % answer if answer else "ok\n")
        except Exception as error:  # whatever a library throws is its answer
            answers.write("no %s\n" % (str(error) or type(error).__name__).splitlines()[0])
