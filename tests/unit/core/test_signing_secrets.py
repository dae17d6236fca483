"""HMAC_SECRETS: accepted values, and secrets are never printed."""

import pytest

from inventory.core.settings import Settings, SettingsError


def test_client_has_one_secret_or_several() -> None:
    settings = Settings.read(hmac_secrets='{"acme": "one", "shop": ["old", "nouveau é"]}')
    assert settings.auth.signing_secrets() == {"acme": [b"one"], "shop": [b"old", "nouveau é".encode()]}


def test_empty_setting_allows_no_client() -> None:
    assert Settings.read().auth.signing_secrets() == {}


@pytest.mark.parametrize(
    "text",
    [
        '["s3cret"]',
        '{"acme": ""}',
        '{"": "s3cret"}',
        '{"acme": []}',
        '{"acme": ["s3cret", ""]}',
        '{"acme": 3}',
        "s3cret",
    ],
)
def test_invalid_value_exits_with_line_without_secret(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^HMAC_SECRETS: should be a JSON object") as error:
        Settings.read(hmac_secrets=text)
    assert "s3cret" not in str(error.value)


def test_repr_hides_secret() -> None:
    assert "s3cret" not in repr(Settings.read(hmac_secrets='{"acme": "s3cret"}'))
