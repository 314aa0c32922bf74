"""test.py POOLC FOLDER - the measuring itself, with nothing but poolc and the limit: two small layers from spec to plot.

FOLDER has the programs bench_poolc and bench_limit."""
import json
import math
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.dont_write_bytecode = True      # the folder is the sources'
import bench  # noqa: E402
import layers as shapes  # noqa: E402
import report  # noqa: E402

POOLC, FOLDER = Path(sys.argv.pop(1)).resolve(), Path(sys.argv.pop(1)).resolve()
HERE = Path(__file__).resolve().parent
LAYERS = r"^(alexnet\.pool5|mobilenet_v2\.head)$"


def case(layer, kind, layout="first", threads=1, **times):
    """A case of a 3 x 3 layer, with the given nanoseconds."""
    row = {"layer": layer, "line": "line", "layout": layout, "pass": kind, "threads": threads, "mib": 2, "group": "named",
           "global": False, "kernel": 3, "stride": 1}
    made = report.Case(row)
    made.ns = times
    return made


class Measuring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.results = Path(cls.folder.name, "results")
        shapes.output_of([sys.executable, HERE / "bench.py", "--poolc", POOLC, "--workers", FOLDER, "--work",
                          Path(cls.folder.name, "work"), "--output", cls.results, "--against", "", "--layers", LAYERS,
                          "--threads", "1,2", "--threads-from", "0", "--rounds", "3"])
        cls.rows = [json.loads(line) for line in cls.results.read_text(encoding="utf-8").splitlines()]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_everything_is_there_once(self):
        wanted = {(layer, layout, kind, threads, library)
                  for layer, kinds in (("alexnet.pool5", shapes.PASSES), ("mobilenet_v2.head", ("forward", "backward")))
                  for kind in kinds for layout in shapes.LAYOUTS for threads in (1, 2) for library in bench.NEEDED}
        found = [(r["layer"], r["layout"], r["pass"], r["threads"], r["library"]) for r in self.rows[1:]]
        self.assertEqual(sorted(wanted), sorted(found))

    def test_times_are_possible(self):
        for row in self.rows[1:]:
            if "no" in row:         # poolc's kernels need not come in parts
                self.assertEqual((row["library"], row["threads"]), ("poolc", 2))
                continue
            bytes_at_least = row["mib"] * 2**20
            self.assertGreater(row["best"], bytes_at_least / 1000, row)     # no machine moves 1000 bytes in a nanosecond
            self.assertLessEqual(row["best"], row["ns"])
            self.assertLess(row["ns"], 1e9)
            self.assertGreaterEqual(row["samples"], 3)

    def test_table_and_plot(self):
        page, plot = Path(self.folder.name, "page.md"), Path(self.folder.name, "plot.svg")
        page.write_text("# Before\n\n%s\nold\n%s\n\nAfter.\n" % (report.BEGIN, report.END), encoding="utf-8")
        command = [sys.executable, HERE / "report.py", self.results, "--markdown", page, "--plot", plot]
        subprocess.run(command, check=True)
        text = page.read_text(encoding="utf-8")
        self.assertTrue(text.startswith("# Before\n\n" + report.BEGIN) and text.endswith(report.END + "\n\nAfter.\n"))
        self.assertNotIn("old", text)
        self.assertEqual(text.count("| alexnet.pool5: 256x13x13 max 3 s2 |"), 6)
        self.assertEqual(text.count("| mobilenet_v2.head: 1280x7x7 avg 7 |"), 4)
        self.assertIn("![of the limit, layer by layer](plot.svg)", text)
        dots = [e for e in xml.parse(plot).iter() if e.get("class") == "d" and "h0M" in e.get("d")]
        self.assertEqual(len(dots), 4)      # poolc's two layers in a panel; training has one, which is no "h0M"
        subprocess.run(command, check=True)
        self.assertEqual(text, page.read_text(encoding="utf-8"))

    def test_a_wrong_result_is_not_measured(self):
        layer = next(layer for layer in shapes.named(POOLC, HERE.parent / "examples") if layer.name == "alexnet.pool5")
        kernels = shapes.build(layer, POOLC, [], Path(self.folder.name, "work"))
        with tempfile.NamedTemporaryFile() as memory:
            memory.truncate(bench.bytes_of(layer))
            worker = bench.Worker("poolc", [FOLDER / "bench_poolc"], memory.name, 1)
            self.assertIsNone(worker.layer(layer.numbers("first", kernels.state_bytes), kernels))
            worker.ask("fill")
            worker.prepare("forward")       # nothing is expected yet
            self.assertIn("computes something else", worker.no)
            worker.ask("expect")
            worker.prepare("forward")
            self.assertIsNone(worker.no)
            worker.layer(layer.numbers("last", kernels.state_bytes), kernels)
            worker.prepare("forward")       # the other layout's results
            self.assertIn("computes something else", worker.no)
            self.assertEqual(worker.ask("run", 1)[1], None)
            worker.process.kill()           # a library that crashes takes part again
            self.assertIn("crashed", worker.ask("run", 1)[1])
            worker.prepare("forward")
            self.assertIn("computes something else", worker.no)
            worker.close()


class Shapes(unittest.TestCase):
    def test_padding_that_makes_the_sizes_come_out(self):
        none = ((0, 0),) * 3
        layer = shapes.Layer("named", "l", False, 2, 4, (1, 112, 13), (1, 56, 6), (1, 3, 3), (1, 2, 2), (1, 1, 1), none,
                             ceil=True)
        self.assertEqual(layer.pad_end(), (0, 1, 0))
        self.assertEqual(layer.counts(), (4 * 112 * 13, 4 * 56 * 6))
        self.assertIn("pool last { mode max; channels 4; shape 112 x 13; kernel 3 x 3; stride 2 x 2; dilation 1 x 1; "
                      "padding 0:0 x 0:0; ceil_mode true; layout channels_last }", layer.spec())
        self.assertEqual(layer.numbers("last", 2).split()[:6], ["0", "0", "1", "2", "1", "4"])

    def test_real_layers(self):
        head = "network,name,mb,ic,id,ih,iw,od,oh,ow,kd,kh,kw,sd,sh,sw,pd,ph,pw,dd,dh,dw\n"
        rows = ("alexnet,max_pool1,256,96,1,55,55,1,27,27,1,3,3,1,2,2,0,0,0,0,0,0\n"
                "dl_fwks_ext,ext_001_max+avg_np,2,8,1,9,9,1,5,5,1,3,3,1,2,2,0,0,0,0,0,0\n"
                "dl_fwks_ext,ext_002_max,7,8,1,9,9,1,5,5,1,3,3,1,2,2,0,0,0,0,0,0\n"       # the same but for its batch
                "dl_fwks_ext,ext_003_max,1,8,1,9,9,1,2,2,1,3,3,1,3,3,0,0,0,0,0,0\n")      # a window is missing
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(head + rows)
            file.flush()
            found = shapes.real(file.name)
        self.assertEqual([layer.name for layer in found], ["ext_001_max", "ext_001_avg_np"])
        self.assertEqual(found[0].pad, ((0, 0), (0, 2), (0, 2)))


class Reporting(unittest.TestCase):
    def test_losses_the_worst_first(self):
        cases = [case("even", "forward", poolc=100, onednn=98, limit=50),       # within the noise
                 case("bad", "forward", poolc=100, onednn=200, pytorch=80, limit=50),
                 case("worse", "backward", poolc=100, onednn=20, limit=50),
                 case("good", "forward", poolc=10, onednn=90, limit=9)]
        lines = report.losses(cases).splitlines()
        self.assertEqual(lines[0], "a library is faster, beyond noise, in 2 of 4 cases")
        self.assertEqual([line.split()[4] for line in lines[1:]], ["worse", "bad"])
        self.assertIn("pytorch", lines[2])

    def test_means(self):
        self.assertTrue(math.isclose(report.mean([1, 4]), 2))
        self.assertIsNone(report.mean([None]))
        rows = report.summary([case("a", "forward", poolc=10, onednn=10, limit=5),
                               case("b", "forward", poolc=10, onednn=40, limit=5)])
        wanted = "| 1 | forward | channels first | 2 | 50 % | - | - | 2.0x | 0 of 2 | 2.0x | - |"
        self.assertEqual(rows[2][:len(wanted)], wanted)

    def test_threads(self):
        cases = [case("a", "forward", poolc=10, limit=5), case("a", "forward", threads=2, poolc=5, limit=4)]
        self.assertIn("| a | forward | channels first | 2 | 2.0x | 1.25x | - |", report.two_threads(cases)[2])


if __name__ == "__main__":
    unittest.main()
