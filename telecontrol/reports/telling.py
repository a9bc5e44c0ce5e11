"""Who hears of a conclusion or of a report, and when it may leave. The words are `notify`'s."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Procedure
from telecontrol.controls.results import CONSEQUENCES, Result
from telecontrol.controls.states import Act, ControlState
from telecontrol.notify.contexts import ConclusionToInsured, DoctorConclusionDue, DoctorSignatureDue
from telecontrol.reports.models import Conclusion
from telecontrol.scheduling.deadlines import next_open_instant
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.presence import certify, presence_of
from telecontrol.scheduling.requester import Stage, tell_requester
from telecontrol.scheduling.telling import About, tell_doctor, tell_insured
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, Task, TaskKind

_LETTER_WITHIN = timedelta(days=2)
"""A conclusion that goes by letter leaves as soon as a report must (choice)."""
_REVIEW_DAYS = 10
"""Clear days to ask for a review after a suspension (`DOMAIN.md` §3): told, not enforced."""


async def tell_conclusion(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    conclusion: Conclusion,
    *,
    arrived_at: datetime | None,
    now: datetime,
) -> None:
    """The insured hears the conclusion where the procedure allows it, and gets proof of having come when they came; the
    requester hears that there is a result, and which where the procedure allows that.

    To the insured by e-mail only, in the open window: a conclusion does not belong on a lock screen. Who has no address is not
    skipped in silence: the desk sends a letter.
    """
    about = About("conclusion", conclusion.id, conclusion.version)
    leaves = next_open_instant(now, dossier.zone)
    if dossier.rules.conclusion_told_to_insured and not dossier.insured.email:
        await _ask_for_a_letter(session, dossier, now=now)
    elif dossier.rules.conclusion_told_to_insured:
        effect = ""
        if CONSEQUENCES[conclusion.result].act is Act.CONCLUDE and conclusion.result is not Result.JUSTIFIED:
            effect = "benefits" if dossier.control.procedure is Procedure.A else "salary_top_up"
        await tell_insured(
            session,
            operator,
            dossier,
            ConclusionToInsured,
            now=now,
            not_before=leaves,
            mail_only=True,
            about=about,
            result=str(conclusion.result),
            concluded_at=conclusion.event_at,
            effect=effect,
            review_days=_REVIEW_DAYS if effect == "benefits" else 0,
        )
    examined_until = conclusion.event_at if CONSEQUENCES[conclusion.result].examination_took_place else None
    presence = await presence_of(session, dossier, now=now, told_at=arrived_at, examined_until=examined_until)
    failed = conclusion.result is Result.TECHNICAL_FAILURE
    await certify(session, operator, dossier, presence, failed_technically=failed, now=now)
    is_final = dossier.control.state is ControlState.CONCLUDED
    stage = Stage.OPINION_AVAILABLE if is_final else Stage.FIRST_RESULTS
    await tell_requester(session, operator, dossier, stage, result=str(conclusion.result), now=now)


async def tell_over(session: AsyncSession, operator: Operator, dossier: Dossier, *, now: datetime) -> None:
    """The appointment is over and nobody concluded it: somebody who came has their proof now, whenever the doctor concludes."""
    presence = await presence_of(session, dossier, now=now)
    failed = presence is not None and presence.had_technical_problem
    await certify(session, operator, dossier, presence, failed_technically=failed, now=now)


async def _ask_for_a_letter(session: AsyncSession, dossier: Dossier, *, now: datetime) -> None:
    await open_task(
        session,
        TaskKind.CONCLUSION_BY_LETTER,
        subject_kind="control",
        subject_id=dossier.control.id,
        control_id=dossier.control.id,
        organisation_id=dossier.control.organisation_id,
        owner=Owner.HANDLER,
        due_at=now + _LETTER_WITHIN,
        now=now,
    )


async def chase_doctor(
    session: AsyncSession, operator: Operator, dossier: Dossier, task: Task, *, event_at: datetime, now: datetime
) -> None:
    """E-mail the doctor that their signature is missing, or their conclusion where no report waits for one: once per level of
    `task`, with the whole hours since the fact."""
    await tell_doctor(
        session,
        operator,
        dossier,
        DoctorConclusionDue if task.kind is TaskKind.CONTROL_TO_QUALIFY else DoctorSignatureDue,
        now=now,
        about=About("task", task.id, task.level),
        hours=max(0, int((now - event_at).total_seconds() // 3600)),
        due_at=task.due_at,
    )
