"""TLS: asked for wherever a server is not on this machine, and turned off only by the setting."""

import pytest

from inventory.core.settings import Settings, SettingsError
from tests.environment import environment_of

FAR = "db.example.com"


def read(name: str, value: str, **more: str) -> str:
    """The value of a setting as it is used."""
    return environment_of(Settings.read(**{name: value}, **more))[name.upper()]


def database(url: str, **more: str) -> str:
    return Settings.read(database_url=url, **more).database.need("url")


@pytest.mark.parametrize("host", ["127.0.0.1:5432", "localhost", "[::1]:5432", ""])
def test_on_this_machine_postgres_is_reached_as_it_likes(host: str) -> None:
    url = f"postgresql://user:secret@{host}/diamonds"
    assert database(url) == url
    assert database(url, tls="require") == f"{url}?sslmode=require"


@pytest.mark.parametrize("query", ["", "?application_name=x"])
def test_elsewhere_postgres_is_asked_for_tls(query: str) -> None:
    url = f"postgresql://user:secret@{FAR}/diamonds{query}"
    assert database(url) == f"{url}{'&' if query else '?'}sslmode=require"
    assert database(url, tls="off") == url


@pytest.mark.parametrize("url", [f"postgresql://127.0.0.1,{FAR}/x", f"postgresql://localhost/x?host={FAR}"])
def test_an_address_in_disguise_is_taken_for_elsewhere(url: str) -> None:
    assert database(url).endswith("sslmode=require")


def test_a_stronger_wish_is_kept_and_a_weaker_one_refused() -> None:
    strong = f"postgresql://{FAR}/diamonds?sslmode=verify-full"
    assert database(strong) == strong
    for mode in ("disable", "allow", "prefer"):
        with pytest.raises(SettingsError, match=rf"^DATABASE_URL: asks for sslmode={mode}.*TLS=off"):
            database(f"postgresql://{FAR}/diamonds?sslmode={mode}")


@pytest.mark.parametrize(
    ("name", "plain", "safe"),
    [
        ("redis_url", f"redis://{FAR}:6379/0", f"rediss://{FAR}:6379/0"),
        ("nivoda_endpoint", f"http://{FAR}/graphql", f"https://{FAR}/graphql"),
        ("resend_api_url", f"http://{FAR}", f"https://{FAR}"),
        ("azure_storage_account_url", f"http://{FAR}", f"https://{FAR}"),
        (
            "azure_service_bus_connection_string",
            f"Endpoint=sb://{FAR};SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;",
            f"Endpoint=sb://{FAR};SharedAccessKeyName=x;SharedAccessKey=x",
        ),
        (
            "azure_storage_connection_string",
            "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==",
            "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=eA==",
        ),
        (
            "azure_storage_connection_string",
            f"AccountName=x;AccountKey=eA==;BlobEndpoint=http://{FAR}/x",
            f"AccountName=x;AccountKey=eA==;BlobEndpoint=https://{FAR}/x",
        ),
    ],
)
def test_a_plain_address_elsewhere_ends_the_process_with_a_line(name: str, plain: str, safe: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name.upper()}: .*TLS=off"):
        Settings.read(**{name: plain})
    assert read(name, plain, tls="off") == plain
    assert read(name, safe) == safe
    here = plain.replace(FAR, "127.0.0.1")
    if here != plain:
        assert read(name, here) == here
        with pytest.raises(SettingsError):
            Settings.read(**{name: here}, tls="require")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("trusted_proxies", "10.0.0.0/8, proxy"), ("trusted_proxies", "*"), ("cors_origins", "*"),
     ("cors_origins", "https://example.com/"), ("cors_origins", "example.com")],
)  # fmt: skip
def test_who_is_believed_is_named_one_by_one(name: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name.upper()}: should be"):
        Settings.read(**{name: wrong})
