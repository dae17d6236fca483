"""Damaged items: neighbours are unaffected, and the item is stored completely and recognizably."""

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
def test_invalid_json_items_are_wrapped_and_neighbours_are_unchanged(bad: bytes) -> None:
    body = page(GOOD, bad, GOOD)
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        read(body)
    first, wrapped, last = read(salvage(body))
    assert (first, original(wrapped), last) == (GOOD, bad, GOOD)


def test_valid_page_is_recovered_to_same_items() -> None:
    assert read(salvage(page(GOOD, b"null", b"[1, 2]"))) == [GOOD, b"null", b"[1, 2]"]
    assert read(salvage(page())) == read(page()) == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", page(GOOD)[:-40][:-5], page(GOOD, GOOD)[:1500], b'{"items": [']
)
def test_truncated_response_cannot_be_recovered(body: bytes) -> None:
    with pytest.raises(ValueError, match="an answer"):
        salvage(body)


def test_brackets_and_list_name_in_strings_are_ignored() -> None:
    tricky = payload({"diamond.certificate.comments": '] } "items": [ \\" , {'})
    body = b'{"note": "\\"items\\": [1", "errors": null, ' + page(tricky, rb'{"a": "\ud83d]"}', tricky)[1:]
    first, _, last = read(salvage(body))
    assert first == last == tricky


@given(received=st.binary(max_size=100))
@example(received=b"")
@example(received=b"1, 2")
@example(received=b"1], [2")
def test_stored_value_is_json_and_restores_received_bytes(received: bytes) -> None:
    stored = storable(received)
    json.loads(stored)
    assert original(stored) == received
    assert storable(stored) == stored


def test_wrapper_with_invalid_content_is_kept_unchanged() -> None:
    assert original(b'{"$unreadable":"a"}') == b'{"$unreadable":"a"}'


def test_lone_surrogate_keeps_id_and_is_stored_unchanged() -> None:
    received = payload({"diamond.certificate.comments": "HERE"}).replace(b"HERE", rb"\ud83d")
    observed = observe(received)
    assert observed.supplier_stone_id == STONE_ID
    assert original(observed.payload) == received
    assert observe(observed.payload) == observed


@pytest.mark.parametrize("field", ["unheard_of", "diamond.certificate.comments"])
@pytest.mark.parametrize("levels", [201, 900, 9_000])
def test_depth_limit_is_equal_for_all_interpreters(field: str, levels: int) -> None:
    received = payload({field: "HERE"}).replace(b'"HERE"', b"[" * levels + b"]" * levels)
    observed = observe(received)
    assert observed.problem == "payload: is nested too deep"
    assert (storable(received), original(observed.payload)) == (observed.payload, received)
    assert observe(observed.payload) == observed


def test_many_flat_or_quoted_brackets_are_not_deep() -> None:
    wide = payload({"unheard_of": [[]] * 1_000, "diamond.certificate.comments": "[" * 1_000})
    assert observe(wide).problem is None
    assert storable(wide) == wide
