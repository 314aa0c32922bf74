#!/usr/bin/env python3
"""Makes the inputs of examples/lesson.pool and the results that a reader can work out by hand.

Needs nothing but Python: an .npy file is a short header and the numbers.  The numbers below are typed in, not computed, so
that they check poolc and not a second program of ours.  Run it in any folder; the files go beside the script.
"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
NAN = float("nan")
CODES = {"<f4": "f", "<i4": "i"}


def save(name, values, kind="<f4"):
    """Writes rows of numbers as one channel of one picture: shape (1, 1, rows, columns)."""
    shape = (1, 1, len(values), len(values[0]))
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % (kind, shape)
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"  # the numbers begin at a multiple of 64 bytes
    flat = [value for row in values for value in row]
    body = struct.pack("<%d%s" % (len(flat), CODES[kind]), *flat)
    (HERE / (name + ".npy")).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)


# Inputs.
save("nine", [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
save("sixteen", [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]])
save("ties", [[1, 1, 0], [1, 1, 2], [2, NAN, 2]])
save("dy_ones", [[1, 1], [1, 1]])
save("dy_count", [[1, 2], [3, 4]])

# What lesson.pool makes of them: LAYER.y, or LAYER.dx for the backward pass.
save("max2.y", [[4, 5], [7, 8]])
save("avg2.y", [[2, 3], [5, 6]])
save("max3.y", [[10]])
save("max3_padded.y", [[5, 7], [13, 15]])
save("max2x3.y", [[5, 7], [13, 15]])
save("avg3_padded.y", [[10 / 9, 24 / 9], [51 / 9, 90 / 9]])
save("avg3_inside.y", [[10 / 4, 24 / 6], [51 / 6, 90 / 9]])
save("max2_where.y", [[1, 2], [NAN, NAN]])
save("max2_where.indices", [[0, 5], [7, 7]], "<i4")
save("max2.dx", [[0, 0, 0], [0, 1, 1], [0, 1, 1]])
save("avg2.dx", [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])
save("max2_apart.dx", [[0, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 0], [0, 3, 0, 4]])
save("avg2_apart.dx", [[0.25, 0.25, 0.5, 0.5], [0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 1, 1], [0.75, 0.75, 1, 1]])
