#!/usr/bin/env python3
"""Draws drawing.npy, the picture of the demo: a house, a tree, a fence and a sun, 224 x 224 RGB bytes (1, 3, 224, 224).

Drawn by this program so that it belongs to nobody else. It has what edge filters answer to: bricks, tiles, a fence, leaves,
slanting lines and soft gradients. Only additions, products, divisions and square roots are used, which every machine
rounds alike, so the file comes out the same everywhere. Needs nothing but Python.
"""
import math
import pathlib
import struct

SIZE = 224
SAMPLES = 2  # per pixel and axis: smooth edges

SKY_HIGH, SKY_LOW = (92, 152, 222), (206, 228, 246)
SUN, SUNRAY, CLOUD = (255, 214, 64), (255, 236, 160), (250, 250, 252)
HILL, MEADOW, MEADOW_DARK, PATH = (104, 150, 120), (110, 172, 74), (84, 140, 58), (206, 184, 140)
BRICK, BRICK_DARK, MORTAR = (186, 92, 70), (164, 76, 58), (222, 206, 190)
ROOF, ROOF_DARK, CHIMNEY = (122, 62, 52), (92, 46, 40), (140, 70, 58)
FRAME, GLASS, DOOR, KNOB = (246, 244, 236), (86, 118, 150), (74, 96, 66), (240, 206, 90)
TRUNK, TRUNK_DARK, LEAF, LEAF_DARK = (112, 80, 52), (84, 58, 38), (66, 128, 56), (42, 92, 44)
PICKET = (240, 236, 226)


def noise(x, y):
    """A fixed pseudo-random number in 0 .. 1 for a place: integer mixing, no state."""
    value = (x * 374761393 + y * 668265263 + 1442695041) & 0xFFFFFFFF
    value = ((value ^ (value >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((value ^ (value >> 16)) & 0xFFFF) / 65535


def blend(low, high, part):
    return tuple(a + (b - a) * part for a, b in zip(low, high))


def sky(x, y):
    dx, dy = x - 176, y - 40
    far = math.sqrt(dx * dx + dy * dy)
    if far < 18:
        return SUN
    # Twelve rays: a place is on one where it is near one of six lines through the sun's centre.
    if 23 < far < 34:
        for ax, ay in ((1, 0), (0, 1), (0.866, 0.5), (0.5, 0.866), (0.866, -0.5), (0.5, -0.866)):
            if abs(dx * ay - dy * ax) < 1.6:
                return SUNRAY
    for cx, cy, r in ((40, 34, 12), (54, 28, 15), (70, 34, 12), (98, 58, 9), (110, 54, 11), (122, 58, 8)):
        if (x - cx) ** 2 + ((y - cy) * 1.5) ** 2 < r * r:
            return CLOUD
    return blend(SKY_HIGH, SKY_LOW, min(y / 140, 1))


def hills(x, y):
    top = min(132 + (x - 50) ** 2 / 260, 140 + (x - 190) ** 2 / 300)
    return HILL if y > top else None


def ground(x, y):
    if y < 158:
        return None
    middle = 84 + (y - 176) * (y - 176) / 80
    if y > 176 and abs(x - middle) < 7 + (y - 176) / 5:
        return PATH if noise(int(x / 3), int(y / 3)) > 0.2 else blend(PATH, (150, 130, 96), 0.6)
    blade = noise(int(x / 2), int(y / 5))
    return MEADOW_DARK if blade > 0.72 else blend(MEADOW, (140, 196, 90), (y - 158) / 66)


def fence(x, y):
    if x < 136 or not 160 < y < 190:
        return None
    if 168 < y < 172 or 180 < y < 184:
        return PICKET
    inside = (x - 136) % 11
    tip = 160 + abs(inside - 3)
    return PICKET if inside < 6 and y > tip else None


def house(x, y):
    if 108 < x < 120 and 62 < y < 92:
        return CHIMNEY if y > 67 else BRICK_DARK
    # The roof: a triangle with rows of tiles, each row shifted by half a tile.
    if 68 < y < 108 and abs(x - 84) < (y - 66) * 1.45:
        row = int((y - 68) / 6)
        edge = (y - 68) % 6 < 1 or (x + 5 * (row % 2)) % 10 < 1
        return ROOF_DARK if edge else ROOF
    if not (36 < x < 132 and 108 <= y < 176):
        return None
    for left in (46, 104):
        if left <= x < left + 20 and 118 <= y < 142:
            bar = abs(x - left - 10) < 1.2 or abs(y - 130) < 1.2
            rim = x < left + 2 or x >= left + 18 or y < 120 or y >= 140
            shine = abs((x - left) - (142 - y)) < 2
            return FRAME if bar or rim else blend(GLASS, CLOUD, 0.5) if shine else GLASS
    if 74 <= x < 94 and 136 <= y < 176:
        if (x - 90) ** 2 + (y - 157) ** 2 < 3:
            return KNOB
        panel = 77 <= x < 91 and (140 <= y < 153 or 160 <= y < 172)
        return FRAME if x < 76 or x >= 92 or y < 138 else blend(DOOR, (40, 56, 36), 0.5) if panel else DOOR
    row = int((y - 108) / 5)
    if (y - 108) % 5 < 1 or (x + 5 * (row % 2)) % 10 < 1:
        return MORTAR
    return BRICK_DARK if noise(int((x + 5 * (row % 2)) / 10), row) > 0.6 else BRICK


def tree(x, y):
    for cx, cy, r in ((186, 100, 24), (168, 116, 18), (204, 116, 18), (186, 124, 22)):
        # A ragged outline: the radius differs from place to place.
        reach = r + 4 * noise(int(x / 4), int(y / 4)) - 2
        if (x - cx) ** 2 + (y - cy) ** 2 < reach * reach:
            return LEAF_DARK if noise(int(x / 3) + 7, int(y / 3)) > 0.6 else blend(LEAF, (120, 176, 84), (140 - y) / 80)
    if abs(x - 186) < 5 + max(0, y - 168) / 4 and 130 < y < 184:
        return TRUNK_DARK if int(x * 1.3 + noise(int(x / 2), int(y / 9)) * 2) % 3 == 0 else TRUNK
    return None


def colour(x, y):
    return fence(x, y) or tree(x, y) or house(x, y) or ground(x, y) or hills(x, y) or sky(x, y)


def main():
    planes = [bytearray(SIZE * SIZE) for _ in range(3)]
    for row in range(SIZE):
        for column in range(SIZE):
            total = [0, 0, 0]
            for part in range(SAMPLES * SAMPLES):
                x = column + (part % SAMPLES + 0.5) / SAMPLES
                y = row + (part // SAMPLES + 0.5) / SAMPLES
                total = [a + b for a, b in zip(total, colour(x, y))]
            for plane, value in zip(planes, total):
                plane[row * SIZE + column] = int(value / (SAMPLES * SAMPLES) + 0.5)
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3, %d, %d), }" % (SIZE, SIZE)
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    (pathlib.Path(__file__).resolve().parent / "drawing.npy").write_bytes(start + b"".join(planes))


main()
