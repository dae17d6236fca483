"""Settings of a process, read from environment variables: one section for each concern.

`.env.example` and the reference are generated from the sections. An invalid value ends the process with a line that names
the variable (exit code 2).
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

import msgspec

from inventory.core.settings.access import AuthSettings
from inventory.core.settings.alerts import AlertSettings
from inventory.core.settings.api import ApiSettings
from inventory.core.settings.database import DatabaseSettings
from inventory.core.settings.events import EventSettings
from inventory.core.settings.feeds import (
    NIVODA,
    FeedSettings,
    FeedsSettings,
    check_kinds,
    feed_names,
    is_feed_variable,
    prefix,
)
from inventory.core.settings.general import GeneralSettings
from inventory.core.settings.graphql import GraphQLSettings
from inventory.core.settings.nivoda import NivodaSettings
from inventory.core.settings.redis import RedisSettings
from inventory.core.settings.section import SettingsError, SettingsSection, Variable
from inventory.core.settings.service_bus import ServiceBusSettings
from inventory.core.settings.sync import SyncSettings
from inventory.core.settings.telemetry import TelemetrySettings
from inventory.core.settings.trading import TradingSettings
from inventory.core.settings.watermark import WatermarkSettings

_LOOPBACK = r"https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?"


class Settings(msgspec.Struct, frozen=True):
    """Settings of a process, by section. A class receives the section that it needs."""

    general: GeneralSettings
    api: ApiSettings
    graphql: GraphQLSettings
    auth: AuthSettings
    events: EventSettings
    database: DatabaseSettings
    redis: RedisSettings
    service_bus: ServiceBusSettings
    watermark: WatermarkSettings
    nivoda: NivodaSettings
    feeds: FeedsSettings
    trading: TradingSettings
    sync: SyncSettings
    alerts: AlertSettings
    telemetry: TelemetrySettings
    # By name, in the order of FEEDS. The sections above that concern one feed are those of `sync.feed`.
    by_feed: Mapping[str, FeedSettings] = {}

    @classmethod
    def read(cls, **values: Any) -> Self:
        """Read the settings of this process.

        Args:
            values: values by name of the variable in lower case, preferred to the environment.

        Raises:
            SettingsError: the value of a variable is invalid, or a variable does not exist.
        """
        return cls._of({name: {} for name, _ in cls.sections()}, values)

    def with_values(self, **values: Any) -> Self:
        """Copy the settings with other values, by name of the variable in lower case.

        Raises:
            SettingsError: a value is invalid, or a variable does not exist.
        """
        set_values = {
            name: {field: getattr(section, field) for field in section.given_fields}
            for name, section in ((name, getattr(self, name)) for name, _ in self.sections())
        }
        feeds = {
            f"{prefix(name)}{field}".lower(): getattr(feed, field)
            for name, feed in self.by_feed.items()
            for field in feed.given_fields
        }
        return self._of(set_values, feeds | values)

    def of_feed(self, name: str) -> Self:
        """Return the settings of the processes of one feed: its name, and its limits instead of the common ones.

        Raises:
            SettingsError: FEEDS does not name the feed.
        """
        if name not in self.by_feed:
            raise SettingsError(f"{name}: no such feed. FEEDS names these: {', '.join(self.by_feed)}")
        feed = self.by_feed[name]
        limits = {
            limit: value
            for limit in ("max_quarantine_share", "max_delete_share")
            if (value := getattr(feed, limit)) is not None
        }
        return msgspec.structs.replace(self, sync=self.sync.of_feed(name, limits))

    @classmethod
    def _of(cls, by_section: dict[str, dict[str, Any]], values: dict[str, Any]) -> Self:
        unknown = {
            name
            for name in values.keys() - {variable.name.lower() for variable in cls.variables()}
            if not is_feed_variable(name.upper())
        }
        if unknown:
            raise SettingsError(
                f"{', '.join(sorted(unknown)).upper()}: no such setting. docs/reference/settings.md lists them"
            )
        read, problems = dict[str, Any](), dict[str, None]()
        for name, section in cls.sections():
            fields = {
                variable.field: values[variable.name.lower()]
                for variable in section.variables()
                if variable.name.lower() in values
            }
            try:
                read[name] = section(**by_section[name] | fields)
            except SettingsError as error:
                problems |= dict.fromkeys(str(error).splitlines())
        if problems:
            raise SettingsError("\n".join(problems))
        read["by_feed"] = _feeds(read["feeds"], read["sync"], values)
        read["sync"] = read["sync"].with_defaults(feed=next(iter(read["by_feed"])))
        return cls(**read)

    @classmethod
    def sections(cls) -> Iterator[tuple[str, type[SettingsSection]]]:
        """Name and class of each section."""
        for name, kind in inspect.get_annotations(cls).items():
            if name != "by_feed":
                yield name, kind

    @classmethod
    def variables(cls) -> Iterator[Variable]:
        """Every environment variable once, by section."""
        names = set[str]()
        for _, section in cls.sections():
            for variable in section.variables():
                if variable.name not in names:
                    names.add(variable.name)
                    yield variable

    @property
    def socket_limit(self) -> int:
        """Limit of sockets and event streams of a process."""
        return self.events.max_sockets or self.api.max_connections

    @property
    def socket_limit_per_key(self) -> int:
        """Limit of sockets and event streams of a key in a process. The default is a quarter of `socket_limit`."""
        return self.events.sockets_per_key or max(1, self.socket_limit // 4)

    @property
    def origin_pattern(self) -> str | None:
        """Pattern of further allowed origins: in development, every port of this machine."""
        return _LOOPBACK if self.general.environment == "development" else None

    def allows_origin(self, origin: str) -> bool:
        """Whether an origin is allowed."""
        pattern = self.origin_pattern
        return origin in self.api.origins or (pattern is not None and re.fullmatch(pattern, origin) is not None)


def _feeds(section: FeedsSettings, sync: SyncSettings, values: Mapping[str, Any]) -> dict[str, FeedSettings]:
    """Read the settings of each feed.

    Raises:
        SettingsError: a variable is missing or invalid, or SYNC_FEED is not one of FEEDS.
    """
    names = feed_names(section.names, sync.feed)
    if "feed" in sync.given_fields and sync.feed not in names:
        raise SettingsError(f"SYNC_FEED: {sync.feed} is not one of FEEDS. Example: SYNC_FEED={names[0]}")
    feeds, problems = dict[str, FeedSettings](), list[str]()
    for name in names:
        fields = {
            variable.field: values[given]
            for variable in FeedSettings.variables()
            if (given := f"{prefix(name)}{variable.field}".lower()) in values
        }
        try:
            feed = FeedSettings.read(name, **fields)
        except SettingsError as error:
            problems.append(str(error))
            continue
        if feed.kind is None and (name == NIVODA or section.names is None):
            feed = feed.replace(kind=NIVODA)
        feeds[name] = feed
    if problems:
        raise SettingsError("\n".join(problems))
    check_kinds(feeds)
    return feeds


def example_file() -> str:
    """Generate the text of `.env.example`: every setting with its description, commented out."""
    lines = ["# Every setting of Diamond Inventory. Printed from inventory/core/settings/ by `make schema`.", ""]
    for title, variables in by_title().items():
        lines += [f"# ---- {title} ----", ""]
        for variable in variables:
            lines += [f"# {variable.declared.description}", f"# {variable.name}={variable.example}", ""]
    return "\n".join(lines)


def by_title() -> dict[str, list[Variable]]:
    """Every variable by the title of its section."""
    titles = dict[str, list[Variable]]()
    for _, section in Settings.sections():
        shown = {variable.name for variables in titles.values() for variable in variables}
        titles[section.section_title] = [v for v in section.variables() if v.name not in shown]
        if section is FeedsSettings:
            titles[FeedSettings.section_title] = list(FeedSettings.variables())
    return titles
