"""Logging: one line an event, JSON in production and readable in the demo, and no secret in either.

Everything that is logged, by us or by a library, exceptions included, leaves through one handler at the root, whose
formatter removes signatures and keys from the finished text. Nothing can be logged around it.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from types import TracebackType
from typing import IO, Any

import structlog

#: Where a parameter's name begins: not inside a word, but also behind an escape such as %3F or \\u0026.
_START = r"(?:(?<![A-Za-z])|(?<=%[0-9A-Fa-f]{2}))"
#: What must never be read in a log, and what stands there instead.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(_START + r"(sig(?:=|%3D))[^&\s\"'<>\\,;)}\]]+", re.IGNORECASE), r"\1[removed]"),
    (re.compile(r"\b(SharedKey(?:Lite)?\s+[^\s:\"']+:)[A-Za-z0-9+/=]+"), r"\1[removed]"),
    (re.compile(_START + r"(token(?:=|%3D))[^&\s\"'<>\\,;)}\]]+", re.IGNORECASE), r"\1[removed]"),
    (re.compile(r"\bois_[A-Za-z0-9_-]{43}"), "[removed]"),
    (re.compile(r"\b(AccountKey=)[^;\s\"']+", re.IGNORECASE), r"\1[removed]"),
    (re.compile(r"\b(Bearer\s+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE), r"\1[removed]"),
    (re.compile(r"\b(postgres(?:ql)?(?:\+\w+)?://[^\s:/@\"']*:)[^\s@\"']+(?=@)", re.IGNORECASE), r"\1[removed]"),
)
#: Libraries that would narrate every request at INFO.
_QUIET = ("azure", "urllib3", "alembic", "PIL", "asyncio")


def configure(level: str, *, readable: bool, stream: IO[str] | None = None) -> None:
    """Send every log line of this process to ``stream`` (stderr), as JSON or, for people, as text.

    Replaces what was configured before. Uncaught exceptions, of threads too, and warnings are log lines as well.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_RedactingFormatter(foreign_pre_chain=_shared(), processors=_final(readable=readable)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def redact(text: str) -> str:
    """Take signatures, keys and tokens out of ``text``."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Redacts what is about to be written, whatever it was made of."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _final(*, readable: bool) -> list[Any]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if readable:
        return [clean, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    # Tracebacks without local variables: those would hold patients' data.
    return [clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("broker").critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
