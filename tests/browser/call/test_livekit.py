"""What LiveKit alone can do: several web processes, a third person, encryption from browser to browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from axe_playwright_python.async_playwright import Axe

from telecontrol.config import VideoProvider
from tests.browser.call.pages import CallServer, MakeSide, Room, in_call
from tests.support.livekit_process import livekit_process

Url = Callable[..., str]


@asynccontextmanager
async def holding(
    database_url: str, assets: Path, folder: Path, *, count: int = 1, **settings: str
) -> AsyncIterator[list[CallServer]]:
    """Web processes on one database, and LiveKit's server that calls back to the first of them."""
    servers = [CallServer(database_url, assets, provider=VideoProvider.LIVEKIT) for _ in range(count)]
    async with AsyncExitStack() as stack:
        livekit = stack.enter_context(livekit_process(folder, hooks=f"{servers[0].url}/hooks/livekit"))
        for server in servers:
            server.environment |= {**livekit.environment, "TELECONTROL_WEB_PROCESSES": str(count), **settings}
            stack.push_async_callback(server.database.dispose)
            stack.callback(server.kill)
            await server.start()
        yield servers


async def test_two_web_processes_hold_one_call(
    postgres_url: Url, call_assets: Path, tmp_path: Path, side_in: MakeSide
) -> None:
    async with holding(postgres_url(), call_assets, tmp_path, count=2) as (here, there):
        room = await here.room()
        insured = await side_in("insured", room)
        doctor = await side_in("doctor", Room(there, room.room_id, room.subject_id))
        await insured.enter()
        await insured.reaches("waiting")
        await doctor.enter()
        await doctor.page.get_by_role("heading", name="L’assuré attend depuis").wait_for()
        await doctor.page.get_by_role("button", name="Dans 10 min").click()
        await insured.page.get_by_text("environ 10 minutes").wait_for()
        await doctor.admit()
        await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
        await asyncio.gather(doctor.sees_and_hears(), insured.sees_and_hears())

        async with asyncio.timeout(20):
            while not (await room.attendance()).media_flowed:
                await asyncio.sleep(0.1)

        # The process of the insured's page dies: the picture goes on, and the doctor's process keeps the call.
        here.kill()
        await asyncio.gather(doctor.sees_and_hears(), insured.sees_and_hears())
        await doctor.page.get_by_role("button", name="Terminer").click()
        await doctor.reaches("ended")
        assert (await room.attendance()).both_present_seconds > 0


async def test_a_companion_is_seen_and_heard_by_both(
    sqlite_url: Url, call_assets: Path, tmp_path: Path, side_in: MakeSide
) -> None:
    async with holding(sqlite_url(), call_assets, tmp_path) as (server,):
        room = await server.room()
        doctor, insured, companion = (
            await side_in("doctor", room),
            await side_in("insured", room),
            await side_in("insured", room),
        )
        await companion.page.goto(f"{server.url}/harness/{room.room_id}/insured/companion")
        await companion.reaches("waiting")
        assert not (await room.attendance()).had_arrived, "a companion is not the insured"
        await in_call(doctor, insured)
        await doctor.page.get_by_text("Marie-Ange Payet accompagne l’assuré").wait_for()
        assert await companion.state() == "waiting", "nobody comes in unless the doctor says so"
        assert await doctor.page.locator(".call__other").count() == 0
        found = await Axe().run(doctor.page, context=".call")
        assert found.violations_count == 0, found.generate_report()
        await doctor.page.get_by_role("button", name="Laisser entrer").click()
        await companion.reaches("live")
        await companion.sees_and_hears()
        for each in (doctor, insured, companion):
            await each.page.wait_for_function(
                "() => { const v = document.querySelector('.call__other-picture'); return v?.videoWidth > 0 && !v.paused; }"
            )
        assert await insured.state() == "live", "nobody took their place"
        assert await companion.page.locator(".call__other-name").inner_text() == "L’assuré"
        await companion.page.evaluate("document.querySelector('[data-call]').mountedCall.call.chat('Bonjour')")
        await doctor.page.get_by_role("button", name="Répondre").click()
        assert await doctor.page.locator(".call__line .call__who").inner_text() == "Accompagnant"
        await insured.page.get_by_role("button", name="Quitter").click()
        await companion.reaches("ended")
        await doctor.page.locator(".call__other").wait_for(state="detached")


async def test_pictures_are_encrypted_from_browser_to_browser_where_it_is_asked_for(
    sqlite_url: Url, call_assets: Path, tmp_path: Path, side_in: MakeSide
) -> None:
    async with holding(sqlite_url(), call_assets, tmp_path, TELECONTROL_LIVEKIT_E2EE="true") as (server,):
        room = await server.room()
        doctor, insured = await side_in("doctor", room), await side_in("insured", room)
        await in_call(doctor, insured)
        await asyncio.gather(doctor.sees_and_hears(), insured.sees_and_hears())
        await insured.page.evaluate("document.querySelector('[data-call]').mountedCall.call.chat('Chiffré aussi')")
        await doctor.page.locator(".call__hint--written").get_by_text("Chiffré aussi").wait_for()
        assert [worker.url.rsplit("/", 1)[-1] for worker in doctor.page.workers] == ["call-worker.js"]
