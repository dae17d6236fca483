"""Automatic persisted queries: Apollo Link's hash, with and without the document."""

import hashlib
from typing import Any

import pytest

from app.graphql.execution.errors import format_inventory_error
from app.graphql.execution.request import read_members
from inventory.core.errors import BadRequest, PersistedQueryNotSupported

QUERY = "{ me { clientId } }"
DIGEST = hashlib.sha256(QUERY.encode()).hexdigest()


def request(persisted: Any, **members: Any) -> Any:
    return read_members({"extensions": {"persistedQuery": persisted}, **members})


def test_hash_without_document_returns_persisted_query_not_found() -> None:
    with pytest.raises(PersistedQueryNotSupported) as raised:
        request({"version": 1, "sha256Hash": DIGEST}, operationName="Me", variables={})
    error = format_inventory_error(raised.value)
    assert (error["message"], error["extensions"]) == (
        "PersistedQueryNotSupported",
        {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
    )


@pytest.mark.parametrize("digest", [DIGEST, DIGEST.upper()])
def test_hash_of_document_is_accepted(digest: str) -> None:
    assert request({"version": 1, "sha256Hash": digest}, query=QUERY).query == QUERY
    assert request({"version": 1, "sha256Hash": digest}, documentId=f"sha256:{DIGEST}").document_id


@pytest.mark.parametrize(
    "persisted",
    [
        {"version": 1, "sha256Hash": "0" * 64},
        {"version": 1, "sha256Hash": DIGEST[:-1]},
        {"version": 1, "sha256Hash": 1},
        {"version": 1},
        {"version": 2, "sha256Hash": DIGEST},
        {"version": True, "sha256Hash": DIGEST},
        {"sha256Hash": DIGEST},
        "x",
        [],
        0,
    ],
)
def test_wrong_hash_or_form_with_document_is_error(persisted: Any) -> None:
    with pytest.raises(BadRequest, match=r"extensions\.persistedQuery"):
        request(persisted, query=QUERY)


def test_requests_without_extension_are_unchanged() -> None:
    assert request(None, query=QUERY).query == QUERY
    with pytest.raises(BadRequest, match="extensions should be"):
        read_members({"query": QUERY, "extensions": "x"})
