"""Column maps: what is accepted, and errors that name the file, the field and the correction."""

from pathlib import Path

import pytest

from inventory.core.errors import ColumnMapInvalid, FeedDamaged
from inventory.suppliers.csv_files.column_map import decode_column_map, read_column_map
from inventory.suppliers.csv_files.columns import resolve_columns
from inventory.suppliers.csv_files.fields import FIELDS
from inventory.suppliers.csv_files.headers import normalize_header, unique_names
from tests.unit.suppliers.csv_files.price_lists import EXAMPLES, HEADER, column_map, file_map, toml


def test_example_maps_are_valid() -> None:
    maps = [read_column_map(path) for path in sorted(EXAMPLES.glob("*.toml"))]
    assert [len(found.files) for found in maps] == [2, 1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"carat": '{ headers = ["Carat"], round = 2 }'},
            r"field carat: .*unknown field `round`.*Known keys: .*occurrence",
        ),
        ({"wieght": '{ headers = ["Carat"] }'}, r"field wieght: the field is not known\. Known fields: stock_number"),
        ({"carat": '{ constant = "1" }'}, "field carat: a constant cannot be"),
        ({"color": '{ headers = ["Color"], constant = "D" }'}, "field color: state exactly one of headers, constant"),
        ({"color": "{ }"}, "field color: state exactly one of headers, constant"),
        (
            {"carat": '{ headers = ["Carat"], unit = "grams" }'},
            r"field carat: unit 'grams' is not accepted\. Accepted: carats",
        ),
        ({"depth": '{ headers = ["Notes"] }'}, "field depth: unit is missing"),
        ({"color": '{ headers = ["Color"], occurrence = 0 }'}, "field color: occurrence starts at 1"),
        ({"color": '{ headers = ["Color"], closed = true }'}, "field color: closed needs"),
        (
            {"color": '{ headers = ["Color"], values = { a = "D", A = "E" } }'},
            "field color: values has a spelling twice",
        ),
        ({"carat": '{ headers = ["Carat"], values = { a = "1" } }'}, "field carat: a number has no value table"),
        ({"lab_grown": '{ report_prefixes = ["LG"] }', "without": ["report_number"]}, "needs the field report_number"),
        ({"color": '{ report_prefixes = ["LG"] }'}, "field color: report_prefixes belongs to"),
        ({"availability": '{ constant = "Yes" }'}, "field availability: 'Yes' is not understood. Use AVAILABLE, HOLD"),
        ({"lab_grown": '{ headers = ["Notes"], values = { a = "b" } }'}, "field lab_grown: 'b' is not understood"),
        ({"without": ["lab_grown"]}, "the field lab_grown is missing"),
        ({"without": ["availability"]}, "the field availability is missing"),
        ({"without": ["total_price"]}, "no price"),
        ({"layout": 'encoding = "utf-9"'}, "encoding 'utf-9' is not known"),
        ({"layout": 'encoding = "base64"'}, "encoding 'base64' is not known"),
        ({"layout": 'delimiter = ";;"'}, "delimiter must be one character"),
        ({"layout": 'decimal = ","\ngroup = ","'}, "decimal and group are the same"),
        ({"layout": 'price_tolerance_percent = "half"'}, "price_tolerance_percent must be"),
        ({"layout": 'ignored = ["notes"]'}, "field comments: the column 'notes' is also in `ignored`"),
        ({"layout": 'delimeter = ";"'}, "unknown field `delimeter`.*Known keys: .*delimiter"),
        ({"head": 'order = "size"'}, "Invalid enum value 'size'"),
        ({"head": 'marker = ""'}, "marker is empty"),
    ],
)
def test_decode_column_map_names_the_problem(options: dict[str, object], message: str) -> None:
    with pytest.raises(ColumnMapInvalid, match=rf"(?s)map\.toml.*{message}"):
        column_map(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 2\nfiles = []", r"version is 2\. Set version = 1"),
        ("files = []", r"version is None\. Set version = 1"),
        ("version = 1\nfiles = []", "no kind of file"),
        ("version =", "not TOML"),
        (toml().replace('full = ["full-*"]', ""), r"kind list\): full is missing"),
        (toml() + toml().removeprefix("version = 1\n"), "two kinds of files have the same name"),
    ],
)
def test_decode_column_map_rejects_a_document(text: str, message: str) -> None:
    with pytest.raises(ColumnMapInvalid, match=message):
        decode_column_map(text, "map.toml")


def test_read_column_map_rejects_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# caf\xe9")
    for name in ("missing", "latin", "."):
        with pytest.raises(ColumnMapInvalid, match=r"the map (cannot be read|is not UTF-8)"):
            read_column_map(tmp_path / name)


def test_digest_changes_with_fields_only() -> None:
    digest = file_map().digest
    assert file_map(head='order = "name"\nmarker = ".done"').digest == digest
    assert file_map(color='{ headers = ["Colour"] }').digest != digest
    assert file_map(layout='decimal = ","').digest != digest
    assert file_map(head='supplier = "Example"').digest != digest


def test_common_fields_are_replaced_by_a_kind() -> None:
    shared = decode_column_map(
        toml(without=["comments", "color"]).replace(
            "[[files]]",
            '[fields]\ncomments = { headers = ["Notes"] }\ncolor = { constant = "D" }\n'
            'clarity = { constant = "IF" }\n[[files]]',
        ),
        "map.toml",
    )
    assert shared.files[0].fields["comments"].headers == ("notes",)
    assert shared.files[0].fields["clarity"].headers == ("clarity",)


def test_normalize_header() -> None:
    assert normalize_header("\ufeff  Stock\u00a0 #\t") == "stock #"
    assert unique_names(["Price", "\ufeffprice ", "", "Price\udc80"]) == ["Price", "price (2)", "column 3", "Price?"]


def test_resolve_columns_finds_fields_and_unknown_columns() -> None:
    header = ["\ufeffSTOCK ", *HEADER[1:], "Extra", ""]
    columns = resolve_columns(header, file_map())
    assert columns.places["stock_number"] == 0
    assert columns.unknown == ("Extra",)
    assert (columns.width, columns.least) == (12, 11)


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ([*HEADER[:-1]], {}, "field comments: the file has no column 'notes'"),
        (
            [*HEADER, "Weight"],
            {"carat": '{ headers = ["Carat", "Weight"] }'},
            r"field carat: the file has 2 of its headers",
        ),
        ([*HEADER, " CARAT "], {}, r"field carat: the file has 2 columns 'carat'\. State `occurrence`"),
        ([*HEADER], {"carat": '{ headers = ["Carat"], occurrence = 2 }'}, "no column occurrence 2 of 'carat'"),
    ],
)
def test_resolve_columns_fails_the_file(header: list[str], options: dict[str, str], message: str) -> None:
    with pytest.raises(FeedDamaged, match=message):
        resolve_columns(header, file_map(**options))


def test_resolve_columns_by_occurrence_and_optional() -> None:
    file = file_map(
        carat='{ headers = ["Carat"], occurrence = 2 }', eye_clean='{ headers = ["Eye"], required = false }'
    )
    columns = resolve_columns([*HEADER, "carat"], file)
    assert columns.places["carat"] == len(HEADER)
    assert columns.missing == ("eye_clean",)
    assert "carat (2)" not in columns.unknown


def test_reference_has_every_field_and_a_valid_example() -> None:
    text = (EXAMPLES.parents[1] / "docs" / "reference" / "column-map.md").read_text("utf-8")
    assert [name for name in FIELDS if f"| `{name}` |" not in text] == []
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert decode_column_map(example, "example").files[0].kind == "natural"
