"""What a conclusion would be and lead to, shown before it is signed: made by concluding, then taken back to the last detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.results import ReportKind, Result
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor
from telecontrol.reports.circumstances import Circumstances
from telecontrol.reports.conclusions import conclude
from telecontrol.reports.wording import Audience
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.operator import Operator


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be signed. Instants in UTC."""

    result: Result
    event_at: datetime
    """The fact, from which a report's 48 hours run."""
    examination_took_place: bool
    circumstances: Mapping[str, Any]
    """With the call's own evidence, as `Circumstances.to_json` writes them."""
    control_state: ControlState
    """Where the control goes."""
    report_kind: ReportKind | None
    report_due_at: datetime | None
    told: tuple[Audience, ...]
    """Who reads the result, in administrative words."""


async def preview(
    session: AsyncSession,
    *,
    operator: Operator,
    dossier: Dossier,
    user: StaffUser,
    result: Result,
    circumstances: Circumstances,
    event_at: datetime | None = None,
    by_phone: bool = False,
    close_control: bool = False,
    actor: Actor,
    now: datetime,
) -> Preview:
    """Conclude and take it back. Raises what `conclusions.conclude` raises, so that nothing is refused only at the signature.

    The session lets go of every row it had loaded, `dossier` included: load again what is still needed.
    """
    rules = dossier.rules
    attempt = await session.begin_nested()
    try:
        made = await conclude(
            session,
            operator=operator,
            dossier=dossier,
            user=user,
            result=result,
            circumstances=circumstances,
            event_at=event_at,
            by_phone=by_phone,
            close_control=close_control,
            actor=actor,
            now=now,
        )
        conclusion, report = made.conclusion, made.report
        hears = {
            Audience.INSURED: rules.conclusion_told_to_insured,
            Audience.REQUESTER: rules.requester_told,
            Audience.INSURER: report is not None,
        }
        return Preview(
            result=conclusion.result,
            event_at=conclusion.event_at,
            examination_took_place=conclusion.examination_took_place,
            circumstances=dict(conclusion.circumstances),
            control_state=dossier.control.state,
            report_kind=None if report is None else report.kind,
            report_due_at=None if report is None else report.due_at,
            told=tuple(audience for audience, is_told in hears.items() if is_told),
        )
    finally:
        await attempt.rollback()
        session.expunge_all()
