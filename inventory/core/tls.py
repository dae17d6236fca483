"""Whether an address is reached through TLS: on this machine it need not be, elsewhere it must."""

import re
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, urlsplit, urlunsplit

Tls = Literal["auto", "require", "off"]

_HINT = "or set TLS=off if the network between is your own"
_WEAK_MODES = frozenset({"disable", "allow", "prefer"})


def _is_here(host: str | None) -> bool:
    """Whether a host is this machine; no host is a Unix socket."""
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _must(tls: Tls, host: str | None) -> bool:
    return tls == "require" or (tls == "auto" and not _is_here(host))


def postgres(url: str, tls: Tls) -> str:
    """The URL, with TLS where it is required. A stronger `sslmode` in the URL (verify-full) is kept.

    Raises:
        ValueError: it asks for less.
    """
    parts = urlsplit(url)
    modes = parse_qs(parts.query).get("sslmode", [])
    # Several hosts, or one given as a parameter, are never taken for this machine.
    host = "elsewhere" if "," in parts.netloc or "host=" in parts.query else parts.hostname
    if not _must(tls, host) or (modes and modes[-1] not in _WEAK_MODES):
        return url
    if modes:
        raise ValueError(f"asks for sslmode={modes[-1]}; should be require or verify-full, {_HINT}")
    query = f"{parts.query}&sslmode=require" if parts.query else "sslmode=require"
    return urlunsplit(parts._replace(query=query))


def redis(url: str, tls: Tls) -> None:
    """Refuse a plain connection where it must be TLS.

    Raises:
        ValueError: it is plain.
    """
    parts = urlsplit(url)
    if parts.scheme == "redis" and _must(tls, parts.hostname):
        raise ValueError(f"should begin with rediss://, {_HINT}")


def http(url: str, tls: Tls) -> None:
    """As `redis`, for web addresses."""
    parts = urlsplit(url)
    if parts.scheme == "http" and _must(tls, parts.hostname):
        raise ValueError(f"should begin with https://, {_HINT}")


def service_bus(text: str, tls: Tls) -> None:
    """As `redis`, for connection strings of Service Bus: an emulator's is plain."""
    endpoint = re.search(r"Endpoint=sb://([^;/:]+)", text)
    if "UseDevelopmentEmulator=true" in text and _must(tls, endpoint and endpoint[1]):
        raise ValueError(f"is an emulator's, without TLS; should be Azure's, {_HINT}")


def storage(text: str, tls: Tls) -> None:
    """As `redis`, for connection strings of Azure Storage."""
    for address in re.findall(r"(http://[^;]+)", text):
        http(address, tls)
    if "DefaultEndpointsProtocol=http;" in f"{text};" and "Endpoint=http" not in text and _must(tls, "elsewhere"):
        raise ValueError(f"should hold DefaultEndpointsProtocol=https, {_HINT}")
