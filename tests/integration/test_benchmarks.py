"""Benchmarks at a tiny size: the figures exist and are plausible. Their values are not asserted."""

from pathlib import Path

import msgspec
import pytest

from benchmarks import cli
from benchmarks.figures import Figure, Pace
from sandbox.stack.binaries import system_postgres

TINY = {
    "start": ["--rounds", "1"],
    "heatmap": ["--stones", "20000", "--bands", "10"],
    "ingest": ["--stones", "120", "--rounds", "1"],
    "consolidate": ["--stones", "120", "--rounds", "1"],
    "end-to-end": ["--stones", "120", "--rounds", "1"],
    "search": ["--stones", "2000", "--requests", "4"],
    "facets": ["--stones", "500", "--requests", "4"],
    "rest": ["--stones", "60", "--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "graphql": ["--stones", "3000", "--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "peers": ["--stones", "3000", "--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "memory": ["--stones", "100", "--seconds", "0.1"],
    "protocol": ["--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "subscriptions": ["--subscribers", "15", "--stones", "20", "--rate", "20", "--seconds", "1", "--processes", "1"],
}
EXPECTED = {
    "start": {"worker, CPU time", "API, CPU time"},
    "heatmap": {
        "first plan, largest band", "first plan, counts", "later plan, largest band", "later plan, counts",
    },
    "ingest": {"staged, 1 at a time", "staged, 4 at a time"},
    "consolidate": {"first load", "everything changed", "nothing changed"},
    "end-to-end": {"planned, read and consolidated"},
    "search": {
        "first page", "first page, total", "first page, facets", "deep page, cursor", "deep page, offset",
    },
    "facets": {"total", "page, total", "page, total, all facets"},
    "rest": {"random search, total", "repeated search", "If-None-Match", "diamond by id"},
    "graphql": {
        "50 x 20 over HTTP", "50 x 20, Python CPU",
        "50 x 20, shape and carat over HTTP", "50 x 20, shape and carat, Python CPU",
    },
    "peers": {
        "50 x 20 over HTTP", "50 x 20, CPU of the process",
        "50 x 20, shape and carat over HTTP", "50 x 20, shape and carat, CPU of the process",
    },
    "memory": {"API process", "search index"},
    "protocol": {"small answer"},
    "subscriptions": {"from commit to delivery"},
}  # fmt: skip
# The rows of `--quick`.
QUICK = {
    "start", "heatmap", "ingest", "consolidate", "end-to-end", "facets", "graphql", "rest", "memory", "subscriptions",
}  # fmt: skip


def run(*arguments: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize("name", cli.BENCHMARKS)
def test_benchmark_writes_its_rows_with_ratios(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert run(name, *TINY[name], "--json", str(file)) == 0
    answer = msgspec.json.decode(file.read_bytes())
    assert answer["machine"]["postgres"] >= 15
    assert list(answer["benchmarks"]) == [name]
    assert answer["benchmarks"][name]["wrong"] == []
    assert {row["name"] for row in answer["rows"]} == EXPECTED[name]
    table = capsys.readouterr().out
    for row in answer["rows"]:
        assert row["benchmark"] == name
        assert ("limit" in row) != ("peer" in row)
        other = row["limit"] if "limit" in row else row["peer"]
        assert row["ours"] > 0
        assert other > 0
        assert row["ratio"] == pytest.approx(row["ours"] / other, rel=0.05) or row["ratio"] == pytest.approx(
            other / row["ours"], rel=0.05
        )
        if "ours_p50_ms" in row:
            assert 0 <= row["ours_p50_ms"] <= row["ours_p99_ms"]
        assert row["name"] in table
        assert row["beside"] in table


def test_default_runs_all_benchmarks_and_flags_belong_to_name_before() -> None:
    assert list(cli.read([]).options) == list(cli.BENCHMARKS)
    plan = cli.read(["search", "--stones", "700", "ingest", "--at-once", "2", "--json", "figures.json"])
    assert plan.path == Path("figures.json")
    assert {name: msgspec.structs.asdict(options) for name, options in plan.options.items()} == {
        "search": {"stones": 700, "requests": 150, "seed": 1},
        "ingest": {"stones": 10_000, "at_once": 2, "rounds": 3, "seed": 1},
    }


def test_quick_run_has_every_row_at_small_size() -> None:
    options = cli.read(["--quick"]).options
    assert set(options) == QUICK
    assert options["rest"] == cli.BENCHMARKS["rest"].quick
    assert cli.read(["--quick", "rest", "--stones", "77"]).options["rest"] == msgspec.structs.replace(
        options["rest"], stones=77
    )


@pytest.mark.skipif(system_postgres() is None, reason="no Postgres of the system")
def test_system_postgres_can_be_selected() -> None:
    assert cli.read(["--postgres", "system", "heatmap"]).bindir == system_postgres()


@pytest.mark.parametrize(
    "arguments", [["searches"], ["--stones", "5"], ["search", "--at-once", "5"], ["search", "--stones", "0"]]
)
def test_invalid_arguments_are_rejected_before_start(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "usage: python -m benchmarks" in capsys.readouterr().err


def test_every_benchmark_and_flag_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ["--json", *cli.BENCHMARKS])
    assert run("search", "--help") == 0
    assert "Stones in the inventory. (50000)" in capsys.readouterr().out


def test_median_round_is_measured_round() -> None:
    assert Pace.middle([Pace(9.0), Pace(1.0), Pace(5.0)]) == Pace(5.0)
    assert Pace.middle([Pace(9.0), Pace(5.0)]) == Pace(5.0)


def test_pace_divides_concurrent_work_by_total_time() -> None:
    assert Pace.of([0.1] * 10) == Pace(pytest.approx(10.0), 100.0, 100.0)  # type: ignore[arg-type]  # nearly
    assert Pace.of([0.1] * 10, elapsed=0.5).value == pytest.approx(20.0)


def test_ratio_rises_with_better_result() -> None:
    rate = Figure(name="a", unit="requests/s", ours=Pace(50.0), beside="b", other=Pace(100.0))
    memory = Figure(name="a", unit="MiB", ours=Pace(50.0), beside="b", other=Pace(100.0), smaller_is_better=True)
    assert (rate.ratio, memory.ratio) == (0.5, 2.0)
    assert rate.row() == {"name": "a", "unit": "requests/s", "ours": 50.0, "limit": 100.0, "beside": "b", "ratio": 0.5}
