"""Concluding over HTTP: shown before it is signed, signed with the password, the same answer twice, P17."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest_asyncio
from sqlalchemy import func, select

from telecontrol.accounts import signature
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import CONSEQUENCES, Result
from telecontrol.controls.states import ControlState
from telecontrol.outbox.models import Intent
from telecontrol.reports.conclusions import conclusion_of, is_intact
from telecontrol.reports.models import Conclusion, Report, ReportState
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.video.rooms import find_room
from telecontrol.video.waiting import admit
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, doctor_waits, goes_wrong, insured_arrives
from tests.support.doctoring import act, another, conclusion_fields, dossier_of, push, review, room, sign
from tests.support.insured import Visitor
from tests.support.service import Service
from tests.support.staffing import PASSWORD
from tests.support.world import World

AT = START + 10 * MINUTE
UNRECORDED = {"seen": "1", "remark": "Vu par un autre moyen"}
"""What a doctor states who saw somebody without a call of ours."""


@pytest_asyncio.fixture
async def met(service: Service, world: World, appointment: Appointment) -> Appointment:
    """The insured came and was let in; ten minutes after the hour."""
    room_id = await insured_arrives(service.runtime.database, appointment, at=START)
    async with service.runtime.database.transaction() as session:
        await admit(session, room_id=room_id, by=str(world.doctor.id), now=START)
    service.clock.advance_to(AT)
    return appointment


async def _signed(service: Service, appointment: Appointment) -> Conclusion | None:
    async with service.runtime.database.reading() as session:
        return await conclusion_of(session, appointment.id)


async def _report(service: Service, appointment: Appointment) -> Report | None:
    async with service.runtime.database.reading() as session:
        found: Report | None = await session.scalar(select(Report).where(Report.appointment_id == appointment.id))
        return found


async def test_what_each_reader_will_read_is_shown_and_nothing_is_written_before_the_signature(
    service: Service, doctor: Visitor, met: Appointment
) -> None:

    page = await review(doctor, met, Result.NOT_JUSTIFIED)

    assert page.status == 200
    for said in (
        "Vous allez signer : Arrêt non justifié",
        "9 mars 2026, 9 h 10",
        "A eu lieu",
        "Carte d'identité",
        "L'assuré lit",
        "vous pouvez demander un nouvel examen de votre situation",
        "L'assureur lit, dans le rapport",
        "11 mars 2026, 9 h 10",
    ):
        assert said in page.words, said
    assert "L'organisme demandeur lit" not in page.words, "procedure A tells the requester nothing"
    assert await _signed(service, met) is None
    assert await _report(service, met) is None
    assert (await dossier_of(service, met)).appointment.state is AppointmentState.BOOKED


async def test_signing_takes_the_password_and_leads_to_the_next_appointment(
    service: Service, doctor: Visitor, met: Appointment, world: World
) -> None:
    following = await another(service, world, 2, starts_at=START + 30 * MINUTE)
    shown = await review(doctor, met, Result.NOT_JUSTIFIED)
    # The doctor reads for two minutes: what was shown is what is signed.
    service.clock.advance(2 * MINUTE)

    page = await sign(doctor, met, shown)

    assert page.path == room(met)
    assert "La conclusion est signée." in page.words
    assert "Conclusion signée le 9 mars 2026, 9 h 12." in page.words
    assert page.links_to(room(following))
    assert page.form(room(met, "conclude")) is None
    signed, report = await _signed(service, met), await _report(service, met)
    assert signed is not None
    assert is_intact(signed, rpps=world.doctor.rpps)
    assert (signed.result, signed.event_at, signed.signed_at) == (Result.NOT_JUSTIFIED, AT, AT + 2 * MINUTE)
    assert signed.signed_by == world.doctor_user.id
    assert report is not None
    assert (report.state, report.event_at) == (ReportState.SIGNED, AT)
    async with service.runtime.database.reading() as session:
        assert await find_room(session, subject_id=met.id) is None, "the room is closed for good"
    assert (await dossier_of(service, met)).appointment.state is AppointmentState.ATTENDED


async def test_a_wrong_password_signs_nothing_and_keeps_what_was_chosen(
    service: Service, doctor: Visitor, met: Appointment
) -> None:
    shown = await review(doctor, met, Result.JUSTIFIED, remark="Accompagné")

    refused = await sign(doctor, met, shown, password="not this one")

    assert refused.status == 403
    assert "Ce n'est pas votre mot de passe" in refused.words
    assert await _signed(service, met) is None
    signed = await sign(doctor, met, refused)
    assert signed.status == 200
    conclusion = await _signed(service, met)
    assert conclusion is not None
    assert conclusion.circumstances["remark"] == "Accompagné"


async def test_guessing_the_password_is_slowed_down(service: Service, doctor: Visitor, met: Appointment) -> None:
    shown = await review(doctor, met, Result.JUSTIFIED)
    for _ in range(signature.LIMIT.free):
        await sign(doctor, met, shown, password="guess")

    waiting = await sign(doctor, met, shown)

    assert waiting.status == 429
    assert await _signed(service, met) is None


async def test_the_same_form_twice_gets_the_same_answer(service: Service, doctor: Visitor, met: Appointment) -> None:
    shown = await review(doctor, met, Result.NOT_JUSTIFIED)

    pages = [await sign(doctor, met, shown) for _ in range(2)]

    assert [page.path for page in pages] == [room(met)] * 2
    assert [page.status for page in pages] == [200, 200]
    async with service.runtime.database.reading() as session:
        for table in (Conclusion, Report):
            assert await session.scalar(select(func.count()).select_from(table)) == 1
        told = await session.scalar(select(func.count()).select_from(Intent).where(Intent.kind == "report_48h"))
    assert told == 1


async def test_another_conclusion_after_the_first_is_refused_and_the_first_is_shown(
    service: Service, doctor: Visitor, met: Appointment
) -> None:
    first = await review(doctor, met, Result.JUSTIFIED)
    second = await review(doctor, met, Result.NOT_JUSTIFIED)
    await sign(doctor, met, first)

    refused = await sign(doctor, met, second)

    assert refused.status == 409
    assert "déjà une autre conclusion" in refused.words
    assert "Conclusion signée le 9 mars 2026, 9 h 10." in refused.words
    signed = await _signed(service, met)
    assert signed is not None
    assert signed.result is Result.JUSTIFIED
    looked = await push(doctor, room(met, "conclude"), result="not_justified", step="review")
    assert "Ce rendez-vous est déjà conclu." in looked.words


REFUSED = [
    ({"result": ""}, "Choisissez une conclusion."),
    ({"result": "guilty"}, "Choisissez une conclusion."),
    ({"identity_document": "not_shown"}, "Indiquez la pièce d'identité"),
    ({"identity_document": "visa card"}, "Choisissez une des possibilités."),
    ({"remark": "souffre de lombalgie"}, "Écrivez les mots médicaux dans vos notes"),
    ({"by_phone": "1"}, "Par téléphone, seuls"),
    ({"close_control": "1"}, "Un contrôle ne se clôt ainsi"),
]


async def test_what_cannot_be_signed_is_said_before_and_what_was_typed_stays(
    service: Service, doctor: Visitor, met: Appointment
) -> None:
    for values, said in REFUSED:
        given = {"result": "justified", "identity_document": "national_card", "remark": "Accompagné", **values}

        page = await act(doctor, met, "conclude", step="review", **given)

        assert page.status == 422, values
        assert said in page.words
        form = page.form(room(met, "conclude"))
        assert form is not None
        assert form["remark"] == given["remark"]
    assert await _signed(service, met) is None


async def test_going_back_to_the_form_keeps_the_choice(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    service.clock.advance_to(AT)
    shown = await review(doctor, appointment, Result.CONTROL_REFUSED, remark="Refus exprimé")

    page = await doctor.post(room(appointment, "conclude"), {**conclusion_fields(shown), "step": "edit"})

    assert page.status == 200
    assert 'value="control_refused" required checked' in page.html
    form = page.form(room(appointment, "conclude"))
    assert form is not None
    assert form["remark"] == "Refus exprimé"


async def test_an_absence_waits_for_the_end_of_the_waiting_time(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await doctor_waits(service.runtime.database, appointment)
    service.clock.advance_to(START + 14 * MINUTE)
    early = await doctor.get(room(appointment))
    assert "Conclure à une absence" not in early.words
    assert "à partir de 9 h 15" in early.words
    refused = await push(doctor, room(appointment, "conclude"), result="unexcused_absence", step="review")
    assert refused.status == 409
    assert "Le temps d'attente n'est pas écoulé." in refused.words

    service.clock.advance_to(START + 16 * MINUTE)
    page = await doctor.get(room(appointment))
    assert "Conclure à une absence" in page.words
    shown = await push(doctor, room(appointment, "conclude"), result="unexcused_absence", step="review")
    assert "Un rapport part à l'assureur. Limite : 11 mars 2026, 9 h 15." in shown.words
    await sign(doctor, appointment, shown)

    signed, report = await _signed(service, appointment), await _report(service, appointment)
    assert signed is not None
    assert (signed.result, signed.event_at) == (Result.UNEXCUSED_ABSENCE, START + 15 * MINUTE)
    assert signed.circumstances["waited_until"] == "2026-03-09T08:16:00Z"
    assert report is not None
    assert report.due_at == START + 15 * MINUTE + timedelta(hours=48)


async def test_whoever_came_is_never_absent(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START)
    service.clock.advance_to(START + 16 * MINUTE)

    page = await doctor.get(room(appointment))
    refused = await push(doctor, room(appointment, "conclude"), result="unexcused_absence", step="review")

    assert "Conclure à une absence" not in page.words
    assert "L'assuré est venu : ce n'est pas une absence." in refused.words
    assert refused.status == 409


async def test_a_technical_problem_is_never_an_absence(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await goes_wrong(service.runtime.database, appointment, at=START)
    service.clock.advance_to(START + 16 * MINUTE)

    page = await doctor.get(room(appointment))
    sign = await push(doctor, room(appointment, "conclude"), result="unexcused_absence", step="sign", password=PASSWORD)

    assert "Conclure à une absence" not in page.words
    assert "il n'est jamais compté comme une absence" in sign.words
    assert await _signed(service, appointment) is None


async def test_a_tab_that_dies_leaves_the_control_to_qualify(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=service.clock.now())
    await act(doctor, appointment, "admit")

    await service.until(START + timedelta(hours=1))

    dossier = await dossier_of(service, appointment)
    assert (dossier.appointment.state, dossier.control.state) == (AppointmentState.OVER, ControlState.TO_QUALIFY)
    assert await _report(service, appointment) is None
    today = await doctor.get(paths.DOCTOR)
    assert "Terminé sans conclusion" in today.words
    shown = await review(doctor, appointment, Result.JUSTIFIED)
    await sign(doctor, appointment, shown)
    assert (await dossier_of(service, appointment)).control.state is ControlState.CONCLUDED


async def test_by_phone_only_what_a_phone_allows(service: Service, doctor: Visitor, appointment: Appointment) -> None:
    service.clock.advance_to(AT)
    await act(doctor, appointment, "phone-call", answered="yes")

    shown = await review(doctor, appointment, Result.NEEDS_PHYSICAL_EXAMINATION, by_phone="1")
    await sign(doctor, appointment, shown)

    signed = await _signed(service, appointment)
    assert signed is not None
    assert signed.by_phone
    assert signed.circumstances["calls_made_at"] == ["2026-03-09T08:10:00Z"]
    assert (await dossier_of(service, appointment)).control.state is ControlState.IN_PERSON_TO_BOOK


async def test_in_person_the_same_form_concludes(service: Service, world: World, doctor: Visitor) -> None:
    seen = await another(service, world, 2, mode=Mode.SURGERY)
    service.clock.advance_to(AT)
    await act(doctor, seen, "receive")

    page = await doctor.get(room(seen))
    assert 'value="needs_physical_examination"' not in page.html
    shown = await review(doctor, seen, Result.JUSTIFIED)
    assert shown.status == 200, shown.words
    signed_page = await sign(doctor, seen, shown)
    assert signed_page.status == 200, signed_page.words

    signed = await _signed(service, seen)
    assert signed is not None
    assert signed.circumstances["arrived_at"] == "2026-03-09T08:10:00Z"
    assert (await dossier_of(service, seen)).appointment.state is AppointmentState.ATTENDED


async def test_a_part_of_the_page_is_answered_with_what_replaces_it(
    service: Service, doctor: Visitor, met: Appointment
) -> None:
    shown = await review(doctor, met, Result.JUSTIFIED)
    fields = conclusion_fields(shown)
    assert fields is not None
    partial = {"HX-Request": "true"}

    wrong = await doctor.http.post(
        room(met, "conclude"), data={**fields, "step": "sign", "password": "x"}, headers=partial
    )
    right = await doctor.http.post(
        room(met, "conclude"), data={**fields, "step": "sign", "password": PASSWORD}, headers=partial
    )

    assert (wrong.status_code, right.status_code) == (200, 200)
    assert "Ce n’est pas votre mot de passe" in wrong.text
    assert right.headers["hx-redirect"] == room(met)
    assert "location" not in right.headers


async def test_the_connection_log_stands_beside_a_technical_failure(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START)
    await goes_wrong(service.runtime.database, appointment, at=START + MINUTE)
    service.clock.advance_to(AT)

    page = await doctor.get(room(appointment))
    assert "Journal de connexion" in page.words
    assert "Assuré : arrivée sur la page de l'appel" in page.words
    shown = await review(doctor, appointment, Result.TECHNICAL_FAILURE)
    assert "9 h 01" in shown.words
    assert "Assuré : problème technique" in shown.words
    seen = await review(doctor, appointment, Result.JUSTIFIED, **UNRECORDED)
    assert "Vous allez signer : Arrêt justifié" in seen.words
    assert "Journal de connexion" not in seen.words
    await sign(doctor, appointment, await review(doctor, appointment, Result.TECHNICAL_FAILURE))
    assert (await dossier_of(service, appointment)).control.state is ControlState.TO_BOOK


async def test_the_form_says_what_a_phone_allows_before_it_is_refused(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    service.clock.advance_to(AT)
    page = await doctor.get(room(appointment))
    assert "Par téléphone, sans avoir vu la personne" in page.words
    barred = re.findall(r'choice--not-by-phone"><input[^>]*value="(\w+)"', page.html)
    assert set(barred) == {
        str(result) for result in Result if not CONSEQUENCES[result].by_phone and result is not Result.UNEXCUSED_ABSENCE
    }


async def test_before_the_hour_the_form_says_what_can_be_concluded(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    service.clock.advance_to(START - 4 * MINUTE)

    for values in ({}, UNRECORDED):
        refused = await review(doctor, appointment, Result.NOT_JUSTIFIED, **values)
        assert refused.status == 409
        assert "Avant l'heure du rendez-vous" in refused.words
    shown = await review(doctor, appointment, Result.DOCTOR_UNAVAILABLE)

    assert "Vous allez signer : Médecin indisponible" in shown.words
    assert await _signed(service, appointment) is None


async def test_nobody_in_the_call_is_not_examined_unless_the_doctor_says_how(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    service.clock.advance_to(AT)
    refused = await review(doctor, appointment, Result.NOT_JUSTIFIED)
    assert refused.status == 422
    assert "Personne n'est entré dans l'appel" in refused.words
    assert "J'ai vu la personne, mais l'appel n'a pas été enregistré ici" in refused.words
    silent = await review(doctor, appointment, Result.NOT_JUSTIFIED, seen="1")
    assert silent.status == 422
    assert "comment la personne a été vue" in silent.words

    shown = await review(doctor, appointment, Result.NOT_JUSTIFIED, **UNRECORDED)
    assert "Personne vue, selon le médecin : aucun appel enregistré ici" in shown.words
    signed_page = await sign(doctor, appointment, shown)

    assert "Personne vue, selon le médecin" in signed_page.words
    signed = await _signed(service, appointment)
    assert signed is not None
    assert signed.circumstances["seen_without_record"] == "doctor"
    assert (await dossier_of(service, appointment)).appointment.state is AppointmentState.ATTENDED


async def test_who_was_let_in_needs_no_statement(doctor: Visitor, met: Appointment) -> None:
    page = await doctor.get(room(met))

    assert "mais l'appel n'a pas été enregistré" not in page.words
    shown = await review(doctor, met, Result.NOT_JUSTIFIED)
    assert "aucun appel enregistré" not in shown.words


async def test_a_doctor_who_comes_after_the_wait_is_not_offered_an_absence(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await doctor_waits(service.runtime.database, appointment, since=START - 12 * MINUTE, until=START - 11 * MINUTE)
    await service.until(START + 20 * MINUTE)

    page = await doctor.get(room(appointment))

    assert "Conclure à une absence" not in page.words
    assert "ne vous a pas vu attendre dans la salle de 9 h 00 à 9 h 15" in page.words
    assert 'value="doctor_unavailable" required checked' in page.html, "what the service proposes"
    bare = await push(doctor, room(appointment, "conclude"), result="unexcused_absence", step="review")
    assert bare.status == 409
    drafted = await _report(service, appointment)
    assert drafted is not None
    assert drafted.state is ReportState.DRAFTED

    shown = await doctor.press(
        page, room(appointment, "conclude"), result="unexcused_absence", step="review", waited_how="by_phone"
    )
    assert "Attente jusqu'à 9 h 15, par téléphone, selon le médecin" in shown.words
    await sign(doctor, appointment, shown)

    signed = await _signed(service, appointment)
    assert signed is not None
    assert (signed.circumstances["waited_how"], signed.circumstances["waited_until"]) == (
        "by_phone",
        "2026-03-09T08:15:00Z",
    )


async def test_a_doctor_who_came_late_reads_since_when_they_wait(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    await doctor_waits(service.runtime.database, appointment, since=START + 9 * MINUTE)
    service.clock.advance_to(START + 16 * MINUTE)

    page = await doctor.get(room(appointment))

    assert "Vous attendez depuis 9 h 09 : le rapport le dira." in page.words
    shown = await push(doctor, room(appointment, "conclude"), result="unexcused_absence", step="review")
    assert "Attente de 9 h 09 à 9 h 16" in shown.words


async def test_once_signed_the_room_says_the_result_and_asks_nothing_more(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    service.clock.advance_to(START - 4 * MINUTE)
    await sign(doctor, appointment, await review(doctor, appointment, Result.TECHNICAL_FAILURE))
    for minutes in (-3, 16):
        service.clock.advance_to(START + minutes * MINUTE)
        for path in (room(appointment), room(appointment, "waiting")):
            page = await doctor.get(path)
            for said in (
                "Pas encore là",
                "Une absence se constate",
                "Conclure à une absence",
                "ne vous a pas vu attendre",
                "J'ai appelé",
            ):
                assert said not in page.words, (path, said)
        page = await doctor.get(room(appointment))
        assert "Conclusion signée" in page.words
        assert "data-call" not in page.html
        assert "tant qu'elle n'est pas signée" not in page.words
