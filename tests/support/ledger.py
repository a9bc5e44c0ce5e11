"""A provider on a local port that keeps a ledger of what it took, and the target that speaks to it.

One JSON line asks, one JSON line answers, one connection each. What a recipient's messages meet is told by a script: a list
of behaviours used up one by one, then `take`:

    take          into the ledger, answered
    busy          temporary refusal          refuse     permanent refusal
    broke         refusal that stops the whole target (no credit)
    lost          into the ledger, then the line is cut before the answer
    cut           the line is cut before anything is taken
    slow:SECONDS  the next behaviour, after a while
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Evidence, Outcome, Outgoing, Rejected


@dataclass(frozen=True)
class Entry:
    """One message that the provider took."""

    intent_id: str
    recipient: str
    sha256: str
    provider_id: str


@dataclass
class Ledger:
    """The provider: what it took (`entries`), how often it was asked (`calls`), what it will do (`script`)."""

    port: int = 0
    entries: list[Entry] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    script: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    is_broke: bool = False
    knows: bool = True
    """Whether it can say later what it took."""
    lists: bool = True
    """Whether its list shows what it took; False is a list that is late: asked, it says no."""
    on_taken: Callable[[Entry], None] | None = None
    _keys: dict[str, str] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every line; the ledger stays. `start` opens the same port again."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    def taken(self) -> Counter[str]:
        """How many messages of each intent were taken."""
        return Counter(entry.intent_id for entry in self.entries)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            answer = await self._answer(json.loads(await reader.readline() or "{}"))
            if answer is not None:
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        if not asked:
            return None
        if asked["do"] == "look_up":
            return self._look_up(asked["intent"])
        self.calls.append(asked["recipient"])
        steps = self.script[asked["recipient"]]
        step, _, figure = (steps.pop(0) if steps else "take").partition(":")
        if step == "slow":
            await asyncio.sleep(float(figure))
            step = steps.pop(0) if steps else "take"
        if self.is_broke:
            step = "broke"
        if step in {"busy", "refuse", "broke"}:
            return {"status": step}
        if step == "cut":
            return None
        provider_id = self._take(asked)
        return None if step == "lost" else {"status": "taken", "id": provider_id}

    def _take(self, asked: dict[str, Any]) -> str:
        key = asked.get("key")
        if key is not None and key in self._keys:
            return self._keys[key]
        provider_id = f"M{len(self.entries) + 1:06d}"
        digest = hashlib.sha256(base64.b64decode(asked["content"])).hexdigest()
        entry = Entry(asked["intent"], asked["recipient"], digest, provider_id)
        self.entries.append(entry)
        if key is not None:
            self._keys[key] = provider_id
        if self.on_taken is not None:
            self.on_taken(entry)
        return provider_id

    def _look_up(self, intent_id: str) -> dict[str, Any]:
        if not self.knows:
            return {"taken": None, "id": ""}
        found = [entry.provider_id for entry in self.entries if entry.intent_id == intent_id and self.lists]
        return {"taken": bool(found), "id": found[-1] if found else ""}


@dataclass
class LedgerTarget:
    """Speaks to a `Ledger`. `at` is called on the way (`prepare`, `called`, `answered`): where tests hold a process."""

    port: int
    name: str = "mail"
    takes_idempotency_key: bool = False
    at: Callable[[str, Outgoing], None] = lambda _point, _outgoing: None
    asks_again: bool = False
    """Whether it looks again at the row right before the irreversible byte."""

    def prepare(self, outgoing: Outgoing) -> bytes:
        self.at("prepare", outgoing)
        text = outgoing.context["text"]
        if text == "poison":
            raise ValueError("a template met what it does not know")
        return f"{outgoing.kind} for {outgoing.recipient}: {text}".encode()

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        self.at("called", outgoing)
        if self.asks_again and not await outgoing.still_ours():
            return Rejected(permanent=False, code=NOT_OURS)
        asked = {
            "do": "send",
            "intent": str(outgoing.intent_id),
            "recipient": outgoing.recipient,
            "content": base64.b64encode(outgoing.content).decode(),
            "key": str(outgoing.intent_id) if self.takes_idempotency_key else None,
        }
        try:
            said = await self._ask(asked)
        except ConnectionRefusedError:
            return Rejected(permanent=False, code="unreached")
        except (ConnectionError, json.JSONDecodeError):
            return Ambiguous("reply")
        self.at("answered", outgoing)
        match said["status"]:
            case "taken":
                return Accepted(said["id"], "taken")
            case "refuse":
                return Rejected(permanent=True, code="550", reply="no such mailbox")
            case "broke":
                return Rejected(permanent=False, code="no_credit", stops_target=True)
            case _:
                return Rejected(permanent=False, code="451", retry_after=timedelta(0))

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        said = await self._ask({"do": "look_up", "intent": str(outgoing.intent_id)})
        return Evidence(said["taken"], said["id"])

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        try:
            writer.write(json.dumps(asked).encode() + b"\n")
            await writer.drain()
            said: dict[str, Any] = json.loads(await reader.readline())
            return said
        finally:
            writer.close()
