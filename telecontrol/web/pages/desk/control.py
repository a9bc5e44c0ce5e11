"""A control's page: its whole story, what comes next, and every act on it that its state allows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.links import wrong_dates_given
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.controls.queries import find_control
from telecontrol.controls.states import AWAITS_BOOKING, ENDED, HAS_APPOINTMENT, TRANSITIONS, Act, ControlState
from telecontrol.outbox.queries import Story
from telecontrol.outbox.queries import of_control as stories_of_control
from telecontrol.reports import queries as reports
from telecontrol.reports.absences import is_notice_doubtful
from telecontrol.reports.models import Qualification
from telecontrol.reports.timeline import timeline_of
from telecontrol.scheduling.answers import can_undo_decline
from telecontrol.scheduling.deadlines import Deadline, explain, reminder_window
from telecontrol.scheduling.dossier import Dossier, load_control
from telecontrol.scheduling.freeing import current_dossier, has_begun
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.scheduling.notices import notices_of
from telecontrol.scheduling.preparations import is_companion_announced, prepared_for
from telecontrol.tasks.queries import of_control as tasks_of_control
from telecontrol.video.attendance import attendance
from telecontrol.video.device_tests import finding_of, latest_tests
from telecontrol.web import paths
from telecontrol.web.dates import masked_email, masked_phone
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.i18n import Translator, mark
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.pages.desk.refusals import Refused, words_of
from telecontrol.web.pages.desk.words import message_name, told
from telecontrol.web.rendering import language_of, templates_of
from telecontrol.web.report_refusals import refusal_of
from telecontrol.web.staff_door import HandlerDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter()


@pages.get(paths.control("{control_id}"))
async def shown(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: ReadingDep, now: NowDep, control_id: uuid.UUID
) -> Response:
    return await control_page(request, runtime, session, staff, control_id, now=now)


async def control_page(
    request: Request,
    runtime: Runtime,
    session: AsyncSession,
    staff: Staff,
    control_id: uuid.UUID,
    *,
    now: datetime,
    status: int = 200,
    refused: Refused | None = None,
) -> Response:
    """Render the page; after a refusal with what was refused, which the page says at its top whatever it still offers."""
    await find_control(session, staff.viewer, control_id)
    control = await load_control(session, control_id)
    dossier = await current_dossier(session, control)
    appointment = dossier.appointment if dossier else None
    translator = templates_of(request).translators[language_of(request, preferred=staff.user.language)]
    zone = appointment.zone if appointment else control.insured.zone
    stories = await stories_of_control(session, control_id)
    story = await timeline_of(session, control_id, stories=stories)
    lines = await reports.of_control(session, staff.viewer, control_id, now=now)
    conclusions = await reports.conclusions_of(session, staff.viewer, control_id)
    tasks = await tasks_of_control(session, staff.viewer, control_id)
    is_live = appointment is not None and appointment.state is AppointmentState.BOOKED
    notice = None
    if appointment is not None and is_live and appointment.mode is Mode.VIDEO:
        notice = (await notices_of(session, [appointment], now=now))[appointment.id]
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/control.html",
        place="desk",
        now=now,
        status=status,
        control=control,
        contact={"email": control.insured.email, "phone": control.insured.phone},
        zone=zone,
        appointment=appointment,
        doctor=dossier.doctor if dossier else None,
        site=dossier.site if dossier else None,
        attendance=await attendance(session, subject_id=appointment.id) if appointment else None,
        notice=notice,
        before=None if dossier is None else await before_of(session, staff, dossier),
        can_forgive=dossier is not None
        and bool(await wrong_dates_given(session, appointment_id=dossier.appointment.id)),
        deadlines=_deadlines(appointment) if is_live and appointment else [],
        tasks=tasks,
        timeline=[told(entry, translator, zone=zone) for entry in story],
        upcoming=_upcoming(appointment, now=now),
        messages=_messages(stories, translator),
        conclusion=conclusions[-1] if conclusions else None,
        reports=[
            {"line": proof.line, "proof": proof, "refusal": refusal_of(proof, translator)}
            for proof in [
                await reports.proof_of_sending(session, staff.viewer, line.report.id, now=now) for line in lines
            ]
        ],
        acts=_acts(control, appointment, can_undo=dossier is not None and can_undo_decline(dossier, now=now), now=now)
        | {
            "decide_on_notice": dossier is not None
            and control.state in (ControlState.BOOKED, ControlState.TO_QUALIFY)
            and now >= dossier.appointment.hard_limit_at
            and await is_notice_doubtful(session, dossier, now=now)
        },
        qualifications=[str(each) for each in Qualification],
        proposed=next((str(task.detail["proposed"]) for task in tasks if "proposed" in task.detail), ""),
        refusal=words_of(refused, story, translator, zone=zone) if refused else None,
        form=refused.form if refused else "",
        typed=dict(refused.typed or {}) if refused else {},
    )


async def before_of(session: AsyncSession, staff: Staff, dossier: Dossier) -> dict[str, Any] | None:
    """What the desk may know of what the insured prepared: the language, that somebody comes, the device's test."""
    appointment, viewer = dossier.appointment, staff.viewer
    prepared = await prepared_for(session, viewer, dossier)
    device: dict[str, Any] | None = None
    if appointment.mode is Mode.VIDEO and viewer.may(Action.READ, Kind.DEVICE_TEST):
        test = (await latest_tests(session, [appointment.id])).get(appointment.id)
        device = {"finding": str(finding_of(test)), "at": None if test is None else test.tested_at}
    return {
        "language": prepared.language,
        "interpreter": str(prepared.interpreter or ""),
        "has_companion": await is_companion_announced(session, viewer, dossier),
        "device": device,
    }


def _acts(control: Control, appointment: Appointment | None, *, can_undo: bool, now: datetime) -> dict[str, bool]:
    """What the state of things allows now: the page shows nothing else."""
    is_booked = appointment is not None and appointment.state is AppointmentState.BOOKED
    is_before = appointment is not None and now < appointment.starts_at
    return {
        "book": control.state in AWAITS_BOOKING,
        "move": is_booked and is_before and control.state is ControlState.BOOKED,
        "cancel_appointment": is_booked and is_before,
        "decline": is_booked and is_before and appointment is not None and appointment.mode is Mode.VIDEO,
        "undo_decline": can_undo,
        "answer_absence": control.state is ControlState.ABSENCE_TO_QUALIFY and is_before,
        "qualify": control.state is ControlState.TO_QUALIFY,
        "decide_notice": is_booked and appointment is not None and now < appointment.hard_limit_at,
        "cancel_control": (control.state, Act.CANCEL) in TRANSITIONS
        and not (appointment is not None and control.state in HAS_APPOINTMENT and has_begun(appointment, now=now)),
        "correct": control.state not in ENDED,
        "sends_again": is_booked and is_before,
    }


def _deadlines(appointment: Appointment) -> list[dict[str, Any]]:
    """Each deadline with its rule, both readings and which one won."""
    zone = ZoneInfo(appointment.zone)
    shown = (Deadline.INVITATION_HARD_LIMIT, Deadline.LAST_SAFE_SENDING, Deadline.REMINDER_OPENS)
    return [{"name": str(each), "explained": explain(each, appointment.starts_at, zone)} for each in shown]


def _upcoming(appointment: Appointment | None, *, now: datetime) -> list[dict[str, Any]]:
    if appointment is None:
        return []
    found: list[tuple[datetime, str]] = []
    if appointment.state is AppointmentState.HELD and appointment.hold_until:
        found.append((appointment.hold_until, mark("Le créneau gardé se libère")))
    if appointment.state is AppointmentState.BOOKED:
        opens, _ = reminder_window(appointment.starts_at, ZoneInfo(appointment.zone))
        if appointment.notice_settled_at is None and appointment.waiver_at is None and appointment.mode is Mode.VIDEO:
            found.append((appointment.hard_limit_at, mark("Limite de la convocation")))
        found.append((opens, mark("Le rappel peut partir")))
        found.append((appointment.starts_at, mark("Le rendez-vous commence")))
    return [{"at": at, "code": code} for at, code in sorted(found) if at > now]


def _messages(stories: Sequence[Story], translator: Translator) -> list[dict[str, Any]]:
    """What was told, and what is to be told, by the time that the page shows beside each."""
    shown = [_message(each, translator) for each in stories if each.intent.target in ("mail", "sms")]
    return sorted(shown, key=lambda message: (message["at"], message["name"]))


def _message(story: Story, translator: Translator) -> dict[str, Any]:
    intent = story.intent
    mask = masked_email if "@" in intent.recipient else masked_phone
    return {
        "intent": intent,
        "at": intent.accepted_at or intent.not_before,
        "name": message_name(intent.kind, intent.channel, translator),
        "recipient": mask(intent.recipient),
        "attempts": story.attempts,
    }
