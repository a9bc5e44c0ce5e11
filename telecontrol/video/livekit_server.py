"""LiveKit's server as we call it: rooms made and deleted, participants listed and removed. One client per process.

Every call ends within a few seconds, is safe to repeat, and raises `Unavailable` when LiveKit did not do it. What is gone
already counts as done.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from telecontrol import log
from telecontrol.config import Settings
from telecontrol.errors import Unavailable
from telecontrol.video.provider import Health

if TYPE_CHECKING:
    from livekit.api import LiveKitAPI

EMPTY_SECONDS = 15 * 60
"""How long a room that nobody has entered yet stays."""
DEPARTURE_SECONDS = 120
"""How long a room that everybody has left stays: telephones drop out and come back."""
MAX_PEOPLE = 4
"""Doctor, insured, a companion and an interpreter."""
_MAX_PARTICIPANTS = MAX_PEOPLE + 1
"""One more, for somebody who comes back before LiveKit has noticed that they left."""
_TIMEOUT_SECONDS = 5.0
_HEALTH_SECONDS = 3.0

T = TypeVar("T")
logger = log.get("telecontrol.video.livekit")


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a room, as LiveKit lists them. `is_active`: their connection for pictures stands."""

    identity: str
    is_active: bool


class LivekitServer:
    """LiveKit's room service. `aclose()` at the end."""

    def __init__(self, settings: Settings, *, timeout: float = _TIMEOUT_SECONDS) -> None:
        self._settings = settings
        self._timeout = timeout
        self._api: LiveKitAPI | None = None

    async def create(self, room_id: uuid.UUID) -> None:
        """Make the room; one that exists stays as it is."""
        from livekit.api import CreateRoomRequest

        request = CreateRoomRequest(
            name=str(room_id),
            empty_timeout=EMPTY_SECONDS,
            departure_timeout=DEPARTURE_SECONDS,
            max_participants=_MAX_PARTICIPANTS,
        )
        await self._ask("create_room", lambda api: api.room.create_room(request))

    async def delete(self, room_id: uuid.UUID) -> None:
        """Delete the room, and with it everybody's way in."""
        from livekit.api import DeleteRoomRequest

        await self._ask("delete_room", lambda api: api.room.delete_room(DeleteRoomRequest(room=str(room_id))))

    async def remove(self, room_id: uuid.UUID, identity: str) -> None:
        """Put somebody out. Their ticket is not taken back by this."""
        from livekit.api import RoomParticipantIdentity

        whom = RoomParticipantIdentity(room=str(room_id), identity=identity)
        await self._ask("remove_participant", lambda api: api.room.remove_participant(whom))

    async def participants(self, room_id: uuid.UUID) -> list[Participant]:
        """Who is in the room; nobody when it does not exist."""
        from livekit.api import ListParticipantsRequest
        from livekit.protocol.models import ParticipantInfo

        request = ListParticipantsRequest(room=str(room_id))
        found = await self._ask("list_participants", lambda api: api.room.list_participants(request))
        active = ParticipantInfo.State.ACTIVE
        listed = [] if found is None else found.participants
        return [Participant(each.identity, each.state == active) for each in listed]

    async def rooms(self, *, seconds: float | None = None) -> list[uuid.UUID]:
        """The rooms that LiveKit holds and whose names could be ours."""
        from livekit.api import ListRoomsRequest

        found = await self._ask("list_rooms", lambda api: api.room.list_rooms(ListRoomsRequest()), seconds=seconds)
        names = [] if found is None else [room.name for room in found.rooms]
        ours = []
        for name in names:
            with contextlib.suppress(ValueError):
                ours.append(uuid.UUID(name))
        return ours

    async def health(self) -> Health:
        """Whether LiveKit answers and knows our key."""
        try:
            await self.rooms(seconds=_HEALTH_SECONDS)
        except Unavailable as error:
            return Health(is_well=False, reason=error.message)
        return Health(is_well=True)

    async def aclose(self) -> None:
        if self._api is not None:
            await self._api.aclose()
            self._api = None

    async def _ask(
        self, what: str, call: Callable[[LiveKitAPI], Awaitable[T]], *, seconds: float | None = None
    ) -> T | None:
        """The answer, or None when what was asked about is gone. No address and no token reaches the log."""
        import aiohttp
        from livekit.api import ServerError

        try:
            async with asyncio.timeout(seconds or self._timeout):
                return await call(self._client())
        except ServerError as error:
            if error.code == "not_found":
                return None
            logger.warning("livekit.refused", kind=what, code=error.code, status=error.status)
            refused = error.status in (401, 403)
            reason = "LiveKit refuses the key" if refused else f"LiveKit answers {error.code}"
            raise Unavailable(reason, code="livekit_refused" if refused else "livekit_failed") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("livekit.unreachable", kind=what, reason=type(error).__name__)
            raise Unavailable("LiveKit does not answer", code="livekit_unreachable") from error

    def _client(self) -> LiveKitAPI:
        """Made where the event loop runs: it opens a session of aiohttp."""
        from livekit.api import LiveKitAPI

        if self._api is None:
            self._api = LiveKitAPI(
                self._settings.livekit_url,
                self._settings.livekit_api_key,
                self._settings.livekit_api_secret.get_secret_value(),
                # Trying again elsewhere is for LiveKit's own cloud; we try again in our own time.
                failover=False,
            )
        return self._api
