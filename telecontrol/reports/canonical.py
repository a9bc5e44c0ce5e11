"""One byte string per value: what is hashed, signed and sent never depends on who wrote it down. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """`value` (plain JSON values; no floating-point number) as UTF-8 JSON: keys sorted, no space, no escape that is not needed.

    It is RFC 8785 for what the service writes: text, whole numbers, booleans, null, lists, objects with plain names.
    Raises `TypeError` for anything else.
    """
    _refuse_what_has_several_writings(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def content_hash(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _refuse_what_has_several_writings(value: Any) -> None:
    match value:
        case None | str() | bool() | int():
            return
        case dict():
            for name, part in value.items():
                if not isinstance(name, str):
                    raise TypeError(f"the name {name!r} is not text")
                _refuse_what_has_several_writings(part)
        case list() | tuple():
            for part in value:
                _refuse_what_has_several_writings(part)
        case _:
            raise TypeError(f"{type(value).__name__} has no single way to be written as JSON")
