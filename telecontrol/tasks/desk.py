"""Opening, claiming and closing tasks."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.errors import Conflict
from telecontrol.tasks.models import Owner, Task, TaskKind


async def open_task(
    session: AsyncSession,
    kind: TaskKind,
    *,
    subject_kind: str,
    subject_id: uuid.UUID,
    owner: Owner,
    now: datetime,
    control_id: uuid.UUID | None = None,
    organisation_id: uuid.UUID | None = None,
    doctor_id: uuid.UUID | None = None,
    due_at: datetime | None = None,
    level: int = 0,
    **detail: Any,
) -> Task:
    """The open task of this kind on this subject, made if there is none; an earlier due time and a higher level win."""
    task = await find_open(session, kind, subject_id=subject_id)
    if task is None:
        task = Task(
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            control_id=control_id,
            organisation_id=organisation_id,
            owner=owner,
            doctor_id=doctor_id,
            created_at=now,
            due_at=due_at,
            level=level,
            detail=detail,
        )
        session.add(task)
        await session.flush()
        return task
    task.level = max(task.level, level)
    if due_at is not None and (task.due_at is None or due_at < task.due_at):
        task.due_at = due_at
    if detail:
        task.detail = {**task.detail, **detail}
    return task


async def find_open(session: AsyncSession, kind: TaskKind, *, subject_id: uuid.UUID) -> Task | None:
    found: Task | None = await session.scalar(
        select(Task).where(Task.kind == kind, Task.subject_id == subject_id, Task.done_at.is_(None))
    )
    return found


async def close_tasks(
    session: AsyncSession,
    *kinds: TaskKind,
    subject_id: uuid.UUID,
    outcome: str,
    by: str,
    now: datetime,
) -> int:
    """Close the open tasks of these kinds on a subject; how many there were."""
    closed = await session.execute(
        update(Task)
        .where(Task.kind.in_(kinds), Task.subject_id == subject_id, Task.done_at.is_(None))
        .values(done_at=now, done_by=by, outcome=outcome)
        .execution_options(synchronize_session="fetch")
    )
    return int(closed.rowcount)  # type: ignore[attr-defined]


CLAIM_HOLDS = timedelta(minutes=20)
"""A claim that its handler forgot stops keeping others away after this (choice)."""


def is_claimed_by_other(task: Task, *, user_id: uuid.UUID, now: datetime) -> bool:
    """Whether another handler has this row in hand now."""
    return (
        task.claimed_by is not None
        and task.claimed_by != user_id
        and task.claimed_at is not None
        and now - task.claimed_at < CLAIM_HOLDS
    )


def claim(task: Task, *, user_id: uuid.UUID, now: datetime) -> None:
    """Take a task in hand; a second time only renews it. Raises `Conflict` when another handler has it."""
    if is_claimed_by_other(task, user_id=user_id, now=now):
        raise Conflict("another handler has this in hand", code="task_claimed")
    task.claimed_by, task.claimed_at = user_id, now


def give_back(task: Task, *, user_id: uuid.UUID) -> None:
    """Put a task that one has in hand back into its queue; one that is not one's own stays as it is."""
    if task.claimed_by == user_id:
        task.claimed_by = task.claimed_at = None
