"""What other sides answer, kept without what it may repeat of the person: addresses, numbers and links are masked."""

from __future__ import annotations

import re

_LONGEST = 480
_MASKS = (
    (re.compile(r"/i/[A-Za-z0-9_-]{16,}"), "/i/[link]"),
    (re.compile(r"[^\s<>@\"',;:]+@[\w.-]+"), "[address]"),
    (re.compile(r"\+?\d(?:[ .-]?\d){8,14}"), "[number]"),
)


def clean_reply(text: str) -> str:
    """`text` on one line, masked, short enough to be stored with the attempt."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return " ".join(text.split())[:_LONGEST]
