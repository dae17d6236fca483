"""HMAC_SECRETS: what it may hold, and that it is never shown."""

import pytest

from inventory.core.settings import Settings, SettingsError


def test_a_client_has_one_secret_or_several() -> None:
    settings = Settings.read(hmac_secrets='{"acme": "one", "shop": ["old", "nouveau é"]}')
    assert settings.auth.signing_secrets() == {"acme": [b"one"], "shop": [b"old", "nouveau é".encode()]}


def test_without_the_setting_nobody_signs() -> None:
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
def test_anything_else_ends_the_process_with_a_line_that_shows_no_secret(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^HMAC_SECRETS: should be a JSON object") as error:
        Settings.read(hmac_secrets=text)
    assert "s3cret" not in str(error.value)


def test_no_representation_shows_a_secret() -> None:
    assert "s3cret" not in repr(Settings.read(hmac_secrets='{"acme": "s3cret"}'))
