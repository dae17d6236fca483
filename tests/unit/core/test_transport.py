"""TLS: required for every server on another machine unless a setting disables it."""

import pytest

from inventory.core.settings import Settings, SettingsError
from tests.environment import environment_of

REMOTE_HOST = "db.example.com"


def read(name: str, value: str, **more: str) -> str:
    """The value of a setting after validation."""
    return environment_of(Settings.read(**{name: value}, **more))[name.upper()]


def database(url: str, **more: str) -> str:
    return Settings.read(database_url=url, **more).database.need("url")


@pytest.mark.parametrize("host", ["127.0.0.1:5432", "localhost", "[::1]:5432", ""])
def test_local_postgres_keeps_its_ssl_mode(host: str) -> None:
    url = f"postgresql://user:secret@{host}/diamonds"
    assert database(url) == url
    assert database(url, tls="require") == f"{url}?sslmode=require"


@pytest.mark.parametrize("query", ["", "?application_name=x"])
def test_remote_postgres_requires_tls(query: str) -> None:
    url = f"postgresql://user:secret@{REMOTE_HOST}/diamonds{query}"
    assert database(url) == f"{url}{'&' if query else '?'}sslmode=require"
    assert database(url, tls="off") == url


@pytest.mark.parametrize(
    "url", [f"postgresql://127.0.0.1,{REMOTE_HOST}/x", f"postgresql://localhost/x?host={REMOTE_HOST}"]
)
def test_disguised_remote_address_requires_tls(url: str) -> None:
    assert database(url).endswith("sslmode=require")


def test_stricter_ssl_mode_is_kept_and_weaker_one_rejected() -> None:
    strong = f"postgresql://{REMOTE_HOST}/diamonds?sslmode=verify-full"
    assert database(strong) == strong
    for mode in ("disable", "allow", "prefer"):
        with pytest.raises(SettingsError, match=rf"^DATABASE_URL: asks for sslmode={mode}.*TLS=off"):
            database(f"postgresql://{REMOTE_HOST}/diamonds?sslmode={mode}")


@pytest.mark.parametrize(
    ("name", "plain", "safe"),
    [
        ("redis_url", f"redis://{REMOTE_HOST}:6379/0", f"rediss://{REMOTE_HOST}:6379/0"),
        ("nivoda_endpoint", f"http://{REMOTE_HOST}/graphql", f"https://{REMOTE_HOST}/graphql"),
        ("resend_api_url", f"http://{REMOTE_HOST}", f"https://{REMOTE_HOST}"),
        ("azure_storage_account_url", f"http://{REMOTE_HOST}", f"https://{REMOTE_HOST}"),
        (
            "azure_service_bus_connection_string",
            f"Endpoint=sb://{REMOTE_HOST};SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;",
            f"Endpoint=sb://{REMOTE_HOST};SharedAccessKeyName=x;SharedAccessKey=x",
        ),
        (
            "azure_storage_connection_string",
            "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==",
            "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=eA==",
        ),
        (
            "azure_storage_connection_string",
            f"AccountName=x;AccountKey=eA==;BlobEndpoint=http://{REMOTE_HOST}/x",
            f"AccountName=x;AccountKey=eA==;BlobEndpoint=https://{REMOTE_HOST}/x",
        ),
    ],
)
def test_plain_remote_address_exits_with_one_line(name: str, plain: str, safe: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name.upper()}: .*TLS=off"):
        Settings.read(**{name: plain})
    assert read(name, plain, tls="off") == plain
    assert read(name, safe) == safe
    here = plain.replace(REMOTE_HOST, "127.0.0.1")
    if here != plain:
        assert read(name, here) == here
        with pytest.raises(SettingsError):
            Settings.read(**{name: here}, tls="require")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("trusted_proxies", "10.0.0.0/8, proxy"), ("trusted_proxies", "*"), ("cors_origins", "*"),
     ("cors_origins", "https://example.com/"), ("cors_origins", "example.com")],
)  # fmt: skip
def test_trusted_proxies_are_listed_individually(name: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name.upper()}: should be"):
        Settings.read(**{name: wrong})
