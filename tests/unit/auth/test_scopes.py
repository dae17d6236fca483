"""Scopes and principals."""

import pytest

from app.auth.scopes import MEANINGS, Principal, Scope
from inventory.core.errors import Forbidden


def test_every_scope_says_what_it_allows() -> None:
    assert set(MEANINGS) == set(Scope)


def test_a_principal_may_what_its_scopes_say_and_nothing_else() -> None:
    principal = Principal("client", "key", frozenset({"diamonds:read", "of:another:version"}))
    assert [scope for scope in Scope if principal.may(scope)] == [Scope.DIAMONDS_READ]


def test_a_refusal_names_the_missing_scope() -> None:
    with pytest.raises(Forbidden, match="prices:supplier"):
        Principal("client", "key", frozenset()).require(Scope.PRICES_SUPPLIER)
