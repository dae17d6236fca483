"""Validation of server addresses: well-formed, and with TLS if `inventory.core.tls` requires it."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from inventory.core import tls as transport
from inventory.core.settings.values import Checked, SecretStr
from inventory.core.tls import Tls


def _is_postgres(value: SecretStr, tls: Tls) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("should begin with postgresql://")
    return SecretStr(transport.postgres(_parsed(value).get_secret_value(), tls))


def _is_redis(value: SecretStr, tls: Tls) -> SecretStr:
    if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should begin with redis:// or rediss://")
    transport.redis(_parsed(value).get_secret_value(), tls)
    return value


def _is_safe_bus(value: SecretStr, tls: Tls) -> SecretStr:
    parts = _parts(value)
    keys = {"sharedaccesskeyname", "sharedaccesskey"} <= parts.keys() or "sharedaccesssignature" in parts
    if not keys or not re.match(r"sb://[^/\s]", parts.get("endpoint", "")):
        raise ValueError("should hold Endpoint=sb://..., SharedAccessKeyName and SharedAccessKey")
    transport.service_bus(value.get_secret_value(), tls)
    return value


def _is_safe_storage(value: SecretStr, tls: Tls) -> SecretStr:
    if not _parts(value).keys() & {"accountname", "blobendpoint", "usedevelopmentstorage"}:
        raise ValueError("should hold AccountName and AccountKey, or BlobEndpoint")
    transport.storage(value.get_secret_value(), tls)
    return value


def _is_http(value: str, tls: Tls) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("should begin with https:// (or http:// for a local server)")
    transport.http(value, tls)
    return value


def _is_secret_http(value: SecretStr, tls: Tls) -> SecretStr:
    text = _parsed(value).get_secret_value()
    if re.search(r"\s", text) or not urlsplit(text).hostname:
        raise ValueError("should be an address such as https://hooks.example.com/...")
    _is_http(text, tls)
    return value


def _parts(connection: SecretStr) -> dict[str, str]:
    """Split a connection string into its parts by lower-case name. Returns nothing for another text."""
    pairs = [part.partition("=") for part in connection.get_secret_value().rstrip(";").split(";")]
    return {name.strip().lower(): value for name, _, value in pairs} if all(value for *_, value in pairs) else {}


def _parsed(url: SecretStr) -> SecretStr:
    """Check that a URL can be parsed: a `#` or `/` in a password must be percent-encoded."""
    try:
        parts = urlsplit(url.get_secret_value())
        _ = parts.port
    except ValueError:
        # The cause is omitted: it may quote a part of the password.
        raise ValueError("is not a URL; are special characters of the password written as %..?") from None
    if parts.fragment:
        raise ValueError("holds a # that is not written as %23")
    return url


PostgresUrl = Annotated[SecretStr, Checked(_is_postgres)]
RedisUrl = Annotated[SecretStr, Checked(_is_redis)]
HttpUrl = Annotated[str, Checked(_is_http)]
SecretHttpUrl = Annotated[SecretStr, Checked(_is_secret_http)]
BusConnection = Annotated[SecretStr, Checked(_is_safe_bus)]
StorageConnection = Annotated[SecretStr, Checked(_is_safe_storage)]
