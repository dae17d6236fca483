"""Each benchmark at a tiny size: whether its figures are there and make sense, never how large they are."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import cli
from benchmarks.figures import Pace

TINY = {
    "staging": ["--stones", "120", "--rounds", "1"],
    "consolidation": ["--stones", "120", "--rounds", "1"],
    "search": ["--stones", "2000", "--requests", "4"],
    "facets": ["--stones", "500", "--requests", "4"],
    "rest": ["--stones", "60", "--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "graphql": ["--stones", "60", "--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "protocol": ["--seconds", "0.2", "--connections", "2", "--rounds", "1"],
    "subscriptions": ["--subscribers", "15", "--stones", "20", "--rate", "20", "--seconds", "1", "--processes", "1"],
}
EXPECTED = {
    "staging": {"staged, 1 at a time", "staged, 4 at a time"},
    "consolidation": {"first load", "everything changed", "nothing changed"},
    "search": {
        "first page", "first page, total", "first page, facets", "deep page, cursor", "deep page, offset",
    },
    "facets": {"total", "page, total", "page, total, all facets"},
    "rest": {"random search, total", "repeated search", "If-None-Match", "diamond by id"},
    "graphql": {"50 x 20 over HTTP"},
    "protocol": {"small answer"},
    "subscriptions": {"from commit to delivery"},
}  # fmt: skip
TIMED = {"search", "facets", "rest", "graphql", "protocol", "subscriptions"}


def run(*arguments: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def check(pace: dict[str, Any], *, timed: bool) -> None:
    assert pace["per_second"] > 0
    assert ("p50_ms" in pace) == timed
    if timed:
        assert 0 <= pace["p50_ms"] <= pace["p99_ms"]


@pytest.mark.parametrize("name", cli.BENCHMARKS)
def test_a_benchmark_gives_its_figures_beside_their_limits(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    assert run(name, *TINY[name], "--json", str(file)) == 0
    answer = msgspec.json.decode(file.read_bytes())
    assert list(answer["benchmarks"]) == [name]
    found = answer["benchmarks"][name]
    assert {figure["name"] for figure in found["figures"]} == EXPECTED[name]
    table = capsys.readouterr().out
    for figure in found["figures"]:
        check(figure["measured"], timed=name in TIMED)
        check(figure["limited"], timed=name in TIMED)
        share = figure["measured"]["per_second"] / figure["limited"]["per_second"]
        assert figure["ratio"] == pytest.approx(share, abs=1e-4)
        assert figure["name"] in table
        assert figure["limit"] in table
    assert found["wrong"] == []


def test_all_are_measured_where_none_is_named_and_flags_belong_to_the_name_before_them() -> None:
    assert list(cli.asked([])[1]) == list(cli.BENCHMARKS)
    path, wanted = cli.asked(["search", "--stones", "700", "staging", "--at-once", "2", "--json", "figures.json"])
    assert path == Path("figures.json")
    assert {name: msgspec.structs.asdict(options) for name, options in wanted.items()} == {
        "search": {"stones": 700, "requests": 150, "seed": 1},
        "staging": {"stones": 10_000, "at_once": 2, "rounds": 3, "seed": 1},
    }


@pytest.mark.parametrize(
    "arguments", [["searches"], ["--stones", "5"], ["search", "--at-once", "5"], ["search", "--stones", "0"]]
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert "usage: python -m benchmarks" in capsys.readouterr().err


def test_every_benchmark_and_every_flag_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ["--json", *cli.BENCHMARKS])
    assert run("search", "--help") == 0
    assert "Stones in the inventory. (50000)" in capsys.readouterr().out


def test_the_middle_of_several_rounds_is_one_of_them() -> None:
    assert Pace.middle([Pace(9.0), Pace(1.0), Pace(5.0)]) == Pace(5.0)
    assert Pace.middle([Pace(9.0), Pace(5.0)]) == Pace(5.0)


def test_a_pace_counts_what_was_done_at_once_by_the_time_of_all() -> None:
    assert Pace.of([0.1] * 10) == Pace(pytest.approx(10.0), 100.0, 100.0)  # type: ignore[arg-type]  # nearly
    assert Pace.of([0.1] * 10, elapsed=0.5).per_second == pytest.approx(20.0)
