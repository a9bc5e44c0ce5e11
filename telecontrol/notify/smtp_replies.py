"""What an SMTP reply means for the outbox (RFC 5321, RFC 3463; `PROMISES.md` §3). Pure."""

from __future__ import annotations

import re

from telecontrol.notify.replies import clean_reply
from telecontrol.outbox.targets import Rejected

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
# Our own fault at whatever step they come: every message would meet the same answer.
_OURS = frozenset({530, 534, 535, 538})


def code_of(code: int, message: str) -> str:
    """`550 5.1.1` when the server gives an enhanced code, else `550`."""
    enhanced = _ENHANCED.match(message)
    return f"{code} {enhanced[1]}" if enhanced else str(code)


def refused(code: int, message: str, *, before_recipient: bool) -> Rejected:
    """The refusal that a reply stands for.

    4xx: come back later. 5xx: final for this message; but before any recipient was named (greeting, sender) it can only be
    about us, so the queue stops.
    """
    reply = clean_reply(f"{code} {message}")
    told = code_of(code, message)
    if code in _OURS or (code >= 500 and before_recipient):
        return Rejected(permanent=False, code=told, reply=reply, stops_target=True)
    return Rejected(permanent=code >= 500, code=told, reply=reply)
