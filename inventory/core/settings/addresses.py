"""Validation of server addresses: well-formed, and with TLS if `inventory.core.tls` requires it."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationInfo

from inventory.core import tls as transport
from inventory.core.tls import Tls


def _is_postgres(value: SecretStr, given: ValidationInfo) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("should begin with postgresql://")
    return SecretStr(transport.postgres(_parsed(value).get_secret_value(), _tls(given)))


def _is_redis(value: SecretStr, given: ValidationInfo) -> SecretStr:
    if not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("should begin with redis:// or rediss://")
    transport.redis(_parsed(value).get_secret_value(), _tls(given))
    return value


def _is_safe_bus(value: SecretStr, given: ValidationInfo) -> SecretStr:
    parts = _parts(value)
    keys = {"sharedaccesskeyname", "sharedaccesskey"} <= parts.keys() or "sharedaccesssignature" in parts
    if not keys or not re.match(r"sb://[^/\s]", parts.get("endpoint", "")):
        raise ValueError("should hold Endpoint=sb://..., SharedAccessKeyName and SharedAccessKey")
    transport.service_bus(value.get_secret_value(), _tls(given))
    return value


def _is_safe_storage(value: SecretStr, given: ValidationInfo) -> SecretStr:
    if not _parts(value).keys() & {"accountname", "blobendpoint", "usedevelopmentstorage"}:
        raise ValueError("should hold AccountName and AccountKey, or BlobEndpoint")
    transport.storage(value.get_secret_value(), _tls(given))
    return value


def _is_http(value: str, given: ValidationInfo) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("should begin with https:// (or http:// for a local server)")
    transport.http(value, _tls(given))
    return value


def _is_secret_http(value: SecretStr, given: ValidationInfo) -> SecretStr:
    text = _parsed(value).get_secret_value()
    if re.search(r"\s", text) or not urlsplit(text).hostname:
        raise ValueError("should be an address such as https://hooks.example.com/...")
    _is_http(text, given)
    return value


def _parts(connection: SecretStr) -> dict[str, str]:
    """Split a connection string into its parts by lower-case name. Returns nothing for another text."""
    pairs = [part.partition("=") for part in connection.get_secret_value().rstrip(";").split(";")]
    return {name.strip().lower(): value for name, _, value in pairs} if all(value for *_, value in pairs) else {}


def _tls(given: ValidationInfo) -> Tls:
    tls: Tls = given.data.get("tls", "require")  # an invalid value is reported by its field
    return tls


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


PostgresUrl = Annotated[SecretStr, AfterValidator(_is_postgres)]
RedisUrl = Annotated[SecretStr, AfterValidator(_is_redis)]
HttpUrl = Annotated[str, AfterValidator(_is_http)]
SecretHttpUrl = Annotated[SecretStr, AfterValidator(_is_secret_http)]
BusConnection = Annotated[SecretStr, AfterValidator(_is_safe_bus)]
StorageConnection = Annotated[SecretStr, AfterValidator(_is_safe_storage)]
