"""Free slots over the API: what is listed can be booked."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.api_keys import Scope
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.queries import find_control
from telecontrol.scheduling.agenda_rows import Search
from telecontrol.scheduling.booking import require_bookable
from telecontrol.scheduling.conditions import check_known_year, checked_mode
from telecontrol.scheduling.deadlines import first_bookable_start
from telecontrol.scheduling.free import all_offers
from telecontrol.web.api.bodies import PROBLEMS, SlotList, SlotOut
from telecontrol.web.api.door import key_with
from telecontrol.web.api.times import Instant
from telecontrol.web.dependencies import NowDep, ReadingDep

routes = APIRouter(tags=["slots"], responses=PROBLEMS)
_HORIZON = timedelta(days=28)


@routes.get("/slots")
async def slots(
    viewer: Annotated[Viewer, Depends(key_with(Scope.SLOTS_READ))],
    session: ReadingDep,
    now: NowDep,
    control_id: uuid.UUID,
    mode: Mode | None = None,
    doctor_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
    from_at: Annotated[Instant | None, Query(alias="from", description="By default, the first possible start.")] = None,
    until_at: Annotated[Instant | None, Query(alias="until", description="By default, four weeks later.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> SlotList:
    """Free slots for a control, soonest first: only those whose convocation can still leave in time.

    409 `wrong_state` for a control that can be neither booked nor moved, with its `state`; `already_begun` while its
    appointment has begun; 422 `mode_not_allowed` or `in_person_needed` for a mode in which it cannot be booked: an empty list
    would say that nothing is free."""
    control = await find_control(session, viewer, control_id)
    await require_bookable(session, control, now=now)
    first = first_bookable_start(now, ZoneInfo(control.insured.zone), hold=timedelta(0))
    for name, bound in (("from", from_at), ("until", until_at)):
        if bound is not None:
            check_known_year(bound, field=name)
    start = first if from_at is None else max(first, from_at)
    until = start + _HORIZON if until_at is None else min(until_at, start + _HORIZON)
    found = await fresh_slots(
        session, control, mode=mode, first_at=start, last_at=until, limit=limit, doctor_id=doctor_id, site_id=site_id
    )
    return SlotList(slots=found, first_possible_at=first)


async def fresh_slots(
    session: AsyncSession,
    control: Control,
    *,
    mode: Mode | None,
    first_at: datetime,
    last_at: datetime,
    limit: int,
    doctor_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
) -> list[SlotOut]:
    """Slots of a control as the API gives them. Raises `InvalidInput` for a mode in which it cannot be booked."""
    rules = Rules.from_json(control.policy.rules)
    mode = checked_mode(control, rules, mode)
    if last_at < first_at:
        return []
    sites = () if site_id is None else (site_id,)
    search = Search(control, rules, mode, first_at, last_at, doctor_id, sites)
    return [
        SlotOut(**{name: value for name, value in asdict(offer).items() if name in SlotOut.model_fields})
        for offer in await all_offers(session, search, limit=limit)
    ]
