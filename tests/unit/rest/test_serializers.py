"""REST representation of a diamond: attributes keep their text, and columns without a field are among them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rest.serializers import SERIALIZED, DiamondAnswer, serialize
from inventory.catalog.diamond import Diamond
from tests.unit.graphql.test_executor import GOOD

COLUMNS = {
    "fluorescenceColor": "fluorescence_color",
    "fancyColor": "fancy_color",
    "fancyIntensity": "fancy_intensity",
    "fancyOvertone": "fancy_overtone",
}
TEXTS = st.none() | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
# Keys of columns as keys and inside of values, too.
ATTRIBUTES = st.dictionaries(st.sampled_from(["a", *COLUMNS]), JSON | st.sampled_from([*COLUMNS]), max_size=4)


def diamond(**columns: Any) -> Diamond:
    return msgspec.structs.replace(GOOD, certificate_hidden=False, measurements_hidden=False, **columns)


def encoded(one: Diamond, client_id: str = "me") -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(serialize(one, client_id)))
    return answer


@given(
    values=st.fixed_dictionaries(dict.fromkeys(COLUMNS.values(), TEXTS)),
    attributes=ATTRIBUTES,
    padding=st.sampled_from(["", " ", "\n"]),
)
def test_columns_are_among_attributes_and_attributes_prevail(
    values: dict[str, str | None], attributes: dict[str, Any], padding: str
) -> None:
    text = padding + msgspec.json.encode(attributes).decode() + padding
    own = {key: values[column] for key, column in COLUMNS.items() if values[column] is not None}
    found = encoded(diamond(attributes=text, **values))["attributes"]
    assert found == own | attributes


def test_numbers_of_attributes_keep_their_text() -> None:
    answer = msgspec.json.encode(serialize(diamond(attributes='{"a": 1.10}'), "me"))
    assert b'"a": 1.10' in answer


@pytest.mark.parametrize("text", ["[]", "1", "null", '"{}"'])
def test_attributes_that_are_no_object_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        serialize(diamond(attributes=text), "me")


def test_each_field_has_value_of_its_column() -> None:
    answer = serialize(diamond(), "me")
    for name in set(DiamondAnswer.__struct_fields__) & set(Diamond.__struct_fields__) - {"measurements", "attributes"}:
        expected = getattr(GOOD, name)
        assert getattr(answer, name) == (float(expected) if name == "markup_ratio" else expected), name
    assert (answer.carats, answer.hold_id) == (1.01, GOOD.open_hold["id"] if GOOD.open_hold else None)
    assert serialize(diamond(), "another client").hold_id is None


def test_costs_that_were_not_selected_are_omitted() -> None:
    costs = ("supplier_price_cents", "price_per_carat_cents", "markup_ratio")
    answer = encoded(diamond(**dict.fromkeys(costs, msgspec.UNSET)))
    assert not {"supplierPriceCents", "pricePerCaratCents", "markupRatio"} & set(answer)
    assert set(costs) <= set(SERIALIZED)
