"""The desk's home: what needs me now, and how long have I got? And the search."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.queries import search
from telecontrol.controls.states import ControlState
from telecontrol.controls.zones import PARIS
from telecontrol.db.journal import record
from telecontrol.errors import Conflict
from telecontrol.tasks.desk import claim, close_tasks, give_back
from telecontrol.tasks.models import Task, TaskKind
from telecontrol.tasks.queries import find_task, open_tasks, queues
from telecontrol.web import dates, paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.pages.desk.rows import ENDS_BY_ITSELF, desk_rows, names_of
from telecontrol.web.rendering import language_of, local_path, see_other, templates_of
from telecontrol.web.staff_door import HandlerDep

pages = APIRouter()

A_PAGE = 50
_TAKEN = mark("{who} a pris cette ligne à {hour} : elle reste à son nom.")


@pages.get(paths.DESK)
async def home(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: ReadingDep,
    now: NowDep,
    queue: Annotated[TaskKind | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    waiting = await queues(session, staff.viewer)
    total = sum(each.count for each in waiting if queue in (None, each.kind))
    pages_there = max(1, -(-total // A_PAGE))
    page = min(page, pages_there)
    tasks = await open_tasks(session, staff.viewer, queue, limit=A_PAGE, skip=(page - 1) * A_PAGE)
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
                "is_current": each.kind is queue,
            }
            for each in waiting
        ],
        queue=str(queue) if queue else "",
        rows=await desk_rows(session, staff, tasks, now=now),
        total=total,
        first=(page - 1) * A_PAGE + 1,
        page=page,
        pages=pages_there,
        pages_href=f"{paths.DESK}?{f'queue={queue}&' if queue else ''}page=",
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
    task = await find_task(session, staff.viewer, task_id, or_done=True)
    back_to = local_path(next, otherwise=paths.DESK)
    if task.done_at is not None:
        return see_other(request, back_to, tone="info", text="Cette tâche est déjà terminée.")
    if back:
        give_back(task, user_id=staff.user.id)
        return see_other(request, back_to)
    try:
        claim(task, user_id=staff.user.id, now=now)
    except Conflict:
        return see_other(request, back_to, tone="warning", text=_TAKEN, **await _taken(request, session, task))
    return see_other(request, back_to)


async def _taken(request: Request, session: AsyncSession, task: Task) -> dict[str, str]:
    """Who has the row in hand, since when: words of `_TAKEN`."""
    assert task.claimed_by is not None
    assert task.claimed_at is not None
    names = await names_of(session, [task.claimed_by])
    translator = templates_of(request).translators[language_of(request)]
    return {"who": names.get(task.claimed_by, ""), "hour": dates.hour(task.claimed_at, translator, zone=PARIS)}


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
