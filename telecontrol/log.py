"""Structured logs that carry ids only: never a name, an address, a number, a link or a health datum."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

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


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop keys that are not ids or measures, and mask personal data in the values that stay."""
    return {key: _mask(value) for key, value in event.items() if _ALLOWED_KEY.match(key)}


def _mask(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for pattern, mask in _PERSONAL:
        value = pattern.sub(mask, value)
    return value


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
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard library; only their warnings are worth a line.
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True
    )
    # A sweep still running when its next tick comes is expected: rows wait for the one after.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def get(name: str) -> Any:
    """The logger called `name`."""
    return structlog.get_logger(part=name)
