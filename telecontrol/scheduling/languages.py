"""The language that the insured chose on their page: messages come in it from then on, those that wait to leave included."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.db.journal import Actor, record
from telecontrol.outbox.contents import open_context, seal_context
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.message_facts import mandate_of
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.telling import channels_of


async def choose_language(
    session: AsyncSession, *, operator: Operator, dossier: Dossier, language: str, actor: Actor, now: datetime
) -> bool:
    """Keep the language that somebody chose by pressing its button; whether it changed. `dossier` is loaded with `lock=True`."""
    insured = dossier.insured
    if insured.language == language:
        return False
    record(
        session,
        "insured.language_chosen",
        actor=actor,
        now=now,
        control_id=dossier.control.id,
        subject_kind="insured",
        subject_id=insured.id,
        before=insured.language,
        language=language,
    )
    insured.language = language
    await _translate_waiting(session, operator, dossier)
    return True


async def _translate_waiting(session: AsyncSession, operator: Operator, dossier: Dossier) -> None:
    """What is queued for this person and was never tried, the eve's reminder above all, is told in their language."""
    waiting = await session.scalars(
        select(Intent)
        .where(
            Intent.control_id == dossier.control.id,
            Intent.recipient.in_([recipient for _, recipient in channels_of(dossier)]),
            Intent.state == IntentState.PENDING,
            Intent.attempts_made == 0,
        )
        .with_for_update()
    )
    for intent in waiting:
        values = open_context(intent.id, intent.context_sealed, operator.messages)
        if "mandate" in values:
            values["mandate"] = mandate_of(dossier)
        intent.language = dossier.insured.language
        intent.context_sealed = seal_context(intent.id, values, operator.messages)
