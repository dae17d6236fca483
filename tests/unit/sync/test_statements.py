"""SQL statements with placeholders: columns come from one list, and every placeholder is replaced."""

import re

import pytest

from inventory.catalog.stone import Stone
from sync.runs.statements import OBSERVED, compose, sql

STONE = Stone.__struct_fields__[1:]


@pytest.mark.parametrize(
    ("placeholder", "written"),
    [
        ("{stone}", ", ".join(STONE)),
        ("{stone of raw}", ", ".join(f"raw.{name}" for name in STONE)),
        ("{stone from excluded}", ", ".join(f"{name} = excluded.{name}" for name in STONE)),
        ("jsonb_set(checkpoint, '{pages}', '0')", "jsonb_set(checkpoint, '{pages}', '0')"),
    ],
)
def test_placeholder_is_expanded(placeholder: str, written: str) -> None:
    assert compose(placeholder) == written


def test_parameters_are_numbered_and_typed_like_columns() -> None:
    first, second, third, *others = compose("{observed at $9}").split(", ")
    assert (first, second, third) == ("$9::text[]", "$10::json[]", "$11::boolean[]")
    kinds = dict(zip([*OBSERVED][3:], others, strict=True))
    assert kinds["supplier_price_cents"] == f"${9 + [*OBSERVED].index('supplier_price_cents')}::bigint[]"
    assert [kinds[name].partition("::")[2] for name in ("color_rank", "carat_milli", "eye_clean", "attributes")] == [
        "smallint[]",
        "integer[]",
        "boolean[]",
        "json[]",
    ]


def test_every_placeholder_of_every_statement_is_known() -> None:
    left = {name: found for name in sql if (found := re.findall(r"\{[a-z]+[^}']*\}(?!')", getattr(sql, name)))}
    assert left == {}
