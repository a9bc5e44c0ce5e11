"""The built-in call: two people, peer to peer, signalling in this process's memory. One web process only."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

from telecontrol.clock import Clock, SystemClock
from telecontrol.config import Settings
from telecontrol.config import VideoProvider as ProviderName
from telecontrol.db.session import Database
from telecontrol.errors import Forbidden, NotFound
from telecontrol.video import ice, reception, tickets, waiting
from telecontrol.video.call_messages import Join, Media
from telecontrol.video.call_state import GRACE_SECONDS
from telecontrol.video.closing import ClosedRooms
from telecontrol.video.connection import Admission, Connection
from telecontrol.video.evidence import EvidenceWriter
from telecontrol.video.models import Role, WaitingEntry
from telecontrol.video.provider import ConnectionTest, Health, Presence, Ticket
from telecontrol.video.switchboard import Line, Switchboard, waiting_message


class BuiltinProvider:
    """Implements `CallDesk`, and serves the call's sockets. One per process; `aclose()` at the end."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        grace_seconds: float = GRACE_SECONDS,
        admit: Admission = waiting.admit,
    ) -> None:
        """`admit` writes an admission down: an upper package's own, where its rows have a say in it."""
        self._admit = admit
        tickets.load()
        self._settings = settings
        self._database = database
        self._clock = clock
        self._real_clock = SystemClock()
        self._evidence = EvidenceWriter(database)
        self._switchboard = Switchboard(
            clock=clock,
            record=self._evidence.add,
            ice_servers=self._ice_servers,
            has_relay=ice.has_relay(settings),
            grace=grace_seconds,
        )
        self._closed = ClosedRooms(database, live=self._switchboard.live, tell=self.close_room)

    # The provider's names.

    @property
    def name(self) -> ProviderName:
        return ProviderName.BUILTIN

    @property
    def places(self) -> int:
        """Peer to peer: the doctor's seat and the insured's."""
        return len(Role)

    def issue_connection_test(self, *, now_real: datetime) -> ConnectionTest:
        return reception.connection_test(self._settings, now_real=now_real)

    def issue_ticket(self, room_id: uuid.UUID, role: Role, identity: str, *, now_real: datetime) -> Ticket:
        """A ticket to this process's socket. `identity` is an id (never a name); `now_real` the machine's time."""
        token, expires_at = tickets.issue(
            self._settings, room_id=room_id, role=role, identity=identity, now_real=now_real
        )
        servers = ice.ice_servers(self._settings, identity=f"{room_id}-{role}", now_real=now_real)
        return Ticket(token=token, url=self.socket_url(room_id), ice_servers=servers, expires_at=expires_at)

    async def open_room(self, room_id: uuid.UUID) -> None:
        """Nothing to do: a room lives in memory while somebody is in it, and in the database otherwise."""

    async def close_room(self, room_id: uuid.UUID) -> None:
        """End the call for whoever is inside. Close it in the database first, or they may come back."""
        call = self._switchboard.find(room_id)
        if call is not None:
            self._switchboard.apply(room_id, call.finish(reason="closed", now=self._switchboard.now()))

    async def presence(self, room_id: uuid.UUID) -> Mapping[Role, Presence]:
        return self._switchboard.presence(room_id)

    async def health(self) -> Health:
        """Well unless the settings could not work: tickets signed by nothing, or several processes."""
        if self._settings.web_processes > 1:
            return Health(is_well=False, reason="the built-in call takes one web process")
        return Health(is_well=True)

    async def run(self) -> None:
        """Nothing works in the background: everything here follows from a socket."""

    async def aclose(self) -> None:
        """Let go of every socket and write what is left of the evidence."""
        await self._closed.aclose()
        self._switchboard.close_all()
        await self._evidence.aclose()

    # For pages that admit over HTTP. Before: `evidence_written`; after the commit: what follows.

    async def evidence_written(self) -> None:
        """Wait until what happened so far is in the record, so that nobody inherits the admission of a stay that ended."""
        await self._evidence.flushed()

    async def tell_admitted(self, room_id: uuid.UUID) -> None:
        """The record says that the doctor let the insured in: whoever is in the room is told."""
        call = self._switchboard.find(room_id)
        if call is not None:
            self._switchboard.apply(room_id, call.admit(self._switchboard.now()))

    async def tell_delay(self, room_id: uuid.UUID, *, minutes: int) -> None:
        """The record says that the doctor asked for some minutes more: the insured's page is told."""
        call = self._switchboard.find(room_id)
        if call is not None:
            self._switchboard.apply(room_id, call.later(minutes))

    # For the socket and polling routes.

    def socket_url(self, room_id: uuid.UUID | str) -> str:
        """Where a page opens its socket: nothing secret is in this address."""
        return reception.socket_url(self._settings, room_id)

    async def enter(self, room_id: uuid.UUID, join: Join, line: Line) -> Connection:
        """Seat a page. Raises `Forbidden` (ticket), `NotFound`, `WrongState` (`room_not_open`, `room_over`, `room_closed`).

        Arrival is written before the page is seated, and outside the life of the socket: no database session stays open.
        """
        bearer = reception.bearer_for(self._settings, room_id, join.ticket)
        if bearer.is_companion:
            raise Forbidden("this call has two places", code="ticket_invalid")
        await self._evidence.flushed()
        stay, closes_at = await self._arrive(room_id, bearer.role)
        is_admitted = stay is not None and stay.admitted_at is not None
        call = self._switchboard.open(room_id, is_admitted=is_admitted)
        socket = self._switchboard.plug(room_id, line)
        self._closed.wake()
        is_insured = bearer.role is Role.INSURED
        since = stay.arrived_at if is_insured and stay is not None else None
        self._switchboard.apply(room_id, call.join(bearer.role, socket, join, now=self._switchboard.now(), since=since))
        if stay is not None and is_insured and stay.delay_minutes and not call.is_admitted:
            line.send({"type": "waiting", "delay_minutes": stay.delay_minutes})
        if stay is not None and not is_insured:
            self._tell_of_polling(room_id, stay, now=self._clock.now())
        return Connection(
            board=self._switchboard,
            database=self._database,
            clock=self._clock,
            bearer=bearer,
            socket=socket,
            line=line,
            closes_at=closes_at,
            evidence=self._evidence,
            issue=self.issue_ticket,
            admit=self._admit,
        )

    async def poll(self, room_id: uuid.UUID, token: str) -> dict[str, object]:
        """What the insured's page asks every 10 s when its socket does not pass: recorded as a sign of life.

        Same errors as `enter`.
        """
        bearer = reception.insured_for(self._settings, room_id, token)
        stay, _ = await self._arrive(room_id, bearer.role)
        if stay is None:
            raise NotFound("no such stay", code="room_unknown")
        self._tell_of_polling(room_id, stay, now=self._clock.now())
        return reception.poll_answer(stay)

    async def waiting_in(self, room_ids: list[uuid.UUID]) -> list[dict[str, object]]:
        """Who waits in these rooms, from the record: those who poll are there too."""
        now = self._clock.now()
        async with self._database.reading() as session:
            stays = await waiting.stays_in(session, room_ids)
        there = {stay.room_id: stay for stay in stays if reception.is_there(stay, now)}
        return [waiting_message(room_id, reception.presence_of(there.get(room_id))) for room_id in room_ids]

    def watched_rooms(self, tokens: list[str]) -> list[uuid.UUID]:
        """The rooms that these doctor's tickets let somebody watch; tickets that are not valid are left out."""
        return reception.watched_rooms(self._settings, tokens)

    def watch(self, room_ids: list[uuid.UUID], line: Line) -> Callable[[], None]:
        """Push to `line` whenever who waits in these rooms changes; the answer stops it."""
        return self._switchboard.watch(room_ids, line)

    # Inside.

    async def _arrive(self, room_id: uuid.UUID, role: Role) -> tuple[WaitingEntry | None, datetime]:
        """The insured's stay, begun if it is they who come, and the room's closing instant. One short transaction."""
        return await reception.arrive(
            self._database,
            room_id,
            is_insured=role is Role.INSURED,
            is_going_on=lambda: self._switchboard.find(room_id) is not None,
            now=self._clock.now(),
        )

    def _tell_of_polling(self, room_id: uuid.UUID, stay: WaitingEntry, *, now: datetime) -> None:
        """The doctor hears of somebody who is known by their polling alone."""
        call = self._switchboard.find(room_id)
        is_seated = call is not None and not call.seats[Role.INSURED].is_free
        if is_seated or not reception.is_there(stay, now):
            return
        presence = reception.presence_of(stay)
        seen: dict[str, object] = {"state": str(presence.state), "since": stay.arrived_at.isoformat()}
        seen |= {"media": Media().model_dump(), "is_ready": True}
        self._switchboard.send_to(room_id, Role.DOCTOR, {"type": "peer", "has_left": False, **seen})
        self._switchboard.tell_watchers(room_id, waiting_message(room_id, presence))

    def _ice_servers(self, identity: str) -> list[ice.IceServer]:
        return ice.ice_servers(self._settings, identity=identity, now_real=self._real_clock.now())
