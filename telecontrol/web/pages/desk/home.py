"""The desk's home: what needs me now, and how long have I got? And the search."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from starlette.responses import Response

from telecontrol.controls.models import Control
from telecontrol.controls.queries import search, visible
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import record
from telecontrol.tasks.desk import claim, close_tasks, give_back, is_claimed_by_other
from telecontrol.tasks.models import Task, TaskKind
from telecontrol.tasks.queries import find_task, open_tasks, queues
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.rendering import local_path, see_other
from telecontrol.web.staff_door import HandlerDep

pages = APIRouter()

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


@pages.get(paths.DESK)
async def home(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: ReadingDep,
    now: NowDep,
    queue: Annotated[TaskKind | None, Query()] = None,
) -> Response:
    waiting = await queues(session, staff.viewer)
    chosen = queue if any(each.kind is queue for each in waiting) else None
    rows = await _rows(session, staff, await open_tasks(session, staff.viewer, chosen), now=now)
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/home.html",
        place="desk",
        now=now,
        found_queues=waiting,
        queues=[
            {
                "href": f"{paths.DESK}?queue={each.kind}",
                "task": str(each.kind),
                "count": each.count,
                "oldest_at": each.oldest_at,
                "next_due_at": each.next_due_at,
                "is_current": each.kind is chosen,
            }
            for each in waiting
        ],
        queue=str(chosen) if chosen else "",
        rows=rows,
    )


@pages.get(paths.DESK_SEARCH)
async def found(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: ReadingDep,
    now: NowDep,
    q: Annotated[str, Query(max_length=120)] = "",
    state: Annotated[ControlState | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    states = (state,) if state else ()
    result = await search(session, staff.viewer, q, states=states, after=after) if q.strip() or state else None
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/search.html",
        place="search",
        now=now,
        q=q,
        state=str(state) if state else "",
        states=[str(each) for each in ControlState],
        controls=result.controls if result else None,
        after=result.after if result else None,
    )


@pages.post(paths.task("{task_id}", "claim"))
async def claimed(
    request: Request,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    task_id: uuid.UUID,
    next: Annotated[str, Form(max_length=500)] = paths.DESK,  # noqa: A002
    back: Annotated[bool, Query()] = False,
) -> Response:
    """Take a row in hand, or (`back`) return it to its queue. The address says which: pressed twice, it is the same."""
    task = await find_task(session, staff.viewer, task_id)
    if back:
        give_back(task, user_id=staff.user.id)
    else:
        claim(task, user_id=staff.user.id, now=now)
    return see_other(request, local_path(next, otherwise=paths.DESK))


@pages.post(paths.task("{task_id}", "done"))
async def done(
    request: Request,
    staff: HandlerDep,
    session: SessionDep,
    now: NowDep,
    task_id: uuid.UUID,
    next: Annotated[str, Form(max_length=500)] = paths.DESK,  # noqa: A002
) -> Response:
    task = await find_task(session, staff.viewer, task_id, or_done=True)
    back = local_path(next, otherwise=paths.DESK)
    if task.done_at is not None:
        return see_other(request, back, text="C'est noté.")
    if task.kind in ENDS_BY_ITSELF:
        return see_other(
            request, back, tone="warning", text="Cette tâche se termine d'elle-même quand l'acte est fait."
        )
    await close_tasks(session, task.kind, subject_id=task.subject_id, outcome="done", by=str(staff.user.id), now=now)
    record(
        session,
        "task.done",
        actor=staff.actor,
        now=now,
        control_id=task.control_id,
        subject_kind="task",
        subject_id=task.id,
        task=task.kind,
    )
    return see_other(request, back, text="C'est noté.")


async def _rows(
    session: AsyncSession, staff: HandlerDep, tasks: Iterable[Task], *, now: datetime
) -> list[dict[str, Any]]:
    tasks = list(tasks)
    ids = {task.control_id for task in tasks if task.control_id is not None}
    controls = {
        control.id: control
        for control in await session.scalars(
            select(Control)
            .where(Control.id.in_(ids), visible(staff.viewer))
            .options(joinedload(Control.insured), joinedload(Control.organisation))
        )
    }
    return [
        {
            "task": task,
            "control": controls.get(task.control_id) if task.control_id else None,
            "action": _action(task),
            "can_tick": task.kind not in ENDS_BY_ITSELF,
            "is_mine": task.claimed_by == staff.user.id,
            "is_taken": is_claimed_by_other(task, user_id=staff.user.id, now=now),
        }
        for task in tasks
    ]


def _action(task: Task) -> dict[str, str]:
    if task.control_id is None:
        return {"href": "", "code": "look"}
    control_id = str(task.control_id)
    if task.kind in _BOOKS:
        return {"href": paths.control(control_id, "book"), "code": "book"}
    code = {
        TaskKind.ABSENCE_TO_QUALIFY: "answer",
        TaskKind.CONTROL_TO_QUALIFY: "qualify",
        TaskKind.NOTICE_AT_RISK: "mend",
    }
    return {"href": paths.control(control_id), "code": code.get(task.kind, "look")}
