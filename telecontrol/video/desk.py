"""What the pages and the sockets ask of a provider: its names, and the waiting room in front of every call."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from telecontrol.video.call_messages import Join
from telecontrol.video.provider import VideoProvider
from telecontrol.video.switchboard import Line


class Seated(Protocol):
    """A page that has joined: `receive` for each text of its socket, `lost` once at the end."""

    async def receive(self, text: str) -> None:
        """Do what the page says. Raises `InvalidInput` (not a message), `TooManyAttempts`: close the socket then."""
        ...

    def lost(self) -> None: ...

    def refresh_ticket(self, *, now_real: datetime) -> None:
        """Send the page a new ticket, so that it can come back later in a long call; none once the hour is over."""
        ...


class CallDesk(VideoProvider, Protocol):
    """A provider with its waiting room. `run` begins what works in the background, `aclose` ends everything."""

    async def run(self) -> None: ...

    async def aclose(self) -> None: ...

    # For pages that admit over HTTP. Before: `evidence_written`; after the commit: what follows.

    async def evidence_written(self) -> None:
        """Wait until what happened so far is in the record, so that nobody inherits the admission of a stay that ended."""
        ...

    async def tell_admitted(self, room_id: uuid.UUID) -> None:
        """The record says that the doctor let the insured in: whoever is in the room is told."""
        ...

    async def tell_delay(self, room_id: uuid.UUID, *, minutes: int) -> None:
        """The record says that the doctor asked for some minutes more: the insured's page is told."""
        ...

    # For the socket and polling routes.

    async def enter(self, room_id: uuid.UUID, join: Join, line: Line) -> Seated:
        """Seat a page. Raises `Forbidden` (ticket), `NotFound`, `WrongState` (`room_not_open`, `room_over`, `room_closed`)."""
        ...

    async def poll(self, room_id: uuid.UUID, token: str) -> dict[str, object]:
        """What the insured's page asks every 10 s when its socket does not pass: recorded as a sign of life."""
        ...

    async def waiting_in(self, room_ids: list[uuid.UUID]) -> list[dict[str, object]]:
        """Who waits in these rooms, from the record: those who poll are there too."""
        ...

    def watched_rooms(self, tokens: list[str]) -> list[uuid.UUID]:
        """The rooms that these doctor's tickets let somebody watch; tickets that are not valid are left out."""
        ...

    def watch(self, room_ids: list[uuid.UUID], line: Line) -> Callable[[], None]:
        """Push to `line` whenever who waits in these rooms changes; the answer stops it."""
        ...
