"""Rows of a file: encodings, quoting, widths, damage and limits. One bad byte or quotation mark costs one row."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.core.errors import FeedDamaged
from inventory.suppliers.csv_files import rows
from inventory.suppliers.csv_files.file_index import index_file
from inventory.suppliers.csv_files.preparation import prepare
from inventory.suppliers.csv_files.rows import read_header, read_rows
from tests.unit.suppliers.csv_files.price_lists import HEADER, file_map, indexed, observed, prepared, row, text_of


def ids(tmp_path: Path, content: str | bytes, **options: str) -> list[str]:
    return [item.supplier_stone_id.partition("#")[0] for item in observed(tmp_path, content, file_map(**options))]


def problems(tmp_path: Path, content: str | bytes, **options: str) -> list[str | None]:
    return [item.problem for item in observed(tmp_path, content, file_map(**options))]


def zipped(*names: str) -> Callable[[bytes], bytes]:
    def pack(content: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, content)
        return out.getvalue()

    return pack


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zipped("list.csv"), zipped("folder/list.csv", "__MACOSX/._list.csv", "folder/")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_compression(tmp_path: Path, pack: Callable[[bytes], bytes], encoding: str) -> None:
    content = text_of([row("A", Notes="café"), row("B")]).encode(encoding)
    declared = encoding.removesuffix("-sig")
    found = observed(tmp_path, pack(content), file_map(layout=f'encoding = "{declared}"'))
    assert [item.problem for item in found] == [None, None]
    assert found[0].stone is not None
    assert b'"comments":"caf\xc3\xa9"' in found[0].stone.attributes


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", "", "The file is empty"),
        (b"\n\n , \n", "", "The file is empty"),
        (b"Access denied: your account is not active.\n", "", "not a price list. It begins with 'Access denied"),
        (b"<?xml version='1.0'?>\n<error>Denied, ask support</error>\n", "", r"not a price list. It begins with .<\?xml"),
        (b"<!DOCTYPE html>\n<html>\n", "", "not a price list"),
        (b'{"error": "denied", "code": 1}', "", "not a price list"),
        (b"A,B,C\n1,2,3\n", "", "field stock_number: the file has no column 'stock'. It begins with: 'A, B, C'"),
        (b"\xef\xbb\xbfStock\n", 'encoding = "cp1252"', 'byte order mark of utf-8, but the map states cp1252. Set encoding = "utf-8"'),
        ("Stock".encode("utf-16"), "", "byte order mark of utf-16"),
        (b"\x1f\x8b\x08\x00\x00", "", "cannot be read .EOFError"),
        (gzip.compress(text_of([row("A")] * 50).encode())[:-20], "", "cannot be read .EOFError"),
        (zipped("a.csv", "b.csv")(b"x"), "", "The zip has 2 files instead of one"),
        (zipped()(b""), "", "not a price list"),
        (zipped("a.csv")(text_of([row("A")] * 50).encode())[:-30], "", "cannot be read .BadZipFile"),
        (text_of([row("A")]).encode("utf-16-le")[:-1], 'encoding = "utf-16-le"', "The file is not utf-16-le"),
        (text_of([row("A")], delimiter=";").encode(), "", "not a price list"),
    ],
)  # fmt: skip
def test_unusable_file_is_damaged(tmp_path: Path, content: bytes, options: str, message: str) -> None:
    with pytest.raises(FeedDamaged, match=message):
        indexed(tmp_path, content, file_map(layout=options))


def test_lines_are_counted_as_in_an_editor(tmp_path: Path) -> None:
    content = (
        text_of([row("A", Notes="two\nlines"), row("B", Price="x")]) + "\n,,,\n" + ",".join(row("C", Price="x")) + "\n"
    )
    assert problems(tmp_path, content) == [
        None,
        "total_price, column \"Price\": is not a number ('x') (line 4)",
        "total_price, column \"Price\": is not a number ('x') (line 7)",
    ]
    assert ids(tmp_path, content) == ["A", "B", "C"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, newline: str) -> None:
    content = text_of([row("A"), row("B", Notes='say "x", or not')]).replace("\n", newline)
    assert ids(tmp_path, content.encode()) == ["A", "B"]
    assert problems(tmp_path, content.encode()) == [None, None]


def test_bad_byte_costs_its_row(tmp_path: Path) -> None:
    content = text_of([row("A"), row("B", Notes="?"), row("C", Notes="")]).encode().replace(b"?", b"\xff\x00")
    found = observed(tmp_path, content, file_map())
    assert [item.problem for item in found] == [None, "column 'Notes': holds bytes that are not utf-8 (line 3)", None]
    assert found[1].supplier_stone_id.startswith("B#")
    assert b"\\\\xff\\\\x00" in found[1].payload
    assert not indexed(tmp_path, content, file_map()).damaged


def test_bad_byte_in_a_stock_number_suspends_removals(tmp_path: Path) -> None:
    content = text_of([row("A"), row("Bq", Report="1")]).encode().replace(b"Bq", b"B\xff")
    assert ids(tmp_path, content)[1].startswith("unidentified:")
    assert indexed(tmp_path, content, file_map()).damaged


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        ('"A2', 1),  # a quotation mark that is never closed
        ('"A2"x', 1),  # text behind the closing mark
        ('A2,"open', 1),
    ],
)
def test_damaged_quoting_costs_its_row(tmp_path: Path, damage: str, lost: int) -> None:
    lines = text_of([row(f"A{number}") for number in range(1, 6)]).splitlines()
    lines[2] = damage + lines[2][2:]
    content = "\n".join(lines) + "\n"
    found = observed(tmp_path, content, file_map())
    known = [item.supplier_stone_id.partition("#")[0] for item in found if item.problem is None]
    assert known == ["A1", "A3", "A4", "A5"]
    assert len(found) == 4 + lost
    assert "(line 3)" in str(found[1].problem)
    assert indexed(tmp_path, content, file_map()).damaged


def test_unclosed_quote_does_not_hide_rows_with_quotes(tmp_path: Path) -> None:
    rows_ = [row(f"A{number}", Notes="with, comma") for number in range(1, 6)]
    lines = text_of(rows_).splitlines()
    lines[2] = lines[2].replace('"with, comma"', '"with, comma')
    found = observed(tmp_path, "\n".join(lines) + "\n", file_map())
    assert [item.supplier_stone_id.partition("#")[0] for item in found if item.problem is None] == [
        "A1",
        "A3",
        "A4",
        "A5",
    ]


def test_row_width_is_checked(tmp_path: Path) -> None:
    lines = text_of([row("A"), row("B"), row("C"), row("D"), row("E")]).splitlines()
    lines[2] = ",".join(row("B")[:-2])
    lines[3] += ",extra"
    lines[4] += ",,"
    content = "\n".join(lines) + "\n"
    assert problems(tmp_path, content) == [
        None,
        "columns: the row has 8 columns instead of 10 (line 3)",
        "columns: the row has 11 columns instead of 10 (line 4)",
        None,
        None,
    ]
    index = indexed(tmp_path, content, file_map())
    assert not index.damaged
    assert [stock != 0 for stock in index.stocks] == [True, False, False, True, True]


def test_trailing_unnamed_header_is_optional(tmp_path: Path) -> None:
    content = text_of([row("A"), [*row("B"), ""], [*row("C"), "ignored"]], header=[*HEADER, ""])
    assert problems(tmp_path, content) == [None, None, None]


def test_last_row_that_is_cut_off_suspends_removals(tmp_path: Path) -> None:
    content = text_of([row("A"), row("B")])
    assert indexed(tmp_path, content.rstrip("\n"), file_map()).damaged is False
    assert indexed(tmp_path, content[:-20], file_map()).damaged is True


def test_file_without_header(tmp_path: Path) -> None:
    names = ", ".join(f'"{name}"' for name in HEADER)
    content = text_of([row("A"), row("B")], header=(), delimiter="\t")
    options = f'columns = [{names}]\ndelimiter = "\\t"'
    assert ids(tmp_path, content, layout=options) == ["A", "B"]
    with pytest.raises(FeedDamaged, match="No row has the 10 columns"):
        indexed(tmp_path, "<error>denied</error>\n", file_map(layout=options))


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    content = "Price list of é Gems\n\n" + text_of([row("A"), row("B", Price="x")])
    assert problems(tmp_path, content, layout="skip_lines = 2") == [
        None,
        "total_price, column \"Price\": is not a number ('x') (line 5)",
    ]


def test_quotes_without_quoting(tmp_path: Path) -> None:
    content = text_of([row("A"), row("B")]).replace("B,", '"B,', 1)
    assert ids(tmp_path, content, layout="quoting = false") == ["A", '"B']


def test_long_line_fails_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE_LENGTH", 200)
    with pytest.raises(FeedDamaged, match="Line 3 has more than 200 characters"):
        indexed(tmp_path, text_of([row("A"), row("B", Notes="x" * 300)]), file_map())


def test_long_field_costs_its_row(tmp_path: Path) -> None:
    content = text_of([row("A"), row("B", Notes="x" * 140_000), row("C")])
    assert [problem is None for problem in problems(tmp_path, content)] == [True, False, True]


def test_decompression_bomb_fails_the_file(tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(gzip.compress(b"0" * 50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(FeedDamaged, match="more than 10,000,000 characters"):
            prepare(tmp_path / "bomb", tmp_path / "prepared", file_map(), max_characters=10_000_000)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    try:
        index = indexed(tmp_path, content, file_map(layout='encoding = "cp1252"'))
    except FeedDamaged:
        return
    assert index.rows >= 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.sampled_from('a",\n\r é\x00x'), max_size=40), max_size=12))
def test_reading_continues_at_every_record(tmp_path: Path, lines: list[str]) -> None:
    """A page that starts at a record has the rows that the whole file has from there."""
    file = file_map()
    path = prepared(tmp_path, text_of([row("A")]) + "\n".join(lines) + "\n", file)
    columns, line, offset = read_header(path, file)
    whole = list(read_rows(path, file, columns, line=line, offset=offset))
    for place, (record, _) in enumerate(whole):
        again = read_rows(path, file, columns, line=record.line - 1, offset=record.offset)
        assert list(again) == whole[place:]


def test_wide_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """An index has 40 bytes for each row, whatever its width; the rows are read one by one."""
    extra = [f"extra {number}" for number in range(50)]
    content = text_of([[*row(f"S{number}"), *extra] for number in range(10_000)], header=[*HEADER, *extra])
    path = prepared(tmp_path, content, file_map())
    assert path.stat().st_size > 4_000_000
    index_file(path, file_map())  # fills the caches of the vocabulary
    tracemalloc.start()
    try:
        assert index_file(path, file_map()).rows == 10_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
