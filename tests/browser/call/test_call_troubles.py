"""What people meet: refused cameras, blocked networks, second thoughts. Each has a way on."""

from __future__ import annotations

import asyncio
import time

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import WebSocketRoute

from telecontrol.video.models import Role
from tests.browser.call.pages import CallServer, MakeSide, Room, Side, in_call
from tests.browser.call.troubles import NO_ROUTE

NO_CAMERA = """
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) =>
    wanted.video ? Promise.reject(new DOMException("Requested device not found", "NotFoundError")) : ask(wanted);
"""


async def test_nothing_happens_before_a_click(side: MakeSide, room: Room) -> None:
    insured = await side("insured")
    await insured.enter(start="button")
    await asyncio.sleep(0.5)
    assert await insured.state() == "idle"
    assert await insured.page.evaluate("kept.ours().length") == 0
    assert not (await room.attendance()).had_arrived

    await insured.page.get_by_role("button", name="Entrer").click()
    await insured.reaches("waiting")
    assert (await room.attendance()).had_arrived


async def test_who_refuses_the_camera_still_waits_sees_and_hears(side: MakeSide, room: Room) -> None:
    doctor, insured = await side("doctor"), await side("insured", permissions=[])
    # Told to who is there: a doctor who comes later reads it in the connection log.
    await doctor.enter()
    await doctor.reaches("waiting")
    await insured.enter()
    await insured.reaches("waiting")
    await insured.page.get_by_text("La caméra et le micro sont refusés").wait_for()
    await doctor.page.get_by_text("Sa caméra et son micro sont refusés par son navigateur.").wait_for()
    await doctor.admit()
    await insured.reaches("live")
    await insured.sees_and_hears()
    await doctor.reaches("live")

    # Allowed after all: no reload, no second admission.
    await insured.page.context.grant_permissions(["camera", "microphone"])
    await insured.page.get_by_role("button", name="J’ai autorisé, réessayer").click()
    await doctor.sees_and_hears()
    problems = [(problem.role, problem.code) for problem in (await room.attendance()).technical_problems]
    assert problems == [(Role.INSURED, "refused_by_browser")]


async def test_without_a_camera_the_call_is_held_by_sound(side: MakeSide) -> None:
    doctor, insured = await side("doctor"), await side("insured")
    await insured.page.add_init_script(NO_CAMERA)
    await in_call(doctor, insured)
    await insured.sees_and_hears()
    await insured.page.get_by_text("Aucune caméra").wait_for()
    await (
        doctor.page.get_by_text("Pas de caméra de son côté.")
        .or_(doctor.page.get_by_text("Caméra coupée"))
        .first.wait_for()
    )
    before = await doctor.statistics()
    await asyncio.sleep(1.5)
    after = await doctor.statistics()
    assert after["audioEnergy"] > before["audioEnergy"]
    assert (await doctor.state(), await doctor.attempts_made()) == ("live", 1), "no picture expected, none missed"


async def test_a_network_that_lets_nothing_through_ends_at_the_telephone(side: MakeSide, room: Room) -> None:
    """Within thirty seconds: `test_networks.py` shows the same between real networks."""
    doctor, insured = await side("doctor"), await side("insured")
    for each in (doctor, insured):
        await each.page.add_init_script(NO_ROUTE)
        await each.enter()
    await asyncio.gather(doctor.reaches("waiting"), insured.reaches("waiting"))
    await doctor.admit()
    started = time.monotonic()
    await asyncio.gather(doctor.reaches("failed", within=60), insured.reaches("failed", within=60))
    took = time.monotonic() - started
    print(f"dead way to the telephone: {took:.1f} s")
    assert took < 30
    for each in (doctor, insured):
        call = each.page.get_by_role("link", name="Appeler le 01 84 80 00 00")
        assert await call.get_attribute("href") == "tel:0184800000"
        found = await Axe().run(each.page, context=".call")
        assert found.violations_count == 0, found.generate_report()
    assert "problème technique" in await doctor.page.locator(".call__notice").inner_text()
    assert await doctor.attempts_made() == 3
    assert "ne vous sera pas reproché" in await insured.page.locator(".call__text").first.inner_text()
    assert await insured.page.locator(".call__phone-number").get_attribute("href") == "tel:0184800000"
    summary = await room.attendance()
    assert {(problem.role, problem.code) for problem in summary.technical_problems} == {
        (Role.INSURED, "no_media"),
        (Role.DOCTOR, "no_media"),
    }
    assert not summary.media_flowed

    # The way is free again: one click brings both back.
    for each in (doctor, insured):
        await each.page.evaluate("window.isRouteFree = true")
    await insured.page.get_by_role("button", name="Réessayer").click()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))


async def test_where_sockets_are_blocked_waiting_still_counts(side: MakeSide, room: Room) -> None:
    doctor, insured = await side("doctor"), await side("insured")

    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close(code=1011)

    await insured.page.route_web_socket("**/socket", refuse)
    await asyncio.gather(doctor.enter(), insured.enter())
    await insured.reaches("waiting")
    await doctor.page.get_by_role("heading", name="L’assuré attend depuis").wait_for()
    assert (await room.attendance()).had_arrived
    assert await insured.page.locator(".call__phone-number").is_visible()


async def test_a_doctors_other_page_is_told_who_waits(side: MakeSide, room: Room) -> None:
    agenda, insured = await side("doctor"), await side("insured")
    await agenda.enter(start="button")
    await agenda.page.evaluate(
        """async (url) => {
          const { watchWaiting } = await import("/static/call.js");
          const getTickets = async () => [await (await fetch(url, { method: "POST" })).json()];
          window.arrivals = [];
          watchWaiting({ getTickets, onChange: (rooms) => (window.rooms = rooms), onArrival: (it) => arrivals.push(it) });
        }""",
        f"/harness/{room.room_id}/doctor/ticket",
    )
    await agenda.page.wait_for_function("() => window.rooms?.[0].state === 'absent'")
    await insured.enter()
    await agenda.page.wait_for_function("() => window.rooms?.[0].state === 'waiting'")
    await insured.page.reload()
    await insured.reaches("waiting")
    assert await agenda.page.evaluate("arrivals.map(it => it.roomId)") == [str(room.room_id)], "a reload rings no more"
    await insured.page.get_by_role("button", name="Quitter").click()
    await agenda.page.wait_for_function("() => window.rooms?.[0].state === 'absent'")


async def test_a_page_that_may_not_enter_says_so(side: MakeSide, room: Room, server: CallServer) -> None:
    insured = await side("insured")
    await insured.page.route("**/ticket", lambda route: route.fulfill(status=403, json={"code": "not_now"}))
    await insured.enter()
    await insured.reaches("failed")
    assert await insured.title() == "L’appel ne peut pas s’ouvrir d’ici"
    insured.complaints.clear()


@pytest.mark.parametrize("lang", ["fr", "en"])
async def test_on_the_narrowest_telephone(side: MakeSide, lang: str) -> None:
    doctor, insured = await side("doctor"), await side("insured", viewport={"width": 320, "height": 568})
    await asyncio.gather(doctor.enter(), insured.enter(lang=lang))
    await insured.reaches("waiting")
    await _fits(insured)
    await doctor.admit()
    await asyncio.gather(doctor.reaches("live"), insured.reaches("live"))
    await _fits(insured)
    buttons = insured.page.locator(".call__bar .call__button")
    assert await buttons.count() == 4
    for index in range(4):
        box = await buttons.nth(index).bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= 568, "a button is out of reach"
        assert await buttons.nth(index).inner_text()


async def _fits(side: Side) -> None:
    """Nothing to scroll sideways, the telephone number in sight, and nothing that axe finds."""
    found = await Axe().run(side.page, context=".call")
    assert found.violations_count == 0, found.generate_report()
    width = await side.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320
    assert await side.page.locator(".call__phone-number").is_visible()
