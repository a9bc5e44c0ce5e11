"""Own cases alone: another doctor's ids are none on every route, and other roles meet no page of the doctor's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from sqlalchemy import select

from telecontrol.reports.models import Report
from telecontrol.scheduling import unavailability
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from telecontrol.web.pages.doctor import pages
from tests.support.concluding import START, doctor_actor, doctor_waits
from tests.support.doctoring import another, push
from tests.support.insured import Visitor
from tests.support.service import Service
from tests.support.staffing import PASSWORD, signed_in
from tests.support.world import World

FILLED = {
    "password": PASSWORD,
    "step": "sign",
    "result": "justified",
    "identity_document": "passport",
    "answered": "no",
    "minutes": "5",
    "qualification": "excused_absence",
    "reason": "prévenu",
    "text": "note",
    "revision": "0",
}
"""Enough for any form of the doctor's."""


def _walk(router: APIRouter) -> Iterator[APIRoute]:
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _walk(inner)
        elif isinstance(route, APIRoute):
            yield route


def _routes() -> list[tuple[str, str]]:
    return sorted((method, route.path) for route in _walk(pages) for method in route.methods or ())


async def _colleagues(service: Service, world: World) -> dict[str, uuid.UUID]:
    """An appointment, a drafted report, an absence and an exception of the other doctor."""
    made = await another(service, world, 2, starts_at=START - timedelta(hours=2), doctor_id=world.other_doctor.id)
    await doctor_waits(service.runtime.database, made)
    await service.work()
    async with service.runtime.database.transaction() as session:
        report = (await session.scalars(select(Report).where(Report.appointment_id == made.id))).one()
        who: dict[str, Any] = {
            "doctor_id": world.other_doctor.id,
            "actor": doctor_actor(world),
            "now": service.clock.now(),
        }
        period = unavailability.Period(START + timedelta(days=1), START + timedelta(days=2))
        absence, _ = await unavailability.add_absence(session, period=period, **who)
        on = (START + timedelta(days=1)).date()
        exception, _ = await unavailability.add_exception(
            session, on=on, opens=START.time(), closes=(START + timedelta(hours=1)).time(), is_open=False, **who
        )
    return {
        "appointment_id": made.id,
        "report_id": report.id,
        "absence_id": absence.id,
        "exception_id": exception.id,
    }


async def test_a_colleagues_rows_are_none_on_every_route(service: Service, world: World, doctor: Visitor) -> None:
    theirs = await _colleagues(service, world)
    nobodys = {name: uuid.uuid4() for name in theirs}
    seen = set()
    for method, path in _routes():
        names = [name for name in theirs if f"{{{name}}}" in path]
        if not names:
            continue
        for ids in (theirs, nobodys):
            address = path.format(**ids)
            answer = await doctor.get(address) if method == "GET" else await push(doctor, address, **FILLED)
            assert answer.status == 404, f"{method} {path}: {answer.status} {answer.title}"
        seen |= set(names)
    assert seen == set(theirs), "every kind of row was tried"


async def test_their_appointments_are_in_no_list(
    service: Service, world: World, doctor: Visitor, appointment: Appointment
) -> None:
    await _colleagues(service, world)

    for address in (paths.DOCTOR, paths.DOCTOR_REPORTS, paths.DOCTOR_AGENDA, paths.room(str(appointment.id))):
        page = await doctor.get(address)
        assert page.status == 200
        assert "Camille 2" not in page.words


async def test_a_handler_and_a_stranger_meet_no_page_of_the_doctors(
    service: Service, world: World, appointment: Appointment
) -> None:
    theirs = {**await _colleagues(service, world), "appointment_id": appointment.id}
    async with signed_in(service, world.handler) as handler, service.browser() as stranger:
        for method, path in _routes():
            address = path.format(**theirs)
            if method == "GET":
                answer = await handler.get(address)
            else:
                answer = await push(handler, address, home=paths.DESK, **FILLED)
            assert answer.status == 404, f"{method} {path}: {answer.status}"
            outside = await (stranger.get(address) if method == "GET" else stranger.post(address, data=FILLED))
            assert outside.status_code in (200, 403)
            assert "Camille" not in outside.text
            assert outside.status_code == 403 or outside.url.path == paths.SIGN_IN


async def test_a_form_from_elsewhere_changes_nothing(doctor: Visitor, appointment: Appointment) -> None:
    for path in (paths.room(str(appointment.id), "phone-call"), paths.doctor_agenda("absences")):
        without = await doctor.post(path, {"answered": "no", "first_on": "2026-03-10", "confirm": "1"})
        foreign = await doctor.http.post(path, data={}, headers={"Origin": "https://elsewhere.example"})
        assert (without.status, foreign.status_code) == (403, 403)
