"""Tokens and their accounts."""

from typing import Any

import pytest

from sandbox.supplier.accounts import Account, Accounts

ANNA = Account("anna", "opal-secret")


@pytest.fixture
def accounts(clock: Any) -> Accounts:
    return Accounts([ANNA, Account("ben", "ruby")], 60, clock)


@pytest.mark.parametrize(("name", "password"), [("anna", "ruby"), ("carl", "ruby"), ("", ""), ("anna", "")])
def test_wrong_credentials_return_no_token(name: str, password: str, accounts: Accounts) -> None:
    assert accounts.log_in(name, password) is None


def test_token_belongs_to_account_until_it_expires(accounts: Accounts, clock: Any) -> None:
    login = accounts.log_in("anna", "opal-secret")
    assert login is not None
    assert (login.ends - clock()).total_seconds() == 60
    token = login.token
    clock.advance(59)
    assert accounts.account_of(token) == ANNA
    clock.advance(1)
    assert accounts.account_of(token) is None


def test_revoked_or_unknown_token_has_no_account(accounts: Accounts) -> None:
    login = accounts.log_in("anna", "opal-secret")
    assert login is not None
    accounts.revoke(login.token)
    assert accounts.account_of(login.token) is None
    assert accounts.account_of("made up") is None


def test_refresh_token_returns_one_new_session(accounts: Accounts) -> None:
    login = accounts.log_in("anna", "opal-secret")
    assert login is not None
    renewed = accounts.refresh(login.refresh_token)
    assert renewed is not None
    assert renewed.token != login.token
    assert accounts.account_of(renewed.token) == ANNA
    assert accounts.refresh(login.refresh_token) is None
    assert accounts.refresh(login.token) is None


def test_repr_hides_password() -> None:
    assert "opal" not in repr(ANNA)
