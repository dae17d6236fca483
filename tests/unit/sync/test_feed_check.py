"""`feeds check`: output, JSON and exit codes, without a database or settings."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inventory.core.errors import FeedDamaged
from sync.cli.operators import app
from tests.unit.suppliers.csv_files.price_lists import EXAMPLES, row, text_of, toml


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def map_path(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(toml(eye_clean='{ headers = ["Eye"], required = false }'))
    return path


def check(column_map: Path, file: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["feeds", "check", "--map", str(column_map), str(file), *options])


def price_list(tmp_path: Path) -> Path:
    rows = [
        row("A", Shape="Blob"), row("B", Carat="zero"), row("C", Carat="one"), row("D"), row("D"), row("E", Report="1E+9"),
    ]  # fmt: skip
    path = tmp_path / "full-1"
    path.write_text(text_of([[*cells, "1"] for cells in rows], header=[*text_of([]).strip().split(","), "Rap %"]))
    return path


@pytest.mark.parametrize(
    ("column_map", "file", "stones"),
    [
        ("rapnet.toml", "rapnet-20261128.csv", 5),
        ("idex.toml", "idex-natural.csv", 4),
        ("idex.toml", "idex-lab-grown.csv", 3),
        ("ritani.toml", "ritani-20261128.csv", 3),
    ],
)
def test_examples_are_valid(column_map: str, file: str, stones: int) -> None:
    result = check(EXAMPLES / column_map, EXAMPLES / file, "--strict", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["rows"], found["valid"], found["quarantined"]) == (stones, stones, 0)
    assert (found["unknown_columns"], found["unknown_values"]) == ([], [])


def test_check_prints_reasons_with_lines(map_path: Path, tmp_path: Path) -> None:
    result = check(map_path, price_list(tmp_path))
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    for expected in (
        "full-1: kind list, a full price list\n6 rows: 2 valid, 3 quarantined, 1 repetition\n",
        "2 quarantined in line 3, 4\n  carat, column \"Carat\": is not a number ('zero') (line 3)\n",
        "1 quarantined in line 7\n  report_number",
        "Unknown columns (use them in the map, or list them in `ignored`)\n  Rap %\n",
        "Optional fields without a column in this file\n  eye_clean\n",
        "  shape: 'Blob' in 1 row\n",
        "The first 2 stones\n  A#50000000\n    shape OTHER, raw_shape Blob, carat 1, color D",
    ):
        assert expected in result.stdout


def test_check_json_and_strict(map_path: Path, tmp_path: Path) -> None:
    result = check(map_path, price_list(tmp_path), "--json", "--strict")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [(one["rows"], one["lines"]) for one in found["reasons"]] == [(2, [3, 4]), (1, [7])]
    assert found["stones"][0]["supplier_price_cents"] == 500000


def test_check_fails_without_a_valid_row(map_path: Path, tmp_path: Path) -> None:
    (tmp_path / "full-1").write_text(text_of([row("A", Carat="x")]))
    assert check(map_path, tmp_path / "full-1").exit_code == 1


def test_check_rejects_map_and_file(map_path: Path, tmp_path: Path) -> None:
    (tmp_path / "full-1").write_text("Access denied")
    (tmp_path / "wrong.toml").write_text(toml(carat="{ }"))
    result = check(tmp_path / "wrong.toml", tmp_path / "full-1")
    assert result.exit_code == 2
    assert "field carat: state exactly one of" in result.stderr
    result = check(map_path, tmp_path / "full-1")
    assert isinstance(result.exception, FeedDamaged)  # `main` exits with 1
    assert "not a price list" in result.exception.message
    assert check(map_path, tmp_path / "missing").exit_code == 2


def test_check_needs_a_kind_if_no_pattern_matches(tmp_path: Path) -> None:
    (tmp_path / "renamed.csv").write_bytes((EXAMPLES / "idex-natural.csv").read_bytes())
    result = check(EXAMPLES / "idex.toml", tmp_path / "renamed.csv")
    assert isinstance(result.exception, FeedDamaged)
    assert "Pass --kind with one of: natural, lab-grown" in result.exception.message
    assert check(EXAMPLES / "idex.toml", tmp_path / "renamed.csv", "--kind", "natural").exit_code == 0
    assert check(EXAMPLES / "idex.toml", tmp_path / "renamed.csv", "--kind", "other").exit_code == 2
