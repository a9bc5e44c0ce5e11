"""The protocol that every outside target speaks: mail, SMS, insurer, post, webhook.

The outbox knows nothing of appointments or reports: a target is handed the intent's plain values, renders them once into
bytes (`prepare`), and later sends exactly those bytes (`deliver`), saying what the other side answered.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


async def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One intent as a target sees it. `content` are the stored bytes; empty before `prepare`.

    The outbox asks `still_ours` before it calls `deliver`. A target that then waits for something (a free connection)
    awaits it again right before the irreversible byte, and on False sends nothing and returns
    `Rejected(permanent=False, code=NOT_OURS)`: the message was cancelled meanwhile, or somebody else has it in hand.
    """

    intent_id: uuid.UUID
    kind: str
    channel: str
    recipient: str = field(repr=False)
    language: str
    context: dict[str, Any] = field(repr=False)
    not_after: datetime
    content: bytes = field(default=b"", repr=False)
    still_ours: Callable[[], Awaitable[bool]] = field(default=_always, repr=False, compare=False)
    attempted_at: datetime | None = None
    """For `look_up`: when the first doubtful attempt began. Without it, a target cannot tell a late answer from none."""


NOT_OURS = "not_ours"
"""The code of a refusal by ourselves: nothing was sent, and it does not count as a try."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side took responsibility (SMTP 250 after DATA, HTTP 2xx with an id)."""

    provider_id: str
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The other side said no, or was never reached before anything irreversible: surely not taken.

    `permanent` means that trying again is useless. `stops_target` is for faults of ours (authentication, certificate,
    no credit): every message of this target would fail the same way, so its queue pauses and operations are told.
    """

    permanent: bool
    code: str
    reply: str = ""
    retry_after: timedelta | None = None
    stops_target: bool = False


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The irreversible byte may have left and no answer came. `phase` names where it broke."""

    phase: str
    reply: str = ""


Outcome = Accepted | Rejected | Ambiguous


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a provider says later of an ambiguous attempt: `taken` True, False when it shows no such message, None when it
    cannot tell. True is proof; False only ends the wait, since lists can be late: the one re-send follows (PROMISES P2)."""

    taken: bool | None
    provider_id: str = ""
    detail: str = field(default="")


class Target(Protocol):
    """An outside system that intents are sent to. `name` is stored on the intent (`mail`, `sms`, `insurer`, …)."""

    name: str
    takes_idempotency_key: bool
    """Whether a retry after an ambiguity is harmless; then retries are free until `not_after`."""

    def prepare(self, outgoing: Outgoing) -> bytes:
        """Render the bytes that will be stored and sent. Pure; an exception fails this one intent to a human."""
        ...

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        """Send `outgoing.content`. Never raises for what the other side does; a bug that raises counts as ambiguous."""
        ...

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        """Ask the provider whether it took an ambiguous attempt."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
