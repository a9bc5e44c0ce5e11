"""After the appointment, over HTTP: the proof that outlives a new appointment, the survey, what happens next and the rights."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts.models import LinkPurpose
from telecontrol.config import VideoProvider
from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import FIRST_VERSIONS, Mode, add_version
from telecontrol.controls.results import Result
from telecontrol.controls.states import ControlState
from telecontrol.insights.models import Favourable, SurveyAnswer
from telecontrol.outbox.models import Intent
from telecontrol.reports.circumstances import Circumstances, IdentityDocument, Statement
from telecontrol.scheduling.attendance import open_room
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.video.waiting import arrive
from telecontrol.web.pages.insured.next_steps import next_steps, rights
from tests.support.concluding import say
from tests.support.insured import MONDAY_NINE, Visitor, book_video, everything, link_to, visiting
from tests.support.service import Service
from tests.support.stories import opened
from tests.support.world import World, make_control

MINUTE = timedelta(minutes=1)
ANSWER = {"favourable": "yes", "satisfaction": "4", "remark": "Tout a bien marché."}


async def held(service: Service, world: World, appointment: Appointment, result: Result) -> None:
    """The insured comes four minutes early; twelve minutes after the start the doctor concludes."""
    at = appointment.starts_at - 4 * MINUTE
    service.clock.advance_to(at)
    async with service.runtime.database.transaction() as session:
        room = await open_room(
            session, await load_dossier(session, appointment.id), provider=VideoProvider.BUILTIN, now=at
        )
        await arrive(session, room_id=room.id, now=at)
    service.clock.advance_to(appointment.starts_at + 12 * MINUTE)
    seen = result in (Result.JUSTIFIED, Result.NOT_JUSTIFIED)
    document = IdentityDocument.PASSPORT if seen else IdentityDocument.NOT_SHOWN
    await say(
        service.runtime.database,
        world,
        appointment,
        result,
        at=service.clock.now(),
        circumstances=Circumstances(
            identity_document=document, seen_without_record=Statement.DOCTOR if seen else None, remark="Vu autrement."
        ),
        # The running service's own seal: what it cannot open it could not send.
        operator=service.runtime.operator,
    )


async def answers(service: Service) -> list[SurveyAnswer]:
    async with service.runtime.database.reading() as session:
        return list(await session.scalars(select(SurveyAnswer)))


class TestSurvey:
    async def test_answered_from_the_page_once(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        link = await link_to(service, appointment)
        await held(service, world, appointment, Result.JUSTIFIED)
        home = await visitor.enter(link)
        assert sorted(home.choices("satisfaction")) == list("12345")
        assert set(home.choices("favourable")) == {"yes", "no", "no_opinion"}
        assert "N'écrivez rien sur votre santé" in home.words
        first = await visitor.press(home, "/r/survey", **ANSWER)
        assert first.path == "/r"
        assert first.words.count("Merci pour votre réponse") >= 1
        assert first.form("/r/survey") is None
        # The same form again, from a page left open or the back button: the same thank-you, and nothing more is kept.
        again = await visitor.press(home, "/r/survey", **{**ANSWER, "favourable": "no", "remark": "douleur"})
        assert "Merci pour votre réponse" in again.words
        [kept] = await answers(service)
        assert (kept.favourable, kept.satisfaction) == (Favourable.YES, 4)

    async def test_a_medical_word_is_refused_politely_and_loses_nothing(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        link = await link_to(service, appointment)
        await held(service, world, appointment, Result.TECHNICAL_FAILURE)
        home = await visitor.enter(link)
        assert home.title == "Un problème technique a empêché le rendez-vous"
        refused = await visitor.press(home, "/r/survey", **{**ANSWER, "remark": "Ma dépression empire <b>"})
        assert refused.status == 422
        assert "semble parler de santé" in refused.words
        assert "Ma dépression empire &lt;b&gt;" in refused.html
        assert 'value="4" required checked' in refused.html
        assert await answers(service) == []
        missing = await visitor.press(refused, "/r/survey", favourable="yes", remark="")
        assert missing.status == 422
        assert "Choisissez une réponse" in missing.words
        done = await visitor.press(missing, "/r/survey", favourable="yes", satisfaction="1", remark="")
        assert "Merci" in done.words
        assert len(await answers(service)) == 1

    async def test_for_thirty_days_and_not_by_a_calendars_link(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        act, view = await link_to(service, appointment), await link_to(service, appointment, purpose=LinkPurpose.VIEW)
        await held(service, world, appointment, Result.JUSTIFIED)
        service.clock.advance_to(appointment.ends_at + timedelta(days=29))
        shown = await visitor.enter(view)
        assert shown.form("/r/survey") is None
        page = await visitor.get("/r/survey")
        assert "ouvrez le lien de l'e-mail" in page.words
        fields = {"csrf_token": _token(page.html), **ANSWER}
        assert "Ce lien, qui vient de votre agenda" in (await visitor.post("/r/survey", fields)).words
        assert await answers(service) == []
        home = await visitor.enter(act)
        assert "Merci pour votre réponse" in (await visitor.press(home, "/r/survey", **ANSWER)).words
        assert len(await answers(service)) == 1

    async def test_not_before_it_is_over_nor_for_somebody_else(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        async with service.runtime.database.transaction() as session:
            control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
        theirs = await book_video(service, world, MONDAY_NINE + timedelta(hours=1), control=control)
        link, other = await link_to(service, appointment), await link_to(service, theirs)
        home = await visitor.enter(link)
        assert (await visitor.get("/r/survey")).path == "/r"
        fields = {"csrf_token": _token(home.html), **ANSWER}
        early = await visitor.post("/r/survey", fields)
        assert early.path == "/r"
        assert await answers(service) == []
        await held(service, world, appointment, Result.JUSTIFIED)
        async with visiting(service) as stranger:
            page = await stranger.enter(other)
            fields = {"csrf_token": _token(page.html), "of": str(appointment.id), **ANSWER}
            await stranger.post("/r/survey", fields)
            assert (await stranger.get(f"/r/receipt?of={appointment.id}")).title == "Ouvrez de nouveau votre lien"
        assert await answers(service) == []

    async def test_the_invitation_comes_the_day_after_and_leads_there(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        await held(service, world, appointment, Result.JUSTIFIED)
        await service.until(datetime(2026, 3, 10, 9, 0, tzinfo=UTC))
        home = await visitor.enter(await opened(service, world.insured.email, kind="survey_invitation"))
        assert home.form("/r/survey") is not None

    async def test_reading_changes_nothing(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        link = await link_to(service, appointment)
        await held(service, world, appointment, Result.JUSTIFIED)
        await visitor.enter(link)
        before = await everything(service)
        for path in (
            "/r",
            "/r/survey",
            "/r/receipt",
            f"/r/survey?of={appointment.id}",
            f"/r/receipt?of={appointment.id}",
        ):
            assert (await visitor.get(path)).status == 200
            assert (await visitor.http.head(path)).status_code == 200
        assert await everything(service) == before


def _token(html: str) -> str:
    return html.split('name="csrf_token" value="')[1].split('"', maxsplit=1)[0]


class TestProof:
    async def test_it_outlives_a_new_appointment(
        self, service: Service, world: World, appointment: Appointment, visitor: Visitor
    ) -> None:
        await held(service, world, appointment, Result.TECHNICAL_FAILURE)
        await service.until(service.clock.now() + MINUTE)
        link = await opened(service, world.insured.email, kind="attendance_receipt")
        again = await book_video(service, world, MONDAY_NINE + timedelta(days=8))
        home = await visitor.enter(link)
        assert "mardi 17 mars 2026" in home.words
        assert "Votre rendez-vous du lundi 9 mars 2026" in (await visitor.get("/r")).words
        assert home.links_to(f"/r/receipt?of={appointment.id}") or home.path == "/r/moved"
        receipt = await visitor.get(f"/r/receipt?of={appointment.id}")
        for words in ("Attestation de présence", "lundi 9 mars 2026 à 9 h 00", "8 h 56", "TC-0001-TEST", "À distance"):
            assert words in receipt.words
        assert "lundi 9 mars" in (await visitor.get("/r/receipt")).words, "the link's own appointment"
        asked = await visitor.get(f"/r/survey?of={appointment.id}")
        assert "Merci" in (await visitor.press(asked, "/r/survey", **ANSWER)).words
        # From the new appointment's own link the earlier proof is one press away too.
        async with visiting(service) as other:
            fresh = await other.enter(await link_to(service, again))
            assert fresh.links_to(f"/r/receipt?of={appointment.id}")
            assert not fresh.links_to(f"/r/survey?of={appointment.id}"), "it has answered"

    async def test_in_person_it_names_the_place(self, service: Service, world: World, visitor: Visitor) -> None:
        appointment = await book_video(service, world, mode=Mode.SURGERY, site_id=world.site.id)
        link = await link_to(service, appointment)
        service.clock.advance_to(appointment.starts_at + 20 * MINUTE)
        facts = Circumstances(
            identity_document=IdentityDocument.PASSPORT, arrived_at=appointment.starts_at - 3 * MINUTE
        )
        await say(
            service.runtime.database, world, appointment, Result.JUSTIFIED, at=service.clock.now(), circumstances=facts
        )
        home = await visitor.enter(link)
        assert home.form("/r/survey") is None
        receipt = await visitor.get("/r/receipt")
        for words in ("8 h 57", "9 h 20", "Centre Part-Dieu", "Lyon"):
            assert words in receipt.words


class TestWhatComesNext:
    async def test_a_procedure_that_does_not_tell_tells_nothing(
        self, service: Service, world: World, visitor: Visitor
    ) -> None:
        async with service.runtime.database.transaction() as session:
            rules = replace(FIRST_VERSIONS[Procedure.A], conclusion_told_to_insured=False)
            policy = await add_version(session, Procedure.A, rules, valid_from_on=date(2026, 1, 2))
            (await session.merge(world.control)).policy_id = policy.id
        appointment = await book_video(service, world)
        link = await link_to(service, appointment)
        await held(service, world, appointment, Result.NOT_JUSTIFIED)
        home = await visitor.enter(link)
        assert "Votre organisme vous dira la suite par écrit" in home.words
        for telling in ("justifié", "suspen", "jours francs", "rapport"):
            assert telling not in home.words.lower()
        async with service.runtime.database.reading() as session:
            kinds = set(await session.scalars(select(Intent.kind).where(Intent.control_id == world.control.id)))
        assert "conclusion_to_insured" not in kinds
        assert "attendance_receipt" in kinds

    @pytest.mark.parametrize("procedure", list(Procedure))
    @pytest.mark.parametrize("result", list(Result))
    def test_every_result_has_its_next_step(self, result: Result, procedure: Procedure) -> None:
        told = next_steps(result, is_told=True, procedure=procedure, control_state=ControlState.CONCLUDED)
        mine = rights(result, is_told=True, procedure=procedure)
        assert told
        assert mine
        text = " ".join((*told, *mine))
        # Only the procedure that has the ten clear days names them, and only where something may be suspended.
        may_suspend = result in (Result.NOT_JUSTIFIED, Result.UNEXCUSED_ABSENCE, Result.CONTROL_REFUSED)
        assert ("10 jours francs" in text) is (may_suspend and procedure is Procedure.A)
        assert ("suspen" in text) is (may_suspend and procedure is not Procedure.C)
        silent = next_steps(result, is_told=False, procedure=procedure, control_state=ControlState.CONCLUDED)
        assert silent == next_steps(
            Result.JUSTIFIED, is_told=False, procedure=procedure, control_state=ControlState.BOOKED
        )
