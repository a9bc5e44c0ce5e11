"""The doctor's pages in a browser: by keyboard, without reloading, and never a word lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, expect

from telecontrol.config import Environment
from telecontrol.controls.results import Result
from telecontrol.db.sealing import Sealer
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.notes import read_note
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, appoint, insured_arrives
from tests.support.doctoring import another, room
from tests.support.service import Service, serving
from tests.support.staffing import PASSWORD, give_passwords
from tests.support.world import World, make_world

# The parts that change by themselves are asked for every ten seconds.
SOON = 20_000
Contexts = Callable[..., Awaitable[BrowserContext]]
LAPTOP = {"viewport": {"width": 1440, "height": 900}}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(
        sqlite_url(), now=START - 5 * MINUTE, folder=tmp_path, environment=Environment.DEVELOPMENT
    ) as running:
        yield running


@pytest_asyncio.fixture
async def world(service: Service) -> World:
    async with service.runtime.database.transaction() as session:
        made = await make_world(session)
    await give_passwords(service, made.doctor_user)
    return made


@pytest_asyncio.fixture
async def appointment(service: Service, world: World) -> Appointment:
    async with service.runtime.database.transaction() as session:
        return await appoint(session, world)


@pytest_asyncio.fixture
async def doctor(service: Service, world: World, context_factory: Contexts) -> Page:
    """Signed in, on today's page, at a laptop."""
    context = await context_factory(base_url=service.url, reduced_motion="reduce", **LAPTOP)
    page = await context.new_page()
    await page.goto(paths.SIGN_IN)
    await page.fill("#email", world.doctor_user.email)
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{paths.DOCTOR}")
    return page


async def _mark(page: Page) -> None:
    """Something that a reload would wipe out, and the call with it."""
    await page.evaluate("window.stillHere = true")


async def _is_marked(page: Page) -> bool:
    return bool(await page.evaluate("window.stillHere === true"))


async def _violations(page: Page) -> list[str]:
    found = (await Axe().run(page, options=AXE)).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


async def test_three_keys_and_a_signature_conclude_and_a_fourth_goes_on(
    service: Service, world: World, appointment: Appointment, doctor: Page
) -> None:
    following = await another(service, world, 2, starts_at=START + 30 * MINUTE)
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
    await doctor.reload()
    await doctor.keyboard.press("n")
    await doctor.wait_for_url(f"**{room(appointment)}")
    await _mark(doctor)
    await doctor.keyboard.press("e")
    await expect(doctor.locator("#presence")).to_contain_text("Rendez-vous en cours")

    for key in ("c", "2", "s"):
        await doctor.keyboard.press(key)
    password = doctor.get_by_label("Votre mot de passe, pour signer")
    await expect(password).to_be_focused()
    await expect(doctor.locator("#conclusion")).to_contain_text("Vous allez signer : Arrêt non justifié")
    await expect(doctor.locator("#conclusion")).to_contain_text("Carte d’identité")
    await expect(password).to_be_in_viewport()
    assert await _is_marked(doctor), "the call goes on meanwhile"
    assert await _violations(doctor) == []

    await doctor.keyboard.type("not this one")
    await doctor.keyboard.press("Enter")
    await expect(doctor.locator("#conclusion")).to_contain_text("Ce n’est pas votre mot de passe")
    await expect(password).to_be_focused()
    assert await _is_marked(doctor), "nor does a slip end it"
    await doctor.keyboard.type(PASSWORD)
    await doctor.keyboard.press("Enter")
    await expect(doctor.locator("#conclusion")).to_contain_text("Conclusion signée")
    async with service.runtime.database.reading() as session:
        signed = await conclusion_of(session, appointment.id)
    assert signed is not None
    assert signed.result is Result.NOT_JUSTIFIED
    await doctor.keyboard.press("n")
    await doctor.wait_for_url(f"**{room(following)}")


async def test_a_refusal_stays_on_the_page_with_what_was_chosen(
    service: Service, doctor: Page, appointment: Appointment
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
    await doctor.goto(room(appointment))
    await _mark(doctor)
    await doctor.keyboard.press("e")
    await expect(doctor.locator("#presence")).to_contain_text("Rendez-vous en cours")

    for key in ("1", "s"):
        await doctor.keyboard.press(key)

    await expect(doctor.locator("#conclusion")).to_contain_text("Indiquez la pièce d’identité présentée")
    await expect(doctor.get_by_role("radio", name="Arrêt justifié")).to_be_checked()
    assert await _is_marked(doctor)
    assert await _violations(doctor) == []


async def test_whoever_comes_is_seen_without_reloading_in_the_title_too(
    service: Service, world: World, appointment: Appointment, doctor: Page
) -> None:
    await doctor.reload()
    await _mark(doctor)
    await expect(doctor).to_have_title(re.compile("^Aujourd"))

    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)

    await expect(doctor).to_have_title(re.compile(r"^\(1\) "), timeout=SOON)
    await expect(doctor.get_by_test_id("day-row")).to_contain_text("attend depuis")
    assert await _is_marked(doctor)

    # In another room, the others who wait are counted and one press away.
    other = await another(service, world, 2, starts_at=START + 30 * MINUTE)
    await doctor.goto(room(other))
    await expect(doctor).to_have_title(re.compile(r"^\(1\) "))
    await doctor.locator("#waiting").get_by_role("link").click()
    await doctor.wait_for_url(f"**{room(appointment)}")


async def test_an_absence_is_offered_when_the_waiting_is_over_and_withdrawn_when_somebody_comes(
    service: Service, appointment: Appointment, doctor: Page
) -> None:
    await doctor.goto(room(appointment))
    await expect(doctor.locator("#call .call")).to_be_visible()
    absent = doctor.get_by_role("button", name="Conclure à une absence")
    await expect(absent).to_have_count(0)

    # The clock jumps where a quarter of an hour would pass: the page comes back at once, as it does from the time bar.
    service.clock.advance_to(START + 16 * MINUTE)
    await doctor.reload()
    await _mark(doctor)
    await expect(absent).to_be_visible(timeout=SOON)
    await absent.click()
    await expect(doctor.locator("#conclusion")).to_contain_text("Vous allez signer : Absence au rendez-vous")
    await insured_arrives(service.runtime.database, appointment, at=START + 16 * MINUTE)
    await expect(absent).to_have_count(0, timeout=SOON)
    await doctor.get_by_label("Votre mot de passe, pour signer").fill(PASSWORD)
    await doctor.keyboard.press("Enter")
    await expect(doctor.locator("#conclusion")).to_contain_text("L’assuré est venu")

    assert await _is_marked(doctor)
    async with service.runtime.database.reading() as session:
        assert await conclusion_of(session, appointment.id) is None


async def test_the_call_and_the_conclusion_come_by_themselves_when_the_room_opens(
    service: Service, world: World, doctor: Page
) -> None:
    later = await another(service, world, 2, starts_at=START + 10 * MINUTE + timedelta(seconds=4))
    await doctor.goto(room(later))
    await expect(doctor.locator("#conclusion")).to_contain_text("La conclusion s’ouvre avec la salle")

    service.clock.advance(timedelta(seconds=5))

    await expect(doctor.locator("#conclusion")).to_contain_text("Arrêt justifié", timeout=SOON)
    await expect(doctor.locator("#call .call")).to_be_visible()


async def test_a_form_that_has_just_come_waits_until_it_can_be_sent_in_place(
    service: Service, appointment: Appointment, doctor: Page
) -> None:
    """Between its arrival and htmx's hold of it, a press would load the page anew, and the call with it."""
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
    await doctor.goto(room(appointment))
    await _mark(doctor)
    await doctor.evaluate("""
        window.justCome = document.querySelector("#admit").closest("form").cloneNode(true);
        justCome.classList.add("htmx-added");
        document.body.append(justCome);
        justCome.querySelector("button").click();
    """)
    await asyncio.sleep(0.5)
    assert await _is_marked(doctor)
    await doctor.evaluate("""
        window.sent = 0;
        justCome.addEventListener("submit", (event) => { sent += 1; event.preventDefault(); });
        justCome.classList.remove("htmx-added");
    """)
    await doctor.wait_for_function("() => sent === 1")
    assert await _is_marked(doctor)


async def test_facts_are_noted_in_place(service: Service, appointment: Appointment, doctor: Page) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
    await doctor.goto(room(appointment))
    await _mark(doctor)

    await doctor.get_by_role("button", name="pas de réponse").click()
    await expect(doctor.locator("#facts")).to_contain_text("sans réponse")
    await expect(doctor.locator("#notices")).to_contain_text("noté avec son heure")
    await doctor.keyboard.press("e")
    await expect(doctor.locator("#presence")).to_contain_text("Rendez-vous en cours")
    await expect(doctor.locator("#facts")).to_contain_text("Entrée à")
    async with doctor.expect_response(f"**{room(appointment, 'document')}"):
        await doctor.keyboard.press("p")
    await doctor.reload()

    await expect(doctor.get_by_role("radio", name="Passeport")).to_be_checked()


async def _note(service: Service, world: World, appointment: Appointment) -> str:
    sealer: Sealer = service.runtime.operator.notes
    async with service.runtime.database.reading() as session:
        note = await read_note(session, sealer=sealer, appointment_id=appointment.id, user=world.doctor_user)
    return note.text


async def _kept(service: Service, world: World, appointment: Appointment, expected: str) -> None:
    for _ in range(100):
        if await _note(service, world, appointment) == expected:
            return
        await asyncio.sleep(0.1)
    assert await _note(service, world, appointment) == expected


async def test_notes_are_saved_as_typed_and_survive_a_cut_line(
    service: Service, world: World, appointment: Appointment, doctor: Page
) -> None:
    await doctor.goto(room(appointment))
    notes = doctor.get_by_label("Notes médicales")
    await doctor.keyboard.press("m")
    await expect(notes).to_be_focused()
    await doctor.keyboard.type("premier point")
    await expect(doctor.locator("[data-notes-state=saved]")).to_contain_text("Scellé, lu par vous seul")
    await _kept(service, world, appointment, "premier point")

    await doctor.context.set_offline(True)
    await doctor.keyboard.type(", second")
    await expect(doctor.locator("[data-notes-state=waiting]")).to_be_visible()
    await doctor.context.set_offline(False)

    await _kept(service, world, appointment, "premier point, second")
    await expect(doctor.locator("[data-notes-state=saved]")).to_be_visible()
    await doctor.reload()
    await expect(notes).to_have_value("premier point, second")


async def test_two_windows_show_both_texts_and_lose_neither(
    service: Service, world: World, appointment: Appointment, doctor: Page
) -> None:
    second = await doctor.context.new_page()
    for page in (doctor, second):
        await page.goto(room(appointment))
    await doctor.get_by_label("Notes médicales").fill("ici")
    await _kept(service, world, appointment, "ici")

    await second.get_by_label("Notes médicales").fill("là")

    await expect(second.locator("[data-notes-kept]")).to_have_text("ici")
    assert await _violations(second) == []
    await second.get_by_role("button", name="Garder les deux").click()
    await _kept(service, world, appointment, "ici\n\nlà")
    await expect(second.locator("[data-notes-conflict]")).to_be_hidden()


async def test_leaving_at_once_keeps_the_last_word(
    service: Service, world: World, appointment: Appointment, doctor: Page
) -> None:
    await doctor.goto(room(appointment))
    await doctor.get_by_label("Notes médicales").fill("dernier mot")
    await doctor.close(run_before_unload=False)

    await _kept(service, world, appointment, "dernier mot")


async def test_on_a_laptop_the_question_of_the_telephone_covers_no_result(
    appointment: Appointment, doctor: Page
) -> None:
    await doctor.goto(room(appointment))
    asked = await doctor.locator("#by_phone").bounding_box()
    first = await doctor.locator(".results .choice").first.bounding_box()
    assert asked is not None
    assert first is not None
    assert asked["y"] + asked["height"] <= first["y"]


async def test_on_a_phone_nothing_covers_the_room_and_no_key_is_named(
    service: Service, world: World, appointment: Appointment, context_factory: Contexts
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = await (await context_factory(base_url=service.url, **phone)).new_page()
    await page.goto(paths.SIGN_IN)
    await page.fill("#email", world.doctor_user.email)
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{paths.DOCTOR}")

    await page.goto(room(appointment))

    await expect(page.locator("#conclusion")).to_contain_text("Arrêt justifié")
    await expect(page.locator(".rail")).to_have_css("position", "static")
    assert await page.locator("kbd:visible, .documents small:visible").count() == 0


async def test_the_agendas_forms_stand_above_the_week_and_its_words_before_the_lines(
    doctor: Page, appointment: Appointment
) -> None:
    await doctor.goto(paths.DOCTOR_AGENDA)

    form = await doctor.locator("details.fold").first.bounding_box()
    week = await doctor.locator("[data-week]").bounding_box()
    assert form is not None
    assert week is not None
    assert form["y"] + form["height"] <= week["y"]
    await expect(doctor.locator(".week__opening .week__text").first).to_have_css("z-index", "2")
    await doctor.get_by_text("Je m’absente").click()
    await expect(doctor.get_by_label("Premier jour")).to_be_visible()
