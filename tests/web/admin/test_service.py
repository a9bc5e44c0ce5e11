"""What administrators are told of the whole: what is held back and why, satisfaction in groups, where organisations are written to."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import select

from telecontrol.accounts.models import Organisation
from telecontrol.controls.models import Procedure
from telecontrol.db.journal import JournalEntry
from telecontrol.insights.models import Favourable, SurveyAnswer
from telecontrol.outbox import holds
from telecontrol.web import paths
from tests.support.filling import fill
from tests.support.insured import Visitor
from tests.support.seeding import Seeded
from tests.support.service import Service

NAME = "clock:0a1b2c3d"


async def test_the_hour_is_confirmed_by_name_and_a_restore_is_not(service: Service, admin: Visitor) -> None:
    page = await admin.get(paths.ADMIN_SERVICE)
    assert "Les envois suivent leur cours" in page.words
    async with service.runtime.database.transaction() as session:
        for name, code in ((NAME, "clock_was_set"), (holds.RESTORE, "older_than_the_mark")):
            await holds.hold(session, name, code=code, now=service.clock.now())
    page = await admin.get(paths.ADMIN_SERVICE)
    assert page.words.count("Envois suspendus") == 2
    assert "telecontrol reconcile" in page.words
    action = f"{paths.ADMIN_SERVICE}/hour"
    assert "Cochez que l'heure affichée est juste" in (await admin.press(page, action)).words
    done = await admin.press(page, action, is_right="1")
    assert "L'heure est confirmée" in done.words
    assert done.words.count("Envois suspendus") == 1
    assert "Rien n'est plus retenu" in (await admin.press(page, action, is_right="1")).words
    fields = {**(page.form(action) or {}), "name": holds.RESTORE, "is_right": "1"}
    assert "Rien n'est plus retenu" in (await admin.post(action, fields)).words
    async with service.runtime.database.reading() as session:
        assert [row.target for row in await holds.standing(session)] == [holds.RESTORE]
        lines = await session.scalars(select(JournalEntry).where(JournalEntry.action == "sending.resumed"))
        assert [(line.actor_label, line.detail["outcome"]) for line in lines] == [("administrator", "hour_confirmed")]


async def test_satisfaction_is_told_in_groups(service: Service, admin: Visitor, seeded: Seeded) -> None:
    assert "Pas encore assez de réponses" in (await admin.get(paths.ADMIN_SATISFACTION)).words
    async with service.runtime.database.transaction() as session:
        session.add_all(
            SurveyAnswer(
                id=uuid.uuid4(),
                organisation_id=seeded.world.organisation.id,
                procedure=Procedure.A,
                month_on=date(2026, 2, 1),
                favourable=Favourable.YES if number < 20 else Favourable.NO,
                satisfaction=5 if number < 27 else 2,
                remark="<b>Simple</b>" if number == 0 else "",
            )
            for number in range(31)
        )
    page = await admin.get(paths.ADMIN_SATISFACTION)
    assert "Février 2026" in page.words
    assert "31 réponses" in page.words
    assert "Favorables à un autre contrôle par vidéo 20 65 %" in page.words
    assert "&lt;b&gt;Simple" in page.html
    assert "non montré" in page.words


async def test_where_an_organisation_is_written_to(service: Service, admin: Visitor, seeded: Seeded) -> None:
    here = f"{paths.ADMIN_ORGANISATIONS}/{seeded.world.organisation.id}"
    page = await admin.get(here)
    assert "n'est pas prévenu de l'avancement" in page.words
    refused = await fill(admin, page, here, email="pas une adresse")
    assert "Cette adresse n'est pas complète" in refused.words
    assert "pas une adresse" in refused.html
    saved = await fill(admin, page, here, email=" suivi@employeur.example ")
    assert "n'est pas prévenu" not in saved.words
    async with service.runtime.database.reading() as session:
        assert (await session.get_one(Organisation, seeded.world.organisation.id)).email == "suivi@employeur.example"
