"""Timed work of the survey: the invitation, the day after. Whoever has answered meanwhile is not asked again, and whether they
have is looked at only then: a message taken back at the moment of an answer would tell when it was given.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol import log
from telecontrol.controls.policies import Mode
from telecontrol.db.session import Database
from telecontrol.insights.survey import ASKED_OF, asked_among, has_answered, invited_between
from telecontrol.notify.contexts import SurveyInvitation
from telecontrol.outbox.models import Intent
from telecontrol.scheduling.deadlines import next_open_instant
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.telling import About, tell_insured

logger = log.get("insights.sweeps")

INVITATION_SUBJECT = "survey"
_BATCH = 500
_LOOKED_BACK = timedelta(days=5)


async def survey_invitations(database: Database, *, operator: Operator, secret: str, now: datetime) -> int:
    """Write the invitations that are due, once for each appointment; how many appointments were invited or left alone."""
    done = 0
    for appointment_id in await _due(database, now=now):
        try:
            async with database.transaction() as session:
                done += await _invite(session, operator, appointment_id, secret=secret, now=now)
        except Exception:
            # One file with a defect keeps nobody else from being asked; it is met again next time.
            logger.exception("sweep_failed_on_row", appointment_id=str(appointment_id))
    return done


async def _due(database: Database, *, now: datetime) -> list[uuid.UUID]:
    invited = select(Intent.id).where(Intent.subject_kind == INVITATION_SUBJECT, Intent.subject_id == Appointment.id)
    async with database.reading() as session:
        found = await session.scalars(
            select(Appointment)
            .where(
                Appointment.mode == Mode.VIDEO,
                Appointment.state.in_(ASKED_OF),
                Appointment.starts_at > now - _LOOKED_BACK,
                Appointment.starts_at < now - timedelta(hours=10),
                ~invited.exists(),
            )
            .order_by(Appointment.starts_at)
            .limit(_BATCH)
        )
        in_time = [each for each in found if _is_in_time(each, now=now)]
        asked = await asked_among(session, in_time)
    return [each.id for each in in_time if each.id in asked]


def _is_in_time(appointment: Appointment, *, now: datetime) -> bool:
    opens, closes = invited_between(appointment)
    return opens <= now < closes


async def _invite(
    session: AsyncSession, operator: Operator, appointment_id: uuid.UUID, *, secret: str, now: datetime
) -> bool:
    dossier = await load_dossier(session, appointment_id, lock=True)
    if not dossier.rules.survey_invited or not dossier.insured.email:
        return False
    if dossier.appointment.state not in ASKED_OF or await has_answered(session, appointment_id, secret=secret):
        return False
    await tell_insured(
        session,
        operator,
        dossier,
        SurveyInvitation,
        now=now,
        not_before=next_open_instant(now, dossier.zone),
        mail_only=True,
        about=About(INVITATION_SUBJECT, appointment_id),
    )
    return True
