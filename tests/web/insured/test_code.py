"""No birth date on file: a code by the other channel, asked for by a button, or a person who helps."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import pytest_asyncio

from telecontrol.controls.models import Insured
from telecontrol.db.journal import of_control
from telecontrol.scheduling.models import Appointment
from tests.support.insured import Page, Visitor, book_video, everything
from tests.support.service import Service
from tests.support.world import World, make_control


@pytest_asyncio.fixture
async def appointment(service: Service, world: World) -> Appointment:
    """Of somebody whose birth date nobody wrote down."""
    async with service.runtime.database.transaction() as session:
        control = await make_control(
            session, organisation=world.organisation, insurer=world.insurer, number=2, birth_on=None
        )
    booked = await book_video(service, world, control=control)
    await service.work()
    return booked


async def link_in(service: Service, channel: str) -> str:
    """The link of the invitation that went by `channel`."""
    [sent] = [each for each in await service.messages(channel=channel) if each.kind == "invitation"]
    found = re.search(r"/i/[A-Za-z0-9_-]{22}", sent.text)
    assert found is not None
    return found[0]


async def code_in(service: Service, channel: str) -> str:
    """The code that went by `channel`, and by no other."""
    await service.work()
    sent = [message for message in await service.messages() if message.kind == "access_code"]
    assert {message.channel for message in sent} == {channel}
    found = re.search(r"\b\d{6}\b", sent[0].text)
    assert found is not None
    return found[0]


async def asked(service: Service, visitor: Visitor, channel: str) -> Page:
    page = await visitor.enter(await link_in(service, channel), birth=None)
    assert page.title == "Est-ce bien vous ?"
    return page


@pytest.mark.parametrize(("opened", "sent_by", "told"), [("mail", "sms", "02"), ("sms", "mail", "c•••@e•••.org")])
async def test_the_code_comes_by_the_other_channel(
    service: Service, appointment: Appointment, visitor: Visitor, opened: str, sent_by: str, told: str
) -> None:
    page = await asked(service, visitor, opened)
    assert told in page.words
    for secret in ("Camille", "Durand", "camille2", "12340002"):
        assert secret not in page.html
    page = await visitor.press(page, "/r/code/send")
    assert "Code envoyé" in page.words
    assert "10 h 10" in page.words, "until when, on the insured's clocks"
    code = await code_in(service, sent_by)
    page = await visitor.press(page, "/r/code", code=f" {code[:3]} {code[3:]} ")
    assert page.title == "Bonjour Camille 2 Durand"
    async with service.runtime.database.reading() as session:
        story = [
            entry for entry in await of_control(session, appointment.control_id) if entry.action == "link.code_sent"
        ]
    assert len(story) == 1
    assert code not in repr(story[0].detail)


async def test_opening_the_page_sends_nothing_and_pressing_twice_sends_one(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    page = await asked(service, visitor, "mail")
    before = await everything(service)
    for path in ("/r", "/r/code", "/r/code/send"):
        assert (await visitor.get(path)).title == "Est-ce bien vous ?"
    assert await everything(service) == before
    await visitor.press(page, "/r/code/send")
    again = await visitor.press(page, "/r/code/send")
    assert "Un autre code peut être demandé dans une minute" in again.words
    await code_in(service, "sms")
    assert len([message for message in await service.messages() if message.kind == "access_code"]) == 1
    service.clock.advance(timedelta(minutes=1))
    page = await visitor.get("/r")
    await visitor.press(page, "/r/code/send")
    await service.work()
    assert len([message for message in await service.messages() if message.kind == "access_code"]) == 2


async def test_a_code_that_is_not_sent_in_its_ten_minutes_is_not_sent_at_all(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    page = await visitor.press(await asked(service, visitor, "mail"), "/r/code/send")
    service.clock.advance(timedelta(minutes=11))
    await service.work()
    assert [message for message in await service.messages() if message.kind == "access_code"] == []
    expired = await visitor.press(page, "/r/code", code="123456")
    assert "Ce code n'est plus valable" in expired.words
    assert expired.form("/r/code/send") is not None


async def test_wrong_codes_are_counted_and_lead_to_a_person(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    page = await visitor.press(await asked(service, visitor, "mail"), "/r/code/send")
    code = await code_in(service, "sms")
    unread = await visitor.press(page, "/r/code", code="12a")
    assert (unread.status, "Un code a six chiffres" in unread.words) == (422, True)
    assert 'value="12a"' in unread.html
    guess = f"{(int(code) + 1) % 1_000_000:06d}"
    left = [(await visitor.press(page, "/r/code", code=guess)).words for _ in range(4)]
    assert "Il vous reste 4 essais" in left[0]
    assert "Il vous reste 1 essai." in left[3]
    last = await visitor.press(page, "/r/code", code=guess)
    assert (last.status, last.title) == (403, "Appelez-nous pour continuer")
    assert "rien n'est retenu contre vous" in last.words
    late = await visitor.post("/r/code", {**(page.form("/r/code") or {}), "code": code})
    assert late.title == "Appelez-nous pour continuer"
    async with service.runtime.database.reading() as session:
        told = [entry.action for entry in await of_control(session, appointment.control_id)]
    assert told.count("link.blocked") == 1


async def test_with_one_channel_only_a_person_helps(
    service: Service, appointment: Appointment, visitor: Visitor
) -> None:
    link = await link_in(service, "mail")
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Insured, appointment.insured_id)).phone = ""
    page = await visitor.enter(link, birth=None)
    assert page.title == "Appelez-nous pour continuer"
    assert "01 84 80 00 00" in page.words
    assert page.form("/r/code/send") is None
    token = {"csrf_token": (page.form("/language") or {})["csrf_token"]}
    await visitor.post("/r/code/send", token)
    await service.work()
    assert [message for message in await service.messages() if message.kind == "access_code"] == []
