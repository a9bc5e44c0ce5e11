"""The language that somebody chooses by pressing its button is theirs: on the page, and in every later message."""

from __future__ import annotations

import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.models import LinkPurpose, Organisation
from telecontrol.db.journal import of_control
from telecontrol.notify.messages import message_of, read
from telecontrol.notify.rendering import render_letter
from telecontrol.outbox.contents import open_context
from telecontrol.outbox.models import Intent
from telecontrol.scheduling.models import Appointment
from tests.support.insured import Visitor, book_video, dossier_of, link_to, visiting
from tests.support.service import Service
from tests.support.world import World, make_world

MANDATE = "Your fund has asked us to arrange this appointment."


@pytest_asyncio.fixture
async def appointment(service: Service) -> Appointment:
    async with service.runtime.database.transaction() as session:
        world: World = await make_world(session)
        (await session.get_one(Organisation, world.organisation.id)).mandate_en = MANDATE
    return await book_video(service, world)


async def language_on_file(service: Service, appointment: Appointment) -> str:
    return (await dossier_of(service, appointment.id)).insured.language


async def letter(service: Service, appointment: Appointment, kind: str) -> str:
    async with service.runtime.database.reading() as session:
        found = await session.scalars(
            select(Intent).where(Intent.subject_id == appointment.id, Intent.kind == kind, Intent.channel == "mail")
        )
        intent = found.one()
    context = read(kind, open_context(intent.id, intent.context_sealed, service.runtime.operator.messages))
    return render_letter(context, audience=message_of(kind).audience, language=intent.language).text


async def test_what_is_pressed_holds_for_messages_too_those_that_wait_included(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    home = await visitor.enter(await link_to(service, appointment))
    assert await language_on_file(service, appointment) == "fr"
    english = await visitor.press(home, "/language", language="en", next="/r")
    assert 'lang="en"' in english.html
    assert await language_on_file(service, appointment) == "en"
    async with service.runtime.database.reading() as session:
        assert "insured.language_chosen" in {each.action for each in await of_control(session, appointment.control_id)}

    reminder = await letter(service, appointment, "reminder")
    assert MANDATE in " ".join(reminder.split())
    assert "Votre caisse" not in reminder
    assert MANDATE in english.words
    await visitor.press(await visitor.get("/r/decline"), "/r/decline")
    assert "has recorded your choice" in await letter(service, appointment, "refusal_receipt")


async def test_pressed_before_one_is_known_it_holds_once_one_is(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_to(service, appointment)
    gate = await visitor.get(link)
    gate = await visitor.press(gate, "/language", language="en", next=link)
    assert await language_on_file(service, appointment) == "fr", "anybody may hold a link"
    await visitor.enter(link)
    assert await language_on_file(service, appointment) == "en"


async def test_a_browser_in_english_or_a_press_elsewhere_is_no_choice(
    service: Service, appointment: Appointment
) -> None:
    async with visiting(service, **{"Accept-Language": "en-GB,en;q=0.9"}) as visitor:
        welcome = await visitor.get("/")
        await visitor.press(welcome, "/language", language="en", next="/")
        page = await visitor.enter(await link_to(service, appointment))
        assert 'lang="en"' in page.html
        assert await language_on_file(service, appointment) == "fr"
        await visitor.press(page, "/language", language="en", next="/desk")
        assert await language_on_file(service, appointment) == "fr", "a colleague's page in the same browser"


async def test_a_link_that_only_shows_changes_nothing(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    page = await visitor.enter(await link_to(service, appointment, purpose=LinkPurpose.VIEW))
    await visitor.press(page, "/language", language="en", next="/r")
    assert await language_on_file(service, appointment) == "fr"
