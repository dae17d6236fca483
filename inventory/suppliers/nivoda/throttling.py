"""Rate limit errors in the supplier's answers, and their waits: `Retry-After`, `errors[]`, and message texts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from inventory.suppliers.nivoda.error_entries import ErrorEntry

_CODES = frozenset(
    {"RATE_LIMITED", "RATE_LIMIT_EXCEEDED", "RATE_LIMIT", "TOO_MANY_REQUESTS", "THROTTLED", "QUOTA_EXCEEDED", "429"}
)
_LIMIT = re.compile(
    r"\brate[ _-]?limit|\brate\b.{0,40}\b(?:exceed|limit|reached|high)|\b(?:exceed\w*|reduce|slow)\b.{0,40}\brate\b"
    # "Too many ids" does not match: it rejects the request.
    r"|throttl|\btoo many (?:\w+ )?(?:requests|calls|queries|attempts|connections|operations|times|logins)|\btoo many\b\W*$"
    r"|\bquota\b|\b(?:request|call|query|complexity) limit\b.{0,40}\b(?:exceed|reach)|\bslow down\b"
    r"|\b(?:try again|retry)\b.{0,20}\b(?:in|after)\b.{0,20}(?:\d|\ban?\b|\bone\b)",
    re.IGNORECASE | re.DOTALL,
)
_UNITS = (("ms|millis(?:econds?)?|milliseconds?", 0.001), ("s|secs?|seconds?", 1.0), ("m|mins?|minutes?", 60.0),
          ("h|hrs?|hours?", 3600.0))  # fmt: skip
_LENGTH = re.compile(
    # The period of a limit ("1000 requests per hour") is not a wait.
    rf"(?P<period>\b(?:per|every|each|/)\s*)?(?P<wait>\b(?:in|after|for|within)\s+(?:about\s+)?)?"
    rf"\b(?P<number>[0-9]{{1,7}}(?:\.[0-9]{{1,6}})?|an?|one)\s*(?P<unit>{'|'.join(names for names, _ in _UNITS)})\b",
    re.IGNORECASE,
)
_MAX_HEADER_LENGTH = 100
_MAX_HEADERS = 10
_KEYS = {"retryafter": 1.0, "retryafterseconds": 1.0, "retryafterms": 0.001, "retryaftermilliseconds": 0.001}


def is_throttled(entries: Sequence[ErrorEntry]) -> bool:
    """Whether one of the errors is a rate limit error."""
    return any(entry.code in _CODES or _LIMIT.search(entry.message) for entry in entries)


def wait_seconds(entries: Iterable[ErrorEntry], header: str | None, now: datetime) -> float | None:
    """Return the longest wait (seconds) in the header `Retry-After`, the extensions or the messages; None without one."""
    waits = [retry_after_seconds(header, now)]
    for entry in entries:
        named = [_extended(name, value) for name, value in entry.extensions.items()]
        waits += named if any(named) else [_spoken(entry.message)]
    return max(filter(None, waits), default=None)


def limits_in(headers: Mapping[str, str]) -> dict[str, str]:
    """Select the rate limit headers (`RateLimit`, `X-RateLimit-Limit`, ...), bounded."""
    named = {name.lower(): value[:_MAX_HEADER_LENGTH] for name, value in headers.items() if "ratelimit" in name.lower()}
    return dict(list(named.items())[:_MAX_HEADERS])


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Parse `Retry-After` (seconds, or a date) to seconds; None if it is missing or invalid."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text := header.strip()):
        return float(text) or None
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
    return seconds if seconds > 0 else None


def _extended(name: str, value: Any) -> float | None:
    factor = _KEYS.get(re.sub("[^a-z]", "", name.lower()))
    if factor is None:
        return None
    if type(value) in (int, float) and 0 < value < 10**9:
        return float(value) * factor
    if type(value) is str:
        plain = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*", value)
        return float(plain[1]) * factor or None if plain else _spoken(value)
    return None


def _spoken(message: str) -> float | None:
    """Parse a wait in a text: the longest duration after "in" or "after", else the longest that is not a period."""
    found = [match for match in _LENGTH.finditer(message) if not match["period"]]
    lengths = [
        (1.0 if match["number"][0] in "aAoO" else float(match["number"])) * _factor(match["unit"])
        for match in [match for match in found if match["wait"]] or found
    ]
    return max(lengths, default=0.0) or None


def _factor(unit: str) -> float:
    return next(factor for names, factor in _UNITS if re.fullmatch(names, unit, re.IGNORECASE))
