"""Structured logs that carry ids only: never a name, an address, a number, a link or a health datum."""

from __future__ import annotations

import logging
import re
import sqlite3
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from telecontrol.errors import TelecontrolError

_ALLOWED_KEY = re.compile(
    r"^(event|level|timestamp|logger|exc_info|exception|stack_info|code|state|kind|target|channel|phase|count|seconds|port|"
    r"status|method|path|version|attempt|role|part|reason|setting|environment|url|[a-z_]*_id|[a-z_]*_at|[a-z_]*_count|[a-z_]*_ms)$"
)
# Any of these in a value would be personal data or a secret that slipped through.
_PERSONAL = (
    (re.compile(r"/i/[A-Za-z0-9_-]{16,}"), "/i/[link]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[address]"),
    (re.compile(r"\+\d{8,15}\b"), "[number]"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "[token]"),
)

_CONSTRAINT = re.compile(r"constraint failed: ([\w., ]+)$", re.ASCII)
"""What SQLite says of a broken constraint: its name, or its columns."""


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop keys that are not ids or measures, and mask personal data in the values that stay."""
    return {key: _mask(value) for key, value in event.items() if _ALLOWED_KEY.match(key)}


def _mask(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for pattern, mask in _PERSONAL:
        value = pattern.sub(mask, value)
    return value


def faults_without_words(error: BaseException | None) -> str:
    """A traceback whose errors are named and not quoted: a database or a parser repeats in its message what it was given.

    Kept of each error: its type, our `code`, the constraint it broke, and where it passed.
    """
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        known = getattr(error, "code", None) if isinstance(error, TelecontrolError) else None
        broken = _CONSTRAINT.search(str(error)) if isinstance(error, sqlite3.IntegrityError) else None
        constraint = getattr(error, "constraint_name", None) or (broken and broken[1])
        about = [str(each) for each in (known, constraint) if each]
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
        parts.append(f"{frames}{name}{' (' + ', '.join(about) + ')' if about else ''}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nbecause of\n".join(parts)


def _without_words(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()[1]
    elif isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        event["exception"] = faults_without_words(found)
    return event


class _LibraryFormatter(logging.Formatter):
    """What libraries say, held to the same rule."""

    def format(self, record: logging.LogRecord) -> str:
        return str(_mask(super().format(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802  (the standard library's name)
        return faults_without_words(ei[1])


def configure(*, json: bool, level: str = "INFO") -> None:
    """Set up logging for this process: JSON lines in production, aligned text otherwise, both on standard error."""
    timestamper = structlog.processors.TimeStamper(fmt="iso", utc=True)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            timestamper,
            _without_words,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard library; only their warnings are worth a line.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LibraryFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # A sweep still running when its next tick comes is expected: rows wait for the one after.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def get(name: str) -> Any:
    """The logger called `name`."""
    return structlog.get_logger(part=name)
