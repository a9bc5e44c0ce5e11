"""Whether the insured was there, from when to when: what the attendance receipt certifies, by e-mail and on the page
(`DOMAIN.md` §4.6). It is the insured's proof: it stands whatever became of the call, and says nothing of a conclusion.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.policies import Mode
from telecontrol.notify.contexts import AttendanceReceipt
from telecontrol.scheduling.attendance import noted
from telecontrol.scheduling.deadlines import next_open_instant
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.telling import About, tell_insured
from telecontrol.video.attendance import attendance

RECEIPT_SUBJECT = "attendance"
"""What a receipt is about in the outbox: one for each appointment, whoever ends it."""


@dataclass(frozen=True, slots=True)
class Presence:
    """That the insured came. Instants in UTC."""

    arrived_at: datetime
    left_at: datetime | None
    """Last sign of them, or the end of the examination; None while the appointment goes on or where nobody noted it."""
    had_technical_problem: bool
    """The call's evidence holds a technical problem, on either side."""


async def presence_of(
    session: AsyncSession,
    dossier: Dossier,
    *,
    now: datetime,
    told_at: datetime | None = None,
    examined_until: datetime | None = None,
) -> Presence | None:
    """From the call's own evidence, from what the doctor noted, and from what a conclusion says; None for nobody seen.

    `told_at` is the arrival that the conclusion holds, `examined_until` its fact. The earliest arrival holds, and the latest
    sign of presence.
    """
    appointment = dossier.appointment
    seen = await attendance(session, subject_id=appointment.id)
    received_at = None if appointment.mode is Mode.VIDEO else (await noted(session, dossier)).received_at
    arrivals = [instant for instant in (seen.arrived_at, received_at, told_at) if instant is not None]
    if not arrivals:
        return None
    arrived_at = min(arrivals)
    is_over = appointment.ended_at is not None or now >= appointment.ends_at
    signs = [instant for instant in (seen.last_seen_at, examined_until) if instant is not None and instant > arrived_at]
    return Presence(arrived_at, max(signs, default=None) if is_over else None, bool(seen.technical_problems))


async def certify(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    presence: Presence | None,
    *,
    failed_technically: bool = False,
    now: datetime,
) -> None:
    """Queue the receipt for somebody who came, in the transaction that ends their appointment; nothing for nobody.

    By e-mail in the open window, by SMS to a person who has no e-mail. A later end of the same appointment queues nothing more.
    """
    if presence is None:
        return
    appointment = dossier.appointment
    await tell_insured(
        session,
        operator,
        dossier,
        AttendanceReceipt,
        now=now,
        not_before=next_open_instant(now, dossier.zone),
        mail_only=bool(dossier.insured.email),
        about=About(RECEIPT_SUBJECT, appointment.id, 1),
        arrived_at=presence.arrived_at,
        left_at=presence.left_at,
        failed_technically=failed_technically,
        has_survey=appointment.mode is Mode.VIDEO,
    )


async def earlier_appointments(session: AsyncSession, dossier: Dossier) -> list[uuid.UUID]:
    """The other appointments of the same control that have ended, the latest first: somebody may have come to one of them."""
    found = await session.scalars(
        select(Appointment.id)
        .where(
            Appointment.control_id == dossier.control.id,
            Appointment.id != dossier.appointment.id,
            Appointment.ended_at.is_not(None),
        )
        .order_by(Appointment.starts_at.desc())
        .limit(5)
    )
    return list(found)
