"""The rows of the desk: each task with its person, its appointment, its next act, and who has it in hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Control
from telecontrol.controls.queries import visible
from telecontrol.scheduling.queries import latest_appointments
from telecontrol.tasks.desk import is_claimed_by_other
from telecontrol.tasks.models import Task, TaskKind
from telecontrol.web import paths
from telecontrol.web.staff_door import Staff

_BOOKS = frozenset({TaskKind.CONTROL_TO_BOOK, TaskKind.IN_PERSON_TO_BOOK, TaskKind.NOTICE_RELEASED})
ENDS_BY_ITSELF = frozenset(
    {
        TaskKind.CONTROL_TO_BOOK,
        TaskKind.IN_PERSON_TO_BOOK,
        TaskKind.ABSENCE_TO_QUALIFY,
        TaskKind.CONTROL_TO_QUALIFY,
        TaskKind.NOTICE_AT_RISK,
        TaskKind.SIGNATURE_DUE,
        TaskKind.REPORT_DUE,
        TaskKind.REPORT_OVERDUE,
    }
)
"""Tasks that only the act they ask for ends; the others are ticked off by whoever dealt with them."""
_CODES = {
    TaskKind.ABSENCE_TO_QUALIFY: "answer",
    TaskKind.CONTROL_TO_QUALIFY: "qualify",
    TaskKind.NOTICE_AT_RISK: "mend",
}


async def desk_rows(
    session: AsyncSession, staff: Staff, tasks: Iterable[Task], *, now: datetime
) -> list[dict[str, Any]]:
    """What the table shows of `tasks`, in their order. Three queries, whatever their number."""
    tasks = list(tasks)
    ids = {task.control_id for task in tasks if task.control_id is not None}
    found = await session.scalars(
        select(Control)
        .where(Control.id.in_(ids), visible(staff.viewer))
        .options(joinedload(Control.insured), joinedload(Control.organisation))
    )
    controls = {control.id: control for control in found}
    appointments = await latest_appointments(session, controls)
    taken = {task.id for task in tasks if is_claimed_by_other(task, user_id=staff.user.id, now=now)}
    names = await names_of(session, [task.claimed_by for task in tasks if task.id in taken and task.claimed_by])
    return [
        {
            "task": task,
            "control": controls.get(task.control_id) if task.control_id else None,
            # What is to be booked has no appointment that matters: a former one would only mislead.
            "appointment": appointments.get(task.control_id) if task.control_id and task.kind not in _BOOKS else None,
            "action": _action(task),
            "can_tick": task.kind not in ENDS_BY_ITSELF,
            "is_mine": task.claimed_by == staff.user.id,
            "taken_by": names.get(task.claimed_by, "") if task.id in taken and task.claimed_by else None,
        }
        for task in tasks
    ]


async def names_of(session: AsyncSession, user_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of colleagues, by id."""
    ids = set(user_ids)
    if not ids:
        return {}
    rows = await session.execute(select(StaffUser.id, StaffUser.display_name).where(StaffUser.id.in_(ids)))
    return {row.id: row.display_name for row in rows}


def _action(task: Task) -> dict[str, str]:
    if task.control_id is None:
        return {"href": "", "code": "look"}
    control_id = str(task.control_id)
    if task.kind in _BOOKS:
        return {"href": paths.control(control_id, "book"), "code": "book"}
    return {"href": paths.control(control_id), "code": _CODES.get(task.kind, "look")}
