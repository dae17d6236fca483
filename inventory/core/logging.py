"""Structured logging: JSON lines, or readable lines in a terminal."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

LogFormat = Literal["auto", "json", "console"]

_SECRET_FIELDS = ("password", "secret", "token", "api_key", "authorization", "signature", "connection_string")
# Names of fields whose check is kept; there are fewer.
_MAX_FIELDS = 1000
_NOISY_LIBRARIES = ("arq", "azure", "uamqp", "aiohttp.access", "asyncio", "uvicorn.access")


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact the fields whose names indicate a secret."""
    for field in event:
        if _is_secret(field):
            event[field] = "[hidden]"
    return event


@lru_cache(_MAX_FIELDS)
def _is_secret(field: str) -> bool:
    return any(word in field.lower() for word in _SECRET_FIELDS)


Observer = Callable[[Mapping[str, object]], None]
_observers: list[Observer] = []


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Pass each event that is logged to an observer until the `with` ends."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def notify_observers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Pass an event to the observers."""
    for observer in _observers:
        observer(event)
    return event


def configure(level: str, style: LogFormat, role: str) -> None:
    """Configure logging for a process. Every line contains `role` (api, worker, ...)."""
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    # Tracebacks omit local variables, which can contain tokens and connection strings.
    last: list[structlog.typing.Processor]
    if as_json:
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last = [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
    else:
        last = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*shared, notify_observers, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _NOISY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(role=role)


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return the logger of a module. Events are `noun_verb` with fields: `log.info("page_staged", stones=50)`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
