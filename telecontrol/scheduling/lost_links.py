"""A lost link is replaced: by the number and the birth date on file, to the contact on file and nowhere else."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control, Insured
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor, ActorKind, record
from telecontrol.notify.contexts import LinkAgain
from telecontrol.scheduling.dossier import load_control
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.freeing import current_dossier
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.telling import About, tell_insured

_MOST_AT_ONCE = 3
"""Appointments of one person, with several organisations perhaps, that one request may send links for."""


async def send_link_again(
    session: AsyncSession, operator: Operator, *, phone: str, birth_on: date, now: datetime
) -> int:
    """Queue a message with a fresh link for each appointment of this person whose page is still open; how many.

    `phone` is a mobile in E.164. The person asks for it themselves, so it leaves at once, on every channel on file. Links of
    earlier messages keep working.
    """
    controls = await session.scalars(
        select(Control.id)
        .join(Insured, Insured.id == Control.insured_id)
        .where(Insured.phone == phone, Insured.birth_on == birth_on, Control.state != ControlState.CANCELLED)
        .order_by(Control.requested_at.desc())
        .limit(_MOST_AT_ONCE)
    )
    sent = 0
    for control_id in controls.all():
        dossier = await current_dossier(session, await load_control(session, control_id))
        if dossier is None or now >= dossier.appointment.ends_at + timedelta(days=dossier.rules.link_days_after):
            continue
        # A subject of its own: the message has nothing to do with the version of an appointment, and may be asked for again.
        request_id = uuid.uuid4()
        await tell_insured(session, operator, dossier, LinkAgain, now=now, about=About("lost_link", request_id))
        record(
            session,
            "link.sent_again",
            actor=Actor(ActorKind.INSURED, str(dossier.insured.id), "insured"),
            now=now,
            control_id=control_id,
            subject_kind=SUBJECT,
            subject_id=dossier.appointment.id,
        )
        sent += 1
    return sent
