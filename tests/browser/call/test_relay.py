"""A call through the relay alone: coturn on this machine, with each provider."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from telecontrol.config import VideoProvider
from tests.browser.call.pages import CallServer, MakeSide, in_call
from tests.support.livekit_process import livekit_process
from tests.support.needs import program
from tests.support.ports import free_port

BY_RELAY = "async () => (await document.querySelector('[data-call]').mountedCall.call.statistics()).route === 'relay'"


@pytest_asyncio.fixture(params=list(VideoProvider), ids=str)
async def relay(
    request: pytest.FixtureRequest, sqlite_template: Path, call_assets: Path, tmp_path: Path
) -> AsyncIterator[CallServer]:
    """A server whose relay is coturn, on this machine."""
    port = free_port()
    command = [str(program("turnserver")), "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip=127.0.0.1"]
    command += [
        f"--listening-port={port}",
        "--relay-ip=127.0.0.1",
        "--allow-loopback-peers",
        "--realm=telecontrol.test",
    ]
    command += ["--use-auth-secret", "--static-auth-secret=shared-with-coturn", "--log-file=stdout", "--no-stdout-log"]
    command += [f"--pidfile={tmp_path / 'turn.pid'}", f"--userdb={tmp_path / 'turn.sqlite'}"]
    coturn = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = tmp_path / "calls.sqlite"
    shutil.copyfile(sqlite_template, path)
    environment = {
        "TELECONTROL_TURN_URLS": f"turn:127.0.0.1:{port}?transport=udp",
        "TELECONTROL_TURN_SECRET": "shared-with-coturn",
    }
    server = CallServer(f"sqlite+aiosqlite:///{path}", call_assets, provider=request.param, environment=environment)
    try:
        with ExitStack() as running:
            if request.param is VideoProvider.LIVEKIT:
                environment |= running.enter_context(livekit_process(tmp_path)).environment
            await server.start()
            yield server
    finally:
        server.kill()
        await server.database.dispose()
        coturn.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            coturn.wait(5)


async def test_the_third_try_goes_by_the_relay_alone(relay: CallServer, side_in: MakeSide) -> None:
    room = await relay.room()
    doctor, insured = await side_in("doctor", room), await side_in("insured", room)
    await in_call(doctor, insured)
    assert (await doctor.statistics())["route"] != "relay"
    for epoch in (1, 2):
        await insured.page.evaluate(
            "epoch => kept.ours().at(-1).send(JSON.stringify({ type: 'stuck', epoch, reason: 'no_frames' }))", epoch
        )
    # A try that is overtaken before it began counts for nothing: what matters is the way that the last one took.
    for each in (doctor, insured):
        await each.page.wait_for_function(BY_RELAY)
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    await asyncio.gather(doctor.sees_and_hears(), insured.sees_and_hears())
    # Every connection of both pages, what is sent as well as what is received; one of an earlier try may stand a moment longer.
    async with asyncio.timeout(20):
        while await doctor.ways() | await insured.ways() != {("relay", "udp", "udp")}:
            await asyncio.sleep(0.5)
