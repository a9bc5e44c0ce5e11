"""The device test in a browser: one step at a time, each with its remedy, and what is kept of it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, expect

from telecontrol.config import Environment
from telecontrol.scheduling.models import Appointment
from telecontrol.video.device_tests import Finding, finding_of, latest_tests
from telecontrol.video.models import DeviceTest
from tests.browser.call.troubles import WITHOUT_INTERFACE
from tests.support.insured import book_video, everything, link_to
from tests.support.needs import program
from tests.support.ports import free_port
from tests.support.service import Service, serving
from tests.support.world import make_world

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NARROW = {"width": 320, "height": 640}
BEFORE_THE_CALL = 150_000
MakeContext = Callable[..., Awaitable[BrowserContext]]

SILENT = """
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    for (const track of stream.getAudioTracks()) track.enabled = false;
    return stream;
  };
"""
NO_WAY_OUT = """
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = function (given) { return new Real({ ...given, iceServers: [], iceTransportPolicy: 'relay' }); };
"""
IN_AN_APP = """
  Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
  Object.defineProperty(navigator, 'userAgent', { value: 'Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Chrome/120 Mobile' });
"""


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path, environment=Environment.DEVELOPMENT) as running:
        yield running


@pytest_asyncio.fixture
async def appointment(service: Service) -> Appointment:
    return await booked(service)


async def booked(service: Service) -> Appointment:
    async with service.runtime.database.transaction() as session:
        world = await make_world(session)
    return await book_video(service, world)


async def at_the_test(page: Page, service: Service, appointment: Appointment) -> None:
    """By the invitation's link, with the birth date, to the test."""
    await page.goto(service.url + await link_to(service, appointment))
    await page.click("main form button")
    for name, value in (("day", "17"), ("month", "5"), ("year", "1985")):
        await page.fill(f"#birth_{name}", value)
    await page.click("main form button")
    await page.click("a[href='/r/test']")


def current(page: Page) -> Any:
    return page.locator("[aria-current=step]")


async def press(page: Page, name: str) -> None:
    await page.locator(".device-test").get_by_role("button", name=name, exact=True).click()


async def through_the_devices(page: Page) -> None:
    """Camera seen, voice heard (the fake microphone beeps), notes heard."""
    await press(page, "Commencer le test")
    await press(page, "Oui, je me vois")
    await press(page, "Écouter le son")
    await press(page, "Oui")


async def kept(service: Service, appointment: Appointment) -> DeviceTest | None:
    """What was kept; the page sends it beside whatever it shows, so it is given a moment to come."""
    for _ in range(50):
        async with service.runtime.database.reading() as session:
            found = (await latest_tests(session, [appointment.id])).get(appointment.id)
        if found is not None:
            return found
        await asyncio.sleep(0.1)
    return None


async def faults(page: Page) -> list[str]:
    found = (await Axe().run(page)).response["violations"]
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found] + (["sideways"] if wide > 0 else [])


async def test_step_by_step_to_a_result_that_the_doctor_sees(
    service: Service, appointment: Appointment, context_factory: MakeContext
) -> None:
    page = await (await context_factory(viewport=NARROW)).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    await at_the_test(page, service, appointment)
    before = await everything(service)
    await page.wait_for_selector("text=Commencer le test")
    assert await faults(page) == []
    assert await everything(service) == before, "nothing begins, and nothing is kept, by opening the page"
    await page.keyboard.press("Tab")
    await page.locator(".device-test button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".device-test__picture")).to_be_visible()
    await page.wait_for_function("() => document.querySelector('.device-test__picture').videoWidth > 0")
    await expect(current(page)).to_contain_text("Vous voyez-vous à l’image")
    assert await page.evaluate("document.activeElement.textContent") == "Caméra", "the reader is led to the open step"
    assert await faults(page) == []
    await press(page, "Oui, je me vois")
    await expect(page.get_by_role("status").first).to_have_text("Montez un peu le volume, puis écoutez le son.")
    await press(page, "Écouter le son")
    await press(page, "Oui")
    await expect(page.locator(".device-test")).to_have_attribute("data-result", "ready")
    await expect(page.get_by_role("heading", name="Tout fonctionne")).to_be_focused()
    assert await faults(page) == []
    states = await page.locator(".device-test__state").all_inner_texts()
    assert states == ["fonctionne"] * 5
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await faults(page) == [], "with text at 200 %"
    assert said == []
    test = await kept(service, appointment)
    assert test is not None
    assert (finding_of(test), test.route) == (Finding.READY, "direct")
    assert set(test.steps.values()) == {"ok"}
    await page.goto(service.url + "/r")
    assert "tout fonctionne" in await page.inner_text("main")
    await page.goto(service.url + "/r/test")
    await expect(page.get_by_text("Dernier test le")).to_be_visible()
    await press(page, "Commencer le test")
    await expect(page.get_by_text("Dernier test le")).to_be_hidden()


async def test_a_silent_microphone_is_told_and_the_test_goes_on(
    service: Service, appointment: Appointment, context_factory: MakeContext
) -> None:
    page = await (await context_factory(viewport=NARROW)).new_page()
    await page.add_init_script(SILENT)
    await at_the_test(page, service, appointment)
    await press(page, "Commencer le test")
    await press(page, "Non")
    await expect(current(page)).to_contain_text("Regardez si rien ne couvre l’objectif")
    await press(page, "Continuer sans image")
    await expect(current(page)).to_contain_text("Votre micro ne capte aucun son", timeout=25_000)
    assert await faults(page) == []
    partly = await kept(service, appointment)
    assert finding_of(partly) is Finding.MICROPHONE_SILENT, "told at once: somebody may give up here"
    await press(page, "Continuer sans micro")
    await press(page, "Écouter le son")
    await press(page, "Non")
    await expect(current(page)).to_contain_text("Montez le volume")
    await press(page, "Continuer quand même")
    await expect(page.get_by_role("heading", name="Il reste quelque chose à régler")).to_be_visible(timeout=25_000)
    assert await page.locator(".device-test__advices li").count() == 3
    assert await faults(page) == []
    test = await kept(service, appointment)
    assert test is not None
    assert test.steps == {
        "browser": "ok", "camera": "no_picture", "microphone": "microphone_silent", "speaker": "not_heard", "connection": "ok",
    }  # fmt: skip


async def test_refused_devices_leave_the_connection_to_be_tried(
    service: Service, appointment: Appointment, context_factory: MakeContext
) -> None:
    page = await (await context_factory(permissions=[], locale="en-GB")).new_page()
    await page.goto(service.url + "/test")
    before = await everything(service)
    await press(page, "Start the test")
    await expect(current(page)).to_contain_text("Tap the padlock or the settings sign left of the address")
    assert await faults(page) == []
    await press(page, "Go on without a picture")
    await press(page, "Go on without a microphone")
    await press(page, "Play the sound")
    await press(page, "Yes")
    await expect(page.get_by_role("heading", name="Something is still to be put right")).to_be_visible(timeout=25_000)
    assert await page.locator(".device-test__step--good h2").all_inner_texts() == ["Browser", "Sound", "Connection"]
    assert await everything(service) == before, "the public page keeps nothing"


async def test_a_network_that_lets_nothing_through(
    service: Service, appointment: Appointment, context_factory: MakeContext
) -> None:
    page = await (await context_factory()).new_page()
    await page.add_init_script(NO_WAY_OUT)
    await at_the_test(page, service, appointment)
    await through_the_devices(page)
    await expect(current(page)).to_contain_text("Votre réseau bloque l’image et le son", timeout=30_000)
    await expect(current(page)).to_contain_text("01 84 80 00 00")
    await press(page, "Terminer le test")
    test = await kept(service, appointment)
    assert test is not None
    assert (finding_of(test), test.route) == (Finding.NO_CONNECTION, "none")


async def test_inside_an_app_the_way_out_is_told(
    service: Service, appointment: Appointment, context_factory: MakeContext
) -> None:
    page = await (await context_factory()).new_page()
    await page.add_init_script(IN_AN_APP)
    await page.goto(service.url + "/test")
    await press(page, "Commencer le test")
    await expect(current(page)).to_contain_text("Ouvrez cette adresse dans Safari ou Chrome")
    # Where the clipboard is refused, as it often is in there, the address is shown to be copied by hand.
    await page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); document.execCommand = () => false; }"
    )
    await press(page, "Copier l’adresse de la page")
    assert (
        await page.get_by_label("Copier l’adresse de la page", exact=True).last.input_value() == f"{service.url}/test"
    )
    await expect(current(page).get_by_text("Appuyez longuement sur l’adresse")).to_be_visible()
    await at_the_test(page, service, appointment)
    await press(page, "Commencer le test")
    await expect(current(page)).to_contain_text("Rouvrez le lien de votre message")
    assert not await page.get_by_role("button", name="Copier l’adresse de la page").is_visible(), "it needs the link"
    assert finding_of(await kept(service, appointment)) is Finding.BROWSER_UNFIT


async def test_an_app_that_hides_its_name_is_known_by_what_it_lacks(
    service: Service, context_factory: MakeContext
) -> None:
    page = await (await context_factory()).new_page()
    await page.add_init_script(WITHOUT_INTERFACE)
    await page.goto(service.url + "/test")
    await press(page, "Commencer le test")
    await expect(current(page)).to_contain_text("Ouvrez cette adresse dans Safari ou Chrome")


@asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[int]:
    """A relay on this machine that is reached over TCP alone."""
    port = free_port()
    command = [
        str(program("turnserver")),
        "-n",
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--no-udp",
        "--listening-ip=127.0.0.1",
    ]
    command += [
        f"--listening-port={port}",
        "--relay-ip=127.0.0.1",
        "--allow-loopback-peers",
        "--realm=telecontrol.test",
    ]
    command += ["--use-auth-secret", "--static-auth-secret=shared-with-coturn", "--log-file=stdout", "--no-stdout-log"]
    command += [f"--pidfile={folder / 'turn.pid'}", f"--userdb={folder / 'turn.sqlite'}"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(5)


async def test_what_passes_only_by_the_relay_is_told(
    sqlite_url: Callable[..., str], tmp_path: Path, context_factory: MakeContext
) -> None:
    async with coturn(tmp_path) as port:
        given: dict[str, Any] = {
            "environment": Environment.DEVELOPMENT,
            "turn_urls": f"turn:127.0.0.1:{port}?transport=tcp",
            "turn_secret": "shared-with-coturn",
        }
        async with serving(sqlite_url(), now=NOW, folder=tmp_path, **given) as service:
            appointment = await booked(service)
            page = await (await context_factory()).new_page()
            await at_the_test(page, service, appointment)
            await through_the_devices(page)
            await expect(page.locator(".device-test")).to_have_attribute("data-result", "ready", timeout=40_000)
            await expect(page.locator(".device-test__state").last).to_have_text("fonctionne par notre relais")
            test = await kept(service, appointment)
            assert test is not None
            assert (test.route, finding_of(test)) == ("relay", Finding.RELAY_ONLY)


async def test_the_way_to_the_test_is_light(
    service: Service, appointment: Appointment, context_factory: MakeContext
) -> None:
    """From the link to the test under way, an empty cache: every byte, headers included."""
    page = await (await context_factory()).new_page()
    protocol = await page.context.new_cdp_session(page)
    await protocol.send("Network.enable")
    sizes: list[int] = []
    protocol.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    await at_the_test(page, service, appointment)
    await press(page, "Commencer le test")
    await page.wait_for_selector(".device-test__picture")
    assert 20_000 < sum(sizes) < BEFORE_THE_CALL
