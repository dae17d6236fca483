"""Catalogue of the client's operations, each with example variables."""

from collections.abc import Mapping
from typing import Any

from inventory.suppliers.nivoda.account import LOCATIONS, OWN_HOLDS
from inventory.suppliers.nivoda.documents import AUTHENTICATE, COUNT, ITEM, PAGES, SupplierOperation
from inventory.suppliers.nivoda.introspection import INTROSPECT
from inventory.suppliers.nivoda.trading_documents import CANCEL_HOLD, CREATE_HOLD, CREATE_ORDER, ITEM_STATUS

_SAMPLE = "sample"
_TOKEN = {"token": _SAMPLE}
# With every filter that the feed uses; `filters.FeedFilter` omits those that a schema does not offer.
_QUERY = {
    "dollar_value": {"from": 0, "to": 2**31 - 1},
    "sizes": [{"from": 0.0, "to": 1.5}],
    "labgrown": False,
    "updated": {"from": "2026-02-12T12:00:00.000000Z"},
    "search_on_markup_price": False,
}
_PAGE = {**_TOKEN, "query": _QUERY, "offset": 0, "limit": 50}
_CREDENTIALS = {"username": "me@example.com", "password": _SAMPLE}
_ORDER = {"offer": "DIAMOND/1", "comment": "-", "number": "1", "return_option": True, "destination": "1"}

OPERATIONS: Mapping[SupplierOperation[Any], Mapping[str, object]] = {
    INTROSPECT: {},
    AUTHENTICATE: _CREDENTIALS,
    OWN_HOLDS: _CREDENTIALS,
    LOCATIONS: _CREDENTIALS,
    COUNT: {**_TOKEN, "query": _QUERY},
    **{operation: _PAGE for pages in PAGES.values() for operation in (pages.full, *pages.smaller)},
    ITEM: {**_TOKEN, "stone": "1"},
    ITEM_STATUS: {**_TOKEN, "stone": "1"},
    CREATE_HOLD: {**_TOKEN, "stone": "1"},
    CANCEL_HOLD: {**_TOKEN, "hold": "1"},
    CREATE_ORDER: {**_TOKEN, **_ORDER},
}
