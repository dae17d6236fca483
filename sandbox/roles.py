"""Processes of an installation, and the default settings for one machine."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from inventory.core.settings import Settings
from inventory.core.settings.feeds import is_feed_variable
from sandbox.stack.ports import LOOPBACK

_SOURCE = Path(__file__).parents[1]
_KEPT_WATERMARKS = _SOURCE / ".local" / "watermarks"

# Request rate for a supplier on this machine. For other suppliers the defaults of the settings apply.
_LOCAL_SUPPLIER = {"NIVODA_REQUESTS_PER_SECOND": "200", "NIVODA_BURST": "50"}
_ONE_MACHINE = {
    "ENVIRONMENT": "development",
    "HOST": LOOPBACK,  # the keys of a sandbox must not be usable from the network
    "SYNC_PARTITION_CONCURRENCY": "8",
    # A person who tries the system, or a benchmark, is not slowed down.
    "RATE_LIMIT_READS_PER_MINUTE": "60000000",
    "RATE_LIMIT_WRITES_PER_MINUTE": "60000000",
    "RATE_LIMIT_FAILURES_PER_MINUTE": "60000000",
    "SHUTDOWN_DELAY_SECONDS": "0",  # there is no proxy that must notice the shutdown
    "SYNC_NIGHTLY": "false",  # a scheduled run would disturb one that is started by hand
}
_MAX_WORKERS = 4  # more than the supplier's 200 pages a second can feed
_WATERMARK = ("WATERMARK_DIRECTORY", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_URL")
_NOT_SHARED = frozenset({"HOST", "PORT"})


class Role(msgspec.Struct, frozen=True):
    """Process: its name in messages and logs, its module for `python -m` and the arguments."""

    name: str
    module: str
    arguments: tuple[str, ...]


def api(host: str, port: int) -> Role:
    """Return the role of the API."""
    return Role("api", "app", ("serve", "--host", host, "--port", str(port)))


def shop(api_url: str, host: str, port: int) -> Role:
    """Return the role of the example shop. It reads its API key from the environment."""
    return Role("shop", "examples.storefront", ("--api", api_url, "--host", host, "--port", str(port)))


def background(cores: int) -> Sequence[Role]:
    """Return the roles of the pipeline, with one worker for each core: this is fastest, although the servers share the cores."""
    workers = [Role(f"worker-{number}", "sync", ("worker",)) for number in range(1, min(cores, _MAX_WORKERS) + 1)]
    return [*workers, *(Role(name, "sync", (name,)) for name in ("consolidator", "jobs"))]


def cores() -> int:
    """Return the number of processors."""
    return os.cpu_count() or 1


def base_environment(given: Mapping[str, str], lock_seconds: float | None) -> dict[str, str]:
    """Return the environment of the caller, completed by the defaults for one machine.

    `lock_seconds`: time after which the work of a silent process is taken over; None for the default of the settings.
    """
    filled = {name: value for name, value in given.items() if value}
    suitable = dict(_ONE_MACHINE)
    if "NIVODA_ENDPOINT" not in filled or _is_local(filled["NIVODA_ENDPOINT"]):
        suitable |= _LOCAL_SUPPLIER
    if lock_seconds is not None:
        suitable["SYNC_LEASE_SECONDS"] = f"{lock_seconds:g}"
    if {"DATABASE_URL", "NIVODA_ENDPOINT"} <= filled.keys() and not any(name in filled for name in _WATERMARK):
        suitable["WATERMARK_DIRECTORY"] = str(_kept_watermarks(filled))
    return suitable | filled


def shared(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an environment, for another process of the same installation."""
    return {name: environment[name] for name in _settings_in(environment) if name not in _NOT_SHARED}


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read the settings of a process with this environment.

    Raises:
        SettingsError: a setting is invalid.
    """
    return Settings.read(**{name.lower(): environment[name] for name in _settings_in(environment)})


def _settings_in(environment: Mapping[str, str]) -> Sequence[str]:
    names = [variable.name for variable in Settings.variables()]
    names += [name for name in environment if is_feed_variable(name)]
    return [name for name in names if environment.get(name)]


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in {LOOPBACK, "localhost", "::1"}


def _kept_watermarks(given: Mapping[str, str]) -> Path:
    """Return the directory of the watermark for a database and a supplier of the caller, so that the next command continues.

    A wrong watermark does no harm: it is ignored for a database without a completed full run.
    """
    identity = "\n".join(given.get(name, "") for name in ("DATABASE_URL", "DATABASE_SCHEMA", "NIVODA_ENDPOINT"))
    return _KEPT_WATERMARKS / hashlib.sha256(identity.encode()).hexdigest()[:16]
