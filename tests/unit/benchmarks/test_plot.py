"""The plot of the results: it is drawn from the stored files, and those have every row of a quick run."""

import xml.etree.ElementTree as ET  # of this test's own text

from benchmarks import plot
from benchmarks.cli import BENCHMARKS


def test_committed_plot_is_that_of_stored_results() -> None:
    assert plot.PLOT.read_text("utf-8") == plot.svg(plot.load())


def test_stored_results_have_all_benchmarks() -> None:
    quick = {name for name, benchmark in BENCHMARKS.items() if benchmark.quick}
    for ratios in plot.load().values():
        assert {name.partition(":")[0] for name in ratios} >= quick


def test_plot_has_bar_for_each_release_and_row() -> None:
    text = plot.svg({"1.0": {"rest: a / b": 0.5}, "1.1": {"rest: a / b": 20.0, "rest: c <d>": 0.0001}})
    found = ET.fromstring(text)  # noqa: S314 - see above
    bars = [one for one in found.iter() if one.get("height") == "8"]
    widths = [float(one.get("width", "0")) for one in bars]
    assert len(widths) == 3
    assert widths[2] < widths[0] < widths[1]
