"""Pages for anybody: what they say, what they never tell, and how they slow down whoever guesses."""

from __future__ import annotations

import re
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest

from telecontrol.accounts.models import Organisation
from telecontrol.scheduling.models import Appointment
from tests.support.insured import BIRTH, Page, Visitor, link_to
from tests.support.service import Service
from tests.support.world import World

PHONE = "06 12 34 00 01"


async def test_the_welcome_leads_everybody_on(visitor: Visitor) -> None:
    page = await visitor.get("/")
    assert page.status == 200
    assert all(page.links_to(path) for path in ("/lost-link", "/genuine", "/sign-in", "/privacy", "/accessibility"))


@pytest.mark.parametrize("path", ["/privacy", "/accessibility", "/test", "/genuine", "/lost-link"])
async def test_pages_for_anybody(visitor: Visitor, path: str) -> None:
    page = await visitor.get(path)
    assert (page.status, bool(page.title)) == (200, True)
    english = await visitor.get(path, **{"Accept-Language": "en-GB,en;q=0.9"})
    assert 'lang="en"' in english.html


async def check(visitor: Visitor, reference: str) -> Page:
    return await visitor.press(await visitor.get("/genuine"), "/genuine", reference=reference)


async def test_a_reference_says_that_the_appointment_exists_and_no_name(
    service: Service, world: World, appointment: Appointment, visitor: Visitor
) -> None:
    async with service.runtime.database.transaction() as session:
        control = await session.merge(world.control)
        control.reference = "TC-7KQ2-M4XD"
    for typed in ("TC-7KQ2-M4XD", " tc 7kq2 m4xd "):
        page = await check(visitor, typed)
        assert "Oui, cette référence est bien de chez nous." in page.words
        assert "Caisse de Test" in page.words
        assert "lundi 9 mars 2026" in page.words
        # To the stroke that ends the name: the name alone begins other people's addresses as well.
        assert page.words.count(f"{urlsplit(service.url).netloc}/.") == 2
        for secret in ("Durand", "Camille", "9 h 00", "Martin", "Lyon"):
            assert secret not in page.words
    unknown = [await check(visitor, typed) for typed in ("TC-2222-2222", "n'importe quoi", "")]
    assert all("Nous ne connaissons pas cette référence." in page.words for page in unknown)


async def test_guessing_references_is_slow(service: Service, world: World, visitor: Visitor) -> None:
    for _ in range(10):
        assert (await check(visitor, "TC-2222-2222")).status == 200
    blocked = await check(visitor, "TC-2222-2222")
    assert (blocked.status, blocked.title) == (429, "Trop d'essais")
    service.clock.advance(timedelta(minutes=1, seconds=1))
    assert (await check(visitor, "TC-2222-2222")).status == 200


async def ask(visitor: Visitor, phone: str, birth: date) -> Page:
    values = {"birth_day": str(birth.day), "birth_month": str(birth.month), "birth_year": str(birth.year)}
    return await visitor.press(await visitor.get("/lost-link"), "/lost-link", phone=phone, **values)


async def test_a_lost_link_comes_back_to_the_contact_on_file(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    await service.work()
    known = {message.id for message in await service.messages()}
    page = await ask(visitor, PHONE, BIRTH)
    assert page.title == "Regardez vos messages"
    await service.work()
    fresh = [message for message in await service.messages() if message.id not in known]
    assert sorted((message.channel, message.recipient) for message in fresh) == [
        ("mail", "camille1@example.org"),
        ("sms", "+33612340001"),
    ]
    sms = next(message for message in fresh if message.channel == "sms")
    found = re.search(r"/i/[A-Za-z0-9_-]{22}", sms.text)
    assert found is not None
    assert (await visitor.enter(found[0])).title == "Bonjour Camille 1 Durand"


async def test_the_answer_is_the_same_for_everybody(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    right = await ask(visitor, PHONE, BIRTH)
    wrong_date = await ask(visitor, PHONE, date(1985, 5, 18))
    nobody = await ask(visitor, "06 99 99 99 99", BIRTH)
    assert right.words == wrong_date.words == nobody.words
    assert right.path == wrong_date.path == nobody.path == "/lost-link"


async def test_what_cannot_be_read_is_said_before_anything_is_counted(visitor: Visitor, world: World) -> None:
    page = await ask(visitor, "06 12", BIRTH)
    assert (page.status, "Ce numéro n'est pas complet" in page.words) == (422, True)
    assert 'value="06 12"' in page.html
    page = await visitor.press(page, "/lost-link", phone=PHONE, birth_day="31", birth_month="2", birth_year="1985")
    assert (page.status, "Cette date n'existe pas" in page.words) == (422, True)


async def test_nobody_is_flooded_through_the_lost_link(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    for _ in range(3):
        assert (await ask(visitor, PHONE, BIRTH)).title == "Regardez vos messages"
    blocked = await ask(visitor, PHONE, BIRTH)
    assert (blocked.status, "Trop d'essais depuis cette connexion" in blocked.words) == (429, True)
    await service.work()
    sent = [message for message in await service.messages(channel="sms") if message.kind == "link_again"]
    assert len(sent) == 3


async def test_an_organisations_colour_is_a_style_sheet_of_its_own(
    service: Service, world: World, visitor: Visitor
) -> None:
    path = f"/brand/{world.organisation.id}.css"
    assert (await visitor.get(path)).status == 404
    for colour, status in (("#7a1f3d", 200), ("red;}body{display:none", 422)):
        async with service.runtime.database.transaction() as session:
            organisation = await session.get_one(Organisation, world.organisation.id)
            organisation.accent_colour = colour[:7]
        answer = await visitor.http.get(path)
        assert answer.status_code == status
        if status == 200:
            assert answer.headers["content-type"].startswith("text/css")
            assert "--accent:" in answer.text
    assert (await visitor.get("/brand/00000000-0000-0000-0000-000000000000.css")).status == 404


async def test_what_a_preview_of_a_link_shows_is_about_nobody(
    service: Service, visitor: Visitor, appointment: Appointment
) -> None:
    pages = [await visitor.get("/"), await visitor.get(await link_to(service, appointment))]
    told = [re.findall(r'<meta name="description" content="([^"]+)">', page.html) for page in pages]
    assert told[0] == told[1]
    assert len(told[0]) == 1


async def test_robots_are_asked_to_stay_out(visitor: Visitor) -> None:
    page = await visitor.get("/robots.txt")
    assert page.html == "User-agent: *\nDisallow: /\n"


async def test_an_address_that_is_none_gets_a_helpful_page(visitor: Visitor) -> None:
    page = await visitor.get("/nulle-part")
    assert (page.status, page.title) == (404, "Cette page n'existe pas")
    assert "01 84 80 00 00" in page.words


async def test_a_stale_form_of_a_public_page_keeps_what_was_typed(visitor: Visitor, world: World) -> None:
    page = await visitor.get("/lost-link")
    visitor.http.cookies.delete("tc_form")
    stale = await visitor.press(page, "/lost-link", phone=PHONE, birth_day="17", birth_month="5", birth_year="1985")
    assert (stale.status, stale.title) == (403, "Encore une fois, s'il vous plaît")
    assert (stale.form("/lost-link") or {})["phone"] == PHONE
    assert (await visitor.press(stale, "/lost-link")).title == "Regardez vos messages"
