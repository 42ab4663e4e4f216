"""Structured logs to standard error: one event per line (tracebacks set in below it, in text); no secrets."""

import contextlib
import logging
import os
import sys
from typing import Final

import structlog

from keyworks.settings.node import Log

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_log(settings: Log, node: str) -> structlog.typing.FilteringBoundLogger:
    """Set the process's logging up, and return its logger.

    Args:
        settings: Level and format.
        node: Said in every line.
    """
    level = _LEVELS[settings.level]
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        # Strings quoted, because a path that a stranger asks for may hold a line feed.
        else structlog.dev.ConsoleRenderer(colors=False, repr_native_str=True)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *([] if settings.format == "json" else [_set_in]),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_one_logger,
        cache_logger_on_first_use=True,
    )
    # uvicorn's own loggers speak only of what we count or answer ourselves.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(node=node)
    return logger


class _Logger:
    """Writes events, each with its line feed in one piece; where nobody takes them, the work goes on.

    A full disk or a collector that has gone must not turn refusals into failures, nor end the server. What
    has to be recorded is in the ledger. Nothing is buffered here: what a buffer could not get rid of would
    make a good end of the process a failure.
    """

    def msg(self, message: str) -> None:
        """Write one event."""
        with contextlib.suppress(OSError):
            os.write(sys.stderr.fileno(), f"{message}\n".encode(errors="backslashreplace"))

    debug = info = warning = error = msg


def _one_logger(*_: object) -> _Logger:
    return _Logger()


def _set_in(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Set a traceback in below its event: what an exception says must not look like another event."""
    if "exception" in event:
        lines = event["exception"].splitlines()
        event["exception"] = "\n".join(
            f"    {line if line.isprintable() else ascii(line)[1:-1]}" for line in lines
        )
    return event
