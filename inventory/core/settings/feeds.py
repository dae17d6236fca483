"""Settings of the feeds: their names, and a group of variables `FEED_<NAME>_*` for each of them."""

import re
from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal, Self

from inventory.core.settings.section import SettingsError, SettingsSection, setting

NIVODA = "nivoda"
NIGHT = time(2)  # UTC
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_TIMES = r"^([01]\d|2[0-3]):[0-5]\d(,([01]\d|2[0-3]):[0-5]\d)*\Z"


class FeedSettings(SettingsSection, title="Feeds: FEED_<NAME>_* for each name of FEEDS", prefix="FEED_ACME_"):
    """Settings of one feed. The prefix is that of the example ACME; `read` uses the one of the feed."""

    kind: Annotated[
        Literal["nivoda", "csv"] | None,
        setting("Kind of the supplier. The default of the feed `nivoda` is nivoda; the others need it.", example="csv"),
    ] = None
    source: Annotated[
        str | None,
        setting(
            "Files of a csv feed: a folder, or a blob container with a prefix (https://ACCOUNT.blob.core.windows.net/"
            "CONTAINER/PREFIX).",
            example="/data/acme",
        ),
    ] = None
    map: Annotated[str | None, setting("Column map of a csv feed.", example="/etc/maps/acme.toml")] = None
    schedule: Annotated[
        str, setting("Times in UTC at which the jobs role starts a run, separated by commas.", pattern=_TIMES)
    ] = "02:00"
    settle_seconds: Annotated[
        float,
        setting("Time without changes after which a file in a folder counts as complete.", ge=0, le=86_400),
    ] = 60.0
    max_quarantine_share: Annotated[
        float | None,
        setting("As SYNC_MAX_QUARANTINE_SHARE, which is the default.", example="0.05", ge=0, le=1),
    ] = None
    max_delete_share: Annotated[
        float | None,
        setting("As SYNC_MAX_DELETE_SHARE, which is the default.", example="0.20", ge=0, le=1),
    ] = None

    max_age_hours: Annotated[
        float,
        setting(
            "Age of the newest data of the feed above which operators are alerted, in hours. More than the usual time between "
            "two price lists.",
            gt=0,
            le=10_000,
        ),
    ] = 26.0

    @property
    def times(self) -> tuple[time, ...]:
        """The times of `schedule`, sorted."""
        return tuple(sorted(time.fromisoformat(text) for text in self.schedule.split(",")))

    @classmethod
    def read(cls, name: str, **values: Any) -> Self:
        """Read the settings of a feed from its variables. `values` are preferred, by name of the field."""
        return cls(prefix=prefix(name), **values)


class FeedsSettings(SettingsSection, title="Feeds"):
    """The feeds of the installation."""

    names: Annotated[
        str | None,
        setting(
            "Names of the feeds, separated by commas; the first one is the default of commands. Each feed has its raw table, "
            "its watermark, its schedule and its runs.",
            variable="FEEDS",
            example="nivoda,acme",
        ),
    ] = None


def prefix(name: str) -> str:
    """The prefix of the variables of a feed, such as `FEED_ACME_`."""
    return f"FEED_{name.replace('-', '_').upper()}_"


def is_feed_variable(name: str) -> bool:
    """Whether an environment variable may be a setting of a feed, such as FEED_ACME_KIND."""
    return name.startswith("FEED_") and name.endswith(
        tuple(f"_{variable.field}".upper() for variable in FeedSettings.variables())
    )


def feed_names(names: str | None, default: str) -> tuple[str, ...]:
    """Parse the names of FEEDS; `default` if it is not set.

    Raises:
        SettingsError: a name is not valid, or is there twice.
    """
    found = tuple(name.strip() for name in names.split(",")) if names else (default,)
    invalid = [name for name in found if not _NAME.fullmatch(name)]
    if invalid or len(set(found)) < len(found):
        raise SettingsError(
            "FEEDS: should be different names of lower-case letters, digits and hyphens. Example: FEEDS=nivoda,acme"
        )
    return found


def check_kinds(feeds: Mapping[str, FeedSettings]) -> None:
    """Check that every feed has a kind and what its kind requires.

    Raises:
        SettingsError: a variable is missing, or two feeds use the account of Nivoda.
    """
    if len([one for one in feeds.values() if one.kind == NIVODA]) > 1:
        raise SettingsError("FEEDS: one feed may have the kind nivoda. Its account is the one of NIVODA_USERNAME.")
    for name, feed in feeds.items():
        for field in ("kind", *(("source", "map") if feed.kind == "csv" else ())):
            if getattr(feed, field) is None:
                variable = f"{prefix(name)}{field.upper()}"
                example = {"kind": "csv", "source": "/data/acme", "map": "/etc/maps/acme.toml"}[field]
                raise SettingsError(f"{variable}: is not set. Example: {variable}={example}")
