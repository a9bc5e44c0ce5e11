"""Another address or number for somebody: what was to reach them by the old one is sent to the new one (`DOMAIN.md` §3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls import checks
from telecontrol.controls.models import Control
from telecontrol.controls.states import ENDED
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.outbox.decisions import revive
from telecontrol.outbox.intents import void
from telecontrol.scheduling import telling
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.notices import CONTACT_CHANGED
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind


async def change_contact(
    session: AsyncSession, *, operator: Operator, control: Control, email: str, phone: str, actor: Actor, now: datetime
) -> list[str]:
    """Correct the e-mail address and the mobile of a control's insured (`control` locked, its file loaded); which changed.

    A booked appointment is told again on what changed. Before the hard limit its notice is judged anew, without what the
    old address had accepted; after it the appointment stands as it was settled. Raises `WrongState` when the control is
    over, `InvalidInput` naming every field that cannot be kept.
    """
    if control.state in ENDED:
        raise WrongState("this control is over: nothing leaves for it any more", code="control_over")
    insured = control.insured
    email, phone = _checked(email, phone, zone=insured.zone)
    changed = [name for name, old, new in (("mail", insured.email, email), ("sms", insured.phone, phone)) if old != new]
    if not changed:
        return []
    old, new = {"mail": insured.email, "sms": insured.phone}, {"mail": email, "sms": phone}
    insured.email, insured.phone = email, phone
    if "mail" in changed:
        insured.email_refused_at = None
    if "sms" in changed:
        insured.phone_refused_at = None
    record(
        session,
        "insured.contact_changed",
        actor=actor,
        now=now,
        control_id=control.id,
        subject_kind="insured",
        subject_id=insured.id,
        channels=changed,
    )
    if email and phone:
        await close_tasks(
            session, TaskKind.ONE_CHANNEL_ONLY, subject_id=control.id, outcome="both_given", by=actor.id, now=now
        )
    dossier = await current_dossier(session, control)
    if (
        dossier is None
        or dossier.appointment.state is not AppointmentState.BOOKED
        or dossier.appointment.starts_at <= now
    ):
        return changed
    appointment = dossier.appointment
    for channel in changed:
        about: dict[str, Any] = {"subject_kind": SUBJECT, "subject_id": appointment.id, "now": now}
        if old[channel]:
            await void(session, **about, recipient=old[channel], reason=CONTACT_CHANGED)
        if new[channel]:
            # Back to an address that was replaced by mistake: what it had, or was to have, holds again.
            await revive(session, **about, recipient=new[channel], version=appointment.version)
    if now < appointment.hard_limit_at:
        appointment.notice_settled_at = appointment.notice_flagged_at = None
    await telling.convoke(session, operator, dossier, now=now, hold=timedelta(0), only=changed)
    return changed


def _checked(email: str, phone: str, *, zone: str) -> tuple[str, str]:
    """Both as they are kept. Raises one `InvalidInput` for all that is wrong."""
    problems: list[InvalidInput] = []
    kept: list[str] = []
    wanted: list[Callable[[], str]] = [lambda: checks.email(email), lambda: checks.mobile(phone, zone=zone)]
    for check in wanted:
        try:
            kept.append(check())
        except InvalidInput as problem:
            problems.append(problem)
    if problems:
        raise InvalidInput.of_all(problems)
    return kept[0], kept[1]
