"""What the room shows of one appointment, read once for the page and for the parts of it that are refreshed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.access import Action, Kind
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.reports.absences import can_be_concluded, require_unexcused, waited_until
from telecontrol.reports.circumstances import Circumstances, IdentityDocument
from telecontrol.reports.conclusions import conclusion_of
from telecontrol.reports.facts import with_evidence, with_wait
from telecontrol.reports.models import Conclusion
from telecontrol.scheduling.attendance import NOTED_BY_DOCTOR, Noted, noted, room_hours
from telecontrol.scheduling.doctor_day import Day, day_of
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.preparations import prepared_for
from telecontrol.video.attendance import Attendance, attendance
from telecontrol.video.device_tests import finding_of, latest_tests
from telecontrol.video.models import Role
from telecontrol.web import paths
from telecontrol.web.dates import phone
from telecontrol.web.pages.doctor.frame import appointment_of, person_of, row_of
from telecontrol.web.pages.doctor.refusals import REFUSALS
from telecontrol.web.security import browser_id, form_token
from telecontrol.web.staff_door import Staff
from telecontrol.worker import Runtime

_SAID_OTHERWISE = ("waiting_not_over", "wait_not_seen")
WAITS_ASKED = (5, 10, 15)
"""Minutes that are one press away."""


@dataclass(frozen=True, slots=True)
class Scene:
    dossier: Dossier
    day: Day
    noted: Noted
    seen: Attendance
    facts: Circumstances
    """What the doctor noted, with the call's own evidence."""
    absence_refused: str | None
    """The code of what stands against an unexcused absence; None when nothing does."""
    conclusion: Conclusion | None

    @property
    def is_open(self) -> bool:
        """Whether something can still be said about this appointment."""
        return self.conclusion is None and can_be_concluded(self.dossier)

    @property
    def proposed(self) -> str:
        """The result that the service proposes: where it is over and nobody saw the doctor wait, that they were not there."""
        is_over = self.dossier.appointment.state is AppointmentState.OVER
        return str(Result.DOCTOR_UNAVAILABLE) if is_over and self.absence_refused == "wait_not_seen" else ""


async def set_scene(session: AsyncSession, staff: Staff, dossier: Dossier, *, now: datetime) -> Scene:
    """Read what the room shows of an appointment that is the viewer's own."""
    wrote = await noted(session, dossier)
    facts = await with_evidence(session, dossier.appointment, as_circumstances(wrote))
    facts = await with_wait(session, dossier, facts, now=now)
    refused: str | None = None
    try:
        await require_unexcused(session, dossier, facts, now=now)
    except (Conflict, InvalidInput) as error:
        refused = error.code
    return Scene(
        dossier=dossier,
        day=await day_of(session, staff.viewer, now=now),
        noted=wrote,
        seen=await attendance(session, subject_id=dossier.appointment.id),
        facts=facts,
        absence_refused=refused,
        conclusion=await conclusion_of(session, dossier.appointment.id),
    )


def as_circumstances(wrote: Noted, *, remark: str = "", document: IdentityDocument | None = None) -> Circumstances:
    """What the doctor noted as the circumstances of a conclusion. `document`, where the form says it, wins."""
    shown = document or (IdentityDocument(wrote.document) if wrote.document else IdentityDocument.NOT_SHOWN)
    return Circumstances(
        identity_document=shown,
        arrived_at=wrote.received_at,
        calls_made_at=wrote.calls_made_at,
        call_answered=wrote.call_answered,
        remark=remark,
    )


def live_parts(request: Request, scene: Scene, *, now: datetime) -> dict[str, Any]:
    """The parts that are asked for again while the page is open: who waits, what happened, whether it is an absence."""
    dossier, day = scene.dossier, scene.day
    appointment = dossier.appointment
    rows = [row_of(entry, day, now=now) for entry in day.entries]
    present = next((row for row in rows if row["id"] == str(appointment.id)), None)
    is_waiting = present is not None and present["waiting"] is not None
    opens_at, _ = room_hours(dossier)
    may_note = scene.is_open and now >= opens_at
    return {
        "appointment": appointment_of(dossier, now=now),
        "is_open": scene.is_open,
        "is_concluded": scene.conclusion is not None,
        "others": [row for row in rows if row["is_live"] and row["id"] != str(appointment.id)],
        "others_waiting": sum(1 for row in rows if row["waiting"] and row["id"] != str(appointment.id)),
        "waiting": present["waiting"] if present else None,
        "facts": _facts(scene),
        "can": {
            "admit": is_waiting and scene.is_open,
            "note": may_note,
            "receive": may_note and appointment.mode is not Mode.VIDEO and scene.noted.received_at is None,
            "report_problem": may_note and appointment.mode is Mode.VIDEO and not _noted_problem(scene),
        },
        "waits_asked": WAITS_ASKED,
        "phone": dossier.insured.phone,
        "absence": _absence(scene),
        "form_token": form_token(request.app.state.runtime.settings, browser_id(request)),
    }


def call_of(request: Request, runtime: Runtime, scene: Scene, *, now: datetime) -> Mapping[str, str] | None:
    """What the call's script reads of its element; None while there is no call to hold."""
    dossier = scene.dossier
    appointment = dossier.appointment
    opens_at, closes_at = room_hours(dossier)
    is_running = appointment.state is AppointmentState.IN_PROGRESS
    if (
        appointment.mode is not Mode.VIDEO
        or not scene.is_open
        or now < opens_at
        or (now > closes_at and not is_running)
    ):
        return None
    return {
        "call": "",
        "call-provider": str(runtime.settings.video_provider),
        "call-role": str(Role.DOCTOR),
        "call-ticket-url": paths.room(str(appointment.id), "ticket"),
        "call-room": str(appointment.id),
        "call-phone": phone(dossier.insured.phone) if dossier.insured.phone else "",
        "call-start": "now",
        "call-zone": dossier.doctor.zone,
        "call-token": form_token(runtime.settings, browser_id(request)),
    }


def dossier_of(dossier: Dossier) -> dict[str, Any]:
    """The file as its doctor reads it: identity, contact, leave, who asks."""
    insured, control, site = dossier.insured, dossier.control, dossier.site
    return {
        "person": person_of(insured),
        "birth_on": insured.birth_on,
        "phone": insured.phone,
        "email": insured.email,
        "address": insured.address,
        "town": f"{insured.postcode} {insured.city}".strip(),
        "language": insured.language,
        "reference": control.reference,
        "external_reference": control.external_reference,
        "procedure": str(control.procedure),
        "organisation": dossier.organisation.name,
        "leave_starts_on": control.leave_starts_on,
        "leave_ends_on": control.leave_ends_on,
        "prescriber": control.prescriber_name,
        "identity_failures": control.identity_failures,
        "site": None
        if site is None
        else {
            "name": site.name,
            "address": f"{site.address}, {site.postcode} {site.city}",
            "access": site.access,
            "phone": site.phone,
        },
    }


async def before_of(session: AsyncSession, staff: Staff, dossier: Dossier) -> dict[str, Any]:
    """What the insured prepared, and what the test of their device found."""
    prepared = await prepared_for(session, staff.viewer, dossier)
    companion = prepared.companion
    device: dict[str, Any] | None = None
    if dossier.appointment.mode is Mode.VIDEO and staff.viewer.may(Action.READ, Kind.DEVICE_TEST):
        test = (await latest_tests(session, [dossier.appointment.id])).get(dossier.appointment.id)
        device = {"finding": str(finding_of(test)), "at": None if test is None else test.tested_at}
    return {
        "needs": [str(need) for need in prepared.needs],
        "language": prepared.language,
        "interpreter": str(prepared.interpreter or ""),
        "companion": None if companion is None else {"name": companion.name, "role": str(companion.role)},
        "documents": prepared.has_documents,
        "device": device,
    }


def _facts(scene: Scene) -> dict[str, Any]:
    appointment, seen, wrote = scene.dossier.appointment, scene.seen, scene.noted
    return {
        "zone": scene.dossier.doctor.zone,
        "starts_at": appointment.starts_at,
        "waited_until": waited_until(scene.dossier),
        "arrived_at": scene.facts.arrived_at,
        "admitted_at": scene.facts.admitted_at,
        "media_flowed": seen.media_flowed,
        "calls": [{"at": at} for at in wrote.calls_made_at],
        "call_answered": wrote.call_answered,
        "problems": [
            {"at": problem.at, "by": str(problem.role), "is_noted": problem.code == NOTED_BY_DOCTOR}
            for problem in seen.technical_problems
        ],
        "document": wrote.document,
        "document_at": wrote.document_at,
    }


def _noted_problem(scene: Scene) -> bool:
    return any(problem.code == NOTED_BY_DOCTOR for problem in scene.seen.technical_problems)


def _absence(scene: Scene) -> dict[str, Any]:
    """Whether an absence may be recorded now: after the waiting time, unless somebody came or a machine failed."""
    refused = scene.absence_refused
    ends_at = waited_until(scene.dossier)
    has_come = scene.facts.arrived_at is not None or scene.facts.admitted_at is not None
    return {
        "is_possible": scene.is_open and refused is None,
        "is_unseen": scene.is_open and refused == "wait_not_seen",
        "waited_from": scene.facts.waited_from,
        "wait_ended_at": ends_at,
        "ends_at": ends_at if scene.is_open and refused == "waiting_not_over" and not has_come else None,
        "waited_minutes": int((ends_at - scene.dossier.appointment.starts_at) / timedelta(minutes=1)),
        "why_not": REFUSALS[refused] if scene.is_open and refused not in (None, *_SAID_OTHERWISE) else None,
    }
