"""What every page of the desk shows around its content."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.tasks.queries import Queue, queues
from telecontrol.web.dependencies import RuntimeDep
from telecontrol.web.rendering import language_of, operator_brand, page
from telecontrol.web.staff_door import Staff


async def desk_page(
    request: Request,
    runtime: RuntimeDep,
    session: AsyncSession,
    staff: Staff,
    template: str,
    *,
    place: str,
    now: datetime,
    found_queues: list[Queue] | None = None,
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a page of the desk; the rail counts what is open."""
    waiting = await queues(session, staff.viewer) if found_queues is None else found_queues
    late = any(queue.next_due_at is not None and queue.next_due_at < now for queue in waiting)
    counts = {"desk": {"number": sum(queue.count for queue in waiting), "is_late": late}}
    return page(
        request,
        template,
        now=now,
        status=status,
        language=language_of(request, preferred=staff.user.language),
        operator=operator_brand(runtime),
        viewer=staff.for_layout(),
        place=place,
        counts=counts,
        **context,
    )
