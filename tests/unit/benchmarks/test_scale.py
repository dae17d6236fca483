"""The curve of the numbers of stones: it is drawn from the stored figures, and so is its table."""

import xml.etree.ElementTree as ET  # of this test's own text

import msgspec

from benchmarks import scale, scale_plot

POINT = scale_plot.Point(
    stones=1_000,
    changed=100,
    read_seconds=2.0,
    consolidate_seconds=0.2,
    later_seconds=0.0,
    index_seconds=0.1,
    index_bytes=90.0,
    total_ms=(1.0, 2.0),
    page_ms=(3.0, 4.0),
    memory_mib={"worker": 80, "consolidator": 70, "api": 100},
)


def stored() -> list[scale_plot.Point]:
    return msgspec.json.decode(scale.MEASURED.read_bytes(), type=list[scale_plot.Point])


def test_committed_curve_and_table_are_those_of_stored_figures() -> None:
    assert scale_plot.PLOT.read_text("utf-8") == scale_plot.svg(stored())
    assert scale_plot.table(stored()) in scale_plot.PLOT.with_name("performance.md").read_text("utf-8")


def test_curve_rises_with_figures_and_has_line_for_each() -> None:
    larger = msgspec.structs.replace(POINT, stones=100_000, read_seconds=200.0, later_seconds=0.5)
    found = ET.fromstring(scale_plot.svg([POINT, larger]))  # noqa: S314 - see above
    lines = [line.get("points", "").split() for line in found.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len(lines) == 11
    (left, low), (right, high) = (map(float, place.split(",")) for place in lines[0])
    assert left < right
    assert low > high


def test_table_has_row_for_each_number_of_stones() -> None:
    rows = scale_plot.table([POINT, msgspec.structs.replace(POINT, stones=2_000)]).splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 1,000", "| 2,000"]
    assert {row.count("|") for row in rows} == {11}
