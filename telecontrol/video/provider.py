"""What every video provider does, whoever carries the pictures."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from telecontrol.config import VideoProvider as ProviderName
from telecontrol.video.ice import IceServer
from telecontrol.video.models import Role


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a page needs to enter a room. `token` is a secret: it goes in a body, never in an address or a log."""

    token: str = field(repr=False)
    url: str
    ice_servers: list[IceServer] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """What a page needs to try the way to this provider, before the day and without a room. `token` opens nothing else, and the
    credentials of `ice_servers` live a few minutes: anybody may ask for them."""

    token: str = field(repr=False)
    url: str
    ice_servers: list[IceServer] = field(repr=False)
    has_relay: bool
    expires_at: datetime
    media_url: str = ""
    """The server that carries the pictures, where one does: whether it answers is tried too."""


class SeatState(StrEnum):
    """How one side of a room looks from the other."""

    ABSENT = "absent"
    WAITING = "waiting"
    """Here, not admitted yet."""
    HERE = "here"
    AWAY = "away"
    """The socket dropped or the page is hidden; expected back."""


@dataclass(frozen=True, slots=True)
class Presence:
    state: SeatState
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """`reason` says in a few words why calls cannot be held."""

    is_well: bool
    reason: str = ""


class VideoProvider(Protocol):
    """Opens rooms and lets people in. None of these is called inside a database transaction."""

    @property
    def name(self) -> ProviderName: ...

    @property
    def places(self) -> int:
        """How many people one call can hold: two, or more where a companion or an interpreter may join from elsewhere."""
        ...

    def issue_ticket(self, room_id: uuid.UUID, role: Role, identity: str, *, now_real: datetime) -> Ticket:
        """A ticket for one person. The caller has checked, in service time, that they may enter."""
        ...

    def issue_connection_test(self, *, now_real: datetime) -> ConnectionTest:
        """What the test page tries before the day; `now_real` is the machine's time. The browser's side of it is the tester of
        the same name in `assets/device_test`."""
        ...

    async def open_room(self, room_id: uuid.UUID) -> None:
        """Make the room exist at the provider; a second time changes nothing. Raises `Unavailable`."""
        ...

    async def close_room(self, room_id: uuid.UUID) -> None:
        """Tell whoever is inside that it is over, and let nobody in again. Raises `Unavailable`."""
        ...

    async def presence(self, room_id: uuid.UUID) -> Mapping[Role, Presence]:
        """Who is there now: a hint for screens. What happened is in `telecontrol.video.attendance`."""
        ...

    async def health(self) -> Health:
        """Whether calls can be held now."""
        ...
