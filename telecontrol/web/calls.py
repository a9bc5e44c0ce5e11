"""The call over HTTP, whoever carries the pictures: its socket, its polling, and the tickets that pages hand out.

Everything here is opened by a ticket alone, which travels in a message or a body, never in an address. How somebody
comes by a ticket is the business of the insured's and the doctor's pages: they check the right to it and answer with
`ticket_answer`. No database session lives as long as a socket.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from starlette.websockets import WebSocket, WebSocketDisconnect

from telecontrol import log
from telecontrol.clock import SystemClock
from telecontrol.config import Settings
from telecontrol.errors import InvalidInput, TelecontrolError, TooManyAttempts, WrongState
from telecontrol.video import tickets
from telecontrol.video.call_messages import parse_join, parse_try, parse_watch
from telecontrol.video.desk import CallDesk
from telecontrol.video.livekit import LivekitProvider
from telecontrol.video.models import Role
from telecontrol.video.provider import Ticket, VideoProvider
from telecontrol.web.call_line import SocketLine

PING_SECONDS = 20.0
SILENCE_SECONDS = 65.0
"""Three pings without an answer: the page is gone, whatever the network says."""
FIRST_MESSAGE_SECONDS = 10.0
_PINGS_PER_TICKET = 15
"""A new ticket every five minutes, well before the ten of the one in hand are over."""
_REFUSED = 4403
_GOING_AWAY = 4400

logger = log.get("web.calls")
_real_clock = SystemClock()

_Token = Annotated[str, Field(min_length=20, max_length=4096)]


class OneTicket(BaseModel):
    ticket: _Token = Field(repr=False)


class Tickets(BaseModel):
    tickets: list[_Token] = Field(max_length=50, repr=False)


def ticket_answer(provider: VideoProvider, *, room_id: uuid.UUID, role: Role, identity: str) -> dict[str, Any]:
    """What a page's `POST …/ticket` answers, as JSON, once it has checked that this person may enter now.

    `identity` is stable for the person (a row's id, never a name). Send it with `Cache-Control: no-store`.
    """
    ticket = provider.issue_ticket(room_id, role, identity, now_real=_real_clock.now())
    return _answer(provider, ticket, room_id=room_id, role=role)


def companion_answer(provider: VideoProvider, *, room_id: uuid.UUID, identity: str, name: str) -> dict[str, Any]:
    """As `ticket_answer`, for a companion or an interpreter; `name` is what the doctor sees. Raises `WrongState` (`two_places`) where a call holds two."""
    if not isinstance(provider, LivekitProvider):
        raise WrongState("this call has two places", code="two_places")
    ticket = provider.issue_companion_ticket(room_id, identity, name=name, now_real=_real_clock.now())
    return _answer(provider, ticket, room_id=room_id, role=Role.INSURED)


def _answer(provider: VideoProvider, ticket: Ticket, *, room_id: uuid.UUID, role: Role) -> dict[str, Any]:
    return {
        "provider": str(provider.name),
        "room_id": str(room_id),
        "role": str(role),
        "token": ticket.token,
        "url": ticket.url,
        "expires_at": ticket.expires_at.isoformat(),
        "ice_servers": ticket.ice_servers,
    }


def test_answer(provider: VideoProvider) -> dict[str, Any]:
    """What the test page is told to try, as JSON: of the provider in use, and for a few minutes."""
    test = provider.issue_connection_test(now_real=_real_clock.now())
    return {
        "provider": str(provider.name),
        "token": test.token,
        "url": test.url,
        "ice_servers": test.ice_servers,
        "has_relay": test.has_relay,
        "media_url": test.media_url,
        "expires_at": test.expires_at.isoformat(),
    }


def call_routes(provider: CallDesk, *, settings: Settings, ping_seconds: float = PING_SECONDS) -> APIRouter:
    """The routes of the call. The router starts the provider with the application, and closes it when that stops."""

    @asynccontextmanager
    async def closing(_app: FastAPI) -> AsyncIterator[None]:
        await provider.run()
        yield
        await provider.aclose()

    router = APIRouter(prefix="/calls", include_in_schema=False, lifespan=closing)
    origin = _origin_of(settings.public_url)

    @router.websocket("/test/socket")
    async def test_socket(socket: WebSocket) -> None:
        """The test page's: says that it was heard, and closes. It costs nothing and opens nothing."""
        if socket.headers.get("origin") != origin:
            await socket.close(_REFUSED)
            return
        await socket.accept()
        await _try_out(settings, socket)

    @router.websocket("/{room_id}/socket")
    async def call_socket(socket: WebSocket, room_id: uuid.UUID) -> None:
        if socket.headers.get("origin") != origin:
            await socket.close(_REFUSED)
            return
        await socket.accept()
        await _hold(socket, lambda line: _enter(provider, room_id, socket, line), ping_seconds=ping_seconds)

    @router.websocket("/watch")
    async def watch_socket(socket: WebSocket) -> None:
        if socket.headers.get("origin") != origin:
            await socket.close(_REFUSED)
            return
        await socket.accept()
        await _hold(socket, lambda line: _watch(provider, socket, line), ping_seconds=ping_seconds)

    @router.post("/{room_id}/waiting")
    async def poll_waiting(room_id: uuid.UUID, body: OneTicket) -> dict[str, object]:
        """The insured's page, every 10 s, when its socket does not pass."""
        return await provider.poll(room_id, body.ticket)

    @router.post("/waiting")
    async def poll_who_waits(body: Tickets) -> dict[str, object]:
        """The doctor's page, every 10 s, when its socket does not pass: one ticket for each room."""
        return {"rooms": await provider.waiting_in(provider.watched_rooms(body.tickets))}

    return router


async def _try_out(settings: Settings, socket: WebSocket) -> None:
    try:
        tickets.verify_test(settings, parse_try(await _first_text(socket)).ticket)
        await socket.send_json({"type": "heard"})
        await socket.close()
    except TelecontrolError as error:
        await socket.send_json({"type": "refused", "reason": error.code})
        await socket.close(_REFUSED)
    except (WebSocketDisconnect, TimeoutError):
        # Gone, or silent for ten seconds: nobody to tell.
        return


class _Guest:
    """Somebody at the other end of a socket: what to do with what they say, and when they are gone."""

    def __init__(
        self,
        *,
        receive: Callable[[str], Awaitable[None]],
        gone: Callable[[], None],
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self.receive = receive
        self.gone = gone
        self.refresh = refresh


async def _enter(provider: CallDesk, room_id: uuid.UUID, socket: WebSocket, line: SocketLine) -> _Guest:
    join = parse_join(await _first_text(socket))
    connection = await provider.enter(room_id, join, line)
    return _Guest(
        receive=connection.receive,
        gone=connection.lost,
        refresh=lambda: connection.refresh_ticket(now_real=_real_clock.now()),
    )


async def _watch(provider: CallDesk, socket: WebSocket, line: SocketLine) -> _Guest:
    room_ids = provider.watched_rooms(parse_watch(await _first_text(socket)).tickets)
    stop = provider.watch(room_ids, line)
    for message in await provider.waiting_in(room_ids):
        line.send(message)

    async def ignore(_text: str) -> None:
        """A watching page only answers pings."""

    return _Guest(receive=ignore, gone=stop)


async def _hold(socket: WebSocket, welcome: Callable[[SocketLine], Awaitable[_Guest]], *, ping_seconds: float) -> None:
    """Keep a socket until either side goes: one task writes, one pings, this one reads."""
    line = SocketLine(socket)
    writer = asyncio.create_task(line.run(), name="call-writer")
    guest: _Guest | None = None
    pinger: asyncio.Task[None] | None = None
    try:
        guest = await welcome(line)
        pinger = asyncio.create_task(_ping(line, guest, every=ping_seconds), name="call-pinger")
        await _read(socket, guest, silence=SILENCE_SECONDS / PING_SECONDS * ping_seconds)
    except TelecontrolError as error:
        _refuse(line, error)
    except (WebSocketDisconnect, TimeoutError):
        pass
    except Exception:
        # A fault of ours, the database's most often: the page says so and keeps trying.
        logger.exception("call.socket_failed")
        line.send({"type": "refused", "reason": "unavailable"})
    finally:
        if pinger is not None:
            pinger.cancel()
        if guest is not None:
            guest.gone()
        line.close(_GOING_AWAY)
        await asyncio.wait({writer}, timeout=5)
        writer.cancel()


async def _read(socket: WebSocket, guest: _Guest, *, silence: float) -> None:
    while True:
        async with asyncio.timeout(silence):
            text = await _text(socket)
        await guest.receive(text)


async def _ping(line: SocketLine, guest: _Guest, *, every: float) -> None:
    count = 0
    while True:
        await asyncio.sleep(every)
        line.send({"type": "ping"})
        count += 1
        if count % _PINGS_PER_TICKET == 0:
            guest.refresh()


async def _first_text(socket: WebSocket) -> str:
    async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
        return await _text(socket)


async def _text(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text: str | None = message.get("text")
    if text is None:
        raise InvalidInput("only text is spoken here", code="bad_message")
    return text


def _refuse(line: SocketLine, error: TelecontrolError) -> None:
    """Say why, in a code, and close. What was said is not repeated: it may hold an address or a ticket."""
    is_fault_of_page = isinstance(error, InvalidInput | TooManyAttempts)
    if is_fault_of_page:
        logger.warning("call.message_refused", code=error.code)
    details = {key: value for key, value in error.details.items() if isinstance(value, str | int)}
    line.send({"type": "refused", "reason": error.code, **details})
    line.close(_GOING_AWAY if is_fault_of_page else _REFUSED)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
