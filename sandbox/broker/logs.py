"""Structured logs of the broker process: one JSON object per line on stderr."""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set up logging for the process. `level` is a name such as INFO."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=level, stream=sys.stderr)


def get_logger() -> structlog.stdlib.BoundLogger:
    """Return a logger. Events are `noun_verb` with fields."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
