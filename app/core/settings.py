"""Every setting, read once from the environment: the only file that looks there.

Each field is one variable (its name in capitals) with what it means and an example; `.env.example` is printed from
here. A wrong value ends the process with one line that names the variable (exit code 2).
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.core import transport
from app.core.logging import LogFormat
from app.core.transport import Tls

Section = Literal[
    "General", "API", "Access", "Database", "Redis", "Service Bus", "Watermark", "Supplier", "Sync", "Alerts"
]


class SettingsError(Exception):
    """A setting is missing or wrong. The message names the variable, what is wrong and an example."""


def setting(section: Section, description: str, *, example: str = "", **constraints: Any) -> Any:
    """A field of `Settings`: its section in `.env.example`, what it means, and an example where the default is none."""
    return Field(description=description, json_schema_extra={"section": section, "example": example}, **constraints)


class Settings(BaseSettings):
    """The settings of one process. Frozen; secrets show neither in `repr` nor in logs."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    environment: Annotated[
        Literal["development", "staging", "production"],
        setting("General", "Where this runs; development opens GraphiQL and readable errors."),
    ] = "production"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], setting("General", "The least severe event that is logged.")
    ] = "INFO"
    log_format: Annotated[
        LogFormat, setting("General", "json, console, or auto: console in a terminal, json elsewhere.")
    ] = "auto"

    # Before everything that is reached through it: the validators below ask for it.
    tls: Annotated[
        Tls,
        setting("General", "auto: every server that is not on this machine is reached through TLS; require: all; off."),
    ] = "auto"

    host: Annotated[str, setting("API", "Address that the API listens on.")] = "0.0.0.0"
    port: Annotated[int, setting("API", "Port that the API listens on.", ge=1, le=65535)] = 3000

    max_body_bytes: Annotated[int, setting("API", "Largest body of a request.", ge=1024, le=16_777_216)] = 262_144

    graphql_max_cost: Annotated[int, setting("API", "What one GraphQL operation may cost at most.", ge=10)] = 5_000
    graphql_budget: Annotated[int, setting("API", "What a key may spend at once on GraphQL.", ge=10)] = 200_000
    graphql_restore_rate: Annotated[
        int, setting("API", "What a key gets back each second of what it has spent on GraphQL.", ge=1)
    ] = 20_000
    graphql_timeout_seconds: Annotated[
        float, setting("API", "Longest time that one GraphQL operation may take.", gt=0, le=300)
    ] = 30.0
    graphql_registered_only: Annotated[
        bool, setting("API", "Execute only documents that were registered with `python -m app documents register`.")
    ] = False
    keep_alive_seconds: Annotated[
        int, setting("API", "How long a connection may stay open without a request.", ge=1, le=600)
    ] = 65
    request_seconds: Annotated[
        float, setting("API", "How long a client may take to send a request's body.", gt=0, le=600)
    ] = 30.0
    max_connections: Annotated[
        int, setting("API", "Most connections of one process; more are told to come back.", ge=1)
    ] = 2000
    trusted_proxies: Annotated[
        str,
        setting(
            "API",
            "Addresses or networks of the proxies in front, separated by commas; they say which client is behind them.",
            example="10.0.0.0/8",
        ),
    ] = ""
    cors_origins: Annotated[
        str,
        setting(
            "API", "Origins whose pages may call, separated by commas; none otherwise.", example="https://example.com"
        ),
    ] = ""

    hmac_secrets: Annotated[
        SecretStr | None,
        setting(
            "Access",
            "JSON object from each client that signs to its secret, or to a list of them while one is being rotated.",
            example='{"acme": "a long secret"}',
        ),
    ] = None

    rate_limit_reads_per_minute: Annotated[
        int, setting("Access", "Requests a minute that one key may read with.", ge=1, le=60_000_000)
    ] = 60_000
    rate_limit_writes_per_minute: Annotated[
        int, setting("Access", "Requests a minute that one key may change something with.", ge=1, le=60_000_000)
    ] = 600
    rate_limit_failures_per_minute: Annotated[
        int, setting("Access", "Failed logins a minute of one client address.", ge=1, le=60_000_000)
    ] = 120
    rate_limit_local_share: Annotated[
        float, setting("Access", "Share of these limits that each process grants while Redis is away.", gt=0, le=1)
    ] = 0.2

    database_url: Annotated[
        SecretStr | None,
        setting("Database", "Postgres 15 or newer.", example="postgresql://user:password@localhost:5432/diamonds"),
    ] = None
    database_direct_url: Annotated[
        SecretStr | None,
        setting(
            "Database",
            "The same database without a pooler, for migrations and LISTEN; DATABASE_URL when not set.",
            example="postgresql://user:password@localhost:5432/diamonds",
        ),
    ] = None
    database_schema: Annotated[
        str, setting("Database", "Schema that holds all tables.", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    ] = "inventory"
    database_pool_size: Annotated[
        int, setting("Database", "Most connections that one process opens.", ge=1, le=200)
    ] = 10
    database_pooler: Annotated[
        Literal["none", "transaction"],
        setting("Database", "transaction: DATABASE_URL goes through a pooler that shares connections."),
    ] = "none"
    database_timeout_seconds: Annotated[
        float, setting("Database", "Longest wait for a connection or a short statement.", gt=0)
    ] = 10.0

    database_statement_seconds: Annotated[
        float, setting("Database", "Longest time that any one statement may take, a batch of the sync included.", gt=0)
    ] = 120.0

    redis_url: Annotated[
        SecretStr | None, setting("Redis", "Redis or Valkey, 6 or newer.", example="redis://localhost:6379/0")
    ] = None

    azure_service_bus_connection_string: Annotated[
        SecretStr | None,
        setting(
            "Service Bus",
            "Connection string; or set AZURE_SERVICE_BUS_NAMESPACE to use a managed identity.",
            example="Endpoint=sb://localhost:5673;SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;",
        ),
    ] = None
    azure_service_bus_namespace: Annotated[
        str | None,
        setting("Service Bus", "Namespace reached with a managed identity.", example="example.servicebus.windows.net"),
    ] = None
    queue_work_items: Annotated[str, setting("Service Bus", "Queue of partitions to read.")] = "work-items"
    queue_work_done: Annotated[str, setting("Service Bus", "Queue of reports on finished partitions.")] = "work-done"
    queue_consolidate: Annotated[str, setting("Service Bus", "Queue of runs to consolidate.")] = "consolidate"
    queue_max_delivery_count: Annotated[
        int, setting("Service Bus", "Deliveries before a message is a dead letter, as set on the queues.", ge=1)
    ] = 10

    azure_storage_connection_string: Annotated[
        SecretStr | None,
        setting(
            "Watermark",
            "Connection string; or set AZURE_STORAGE_ACCOUNT_URL to use a managed identity.",
            example="DefaultEndpointsProtocol=https;AccountName=example;AccountKey=...;EndpointSuffix=core.windows.net",
        ),
    ] = None
    azure_storage_account_url: Annotated[
        str | None,
        setting("Watermark", "Account reached with a managed identity.", example="https://x.blob.core.windows.net"),
    ] = None
    watermark_container: Annotated[str, setting("Watermark", "Blob container of the watermarks.")] = "watermarks"
    watermark_directory: Annotated[
        str | None,
        setting("Watermark", "A local directory instead of Azure Storage, for one machine.", example="./watermarks"),
    ] = None

    nivoda_endpoint: Annotated[
        str | None,
        setting("Supplier", "GraphQL endpoint of Nivoda.", example="https://integrations.nivoda.net/api/diamonds"),
    ] = None
    nivoda_username: Annotated[str | None, setting("Supplier", "Account at Nivoda.", example="me@example.com")] = None
    nivoda_password: Annotated[SecretStr | None, setting("Supplier", "Its password.", example="...")] = None
    nivoda_requests_per_second: Annotated[
        float, setting("Supplier", "Requests per second of all processes together.", gt=0, le=1000)
    ] = 25.0
    nivoda_burst: Annotated[int, setting("Supplier", "Requests that may go out at once after a pause.", ge=1)] = 25
    nivoda_timeout_seconds: Annotated[float, setting("Supplier", "Longest wait for one answer.", gt=0)] = 30.0
    nivoda_tries: Annotated[int, setting("Supplier", "Tries of one request before it has failed.", ge=1, le=20)] = 5
    nivoda_backoff_seconds: Annotated[
        float, setting("Supplier", "Wait before the second try; doubles with each one.", gt=0)
    ] = 2.0

    sync_feed: Annotated[
        str, setting("Sync", "Name of the feed: its watermark and its raw table.", pattern=r"^[a-z][a-z0-9-]{0,30}$")
    ] = "nivoda"
    sync_max_partitions: Annotated[int, setting("Sync", "Most partitions of a run.", ge=1, le=200)] = 30
    sync_min_partition_stones: Annotated[
        int, setting("Sync", "Fewest stones that are worth a partition of their own.", ge=1)
    ] = 1000
    sync_overlap_seconds: Annotated[
        int, setting("Sync", "How far before the watermark an incremental run begins.", ge=0)
    ] = 900
    sync_full_every_hours: Annotated[
        int, setting("Sync", "A run is full when the last full one is older than this.", ge=1)
    ] = 24 * 7
    sync_page_overlap: Annotated[
        int, setting("Sync", "Stones of one page that the next page begins with.", ge=1, le=25)
    ] = 3
    sync_partition_concurrency: Annotated[
        int, setting("Sync", "Partitions that one worker reads at a time.", ge=1, le=30)
    ] = 4
    sync_lease_seconds: Annotated[
        float, setting("Sync", "A process that is silent for so long is taken for dead.", ge=2, le=300)
    ] = 60.0
    sync_run_deadline_seconds: Annotated[int, setting("Sync", "A run that takes longer has failed.", ge=5)] = 6 * 3600
    sync_drain_seconds: Annotated[
        float, setting("Sync", "After SIGTERM, how long the open pages may take to finish.", gt=0)
    ] = 25.0
    sync_consolidation_batch: Annotated[
        int, setting("Sync", "Stones that are priced and written in one transaction.", ge=100, le=100_000)
    ] = 10_000
    sync_resend_seconds: Annotated[
        float, setting("Sync", "A message that nobody took up for so long is taken for lost and sent again.", gt=0)
    ] = 300.0
    sync_max_quarantine_share: Annotated[
        float, setting("Sync", "A run with a larger share of stones that can't be understood fails.", ge=0, le=1)
    ] = 0.05
    sync_max_delete_share: Annotated[
        float, setting("Sync", "A run that would delete a larger share of the inventory stops.", ge=0, le=1)
    ] = 0.20
    sync_nightly: Annotated[
        bool, setting("Sync", "Whether the jobs start the run at 02:00 UTC; off where an external cron does.")
    ] = True
    sync_retention_days: Annotated[
        int, setting("Sync", "Days that the records of runs and of deleted stones are kept.", ge=1)
    ] = 90

    resend_api_key: Annotated[SecretStr | None, setting("Alerts", "Key of resend.com.", example="re_...")] = None
    resend_api_url: Annotated[str, setting("Alerts", "Endpoint of Resend.")] = "https://api.resend.com"
    alert_from: Annotated[
        str | None, setting("Alerts", "Sender of alerts.", example="Diamond Inventory <sync@example.com>")
    ] = None
    alert_to: Annotated[
        str | None, setting("Alerts", "Who is told, separated by commas.", example="ops@example.com")
    ] = None

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in _listed(value):
            try:
                ip_network(part)
            except ValueError:
                raise ValueError("should be IP addresses or networks, separated by commas") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _listed(value):
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError("should be origins such as https://example.com, separated by commas")
        return value

    @field_validator("hmac_secrets")
    @classmethod
    def _are_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            _secrets_by_client(value.get_secret_value())
        return value

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None, given: ValidationInfo) -> SecretStr | None:
        if not value:
            return value
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("should begin with postgresql://")
        return SecretStr(transport.postgres(_parsed(value).get_secret_value(), _tls(given)))

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None, given: ValidationInfo) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("should begin with redis:// or rediss://")
        if value:
            transport.redis(_parsed(value).get_secret_value(), _tls(given))
        return value

    @field_validator("azure_service_bus_connection_string")
    @classmethod
    def _is_safe_bus(cls, value: SecretStr | None, given: ValidationInfo) -> SecretStr | None:
        if value:
            transport.service_bus(value.get_secret_value(), _tls(given))
        return value

    @field_validator("azure_storage_connection_string")
    @classmethod
    def _is_safe_storage(cls, value: SecretStr | None, given: ValidationInfo) -> SecretStr | None:
        if value:
            transport.storage(value.get_secret_value(), _tls(given))
        return value

    @field_validator("nivoda_endpoint", "azure_storage_account_url", "resend_api_url")
    @classmethod
    def _is_http(cls, value: str | None, given: ValidationInfo) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("should begin with https:// (or http:// for a local server)")
        if value:
            transport.http(value, _tls(given))
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the environment (and arguments, in tests): no file is read behind anyone's back."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @classmethod
    def read(cls, **overrides: Any) -> Self:
        """The settings of this process.

        Raises:
            SettingsError: a variable holds a wrong value.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError("\n".join(_one_line(cls, problem) for problem in error.errors())) from None

    def signing_secrets(self) -> Mapping[str, Sequence[bytes]]:
        """The valid secrets of each client that signs."""
        return _secrets_by_client(self.hmac_secrets.get_secret_value()) if self.hmac_secrets else {}

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks of the proxies that are believed."""
        return _listed(self.trusted_proxies)

    @property
    def origins(self) -> list[str]:
        """Origins whose pages may call."""
        return _listed(self.cors_origins)

    def need(self, name: str) -> str:
        """The value of a setting that this role can't do without.

        Raises:
            SettingsError: it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise SettingsError(f"{name.upper()}: is not set. Example: {name.upper()}={_example(type(self), name)}")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _tls(given: ValidationInfo) -> Tls:
    tls: Tls = given.data.get("tls", "require")  # a wrong value of its own is reported anyway
    return tls


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _secrets_by_client(text: str) -> Mapping[str, Sequence[bytes]]:
    wrong = ValueError("should be a JSON object from client ids to a secret or a list of secrets, none of them empty")
    try:
        given = msgspec.json.decode(text, type=dict[str, str | list[str]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise wrong from None
    listed = {client: [secrets] if isinstance(secrets, str) else secrets for client, secrets in given.items()}
    if not all(client and secrets and all(secrets) for client, secrets in listed.items()):
        raise wrong
    return {client: [secret.encode() for secret in secrets] for client, secrets in listed.items()}


def _parsed(url: SecretStr) -> SecretStr:
    """A URL whose parts can be told apart: a `#` or `/` in a password must be written as %23 or %2F."""
    try:
        parts = urlsplit(url.get_secret_value())
        _ = parts.port
    except ValueError:
        # Without the cause, which may quote a piece of the password.
        raise ValueError("is not a URL; are special characters of the password written as %..?") from None
    if parts.fragment:
        raise ValueError("holds a # that is not written as %23")
    return url


def _example(cls: type[BaseSettings], name: str) -> str:
    field = cls.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    example = extra.get("example") or field.default
    return str(example).lower() if isinstance(example, bool) else str(example)


def _one_line(cls: type[BaseSettings], problem: Any) -> str:
    name = str(problem["loc"][0])
    what = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name.upper()}: {what[:1].lower()}{what[1:]}. Example: {name.upper()}={_example(cls, name)}"


def example_file() -> str:
    """The text of `.env.example`: every setting with its meaning, commented out where a default stands."""
    lines = ["# Every setting of Diamond Inventory. Printed from app/core/settings.py by `make schema`.", ""]
    section = ""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if extra["section"] != section:
            section = str(extra["section"])
            lines += [f"# ---- {section} ----", ""]
        lines += [f"# {field.description}", f"# {name.upper()}={_example(Settings, name)}", ""]
    return "\n".join(lines)
