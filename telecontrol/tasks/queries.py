"""Reading tasks: the queues of the desk, and one queue's rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.viewer import Viewer
from telecontrol.errors import NotFound
from telecontrol.tasks.models import Owner, Task, TaskKind


@dataclass(frozen=True, slots=True)
class Queue:
    """Open tasks of one kind: how many, since when the oldest waits, when the first is due (aware, UTC)."""

    kind: TaskKind
    count: int
    oldest_at: datetime
    next_due_at: datetime | None


def visible(viewer: Viewer, *, owner: Owner, or_done: bool = False) -> Sequence[ColumnElement[bool]]:
    """The conditions that keep a query over open tasks (`or_done`: over all) to the viewer's. Raises `NotFound` for who has
    no tasks at all."""
    if not viewer.may(Action.READ, Kind.TASK):
        raise NotFound("no such page")
    conditions: list[ColumnElement[bool]] = [Task.owner == owner]
    if not or_done:
        conditions.append(Task.done_at.is_(None))
    if viewer.organisation_id is not None:
        conditions.append(Task.organisation_id == viewer.organisation_id)
    return conditions


BOOKINGS = frozenset({TaskKind.CONTROL_TO_BOOK, TaskKind.IN_PERSON_TO_BOOK})
"""The desk's steady work: hundreds may wait for weeks. Whatever else stands in a queue went wrong, or has somebody waiting
for an answer, and comes before them."""


async def queues(session: AsyncSession, viewer: Viewer, *, owner: Owner = Owner.HANDLER) -> list[Queue]:
    """Every queue that holds something, the most pressing first."""
    rows = await session.execute(
        select(Task.kind, func.count(), func.min(Task.created_at), func.min(Task.due_at))
        .where(*visible(viewer, owner=owner))
        .group_by(Task.kind)
    )
    found = [Queue(*row) for row in rows]
    return sorted(
        found,
        key=lambda queue: (
            queue.kind in BOOKINGS,
            queue.next_due_at is None,
            queue.next_due_at or queue.oldest_at,
            queue.kind,
        ),
    )


async def open_tasks(
    session: AsyncSession,
    viewer: Viewer,
    kind: TaskKind | None = None,
    *,
    owner: Owner = Owner.HANDLER,
    limit: int = 100,
    skip: int = 0,
) -> list[Task]:
    """The tasks of a queue, or of all, the most pressing first, without the first `skip`."""
    wanted = [Task.kind == kind] if kind is not None else []
    found = await session.scalars(
        select(Task)
        .where(*visible(viewer, owner=owner), *wanted)
        .order_by(Task.kind.in_(BOOKINGS), Task.due_at.is_(None), Task.due_at, Task.created_at, Task.id)
        .offset(skip)
        .limit(limit)
    )
    return list(found)


async def of_control(session: AsyncSession, viewer: Viewer, control_id: uuid.UUID) -> list[Task]:
    """What a human must do about one control now, whoever's task it is."""
    visible(viewer, owner=Owner.HANDLER)
    found = await session.scalars(
        select(Task)
        .where(or_(Task.control_id == control_id, Task.subject_id == control_id), Task.done_at.is_(None))
        .order_by(Task.due_at.is_(None), Task.due_at)
    )
    return list(found)


async def find_task(session: AsyncSession, viewer: Viewer, task_id: uuid.UUID, *, or_done: bool = False) -> Task:
    """An open task of the viewer's desk, or one that is done already, locked. Raises `NotFound`."""
    seen = visible(viewer, owner=Owner.HANDLER, or_done=or_done)
    task = await session.scalar(select(Task).where(Task.id == task_id, *seen).with_for_update())
    if task is None:
        raise NotFound("no such task", code="task_not_found")
    return task
