"""What the call's state machine asks to be done; the socket layer does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telecontrol.video.call_messages import Media
from telecontrol.video.models import EventKind, EventSource, Role


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens: `at` in service time (for the record), `tick` in real seconds that only grow."""

    at: datetime
    tick: float


@dataclass(frozen=True, slots=True)
class Send:
    socket: int
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """Close a socket; what its page must know was sent before."""

    socket: int


@dataclass(frozen=True, slots=True)
class Start:
    """Tell one side to negotiate; the socket layer adds the ICE servers."""

    socket: int
    role: Role
    epoch: int
    attempt: int
    is_offerer: bool
    is_relay_only: bool
    peer_media: Media


@dataclass(frozen=True, slots=True)
class Note:
    """For the record of attendance."""

    role: Role
    event: EventKind
    at: datetime
    source: EventSource = EventSource.SERVER
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitingChanged:
    """Who waits has changed: whoever watches the room is told."""


Effect = Send | Drop | Start | Note | WaitingChanged
