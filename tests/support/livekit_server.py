"""A stand-in for LiveKit's server API: rooms and participants over Twirp, with a ledger and with faults; its callbacks too.

It carries no pictures. What it answers is protobuf, as the real client asks for it, and errors are Twirp's JSON.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt
import uvicorn
from fastapi import FastAPI, Request
from google.protobuf.message import Message
from livekit.api import (
    CreateRoomRequest,
    DeleteRoomRequest,
    DeleteRoomResponse,
    ListParticipantsRequest,
    ListParticipantsResponse,
    ListRoomsRequest,
    ListRoomsResponse,
    ParticipantInfo,
    RemoveParticipantResponse,
    Room,
    RoomParticipantIdentity,
)
from starlette.responses import JSONResponse, Response

from tests.support.ports import free_port

KEY = "telecontrol"
SECRET = "a-ticket-secret-for-tests-of-more-than-32-characters"
_STATUS = {"unauthenticated": 401, "permission_denied": 403, "not_found": 404, "unavailable": 503, "internal": 500}


@dataclass
class LivekitStub:
    """`rooms` by name, each with its participants; `ledger` says what was asked. `faults` maps a method to an error code, or
    to seconds that it takes first; `"*"` stands for every method."""

    port: int
    rooms: dict[str, dict[str, ParticipantInfo]] = field(default_factory=dict)
    settings: dict[str, CreateRoomRequest] = field(default_factory=dict)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=list)
    """What each request was allowed to do, as its own token said."""
    faults: dict[str, str | float] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def asked(self, method: str) -> list[str]:
        """The rooms for which `method` was asked."""
        return [room for name, room in self.ledger if name == method]

    def enter(self, room: uuid.UUID, identity: str) -> None:
        """Somebody is in a room, as their browser's connection would make it."""
        active = ParticipantInfo.State.ACTIVE
        self.rooms.setdefault(str(room), {})[identity] = ParticipantInfo(identity=identity, state=active)

    def leave(self, room: uuid.UUID, identity: str) -> None:
        self.rooms[str(room)].pop(identity)

    def answer(self, method: str, body: bytes) -> Message | str:
        """The answer, or the code of an error."""
        match method:
            case "CreateRoom":
                created = CreateRoomRequest.FromString(body)
                self.ledger.append((method, created.name))
                self.rooms.setdefault(created.name, {})
                self.settings[created.name] = created
                return Room(name=created.name)
            case "ListRooms":
                listed = ListRoomsRequest.FromString(body)
                self.ledger.append((method, ",".join(listed.names)))
                return ListRoomsResponse(rooms=[Room(name=name) for name in self.rooms])
            case "DeleteRoom":
                name = DeleteRoomRequest.FromString(body).room
                self.ledger.append((method, name))
                return DeleteRoomResponse() if self.rooms.pop(name, None) is not None else "not_found"
            case "ListParticipants":
                name = ListParticipantsRequest.FromString(body).room
                self.ledger.append((method, name))
                found = self.rooms.get(name)
                return "not_found" if found is None else ListParticipantsResponse(participants=list(found.values()))
            case "RemoveParticipant":
                whom = RoomParticipantIdentity.FromString(body)
                self.ledger.append((method, whom.room))
                gone = self.rooms.get(whom.room, {}).pop(whom.identity, None)
                return "not_found" if gone is None else RemoveParticipantResponse()
            case _:
                return "bad_route"


def _application(stub: LivekitStub) -> FastAPI:
    app = FastAPI()

    @app.post("/twirp/livekit.RoomService/{method}")
    async def room_service(method: str, request: Request) -> Response:
        body = await request.body()
        fault = stub.faults.get(method, stub.faults.get("*"))
        if isinstance(fault, float):
            await asyncio.sleep(fault)
        elif fault is not None:
            stub.ledger.append((method, ""))
            return JSONResponse({"code": fault, "msg": "as the test wishes"}, _STATUS[fault])
        try:
            token = request.headers["authorization"].removeprefix("Bearer ")
            stub.grants.append(jwt.decode(token, SECRET, algorithms=["HS256"], issuer=KEY)["video"])
        except (KeyError, jwt.PyJWTError):
            return JSONResponse({"code": "unauthenticated", "msg": "no such key"}, 401)
        answer = stub.answer(method, body)
        if isinstance(answer, str):
            return JSONResponse({"code": answer, "msg": answer}, _STATUS.get(answer, 400))
        return Response(answer.SerializeToString(), media_type="application/protobuf")

    return app


@asynccontextmanager
async def livekit_stub(*, port: int | None = None) -> AsyncIterator[LivekitStub]:
    """The stand-in in this process, until the block ends."""
    stub = LivekitStub(port or free_port())
    async with serving(stub):
        yield stub


@asynccontextmanager
async def serving(stub: LivekitStub) -> AsyncIterator[None]:
    """The stand-in listens: a block of its own, so that a test can let it be down for a while."""
    server = uvicorn.Server(uvicorn.Config(_application(stub), host="127.0.0.1", port=stub.port, log_config=None))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await running


def callback(kind: str, room: uuid.UUID | str, *, identity: str = "", event_id: str = "") -> dict[str, Any]:
    """An event as LiveKit's server tells it."""
    event: dict[str, Any] = {
        "event": kind,
        "id": event_id or f"EV_{uuid.uuid4().hex[:12]}",
        "createdAt": str(int(time.time())),
        "room": {"sid": "RM_x", "name": str(room)},
    }
    if identity:
        event["participant"] = {"sid": "PA_x", "identity": identity, "state": "ACTIVE"}
    return event


def signed(body: str, *, key: str = KEY, secret: str = SECRET, of: str | None = None, **changes: Any) -> str:
    """The Authorization of a callback: a bare token that carries the body's hash (`of`: of another body)."""
    digest = base64.b64encode(hashlib.sha256((of if of is not None else body).encode()).digest()).decode()
    now = int(time.time())
    return jwt.encode(
        {"iss": key, "nbf": now - 5, "exp": now + 300, "sha256": digest, **changes}, secret, algorithm="HS256"
    )


async def send(
    url: str, event: dict[str, Any], *, sign: Callable[[str], str] = signed, address: str = "/hooks/livekit"
) -> httpx2.Response:
    """Call back as LiveKit's server does."""
    body = json.dumps(event)
    headers = {"Authorization": sign(body), "Content-Type": "application/webhook+json"}
    async with httpx2.AsyncClient(base_url=url) as client:
        return await client.post(address, content=body, headers=headers)
