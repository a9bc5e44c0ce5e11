"""Two people in a call, in real browsers, against a server process that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Page

from telecontrol.config import VideoProvider
from telecontrol.db.session import Database
from telecontrol.video import rooms
from telecontrol.video.attendance import Attendance, attendance
from tests.support.needs import program
from tests.support.networks import Place
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
CALL = ROOT / "telecontrol/web/assets/call"
WORKER = "call-worker.js"

# Keeps the page's sockets and connections in reach, so that a test can cut one or look at it.
KEEP_HANDLES = """
  window.kept = { sockets: [], connections: [] };
  kept.ours = () => kept.sockets.filter((socket) => socket.url.includes("/calls/"));
  kept.attempts = () => kept.sockets.filter((socket) => socket.url.includes("/rtc")).length || kept.connections.length;
  for (const [name, list] of [["WebSocket", kept.sockets], ["RTCPeerConnection", kept.connections]]) {
    window[name] = new Proxy(window[name], { construct: (of, given) => { const made = new of(...given); list.push(made); return made; } });
  }
"""

WAYS = """async () => {
  const ways = [];
  for (const connection of kept.connections.filter((each) => each.connectionState === "connected")) {
    const report = await connection.getStats();
    for (const entry of report.values()) {
      const pair = entry.type === "transport" && report.get(entry.selectedCandidatePairId);
      const own = pair && report.get(pair.localCandidateId);
      if (own) ways.push([own.candidateType, own.relayProtocol ?? "", own.protocol]);
    }
  }
  return ways;
}"""


def build(folder: Path) -> Path:
    """The call's script and style as the product builds them, from the sources as they are now."""
    node = str(program("node"))
    modules = ROOT / "node_modules"
    esbuild = [node, str(modules / "esbuild/bin/esbuild"), "--bundle", "--format=esm", "--log-level=warning"]
    commands = [
        [*esbuild, f"call={CALL / 'index.ts'}", "--splitting", "--target=es2020", f"--outdir={folder}"],
        [*esbuild, str(modules / "livekit-client/dist/livekit-client.e2ee.worker.mjs"), f"--outfile={folder / WORKER}"],
        [node, str(modules / "sass/sass.js"), "--no-source-map", str(CALL / "call.scss"), str(folder / "call.css")],
    ]
    commands[0].append(f"--define:CALL_WORKER='{WORKER}'")
    for command in commands:
        subprocess.run(command, check=True, cwd=ROOT)
    return folder


class CallServer:
    """The process that holds the calls: `start`, `kill`, `start` again on the same port.

    In a `place` it listens on every address of that place, and is still called by its name on loopback.
    """

    def __init__(
        self,
        database_url: str,
        static: Path,
        *,
        provider: VideoProvider = VideoProvider.BUILTIN,
        environment: dict[str, str] | None = None,
        place: Place | None = None,
    ) -> None:
        self.provider = provider
        self.place = place
        self.database_url = database_url
        self.database = Database(database_url)
        self.static = static
        self.environment = environment or {}
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.support.call_server",
            self.database_url,
            str(self.port),
            str(self.static),
        ]
        if self.place is not None:
            command = [*self.place.inside, *command, "0.0.0.0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if await self._answers():
                return
            await asyncio.sleep(0.05)
        raise RuntimeError("the call server does not start")

    async def _answers(self) -> bool:
        if self.place is not None:
            return self.place.answers(self.port)
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    async def room(self) -> Room:
        now = datetime.now(UTC)
        subject_id = uuid.uuid4()
        async with self.database.transaction() as session:
            made = await rooms.ensure_room(
                session,
                subject_id=subject_id,
                opens_at=now - timedelta(minutes=1),
                closes_at=now + timedelta(hours=1),
                provider=self.provider,
                now=now,
            )
        return Room(self, made.id, subject_id)


class Room:
    def __init__(self, server: CallServer, room_id: uuid.UUID, subject_id: uuid.UUID) -> None:
        self.server = server
        self.room_id = room_id
        self.subject_id = subject_id

    def address(self, role: str, *, lang: str = "fr", start: str = "now") -> str:
        return f"{self.server.url}/harness/{self.room_id}/{role}?lang={lang}&start={start}"

    async def attendance(self) -> Attendance:
        async with self.server.database.reading() as session:
            return await attendance(session, subject_id=self.subject_id)


class Side:
    """One person's page."""

    def __init__(self, page: Page, room: Room, role: str) -> None:
        self.page = page
        self.room = room
        self.role = role
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @classmethod
    async def prepare(cls, context: BrowserContext, room: Room, role: str) -> Side:
        page = await context.new_page()
        await page.add_init_script(KEEP_HANDLES)
        return cls(page, room, role)

    async def enter(self, **options: str) -> Side:
        await self.page.goto(self.room.address(self.role, **options))
        return self

    def _note(self, message: ConsoleMessage) -> None:
        # A refused connection while the server is down is said by the browser itself.
        if (
            message.type == "error"
            and "ERR_CONNECTION" not in message.text
            and "WebSocket connection" not in message.text
        ):
            self.complaints.append(message.text)

    async def reaches(self, *states: str, within: float = 45) -> None:
        """Wait until the call stands in one of these states."""
        await self.page.wait_for_function(
            "states => states.includes(document.querySelector('.call')?.dataset.state)",
            arg=list(states),
            timeout=within * 1000,
            polling=20,
        )

    async def state(self) -> str:
        return str(await self.page.evaluate("document.querySelector('.call').dataset.state"))

    async def admit(self) -> None:
        await self.page.locator(".call__act--admit").click()

    async def statistics(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate(
            "document.querySelector('[data-call]').mountedCall.call.statistics()"
        )
        return found

    async def sees_and_hears(self, within: float = 30) -> None:
        """Frames are decoded and shown, and sound has energy: both still rising now."""
        first = await self.statistics()

        async def both() -> bool:
            now = await self.statistics()
            return bool(
                now["framesDecoded"] > first["framesDecoded"] + 3 and now["audioEnergy"] > first["audioEnergy"] > 0
            )

        deadline = time.monotonic() + within
        while not await both():
            if first["audioEnergy"] == 0:
                first = await self.statistics()
            assert time.monotonic() < deadline, f"{self.role} sees or hears nothing: {await self.told()}"
            await asyncio.sleep(0.1)
        shown = await self.page.evaluate(
            "(() => { const v = document.querySelector('.call__remote'); return [v.videoWidth, v.paused, v.currentTime]; })()"
        )
        assert shown[0] > 0, "nothing is drawn"
        assert shown[1] is False, "the picture stands still"
        assert await self.page.evaluate("!document.querySelector('.call__sound').paused"), "the sound is not played"

    async def ways(self) -> set[tuple[str, str, str]]:
        """The way that each standing connection takes now: kind of the own candidate, how that reaches its relay, protocol."""
        return {(kind, to_relay, protocol) for kind, to_relay, protocol in await self.page.evaluate(WAYS)}

    async def told(self) -> str:
        """What the page counts and says, for whoever reads of a failure."""
        words = " · ".join((await self.page.locator(".call").inner_text()).split("\n"))
        return f"{await self.statistics()}, {await self.state()}: {words}"

    async def cut_socket(self) -> None:
        await self.page.evaluate("kept.ours().at(-1).close()")

    async def attempts_made(self) -> int:
        """How many times a way for the pictures was begun anew: LiveKit's client has a socket of its own for each."""
        return int(await self.page.evaluate("kept.attempts()"))

    async def status(self) -> str:
        return str(await self.page.locator(".call__status").inner_text())

    async def title(self) -> str:
        return str(await self.page.locator(".call__notice .call__title").inner_text())


MakeContext = Callable[..., Awaitable[BrowserContext]]
MakeSide = Callable[..., Awaitable[Side]]


async def in_call(doctor: Side, insured: Side) -> None:
    """Both enter, the doctor admits, both see a picture."""
    await asyncio.gather(doctor.enter(), insured.enter())
    await doctor.admit()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
