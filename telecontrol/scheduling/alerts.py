"""An alert: a task plus an e-mail to its owner's role, once per level of the task (PROMISES, words)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.notify import contexts
from telecontrol.outbox.intents import enqueue
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.message_facts import letterhead
from telecontrol.scheduling.operator import Operator
from telecontrol.tasks.models import Task

_USEFUL_FOR = timedelta(days=2)


async def alert_desk(session: AsyncSession, operator: Operator, dossier: Dossier, task: Task, *, now: datetime) -> None:
    """E-mail the handlers who see this control that `task` needs one of them now: once per level of the task."""
    context = contexts.DeskAlert(
        **letterhead(operator, dossier),
        task=task.kind,
        reference=dossier.control.reference,
        due_at=task.due_at,
        raised_at=now,
        level=max(task.level, 1),
        link=f"{operator.public_url}/desk/controls/{dossier.control.id}",
    )
    for address in await desk_addresses(session, dossier.control.organisation_id):
        await enqueue(
            session,
            sealer=operator.messages,
            target="mail",
            subject_kind="task",
            subject_id=task.id,
            version=max(task.level, 1),
            kind=context.KIND,
            channel="mail",
            recipient=address,
            language="fr",
            context=context.to_json(),
            now=now,
            not_before=now,
            not_after=now + _USEFUL_FOR,
            deadline_at=task.due_at or now,
            organisation_id=dossier.control.organisation_id,
            control_id=dossier.control.id,
        )


async def desk_addresses(session: AsyncSession, organisation_id: uuid.UUID) -> Sequence[str]:
    """The active handlers who see an organisation's controls: its own and the operator's."""
    found = await session.scalars(
        select(StaffUser.email)
        .where(
            StaffUser.role == Role.HANDLER,
            StaffUser.is_active,
            (StaffUser.organisation_id.is_(None)) | (StaffUser.organisation_id == organisation_id),
        )
        .order_by(StaffUser.email)
    )
    return found.all()
