"""Another address or number for somebody: what was to reach them by the old one is sent to the new one (`DOMAIN.md` §3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls import checks
from telecontrol.controls.models import Control
from telecontrol.db.journal import Actor, record
from telecontrol.outbox.intents import void
from telecontrol.scheduling import telling
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.models import AppointmentState
from telecontrol.scheduling.operator import Operator


async def change_contact(
    session: AsyncSession, *, operator: Operator, control: Control, email: str, phone: str, actor: Actor, now: datetime
) -> list[str]:
    """Correct the e-mail address and the mobile of a control's insured (`control` locked, its file loaded); which changed.

    A booked appointment is told again on what changed: its notice is judged anew. Raises `InvalidInput` naming the field.
    """
    insured = control.insured
    email = checks.email(email) if email.strip() else ""
    phone = checks.mobile(phone, zone=insured.zone) if phone.strip() else ""
    changed = [name for name, old, new in (("mail", insured.email, email), ("sms", insured.phone, phone)) if old != new]
    if not changed:
        return []
    old = {"mail": insured.email, "sms": insured.phone}
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
    dossier = await current_dossier(session, control)
    if (
        dossier is None
        or dossier.appointment.state is not AppointmentState.BOOKED
        or dossier.appointment.starts_at <= now
    ):
        return changed
    for channel in changed:
        if old[channel]:
            await void(
                session,
                subject_kind=SUBJECT,
                subject_id=dossier.appointment.id,
                recipient=old[channel],
                reason="contact_changed",
                now=now,
            )
    dossier.appointment.notice_settled_at = dossier.appointment.notice_flagged_at = None
    await telling.convoke(session, operator, dossier, now=now, hold=timedelta(0), only=changed)
    return changed
