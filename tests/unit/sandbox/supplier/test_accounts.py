"""Tokens and who holds them."""

from typing import Any

import pytest

from sandbox.supplier.accounts import Account, Accounts

ANNA = Account("anna", "opal-secret")


@pytest.fixture
def accounts(clock: Any) -> Accounts:
    return Accounts([ANNA, Account("ben", "ruby")], 60, clock)


@pytest.mark.parametrize(("name", "password"), [("anna", "ruby"), ("carl", "ruby"), ("", ""), ("anna", "")])
def test_wrong_credentials_give_no_token(name: str, password: str, accounts: Accounts) -> None:
    assert accounts.log_in(name, password) is None


def test_a_token_belongs_to_who_logged_in_until_it_expires(accounts: Accounts, clock: Any) -> None:
    token = accounts.log_in("anna", "opal-secret")
    assert token is not None
    clock.advance(59)
    assert accounts.holder(token) == ANNA
    clock.advance(1)
    assert accounts.holder(token) is None


def test_a_revoked_or_unknown_token_is_nobodys(accounts: Accounts) -> None:
    token = accounts.log_in("anna", "opal-secret")
    assert token is not None
    accounts.revoke(token)
    assert accounts.holder(token) is None
    assert accounts.holder("made up") is None


def test_a_password_does_not_show() -> None:
    assert "opal" not in repr(ANNA)
