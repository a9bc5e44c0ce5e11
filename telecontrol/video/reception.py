"""The door of every call, whoever carries the pictures: who may come in, what the record knows of who waits."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from telecontrol.config import Settings
from telecontrol.db.session import Database
from telecontrol.errors import Forbidden
from telecontrol.video import ice, rooms, tickets, waiting
from telecontrol.video.models import Role, WaitingEntry
from telecontrol.video.provider import ConnectionTest, Presence, SeatState
from telecontrol.video.tickets import Bearer


def connection_test(settings: Settings, *, now_real: datetime) -> ConnectionTest:
    """A token for the test socket, and credentials of the same relay that calls use, for a few minutes."""
    token, expires_at = tickets.issue_test(settings, now_real=now_real)
    servers = ice.ice_servers(
        settings,
        identity=f"test-{uuid.uuid4().hex[:12]}",
        now_real=now_real,
        lifetime=ice.TEST_CREDENTIAL_LIFETIME,
    )
    return ConnectionTest(
        token=token,
        url=socket_url(settings, "test"),
        ice_servers=servers,
        has_relay=ice.has_relay(settings),
        expires_at=expires_at,
    )


def socket_url(settings: Settings, room_id: uuid.UUID | str) -> str:
    """Where a page opens its socket: nothing secret is in this address."""
    public = urlsplit(settings.public_url)
    scheme = "wss" if public.scheme == "https" else "ws"
    return f"{scheme}://{public.netloc}{public.path.rstrip('/')}/calls/{room_id}/socket"


def bearer_for(settings: Settings, room_id: uuid.UUID, token: str) -> Bearer:
    """Whom a ticket to this very room names. Raises `Forbidden`."""
    bearer = tickets.verify(settings, token)
    if bearer.room_id != room_id:
        raise Forbidden("a ticket for another room", code="ticket_invalid")
    return bearer


def insured_for(settings: Settings, room_id: uuid.UUID, token: str) -> Bearer:
    """As `bearer_for`, for the insured themselves alone."""
    bearer = bearer_for(settings, room_id, token)
    if bearer.role is not Role.INSURED or bearer.is_companion:
        raise Forbidden("not the insured's ticket", code="ticket_invalid")
    return bearer


def watched_rooms(settings: Settings, given: list[str]) -> list[uuid.UUID]:
    """The rooms that these doctor's tickets let somebody watch; tickets that are not valid are left out."""
    found = []
    for token in given:
        try:
            bearer = tickets.verify(settings, token)
        except Forbidden:
            continue
        if bearer.role is Role.DOCTOR and bearer.room_id not in found:
            found.append(bearer.room_id)
    return found


async def arrive(
    database: Database,
    room_id: uuid.UUID,
    *,
    is_insured: bool,
    is_going_on: Callable[[], bool],
    now: datetime,
) -> tuple[WaitingEntry | None, datetime]:
    """The insured's stay, begun if it is they who come, and the room's closing instant. One short transaction.

    `is_going_on`: somebody is in the call, whose hour is then not counted. Raises `NotFound`, `WrongState`.
    """
    async with database.transaction() if is_insured else database.reading() as session:
        room = await rooms.get_room(session, room_id)
        stay = await waiting.current_stay(session, room_id=room_id)
        # Somebody who was there a moment ago is there: this process may have been restarted.
        was_there = stay is not None and now - stay.last_seen_at <= 2 * waiting.STILL_THERE
        rooms.check_may_enter(room, now=now, is_running=is_going_on() or was_there)
        if is_insured:
            stay = await waiting.arrive(session, room_id=room_id, now=now)
        return stay, room.closes_at


def presence_of(stay: WaitingEntry | None) -> Presence:
    """How somebody looks who is known from the record alone."""
    if stay is None:
        return Presence(SeatState.ABSENT, None)
    return Presence(SeatState.WAITING if stay.admitted_at is None else SeatState.AWAY, stay.arrived_at)


def is_there(stay: WaitingEntry, now: datetime) -> bool:
    """Whether the stay's page has lately given a sign of life."""
    return now - stay.last_seen_at <= waiting.STILL_THERE


def poll_answer(stay: WaitingEntry) -> dict[str, object]:
    """What the insured's page is told when it asks."""
    return {
        "state": "waiting" if stay.admitted_at is None else "admitted",
        "since": stay.arrived_at.isoformat(),
        "delay_minutes": stay.delay_minutes,
    }
