from typing import get_args

import pytest

from inventory.core.settings import Settings, SettingsError, example_file
from inventory.core.settings.api import ApiSettings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in Settings.variables():
        monkeypatch.delenv(variable.name, raising=False)


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("DATABASE_URL", "mysql://x", "should begin with postgresql://"),
        ("DATABASE_URL", "postgresql://u:p#ssw0rd@host/db", "special characters"),
        ("DATABASE_URL", "postgresql://u:p@host/db#x", "is not written as %23"),
        ("REDIS_URL", "redis://host:port/0", "is not a URL"),
        ("NIVODA_ENDPOINT", "integrations.example", "should begin with https://"),
        ("AZURE_SERVICE_BUS_CONNECTION_STRING", "sb://example.servicebus.windows.net", "should hold Endpoint=sb://"),
        ("AZURE_SERVICE_BUS_CONNECTION_STRING", "Endpoint=sb://example/;SharedAccessKey=ssw0rd", "SharedAccessKeyName"),
        ("AZURE_STORAGE_CONNECTION_STRING", "ssw0rd", "should hold AccountName"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=x;ssw0rd", "should hold AccountName"),
        ("PORT", "0", "should be an integer >= 1"),
        ("SYNC_MAX_DELETE_SHARE", "20", "should be a number <= 1"),
        ("SYNC_NIGHTLY", "maybe", "should be true or false"),
        ("PORT", "80.5", "should be an integer"),
        ("NIVODA_REQUESTS_PER_SECOND", "fast", "should be a number"),
        ("NIVODA_TIMEOUT_SECONDS", "0", "should be a number > 0"),
        ("DATABASE_SCHEMA", "inventory\n", "does not have the form of the example"),
        ("ENVIRONMENT", "prod", "'development', 'staging' or 'production'"),
    ],
)
def test_invalid_setting_is_one_line_with_name_and_example(
    name: str, value: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as wrong:
        Settings.read()
    message = str(wrong.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: ")
    assert what in message
    assert f"Example: {name}=" in message
    assert "p#ssw0rd" not in message
    assert "ssw0rd" not in message


NUMBERS = [variable.name for variable in Settings.variables() if get_args(variable.kind)[0] in (int, float, int | None)]


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "100000000000000000000"])
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_too_large_to_use_are_rejected(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: "):
        Settings.read()


def test_every_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(SettingsError) as wrong:
        Settings.read()
    assert [line.partition(":")[0] for line in str(wrong.value).splitlines()] == ["LOG_LEVEL", "PORT"]


def test_missing_required_setting_of_role_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^REDIS_URL: is not set\. Example: REDIS_URL=redis://"):
        Settings.read().redis.need("url")


def test_secrets_are_hidden_in_repr() -> None:
    settings = Settings.read(
        database_url="postgresql://u:hunter2@host/db", nivoda_password="hunter2", resend_api_key="hunter2"
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(vars(settings.database))


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("ON", True), ("1", True), ("no", False), ("False", False)]
)
def test_boolean_setting_accepts_usual_spellings(text: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_NIGHTLY", text)
    assert Settings.read().sync.nightly is value


def test_empty_variable_is_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    settings = Settings.read()
    assert settings.api.port == 3000
    assert settings.api.given_fields == frozenset()


def test_addresses_are_checked_with_tls_of_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIVODA_ENDPOINT", "http://supplier.example/graphql")
    with pytest.raises(SettingsError, match=r"^NIVODA_ENDPOINT: "):
        Settings.read()
    monkeypatch.setenv("TLS", "off")
    assert Settings.read().nivoda.endpoint == "http://supplier.example/graphql"


def test_with_values_keeps_given_values_and_first_feed_as_default() -> None:
    settings = Settings.read(
        port=1, feeds="acme,nivoda", feed_acme_kind="csv", feed_acme_source="/", feed_acme_map="/map"
    )
    changed = settings.with_values(feeds="nivoda", max_connections=7)
    assert (changed.api.port, changed.api.max_connections, changed.api.host) == (1, 7, "0.0.0.0")
    assert (settings.sync.feed, changed.sync.feed) == ("acme", "nivoda")


def test_unknown_field_of_section_is_rejected() -> None:
    with pytest.raises(TypeError, match="no field portt"):
        ApiSettings(portt=1)


def test_settings_are_immutable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="frozen"):
        Settings.read().api.port = 1


def test_example_file_names_every_setting() -> None:
    text = example_file()
    assert all(f"# {variable.name}=" in text for variable in Settings.variables())


def test_secret_may_be_given_by_argument() -> None:
    settings = Settings.read(redis_url="rediss://:p@redis.example/0")
    assert settings.with_values(redis_url=settings.redis.url).redis.need("url") == "rediss://:p@redis.example/0"
    assert "redis.example" not in repr(settings.redis)
    with pytest.raises(SettingsError, match=r"^REDIS_URL: should be a text\. Example"):
        Settings.read(redis_url=7)


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("SYNC_MAX_DELETE_SHARE", ".2", "max_delete_share", 0.2),
        ("sync_max_delete_share", "0.3", "max_delete_share", 0.3),
        ("SYNC_MAX_PARTITIONS", " 08 ", "max_partitions", 8),
        ("SYNC_NIGHTLY", "f", "nightly", False),
    ],
)
def test_setting_may_be_written_in_usual_ways(
    name: str, value: str, field: str, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Settings.read().sync, field) == expected


def test_required_value_cannot_be_none() -> None:
    with pytest.raises(SettingsError, match=r"^PORT: should be an integer\."):
        Settings.read(port=None)
