"""TLS policy of server addresses: loopback addresses may be plain, others require TLS."""

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, urlsplit, urlunsplit

Tls = Literal["auto", "require", "off"]

_HINT = "or set TLS=off if the network is private"
_WEAK_MODES = frozenset({"disable", "allow", "prefer"})


def _is_local(host: str | None) -> bool:
    """Whether a host is this machine. A missing host is a Unix socket."""
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _requires_tls(tls: Tls, host: str | None) -> bool:
    return tls == "require" or (tls == "auto" and not _is_local(host))


def postgres(url: str, tls: Tls) -> str:
    """Return the URL, with TLS if it is required. A stricter `sslmode` in the URL (verify-full) is kept.

    Raises:
        ValueError: the URL requests a weaker `sslmode`.
    """
    parts = urlsplit(url)
    modes = parse_qs(parts.query).get("sslmode", [])
    # Several hosts, or a host in a parameter, always count as remote.
    host = "elsewhere" if "," in parts.netloc or "host=" in parts.query else parts.hostname
    if not _requires_tls(tls, host) or (modes and modes[-1] not in _WEAK_MODES):
        return url
    if modes:
        raise ValueError(f"asks for sslmode={modes[-1]}; should be require or verify-full, {_HINT}")
    query = f"{parts.query}&sslmode=require" if parts.query else "sslmode=require"
    return urlunsplit(parts._replace(query=query))


def redis(url: str, tls: Tls) -> None:
    """Check that a Redis URL uses TLS if it is required.

    Raises:
        ValueError: the URL is plain.
    """
    parts = urlsplit(url)
    if parts.scheme == "redis" and _requires_tls(tls, parts.hostname):
        raise ValueError(f"should begin with rediss://, {_HINT}")


def http(url: str, tls: Tls) -> None:
    """Check an HTTP URL, as `redis`."""
    parts = urlsplit(url)
    if parts.scheme == "http" and _requires_tls(tls, parts.hostname):
        raise ValueError(f"should begin with https://, {_HINT}")


def service_bus(text: str, tls: Tls) -> None:
    """Check a connection string of Service Bus, as `redis`. The emulator's is plain."""
    endpoint = re.search(r"Endpoint=sb://([^;/:]+)", text)
    if "UseDevelopmentEmulator=true" in text and _requires_tls(tls, endpoint and endpoint[1]):
        raise ValueError(f"is an emulator's, without TLS; should be Azure's, {_HINT}")


def storage(text: str, tls: Tls) -> None:
    """Check a connection string of Azure Storage, as `redis`."""
    for address in re.findall(r"(http://[^;]+)", text):
        http(address, tls)
    if (
        "DefaultEndpointsProtocol=http;" in f"{text};"
        and "Endpoint=http" not in text
        and _requires_tls(tls, "elsewhere")
    ):
        raise ValueError(f"should hold DefaultEndpointsProtocol=https, {_HINT}")
