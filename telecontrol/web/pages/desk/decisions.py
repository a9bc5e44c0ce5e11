"""Acts of the desk on a control: cancel, answer an absence, decide for a notice, correct a contact, qualify, retry."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.links import forgive_wrong_dates
from telecontrol.controls.queries import find_control
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import record
from telecontrol.errors import Conflict, InvalidInput, NotFound, WrongState
from telecontrol.outbox.decisions import retry
from telecontrol.outbox.models import Intent
from telecontrol.reports import queries as reports
from telecontrol.reports.absences import decide_on_notice
from telecontrol.reports.drafting import qualify
from telecontrol.reports.models import Qualification
from telecontrol.reports.reports import send_again as send_report_again
from telecontrol.scheduling.answers import Decision, answer_absence, decline_video, undo_decline
from telecontrol.scheduling.contacts import change_contact
from telecontrol.scheduling.dossier import Dossier, load_control, load_dossier
from telecontrol.scheduling.freeing import cancel, cancel_control, current_dossier
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.notices import DecisionKind, decide_for_channel
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.desk.control import control_page
from telecontrol.web.pages.desk.refusals import Refused
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import HandlerDep, Staff
from telecontrol.worker import Runtime

pages = APIRouter()
_ONE_MORE_TRY = timedelta(hours=2)
_CORRECTED = mark("Coordonnées corrigées. Ce qui devait partir repart à la nouvelle adresse.")
_UNCHANGED = mark("Rien n'a changé.")
_NOT_FAILED = mark("Ce message n'est plus à renvoyer : voici où il en est.")
Act = Callable[[Dossier], Awaitable[object]]


@pages.post(paths.control("{control_id}", "cancel"))
async def cancelled(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    what: Annotated[Literal["appointment", "control"], Form()],
    reason: Annotated[Literal["", "doctor_unavailable", "request_withdrawn", "technical"], Form()] = "",
) -> Response:
    if what == "control":
        await find_control(session, staff.viewer, control_id)
        try:
            async with session.begin_nested():
                await cancel_control(
                    session, operator=runtime.operator, control_id=control_id, actor=staff.actor, now=now
                )
        except WrongState as error:
            session.expire_all()
            refused = Refused.of("cancel_control", error)
            return await _refused(request, runtime, session, staff, control_id, refused, now=now)
        return _back(request, control_id, mark("Contrôle annulé. Qui savait le rendez-vous est prévenu."))

    async def act(dossier: Dossier) -> None:
        known = (dossier.appointment.state, dossier.control.state)
        if known == (AppointmentState.CANCELLED_BY_SERVICE, ControlState.TO_BOOK):
            return  # the same form, sent twice
        await cancel(session, operator=runtime.operator, dossier=dossier, actor=staff.actor, now=now, reason=reason)

    return await _on_appointment(
        request,
        runtime,
        session,
        staff,
        control_id,
        act,
        now=now,
        form="cancel",
        text=mark("Rendez-vous annulé. Le contrôle est à planifier."),
    )


@pages.post(paths.control("{control_id}", "decline"))
async def declined(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: SessionDep, now: NowDep, control_id: uuid.UUID
) -> Response:
    """The insured said so by phone."""

    async def act(dossier: Dossier) -> None:
        await decline_video(session, operator=runtime.operator, dossier=dossier, actor=staff.actor, now=now)

    return await _on_appointment(
        request,
        runtime,
        session,
        staff,
        control_id,
        act,
        now=now,
        form="decline",
        text=mark("Refus de la visioconférence enregistré : rendez-vous sur place à planifier."),
    )


@pages.post(paths.control("{control_id}", "undo"))
async def undone(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: SessionDep, now: NowDep, control_id: uuid.UUID
) -> Response:
    async def act(dossier: Dossier) -> None:
        await undo_decline(session, operator=runtime.operator, dossier=dossier, actor=staff.actor, now=now)

    return await _on_appointment(
        request,
        runtime,
        session,
        staff,
        control_id,
        act,
        now=now,
        form="undo",
        text=mark("Le rendez-vous en visioconférence est maintenu."),
    )


@pages.post(paths.control("{control_id}", "absence"))
async def absence(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    decision: Annotated[Decision, Form()],
) -> Response:
    async def act(dossier: Dossier) -> None:
        await answer_absence(
            session, operator=runtime.operator, dossier=dossier, decision=decision, actor=staff.actor, now=now
        )

    return await _on_appointment(
        request, runtime, session, staff, control_id, act, now=now, form="absence", text=mark("Réponse enregistrée.")
    )


@pages.post(paths.control("{control_id}", "notice"))
async def notice(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    channel: Annotated[Literal["mail", "sms"], Form()],
    kind: Annotated[DecisionKind, Form()] = DecisionKind.TOLD_IN_PERSON,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    async def act(dossier: Dossier) -> None:
        await decide_for_channel(
            session,
            dossier=dossier,
            channel=channel,
            kind=kind,
            reason=reason,
            user_id=staff.user.id,
            actor=staff.actor,
            now=now,
        )

    return await _on_appointment(
        request,
        runtime,
        session,
        staff,
        control_id,
        act,
        now=now,
        form=f"notice_{channel}",
        text=mark("Décision consignée."),
        typed={"reason": reason},
    )


@pages.post(paths.control("{control_id}", "contact"))
async def contact(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    email: Annotated[str, Form(max_length=2000)] = "",
    phone: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    await find_control(session, staff.viewer, control_id)
    try:
        control = await load_control(session, control_id, lock=True)
        changed = await change_contact(
            session, operator=runtime.operator, control=control, email=email, phone=phone, actor=staff.actor, now=now
        )
    except (InvalidInput, WrongState) as error:
        refused = Refused.of("contact", error, typed={"email": email, "phone": phone})
        return await _refused(request, runtime, session, staff, control_id, refused, now=now)
    return _back(request, control_id, _CORRECTED if changed else _UNCHANGED)


@pages.post(paths.control("{control_id}", "tries"))
async def tries(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: SessionDep, now: NowDep, control_id: uuid.UUID
) -> Response:
    """Somebody spoke with the person: birth dates and codes may be tried again."""

    async def act(dossier: Dossier) -> None:
        await forgive_wrong_dates(session, appointment_id=dossier.appointment.id)
        record(
            session,
            "link.forgiven",
            actor=staff.actor,
            now=now,
            control_id=control_id,
            subject_kind="appointment",
            subject_id=dossier.appointment.id,
        )

    return await _on_appointment(
        request, runtime, session, staff, control_id, act, now=now, form="tries", text="Les essais sont redonnés."
    )


@pages.post(paths.control("{control_id}", "qualify"))
async def qualified(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    qualification: Annotated[Qualification, Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    async def act(dossier: Dossier) -> None:
        await qualify(
            session,
            dossier=dossier,
            qualification=qualification,
            user=staff.user,
            reason=reason,
            actor=staff.actor,
            now=now,
        )

    return await _on_appointment(
        request,
        runtime,
        session,
        staff,
        control_id,
        act,
        now=now,
        form="qualify",
        text=mark("Absence qualifiée. Le rapport préparé est retiré."),
        typed={"reason": reason, "qualification": qualification},
    )


@pages.post(paths.control("{control_id}", "notice-counts"))
async def notice_counts(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    counts: Annotated[Literal["yes", "no"], Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """After the limit: does a doubtful convocation count all the same?"""

    async def act(dossier: Dossier) -> None:
        await decide_on_notice(
            session,
            dossier=dossier,
            counts=counts == "yes",
            reason=reason,
            user=staff.user,
            actor=staff.actor,
            now=now,
        )

    return await _on_appointment(
        request,
        runtime,
        session,
        staff,
        control_id,
        act,
        now=now,
        form="notice_counts",
        text=mark("Décision consignée."),
        typed={"reason": reason, "counts": counts},
    )


@pages.post(paths.control("{control_id}", "report-again"))
async def report_again(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    control_id: uuid.UUID,
    report_id: Annotated[uuid.UUID, Form()],
) -> Response:
    """The insurer refused the report and the cause is mended: the same signed conclusion leaves under a new key."""
    line = await reports.find_report(session, staff.viewer, report_id, now=now)

    async def act(dossier: Dossier) -> None:
        if line.report.control_id != control_id:
            raise NotFound("no such report")
        await send_report_again(
            session,
            operator=runtime.operator,
            dossier=dossier,
            report=line.report,
            user=staff.user,
            actor=staff.actor,
            now=now,
        )

    return await _on_appointment(
        request, runtime, session, staff, control_id, act, now=now, form="report", text=mark("Le rapport repart.")
    )


@pages.post(paths.message("{intent_id}", "resend"))
async def resent(
    request: Request,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    intent_id: uuid.UUID,
    control_id: Annotated[uuid.UUID, Form()],
) -> Response:
    await find_control(session, staff.viewer, control_id)
    intent = await session.get(Intent, intent_id)
    if intent is None or intent.control_id != control_id:
        raise NotFound("no such message")
    until = max(intent.not_after, now + _ONE_MORE_TRY)
    try:
        await retry(session, intent_id, now=now, not_after=until, actor=staff.actor)
    except WrongState:
        return see_other(request, paths.control(str(control_id)), tone="warning", text=_NOT_FAILED)
    return _back(request, control_id, mark("Le message repart."))


async def _on_appointment(
    request: Request,
    runtime: Runtime,
    session: AsyncSession,
    staff: Staff,
    control_id: uuid.UUID,
    act: Act,
    *,
    now: datetime,
    form: str,
    text: str,
    typed: dict[str, str] | None = None,
) -> Response:
    """Do `act` on the control's latest appointment; a refusal comes back on the page, beside its form."""
    await find_control(session, staff.viewer, control_id)
    control = await load_control(session, control_id, lock=True)
    dossier = await current_dossier(session, control)
    if dossier is None:
        raise NotFound("no appointment")
    try:
        async with session.begin_nested():
            await act(await load_dossier(session, dossier.appointment.id, lock=True))
    except (Conflict, InvalidInput) as error:
        refused = Refused.of(form, error, typed=typed)
        return await _refused(request, runtime, session, staff, control_id, refused, now=now)
    return _back(request, control_id, text)


async def _refused(
    request: Request,
    runtime: Runtime,
    session: AsyncSession,
    staff: Staff,
    control_id: uuid.UUID,
    refused: Refused,
    *,
    now: datetime,
) -> Response:
    """The control's page as things stand now, with what was refused at its top: the form may not be there any more."""
    session.expire_all()
    status = 409 if refused.is_conflict else 422
    return await control_page(request, runtime, session, staff, control_id, now=now, status=status, refused=refused)


def _back(request: Request, control_id: uuid.UUID, text: str) -> Response:
    return see_other(request, paths.control(str(control_id)), text=text)
