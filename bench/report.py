#!/usr/bin/env python3
"""report.py - the results of bench.py as tables, as a plot, and as a list of what is left to do.

    report.py RESULTS... --markdown docs/performance.md --plot docs/performance.svg
    report.py RESULTS... --losses

The Markdown goes between two lines of the file, BEGIN and END below, and replaces what is there. Of several files of results
all are read as one; where two measured the same, the last counts.
"""
import argparse
import json
import math
import os
import sys
from collections import defaultdict
from pathlib import Path

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PASSES = {"forward": "forward", "train": "forward for training", "backward": "backward"}
LAYOUTS = {"first": "channels first", "last": "channels last"}
LIBRARIES = {"onednn": "oneDNN", "pytorch": "PyTorch", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime",
             "litert": "LiteRT"}
NOISE = 1.05                      # a library is faster where it is so much faster


class Case:
    """One layer, layout, pass and number of threads: who took how long."""

    def __init__(self, row):
        self.layer, self.line, self.layout, self.kind = row["layer"], row["line"], row["layout"], row["pass"]
        self.threads, self.mib, self.group = row["threads"], row["mib"], row["group"]
        self.ns, self.no = {}, {}
        if row["global"]:
            self.windows = "global"
        elif row["kernel"] <= 3:
            self.windows = "up to 3x3"
        elif row["stride"] == 1:
            self.windows = "5x5 and more, stride 1"
        else:
            self.windows = "others"

    @property
    def poolc(self):
        return self.ns.get("poolc")

    def of_limit(self):
        return self.ns["limit"] / self.poolc

    def fastest(self):
        """(library, nanoseconds), or None."""
        times = [(ns, name) for name, ns in self.ns.items() if name in LIBRARIES]
        return min(times)[::-1] if times else None

    def lead(self):
        """How many times as fast as the fastest library."""
        fastest = self.fastest()
        return fastest[1] / self.poolc if fastest and self.poolc else None


def read(paths):
    """(head, cases): the head of the last file."""
    head, cases = {}, {}
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["kind"] == "head":
                head = row
                continue
            case = cases.setdefault((row["group"], row["layer"], row["layout"], row["pass"], row["threads"]), Case(row))
            if "ns" in row:
                case.ns[row["library"]] = row["ns"]
            else:
                case.no[row["library"]] = row["no"]
    return head, list(cases.values())


def mean(values):
    """Geometric; None of nothing."""
    values = [value for value in values if value]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


# ---- numbers as text ----

def duration(ns):
    if ns is None:
        return "-"
    for unit, size in (("us", 1e3), ("ms", 1e6)):
        if ns < 1000 * size or unit == "ms":
            value = ns / size
            return "%.*f %s" % (3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0, value, unit)
    return None


def percent(value):
    return "-" if value is None else "%.0f %%" % (100 * value)


def times(value):
    return "-" if value is None else "%.*fx" % (2 if value < 2 else 1 if value < 20 else 0, value)


def table(head, rows):
    return ["| %s |" % " | ".join(map(str, row)) for row in (head, ["---"] * len(head), *rows)] + [""]


# ---- tables ----

def preface(head):
    versions = [head["versions"][name] for name in LIBRARIES if name in head["versions"]]
    empty = ["%s %s" % (LIBRARIES[name], duration(ns)) for name, ns in head["empty_ns"].items()]
    lines = ["Measured on %s: %s, Linux %s; poolc's C%s by %s, `%s`." %
             (head["date"], head["processor"], head["system"],
              " (`%s`)" % head["poolc_options"] if head["poolc_options"] else "", head["compiler"], head["flags"])]
    if versions:
        lines.append("Beside it: %s." % ", ".join(versions))
    if empty:
        lines.append("A call that computes next to nothing takes: %s; this is in their times." % ", ".join(empty))
    return [" ".join(lines), ""]


def groups(cases, *names):
    """Cases by the named attributes, passes in their order."""
    found = defaultdict(list)
    for case in cases:
        found[tuple(getattr(case, name) for name in names)].append(case)
    order = list(PASSES)
    return sorted(found.items(), key=lambda item: [order.index(v) if v in PASSES else v for v in item[0]])


def summary(cases):
    """Means by threads, pass and layout."""
    rows = []
    for (threads, kind, layout), some in groups(cases, "threads", "kind", "layout"):
        some = [case for case in some if case.poolc]
        leads = [case.lead() for case in some if case.lead()]
        lost = sum(lead * NOISE < 1 for lead in leads)
        limits = [mean(case.of_limit() for case in some if case.windows == windows)
                  for windows in ("up to 3x3", "5x5 and more, stride 1", "global")]
        against = [mean(case.ns[name] / case.poolc for case in some if name in case.ns) for name in LIBRARIES]
        if some:
            rows.append([threads, PASSES[kind], LAYOUTS[layout], len(some), *map(percent, limits), times(mean(leads)),
                         "%d of %d" % (lost, len(leads)), *map(times, against)])
    return table(["threads", "pass", "layout", "layers", "of the limit, up to 3x3", "5x5 and more, stride 1", "global",
                  "against the fastest", "a library is faster", *("against " + name for name in LIBRARIES.values())], rows)


def details(cases):
    """A table for each pass and layout."""
    lines = []
    for (kind, layout), some in groups(cases, "kind", "layout"):
        used = [name for name in LIBRARIES if any(name in case.ns for case in some)]
        rows = [["%s: %s" % (case.layer, case.line), duration(case.ns["limit"]), duration(case.poolc),
                 percent(case.of_limit() if case.poolc else None), *(duration(case.ns.get(name)) for name in used),
                 times(case.lead())] for case in some]
        lines += ["#### %s, %s" % (PASSES[kind].capitalize(), LAYOUTS[layout]), ""]
        lines += table(["layer", "limit", "poolc", "of the limit", *(LIBRARIES[name] for name in used),
                        "against the fastest"], rows)
    return lines


def two_threads(cases):
    """What more threads give the layers that were measured with more."""
    one = {(case.layer, case.layout, case.kind): case for case in cases if case.threads == 1}
    rows = []
    for case in cases:
        alone = one.get((case.layer, case.layout, case.kind))
        if case.threads == 1 or not alone or not case.poolc or not alone.poolc:
            continue
        gains = [alone.ns[name] / case.ns[name] if name in case.ns and name in alone.ns else None
                 for name in ("poolc", "limit", *LIBRARIES)]
        rows.append([case.layer, PASSES[case.kind], LAYOUTS[case.layout], case.threads, *map(times, gains)])
    if not rows:
        return ["poolc's kernels did not come in parts, or no more than one thread was measured.", ""]
    return table(["layer", "pass", "layout", "threads", "poolc", "limit", *LIBRARIES.values()], rows)


def real_shapes(cases):
    """The layers of the file of shapes: means, and the worst."""
    lines = summary(cases)
    worst = sorted((case for case in cases if case.poolc and case.lead()), key=Case.lead)[:20]
    lines += ["The twenty layers on which the fastest library comes nearest:", ""]
    lines += table(["layer", "pass", "layout", "threads", "poolc", "of the limit", "fastest", "", "against it"],
                   [[case.line, PASSES[case.kind], LAYOUTS[case.layout], case.threads, duration(case.poolc),
                     percent(case.of_limit()), LIBRARIES[case.fastest()[0]], duration(case.fastest()[1]),
                     times(case.lead())] for case in worst])
    return lines


def markdown(head, cases, plot):
    named, real = ([case for case in cases if case.group == group] for group in ("named", "real"))
    lines = preface(head)
    if named:
        lines += ["### Means over the named layers", ""] + summary(named)
        if plot:
            lines += ["![of the limit, layer by layer](%s)" % plot, ""]
        lines += ["### Layer by layer, one thread", ""] + details([case for case in named if case.threads == 1])
        lines += ["### Two threads against one", ""] + two_threads(named)
    if real:
        lines += ["### Layers of real networks, anonymous", ""] + real_shapes(real)
    return "\n".join(lines).rstrip("\n")


def insert(path, text):
    """Puts the text between the two lines of the file; a file that has none gets them at its end."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    begin, end = old.find(BEGIN), old.find(END)
    if begin < 0 or end < begin:
        before, after = (old.rstrip("\n") + "\n\n" if old else ""), "\n"
    else:
        before, after = old[:begin], old[end + len(END):]
    path.write_text("%s%s\n%s\n%s%s" % (before, BEGIN, text, END, after), encoding="utf-8")


# ---- the plot ----

COLOURS = {"poolc": "#c0392b", "onednn": "#2471a3", "pytorch": "#ca6f1e", "openvino": "#7d3c98", "onnxruntime": "#1e8449",
           "litert": "#707b7c"}
PANEL_W, PANEL_H, LEFT, TOP, GAP_X, GAP_Y = 430, 190, 56, 58, 58, 44
DECADES = 4                       # of the vertical axis, below 1 = the limit
TOP_VALUE = 1.6                   # measured times scatter: a kernel may look faster than the limit


def height_of(value):
    """Of a fraction of the limit in a panel, from its top; logarithmic."""
    span = math.log10(TOP_VALUE) + DECADES
    return PANEL_H * (math.log10(TOP_VALUE) - max(-DECADES, min(math.log10(TOP_VALUE), math.log10(value)))) / span


def panel(some, x, y, title):
    """Layers from left to right as poolc reaches more of the limit; a dot for each library."""
    some = sorted((case for case in some if case.poolc), key=Case.of_limit)
    parts = ['<text x="%d" y="%d" class="t">%s</text>' % (x, y - 8, title)]
    for decade in range(DECADES + 1):
        at = y + height_of(10.0 ** -decade)
        parts.append('<path d="M%d %.1fh%d" class="g"/>' % (x, at, PANEL_W))
        parts.append('<text x="%d" y="%.1f" class="n">%s</text>' % (x - 6, at + 4, "%g %%" % (100 * 10.0 ** -decade)))
    parts.append('<rect x="%d" y="%d" width="%d" height="%d" class="f"/>' % (x, y, PANEL_W, PANEL_H))
    for name in [name for name in COLOURS if name != "poolc"] + ["poolc"]:
        dots = ["M%.1f %.1fh0" % (x + PANEL_W * (i + 0.5) / len(some), y + height_of(case.ns["limit"] / case.ns[name]))
                for i, case in enumerate(some) if name in case.ns]
        if dots:
            parts.append('<path d="%s" stroke="%s" class="d"/>' % ("".join(dots), COLOURS[name]))
    return parts


def plot(cases):
    """One panel for each pass and layout, one thread."""
    cases = [case for case in cases if case.threads == 1 and case.group == "named"]
    kinds = [kind for kind in PASSES if any(case.kind == kind for case in cases)]
    width, height = LEFT + 2 * PANEL_W + GAP_X + 12, TOP + len(kinds) * (PANEL_H + GAP_Y)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' %
             (width, height),
             "<style>.d{stroke-width:6;stroke-linecap:round;fill:none;opacity:.85}.g{stroke:#ddd}.f{fill:none;stroke:#999}"
             ".n{text-anchor:end;fill:#555;font-size:10px}.t{font-weight:bold}</style>",
             '<rect width="%d" height="%d" fill="#fff"/>' % (width, height)]
    at = LEFT
    for name, colour in COLOURS.items():
        if any(name in case.ns for case in cases):
            parts.append('<path d="M%d 18h0" stroke="%s" class="d"/><text x="%d" y="22">%s</text>' %
                         (at, colour, at + 9, LIBRARIES.get(name, name)))
            at += 120
    parts.append('<text x="%d" y="22" text-anchor="end" fill="#555">of the limit; one dot a layer</text>' % (width - 12))
    for row, kind in enumerate(kinds):
        for column, layout in enumerate(LAYOUTS):
            some = [case for case in cases if case.kind == kind and case.layout == layout]
            if some:
                parts += panel(some, LEFT + column * (PANEL_W + GAP_X), TOP + row * (PANEL_H + GAP_Y),
                               "%s, %s" % (PASSES[kind], LAYOUTS[layout]))
    return "\n".join(parts + ["</svg>\n"])


# ---- what is left to do ----

def losses(cases):
    """Where a library is faster, the worst first, and where poolc or a library could not take part."""
    lost = sorted((case for case in cases if case.poolc and case.lead() and case.lead() * NOISE < 1), key=Case.lead)
    lines = ["%-9s %-8s %d thr  %-26s %-28s poolc %9s  %12s %9s  limit %9s  %.2fx" %
             (case.kind, "nchw" if case.layout == "first" else "nhwc", case.threads, case.layer, case.line,
              duration(case.poolc), case.fastest()[0], duration(case.fastest()[1]), duration(case.ns["limit"]), case.lead())
             for case in lost]
    wrong = sorted({"%s: %s: %s %s" % (name, case.no[name], case.layer, case.layout) for case in cases for name in case.no
                    if "something else" in case.no[name]})
    compared = sum(1 for case in cases if case.lead())
    return "\n".join(["a library is faster, beyond noise, in %d of %d cases" % (len(lost), compared), *lines, *wrong])


def main():
    parser = argparse.ArgumentParser(description="Tables and a plot of the results of bench.py.")
    parser.add_argument("results", nargs="+", help="files of bench.py")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the file whose tables are replaced")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="the SVG file to write")
    parser.add_argument("--losses", action="store_true", help="print where a library is faster, the worst first")
    options = parser.parse_args()
    head, cases = read(options.results)
    cases = [case for case in cases if "limit" in case.ns]
    if not cases:
        sys.exit("report: there are no results")
    if options.plot:
        options.plot.write_text(plot(cases), encoding="utf-8")
    if options.markdown:
        link = os.path.relpath(options.plot, options.markdown.parent) if options.plot else None
        insert(options.markdown, markdown(head, cases, link))
    if options.losses:
        print(losses(cases))


if __name__ == "__main__":
    main()
