"""The insured's pages in a browser: accessible in every state, light, narrow, without a mouse, without script, without strangers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Page

from telecontrol.config import Environment
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.scheduling.booking import move
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.freeing import cancel, release
from telecontrol.scheduling.models import Appointment, AppointmentState
from tests.support.concluding import say
from tests.support.insured import MONDAY_NINE, book_video, dossier_of, everything, link_to
from tests.support.service import Service, serving
from tests.support.world import HANDLER, World, make_control, make_world

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PHONE, LAPTOP, NARROW = (390, 844), (1440, 900), (320, 640)
BEFORE_THE_CALL = 150_000
"""Bytes, everything included, without compression."""

MakeContext = Callable[..., Awaitable[BrowserContext]]


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path, environment=Environment.DEVELOPMENT) as running:
        yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        made = await make_world(session)
        made.organisation.accent_colour = "#7a1f3d"
        made.site.access = "Métro B, porte A, ascenseur."
    return made


class Watched:
    """A page whose complaints, strangers and weight are noted."""

    def __init__(self, page: Page, service: Service) -> None:
        self.page = page
        self.url = service.url
        self.complaints: list[str] = []
        self.strangers: set[str] = set()
        self.bytes = 0
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        # A page that answers 404 or 422 on purpose is told by the browser as a failed resource.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.strangers.add(urlsplit(url).netloc)

    async def weigh(self) -> None:
        """Count what is transferred from here on, headers included."""
        protocol = await self.page.context.new_cdp_session(self.page)
        await protocol.send("Network.enable")
        protocol.on("Network.loadingFinished", self._loaded)

    def _loaded(self, event: dict[str, float]) -> None:
        self.bytes += int(event["encodedDataLength"])

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def give_birth_date(self) -> None:
        for name, value in (("day", "17"), ("month", "5"), ("year", "1985")):
            await self.page.fill(f"#birth_{name}", value)
        await self.page.click("main form button")

    async def enter(self, link: str) -> None:
        await self.open(link)
        await self.page.click("main form button")
        if await self.page.locator("#birth_day").count():
            await self.give_birth_date()

    async def title(self) -> str:
        return re.sub(r"\s+", " ", await self.page.inner_text("h1")).replace("’", "'").strip()

    async def check(self, name: str) -> None:
        """No accessibility fault, no complaint, nobody else asked, and nothing wider than the narrowest telephone."""
        found = await Axe().run(self.page)
        faults = [
            f"{each['id']}: {each['help']} {[node['target'] for node in each['nodes']]}"
            for each in found.response["violations"]
        ]
        assert not faults, f"{name}: {faults}"
        await self.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        overflow = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{name}: scrolls sideways by {overflow} px at 320"
        await self.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert not self.complaints, f"{name}: {self.complaints}"
        assert not self.strangers, f"{name}: {self.strangers}"


async def watched(context: BrowserContext, service: Service) -> Watched:
    page = await context.new_page()
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    return Watched(page, service)


@pytest_asyncio.fixture
async def phone(service: Service, context_factory: MakeContext) -> Watched:
    return await watched(await context_factory(), service)


async def another(service: Service, world: World, number: int, **given: object) -> Appointment:
    async with service.runtime.database.transaction() as session:
        control: Control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=number
        )
    return await book_video(service, world, MONDAY_NINE + timedelta(days=number % 3, hours=1), control=control, **given)


async def test_every_page_for_anybody(service: Service, world: World, phone: Watched) -> None:
    pages = ("/", "/genuine", "/lost-link", "/lost-link?sent=1", "/privacy", "/accessibility", "/test", "/nulle-part")
    for path in (*pages, "/i/AAAAAAAAAAAAAAAAAAAAAA", "/r"):
        await phone.open(path)
        await phone.check(path)
    await phone.open("/genuine")
    await phone.page.fill("#reference", "TC-2222-2222")
    await phone.page.click("main form button")
    await phone.check("unknown reference")
    await phone.open("/lost-link")
    await phone.page.fill("#phone", "06 12")
    await phone.give_birth_date()
    await phone.check("a number that is too short")


async def test_every_state_before_the_hour(service: Service, world: World, phone: Watched) -> None:
    appointment = await book_video(service, world)
    link = await link_to(service, appointment)
    await phone.open(link)
    await phone.check("gate")
    await phone.page.click("main form button")
    await phone.check("birth date")
    await phone.page.fill("#birth_day", "18")
    await phone.page.fill("#birth_month", "5")
    await phone.page.fill("#birth_year", "1985")
    await phone.page.click("main form button")
    await phone.check("wrong birth date")
    await phone.give_birth_date()
    assert (await phone.title()).startswith("Bonjour")
    await phone.check("before")
    for path in ("/r/decline", "/r/cannot-come", "/r/other-hour", "/r/prepare", "/r/test"):
        await phone.open(path)
        await phone.check(path)
    await phone.open("/r/cannot-come")
    await phone.page.check("input[value=travel]")
    await phone.page.click("main form .btn--primary")
    await phone.check("cannot come, said")
    await phone.open("/r")
    await phone.check("before, absence announced")
    await phone.open("/r/decline")
    await phone.page.click("main form .btn--primary")
    assert await phone.title() == "C'est noté : ce sera sur place"
    await phone.check("declined")
    service.clock.advance(timedelta(minutes=1))
    await phone.page.locator("input[name=slot]").nth(1).check()
    await phone.page.click("main form .btn--primary")
    assert "1 rue de la Paix" in await phone.page.inner_text("main")
    await phone.check("in person")


async def test_every_way_an_appointment_may_go(service: Service, world: World, phone: Watched) -> None:
    operator, now = service.runtime.operator, service.clock.now
    gone = {1: "cancelled", 2: "released", 3: "moved"}
    for number, name in gone.items():
        appointment = await another(service, world, number + 1)
        link = await link_to(service, appointment)
        service.clock.advance(timedelta(minutes=1))
        async with service.runtime.database.transaction() as session:
            dossier = await load_dossier(session, appointment.id, lock=True)
            if name == "moved":
                await move(
                    session,
                    operator=operator,
                    dossier=dossier,
                    starts_at=appointment.starts_at + timedelta(hours=1),
                    actor=HANDLER,
                    now=now(),
                )
            else:
                act = cancel if name == "cancelled" else release
                await act(session, operator=operator, dossier=dossier, actor=HANDLER, now=now())
        await phone.enter(link)
        await phone.check(name)
    view = await another(service, world, 5, mode=Mode.SURGERY, site_id=world.site.id)
    await phone.enter(await link_to(service, view))
    await phone.check("in person")
    done = await book_video(service, world)
    link = await link_to(service, done)
    service.clock.advance_to(done.starts_at + timedelta(minutes=10))
    await phone.enter(link)
    await phone.page.click("form[action='/r/join'] button")
    await phone.page.wait_for_selector(".call__own-picture")
    await say(service.runtime.database, world, done, Result.NOT_JUSTIFIED, at=service.clock.now())
    # The page of the call leads there by itself.
    await phone.page.wait_for_url("**/r")
    assert await phone.title() == "Merci, votre rendez-vous a eu lieu"
    await phone.check("after")
    await phone.open("/r/receipt")
    await phone.check("receipt")


async def test_pages_before_the_call_are_light(service: Service, world: World, context_factory: MakeContext) -> None:
    """From the link to the page with the button, an empty cache: one download of everything."""
    appointment = await book_video(service, world)
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    phone = await watched(await context_factory(), service)
    await phone.weigh()
    await phone.enter(link)
    assert await phone.page.locator("form[action='/r/join']").count() == 1
    await phone.page.wait_for_load_state("networkidle")
    assert 20_000 < phone.bytes < BEFORE_THE_CALL


async def test_everything_can_be_done_with_the_keyboard(service: Service, world: World, phone: Watched) -> None:
    appointment = await book_video(service, world)
    await phone.open(await link_to(service, appointment))

    async def reach(selector: str) -> None:
        for _ in range(40):
            await phone.page.keyboard.press("Tab")
            if await phone.page.evaluate("s => document.activeElement.matches(s)", selector):
                outline = await phone.page.evaluate(
                    "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).boxShadow"
                )
                assert outline != "nonenone", f"{selector}: the focus is not seen"
                return
        raise AssertionError(f"never reached {selector}")

    await reach("main form button")
    await phone.page.keyboard.press("Enter")
    await phone.page.wait_for_selector("#birth_day")
    await reach("#birth_day")
    await phone.page.keyboard.type("17")
    await phone.page.keyboard.type("05")
    await phone.page.keyboard.type("1985")
    await phone.page.keyboard.press("Enter")
    await phone.page.wait_for_selector("a[href='/r/decline']")
    await reach("a[href='/r/decline']")
    await phone.page.keyboard.press("Enter")
    await phone.page.wait_for_selector("form[action='/r/decline']")
    await reach("main form .btn--primary")
    await phone.page.keyboard.press("Enter")
    await phone.page.wait_for_selector("form[action='/r/in-person']")
    service.clock.advance(timedelta(minutes=1))
    await reach("input[name=slot]")
    await phone.page.keyboard.press("ArrowDown")
    await phone.page.keyboard.press("Enter")
    await phone.page.wait_for_selector("text=1 rue de la Paix")
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.DECLINED_BY_INSURED
    assert await phone.page.locator("address").count() == 1


async def test_a_robot_that_runs_scripts_changes_nothing(
    service: Service, world: World, context_factory: MakeContext
) -> None:
    """It opens every link of the messages, waits for all their scripts, and follows every address it finds."""
    appointment = await book_video(service, world)
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    before = await everything(service)
    robot = await watched(await context_factory(), service)
    met = {link, "/", "/genuine", "/privacy", "/test", "/r", "/r/join", "/r/decline"}
    for path in sorted(met):
        await robot.open(path)
        await robot.page.wait_for_load_state("networkidle")
        await robot.page.wait_for_timeout(300)
        for href in await robot.page.eval_on_selector_all(
            "a[href^='/']", "all => all.map(a => a.getAttribute('href'))"
        ):
            if href not in met:
                met.add(href)
                await robot.open(href)
                await robot.page.wait_for_load_state("networkidle")
    assert await everything(service) == before


async def test_answers_work_without_script(service: Service, world: World, context_factory: MakeContext) -> None:
    appointment = await book_video(service, world)
    plain = await watched(await context_factory(java_script_enabled=False), service)
    await plain.enter(await link_to(service, appointment))
    assert (await plain.title()).startswith("Bonjour")
    await plain.open("/r/decline")
    await plain.page.click("main form .btn--primary")
    assert await plain.title() == "C'est noté : ce sera sur place"
    await plain.page.click("form[action='/r/decline/undo'] button")
    assert (await plain.title()).startswith("Bonjour")


async def test_back_and_a_double_press_give_the_same_answer(service: Service, world: World, phone: Watched) -> None:
    appointment = await book_video(service, world)
    await phone.enter(await link_to(service, appointment))
    await phone.open("/r/decline")
    await phone.page.dblclick("main form .btn--primary")
    await phone.page.wait_for_selector("form[action='/r/in-person']")
    await phone.page.go_back()
    if await phone.page.locator("form[action='/r/decline'] .btn--primary").count():
        await phone.page.click("form[action='/r/decline'] .btn--primary")
        await phone.page.wait_for_selector("form[action='/r/in-person']")
    await phone.open("/r")
    assert await phone.title() == "C'est noté : ce sera sur place"
    assert (await dossier_of(service, appointment.id)).appointment.state is AppointmentState.HELD


async def test_waiting_a_reload_leaving_and_coming_back(service: Service, world: World, phone: Watched) -> None:
    appointment = await book_video(service, world)
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(minutes=5))
    await phone.enter(link)
    await phone.page.click("form[action='/r/join'] button")
    await phone.page.wait_for_selector("#call >> text=Votre arrivée est notée, le médecin est prévenu")
    await phone.check("devices")
    await phone.page.click("#call >> text=Entrer dans la salle d’attente")
    await phone.page.wait_for_selector("#call >> text=Le médecin est prévenu de votre arrivée")
    await phone.check("waiting")
    await phone.page.reload()
    await phone.page.wait_for_selector("#call >> text=Le médecin est prévenu de votre arrivée")
    await phone.page.click("#call >> text=Quitter")
    await phone.page.wait_for_selector("#call >> text=Vous avez quitté l’appel")
    assert await phone.title() == "Votre rendez-vous", "they are no longer in the waiting room"
    assert (await phone.page.title()).startswith("Votre rendez-vous")
    found = await Axe().run(phone.page)
    assert found.violations_count == 0, found.generate_report()
    await phone.open("/r")
    assert await phone.page.locator("form[action='/r/join']").count() == 1
    await phone.page.click("form[action='/r/join'] button")
    await phone.page.click("#call >> text=Entrer dans la salle d’attente")
    await phone.page.wait_for_selector("#call >> text=Le médecin est prévenu de votre arrivée")
