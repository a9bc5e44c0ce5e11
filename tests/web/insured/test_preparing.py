"""The page where the insured prepares, and what the doctor and the desk see of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from telecontrol.accounts.models import LinkPurpose
from telecontrol.controls.policies import Mode
from telecontrol.scheduling.models import Appointment
from tests.support.insured import MONDAY_NINE, Visitor, book_video, everything, link_to, visiting
from tests.support.service import Service
from tests.support.world import World, make_control


@pytest_asyncio.fixture
async def visitor(service: Service, appointment: Appointment) -> AsyncIterator[Visitor]:
    async with visiting(service) as made:
        assert (await made.enter(await link_to(service, appointment))).links_to("/r/prepare")
        yield made


async def test_answers_are_kept_shown_and_cleared(service: Service, visitor: Visitor) -> None:
    page = await visitor.get("/r/prepare")
    assert page.title == "Préparer mon rendez-vous"
    before = await everything(service)
    await visitor.get("/r/prepare")
    assert await everything(service) == before
    home = await visitor.press(page, "/r/prepare", documents="1", needs="breaks", language="en", interpreter="fsl")
    assert (home.path, "C'est noté" in home.words) == ("/r", True)
    for told in ("Vos papiers sont prêts", "Pouvoir faire une pause", "Interprète demandé : Langue des signes"):
        assert told in home.words
    page = await visitor.get("/r/prepare")
    assert 'value="breaks" checked' in page.html
    assert '<option value="fsl" selected>' in page.html
    home = await visitor.press(page, "/r/prepare/clear")
    assert "Vos réponses sont effacées" in home.words
    assert "Vos papiers sont prêts" not in home.words


async def test_two_seats_are_said_before_the_day(service: Service, visitor: Visitor) -> None:
    page = await visitor.get("/r/prepare")
    assert "Cet appel a deux places" in page.words
    assert "devant le même appareil" in page.words
    assert 'name="companion_name"' not in page.html
    before = await everything(service)
    fields = {**(page.form("/r/prepare") or {}), "companion_name": "Marie", "companion_role": "relative"}
    assert (await visitor.post("/r/prepare", fields)).path == "/r"
    assert await everything(service) == before, "nobody is announced to a call that has no place for them"
    assert "deux places" in (await visitor.get("/r")).words


async def test_in_person_somebody_is_announced_and_a_slip_loses_nothing(
    service: Service, world: World, appointment: Appointment
) -> None:
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=3)
    starts_at = MONDAY_NINE + timedelta(days=1)
    at_site = await book_video(service, world, starts_at, control=control, mode=Mode.SURGERY, site_id=world.site.id)
    async with visiting(service) as somebody:
        await somebody.enter(await link_to(service, at_site))
        page = await somebody.get("/r/prepare")
        slip = await somebody.press(page, "/r/prepare", needs="step_free", companion_name="Marie Payet")
        assert slip.status == 422
        assert "Dites qui est cette personne" in slip.words
        assert 'value="Marie Payet"' in slip.html
        assert 'value="step_free" checked' in slip.html
        home = await somebody.press(slip, "/r/prepare", needs="step_free", companion_role="relative")
        assert "Vient avec vous : Marie Payet" in home.words


async def test_a_link_that_only_shows_prepares_nothing(service: Service, appointment: Appointment) -> None:
    async with visiting(service) as somebody:
        home = await somebody.enter(await link_to(service, appointment, purpose=LinkPurpose.VIEW))
        assert not home.links_to("/r/prepare")
        assert (await somebody.get("/r/prepare")).path == "/r"


async def test_once_it_has_begun_it_is_too_late(service: Service, appointment: Appointment, visitor: Visitor) -> None:
    link = await link_to(service, appointment)
    service.clock.advance_to(appointment.starts_at - timedelta(hours=1))
    await visitor.enter(link)
    page = await visitor.get("/r/prepare")
    service.clock.advance_to(appointment.starts_at)
    late = await visitor.press(page, "/r/prepare", documents="1")
    assert (late.path, "dites-le directement au médecin" in late.words) == ("/r", True)
    assert (await visitor.get("/r/prepare")).path == "/r"
