"""Scopes and principals."""

import pytest

from app.auth.scopes import MEANINGS, Principal, Scope
from inventory.core.errors import Forbidden


def test_every_scope_has_description() -> None:
    assert set(MEANINGS) == set(Scope)


def test_principal_has_only_its_scopes() -> None:
    principal = Principal("client", "key", frozenset({"diamonds:read", "of:another:version"}))
    assert [scope for scope in Scope if principal.may(scope)] == [Scope.DIAMONDS_READ]


def test_forbidden_error_names_missing_scope() -> None:
    with pytest.raises(Forbidden, match="prices:supplier"):
        Principal("client", "key", frozenset()).require(Scope.PRICES_SUPPLIER)
