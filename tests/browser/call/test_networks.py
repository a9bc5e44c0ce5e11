"""Networks as hospitals and companies have them, between real namespaces: what is refused on the way is refused to everything.

The insured's browser is in a place of its own. The service, its relay (coturn on our own configuration), LiveKit's server and
the doctor's browser are in another.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from telecontrol.config import VideoProvider
from tests.browser.call.pages import ROOT, CallServer, Room, Side, in_call
from tests.support import chromium
from tests.support.livekit_process import LivekitProcess, livekit_process
from tests.support.needs import program
from tests.support.networks import SERVICE, Networks, NotPermitted, Place, laid_out

TURN_PORT = 3478
TURN_SECRET = "shared-with-coturn"
RELAY = {
    "TELECONTROL_TURN_URLS": f"turn:{SERVICE}:{TURN_PORT}?transport=udp,turn:{SERVICE}:{TURN_PORT}?transport=tcp",
    "TELECONTROL_TURN_SECRET": TURN_SECRET,
}
PROVIDERS = pytest.mark.parametrize("provider", list(VideoProvider), ids=str)

BY_RELAY_OVER_TCP = ("relay", "tcp", "udp")
"""TCP to the relay; what the relay sends on is UDP."""


@pytest.fixture
def networks() -> Iterator[Networks]:
    try:
        with laid_out() as found:
            yield found
    except NotPermitted as refused:
        pytest.skip(f"this machine permits no network namespaces: {refused}")


@dataclass
class Ground:
    networks: Networks
    server: CallServer
    doctor: Side
    insured: Side
    livekit: LivekitProcess | None

    @property
    def pages(self) -> list[int]:
        """The ports without which no page opens and no call begins: the service's and LiveKit's, behind one proxy in earnest."""
        return [self.server.port, *([self.livekit.port] if self.livekit else [])]

    async def sees_both_ways(self) -> None:
        await asyncio.gather(self.doctor.sees_and_hears(), self.insured.sees_and_hears())


@pytest_asyncio.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@contextmanager
def relay_in(place: Place, folder: Path) -> Iterator[None]:
    """Our relay as it is installed, on the configuration that we hand out."""
    command = [*place.inside, str(program("turnserver")), "-c", str(ROOT / "infra/turnserver.conf")]
    command += ["--realm=telecontrol.test", f"--static-auth-secret={TURN_SECRET}", f"--listening-ip={SERVICE}"]
    command += [f"--relay-ip={SERVICE}", f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.sqlite'}"]
    with (folder / "turn.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        running.kill()
        running.wait(10)


async def browser_in(place: Place, playwright: Playwright, folder: Path) -> Browser:
    """A browser that has this network and no other. It reaches the service by its name on loopback, where cameras are allowed."""
    start = folder / f"chromium-{place.holder}"
    start.write_text(f'#!/bin/sh\nexec {shlex.join([*place.inside, str(chromium.path())])} "$@"\n', encoding="utf-8")
    start.chmod(0o755)
    arguments = [*chromium.ARGUMENTS, f"--host-resolver-rules=MAP 127.0.0.1 {SERVICE}"]
    return await playwright.chromium.launch(executable_path=str(start), args=arguments)


Prepare = Callable[..., AbstractAsyncContextManager[Ground]]


@pytest.fixture
def prepare(
    networks: Networks, playwright: Playwright, sqlite_template: Path, call_assets: Path, tmp_path: Path
) -> Prepare:
    """Makes a room, its server, and one browser on each side. When they are left, no page may have complained."""

    async def open_side(place: Place, room: Room, role: str, until: AsyncExitStack) -> Side:
        browser = await browser_in(place, playwright, tmp_path)
        until.push_async_callback(browser.close)
        context = await browser.new_context(locale="fr-FR", permissions=["camera", "microphone"])
        context.set_default_timeout(45_000)
        return await Side.prepare(context, room, role)

    @asynccontextmanager
    async def make(provider: VideoProvider, *, relay: bool = True) -> AsyncIterator[Ground]:
        path = tmp_path / "calls.sqlite"
        shutil.copyfile(sqlite_template, path)
        server = CallServer(f"sqlite+aiosqlite:///{path}", call_assets, provider=provider, place=networks.service)
        async with AsyncExitStack() as running:
            livekit = None
            if provider is VideoProvider.LIVEKIT:
                hooks = f"{server.url}/hooks/livekit"
                livekit = running.enter_context(livekit_process(tmp_path, hooks=hooks, place=networks.service))
                server.environment |= livekit.environment
            if relay:
                server.environment |= RELAY
                running.enter_context(relay_in(networks.service, tmp_path))
            running.push_async_callback(server.database.dispose)
            running.callback(server.kill)
            await server.start()
            room = await server.room()
            doctor = await open_side(networks.service, room, "doctor", running)
            insured = await open_side(networks.insured, room, "insured", running)
            yield Ground(networks, server, doctor, insured, livekit)
            assert (doctor.complaints, insured.complaints) == ([], [])

    return make


@PROVIDERS
async def test_where_udp_is_blocked_the_call_goes_by_the_relay_over_tcp(
    prepare: Prepare, provider: VideoProvider
) -> None:
    async with prepare(provider) as ground:
        ground.networks.refuse_all_but(*ground.pages, TURN_PORT)
        await in_call(ground.doctor, ground.insured)
        await ground.sees_both_ways()
        assert await ground.insured.ways() == {BY_RELAY_OVER_TCP}
        assert await ground.insured.attempts_made() == 1, "the first try finds the way"

        # It is the network that made it so: the same people, where everything passes, need no relay.
        ground.networks.let_all_through()
        await ground.insured.page.reload()
        await ground.insured.reaches("live")
        await ground.sees_both_ways()
        assert {(kind, protocol) for kind, _, protocol in await ground.insured.ways()} == {("host", "udp")}

        # In the middle of the call UDP stops passing, as for somebody who walks into a hospital: it goes on, by itself.
        ground.networks.refuse_all_but(*ground.pages, TURN_PORT)
        started = time.monotonic()
        while await ground.insured.ways() != {BY_RELAY_OVER_TCP}:
            assert time.monotonic() - started < 45, await ground.insured.ways()
            await asyncio.sleep(0.2)
        await asyncio.gather(ground.doctor.reaches("live"), ground.insured.reaches("live"))
        print(f"{provider}: from UDP that stops to a picture by the relay {time.monotonic() - started:.1f} s")
        await ground.sees_both_ways()
        # LiveKit's package says so of tracks of the connection that died, which its server still lists for a moment.
        complaints = ground.insured.complaints
        complaints[:] = [each for each in complaints if "a participant, that's not present" not in each]


async def test_livekit_needs_no_relay_where_its_own_tcp_port_passes(prepare: Prepare) -> None:
    async with prepare(VideoProvider.LIVEKIT, relay=False) as ground:
        assert ground.livekit is not None
        ground.networks.refuse_all_but(*ground.pages, ground.livekit.tcp_port)
        await in_call(ground.doctor, ground.insured)
        await ground.sees_both_ways()
        found = {(kind == "relay", protocol) for kind, _, protocol in await ground.insured.ways()}
        assert found == {(False, "tcp")}


@PROVIDERS
async def test_where_nothing_but_the_pages_passes_the_telephone_shows_within_thirty_seconds(
    prepare: Prepare, provider: VideoProvider
) -> None:
    """There is a relay, as there always should be, and it is out of reach like everything else."""
    async with prepare(provider) as ground:
        ground.networks.refuse_all_but(ground.server.port)
        await asyncio.gather(ground.doctor.enter(), ground.insured.enter())
        await asyncio.gather(ground.doctor.reaches("waiting"), ground.insured.reaches("waiting"))
        await ground.doctor.admit()
        started = time.monotonic()
        await asyncio.gather(ground.doctor.reaches("failed"), ground.insured.reaches("failed"))
        took = time.monotonic() - started
        print(f"{provider}: from a dead way to the telephone {took:.1f} s")
        assert took < 30
        for each in (ground.doctor, ground.insured):
            call = each.page.get_by_role("link", name="Appeler le 01 84 80 00 00")
            assert await call.get_attribute("href") == "tel:0184800000"
