"""A damaged item costs its neighbours nothing, is kept whole and can be told again."""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventory.suppliers.nivoda.documents import PAGES
from inventory.suppliers.nivoda.lenient_json import original, salvage, storable
from inventory.suppliers.nivoda.mapping import observe
from tests.unit.suppliers.items import STONE_ID, payload

GOOD = payload()
NOT_JSON = [
    rb'{"a": "\ud83d"}',
    b'{"a": "\x01"}',
    b'{"a": "\x00"}',
    rb'{"a": "\x"}',
    b'{"a": NaN}',
    b'{"a": 01}',
    b"[" * 100_000 + b"]" * 100_000,
]


def page(*items: bytes) -> bytes:
    return b'{"data": {"as": {"diamonds_by_query": {"total_count": 3, "items": [%b]}}}}' % b" , ".join(items)


def read(body: bytes) -> list[bytes]:
    data = msgspec.json.decode(body, type=dict[str, msgspec.Raw])["data"]
    return [bytes(item) for item in PAGES["dollar_value"].full.read(data).account.diamonds_by_query.items]


@pytest.mark.parametrize("bad", NOT_JSON)
def test_items_that_are_no_json_are_wrapped_and_their_neighbours_stay_to_the_byte(bad: bytes) -> None:
    body = page(GOOD, bad, GOOD)
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        read(body)
    first, wrapped, last = read(salvage(body))
    assert (first, original(wrapped), last) == (GOOD, bad, GOOD)


def test_a_good_page_is_salvaged_to_the_same_items() -> None:
    assert read(salvage(page(GOOD, b"null", b"[1, 2]"))) == [GOOD, b"null", b"[1, 2]"]
    assert read(salvage(page())) == read(page()) == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", page(GOOD)[:-40][:-5], page(GOOD, GOOD)[:1500], b'{"items": [']
)
def test_an_answer_that_was_cut_off_can_not_be_salvaged(body: bytes) -> None:
    with pytest.raises(ValueError, match="an answer"):
        salvage(body)


def test_brackets_and_the_name_of_the_list_inside_of_texts_do_not_mislead() -> None:
    tricky = payload({"diamond.certificate.comments": '] } "items": [ \\" , {'})
    body = b'{"note": "\\"items\\": [1", "errors": null, ' + page(tricky, rb'{"a": "\ud83d]"}', tricky)[1:]
    first, _, last = read(salvage(body))
    assert first == last == tricky


@given(received=st.binary(max_size=100))
@example(received=b"")
@example(received=b"1, 2")
@example(received=b"1], [2")
def test_what_is_stored_is_json_and_leads_back_to_what_was_received(received: bytes) -> None:
    stored = storable(received)
    json.loads(stored)
    assert original(stored) == received
    assert storable(stored) == stored


def test_a_wrapper_with_nonsense_inside_is_taken_as_it_is() -> None:
    assert original(b'{"$unreadable":"a"}') == b'{"$unreadable":"a"}'


def test_a_stone_with_half_a_surrogate_pair_keeps_its_id_and_comes_back_from_the_store_the_same() -> None:
    received = payload({"diamond.certificate.comments": "HERE"}).replace(b"HERE", rb"\ud83d")
    observed = observe(received)
    assert observed.supplier_stone_id == STONE_ID
    assert original(observed.payload) == received
    assert observe(observed.payload) == observed


@pytest.mark.parametrize("field", ["unheard_of", "diamond.certificate.comments"])
@pytest.mark.parametrize("levels", [201, 900, 9_000])
def test_a_stone_that_is_nested_deeper_than_some_interpreters_read_is_told_apart_by_all_of_them(
    field: str, levels: int
) -> None:
    received = payload({field: "HERE"}).replace(b'"HERE"', b"[" * levels + b"]" * levels)
    observed = observe(received)
    assert observed.problem == "payload: is nested too deep"
    assert (storable(received), original(observed.payload)) == (observed.payload, received)
    assert observe(observed.payload) == observed


def test_many_brackets_side_by_side_or_inside_of_texts_are_not_deep() -> None:
    wide = payload({"unheard_of": [[]] * 1_000, "diamond.certificate.comments": "[" * 1_000})
    assert observe(wide).problem is None
    assert storable(wide) == wide
