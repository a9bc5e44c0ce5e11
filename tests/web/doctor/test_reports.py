"""Reports to sign over HTTP: what the draft says and why it is due then, its signature, or what the absence really was."""

from __future__ import annotations

from datetime import timedelta

import pytest_asyncio
from sqlalchemy import select

from telecontrol.controls.results import Result
from telecontrol.controls.states import ControlState
from telecontrol.reports.absences import waited_until
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.models import AbsenceQualification, Report, ReportState
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, doctor_waits, insured_arrives
from tests.support.doctoring import dossier_of, push, review, sign
from tests.support.insured import Visitor
from tests.support.service import Service
from tests.support.staffing import PASSWORD
from tests.support.world import World


@pytest_asyncio.fixture
async def report(service: Service, appointment: Appointment) -> Report:
    """The doctor waited, nobody came and nobody concluded: drafted at the appointment's end."""
    await doctor_waits(service.runtime.database, appointment)
    await service.until(START + timedelta(hours=1))
    return await _report(service, appointment)


async def _report(service: Service, appointment: Appointment) -> Report:
    async with service.runtime.database.reading() as session:
        return (await session.scalars(select(Report).where(Report.appointment_id == appointment.id))).one()


async def test_the_list_says_until_when_and_is_empty_otherwise(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    empty = await doctor.get(paths.DOCTOR_REPORTS)
    assert "Rien à signer." in empty.words
    await doctor_waits(service.runtime.database, appointment)
    await service.until(START + timedelta(hours=1))

    page = await doctor.get(paths.DOCTOR_REPORTS)

    report = await _report(service, appointment)
    assert page.links_to(paths.report(str(report.id)))
    assert "Camille 1 Durand" in page.words
    assert "encore 47 h 15 min" in page.words


async def test_a_draft_says_what_happened_and_explains_its_limit(doctor: Visitor, report: Report) -> None:
    page = await doctor.get(paths.report(str(report.id)))

    for said in (
        "Examen impossible",
        "convoqué, ne s'est pas présenté pendant le temps d'attente",
        "9 mars 2026, 9 h 15",
        "11 mars 2026, 9 h 15",
        "48 heures réelles après le fait",
        "la même heure, deux jours plus tard",
        "L315-1",
        "Aucune note médicale n'y figure.",
    ):
        assert said in page.words, said


async def test_signing_takes_the_password_and_sends_it(
    service: Service, world: World, doctor: Visitor, appointment: Appointment, report: Report
) -> None:
    address = paths.report(str(report.id))
    page = await doctor.get(address)
    wrong = await doctor.press(page, paths.report(str(report.id), "sign"), password="x", remark="Deux appels")
    assert wrong.status == 403
    assert 'value="Deux appels"' in wrong.html
    medical = await doctor.press(
        wrong, paths.report(str(report.id), "sign"), password=PASSWORD, remark="dépression sévère"
    )
    assert medical.status == 422
    assert "Écrivez les mots médicaux dans vos notes" in medical.words
    assert (await _report(service, appointment)).state is ReportState.DRAFTED

    signed = await doctor.press(medical, paths.report(str(report.id), "sign"), password=PASSWORD, remark="Deux appels")
    again = await push(doctor, paths.report(str(report.id), "sign"), password=PASSWORD, remark="Deux appels")

    assert (signed.path, again.path) == (address, address)
    assert "Le rapport est signé. Il part vers l'assureur." in signed.words
    assert signed.form(paths.report(str(report.id), "sign")) is None
    now = await _report(service, appointment)
    assert now.state is ReportState.SIGNED
    assert now.due_at == report.due_at
    async with service.runtime.database.reading() as session:
        conclusion = await conclusion_of(session, appointment.id)
    assert conclusion is not None
    assert conclusion.result is Result.UNEXCUSED_ABSENCE
    dossier = await dossier_of(service, appointment)
    assert conclusion.event_at == waited_until(dossier)
    assert conclusion.circumstances["waited_until"] == "2026-03-09T08:16:00Z"
    assert conclusion.signed_by == world.doctor_user.id


async def test_somebody_who_came_late_stands_against_the_signature(
    service: Service, doctor: Visitor, appointment: Appointment, report: Report
) -> None:
    await insured_arrives(service.runtime.database, appointment, at=START + 22 * MINUTE)

    page = await doctor.get(paths.report(str(report.id)))
    refused = await push(doctor, paths.report(str(report.id), "sign"), password=PASSWORD)

    assert "L'assuré est venu : ce n'est pas une absence." in page.words
    assert page.form(paths.report(str(report.id), "sign")) is None
    assert refused.status == 409
    assert (await _report(service, appointment)).state is ReportState.DRAFTED


async def test_saying_what_it_was_withdraws_the_draft_with_a_reason(
    service: Service, world: World, doctor: Visitor, appointment: Appointment, report: Report
) -> None:
    address = paths.report(str(report.id), "qualify")
    page = await doctor.get(paths.report(str(report.id)))
    for values, said in (
        ({"qualification": "excused_absence", "reason": " "}, "Donnez un motif."),
        ({"qualification": "unexcused_absence", "reason": "Prévenu"}, "Choisissez une des possibilités."),
    ):
        refused = await doctor.press(page, address, **values)
        assert refused.status == 422
        assert said in refused.words
    assert (await _report(service, appointment)).state is ReportState.DRAFTED

    done = await doctor.press(page, address, qualification="technical_failure", reason="Panne du réseau")

    assert "Le rapport est retiré" in done.words
    assert "Panne du réseau" in done.words
    assert (await _report(service, appointment)).state is ReportState.WITHDRAWN
    assert (await dossier_of(service, appointment)).control.state is ControlState.TO_BOOK
    async with service.runtime.database.reading() as session:
        qualified = (await session.scalars(select(AbsenceQualification))).one()
    assert (qualified.reason, qualified.qualified_by) == ("Panne du réseau", world.doctor_user.id)
    again = await push(doctor, address, qualification="technical_failure", reason="Panne du réseau")
    assert again.status == 200, "twice the same"


async def test_concluding_in_the_room_settles_the_draft_too(
    service: Service, doctor: Visitor, appointment: Appointment, report: Report
) -> None:
    await sign(doctor, appointment, await review(doctor, appointment, Result.TECHNICAL_FAILURE))

    page = await doctor.get(paths.report(str(report.id)))

    assert (await _report(service, appointment)).state is ReportState.WITHDRAWN
    assert "Retiré" in page.words
    assert page.form(paths.report(str(report.id), "sign")) is None


async def test_what_the_person_had_said_comes_before_what_would_be_signed_against_them(
    service: Service, doctor: Visitor, appointment: Appointment
) -> None:
    async with service.runtime.database.transaction() as session:
        stored = await session.get_one(Appointment, appointment.id)
        stored.announced_at, stored.announced_reason = START - timedelta(days=1), "travel"
    await doctor_waits(service.runtime.database, appointment)
    await service.until(START + timedelta(hours=1))
    report = await _report(service, appointment)

    page = await doctor.get(paths.report(str(report.id)))

    assert "La personne avait prévenu qu'elle ne pourrait pas venir." in page.words
    assert "Je ne serai pas joignable à cette heure" in page.words
    assert "Personne ne lui a répondu" in page.words
    qualify, sign_it = (page.html.index(paths.report(str(report.id), part)) for part in ("qualify", "sign"))
    assert qualify < sign_it
    assert 'value="excused_absence" required checked' not in page.html


async def test_without_an_announcement_the_signature_comes_first(doctor: Visitor, report: Report) -> None:
    page = await doctor.get(paths.report(str(report.id)))

    assert "avait prévenu" not in page.words
    qualify, sign_it = (page.html.index(paths.report(str(report.id), part)) for part in ("qualify", "sign"))
    assert sign_it < qualify
