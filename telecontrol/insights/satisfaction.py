"""What the surveys say, told so that nobody can be found in it: no group and no cell under 11 (`DOMAIN.md` §7, PROMISES §4.11).

Only months that are over are told, so that nobody can watch a figure change with one more answer. Months join, oldest first,
until a period holds 11 answers: the periods never overlap and never change afterwards, so that no subtraction of two of them
leaves a handful of people. Everything here but `periods` is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.access import Action, Kind, Who
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.models import Procedure
from telecontrol.insights.models import Favourable, SurveyAnswer
from telecontrol.insights.survey import month_of

SMALLEST = 11
"""People that a figure must stand for."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a period's answers said one thing. `count` is None where it would stand for too few people."""

    name: str
    count: int | None
    percent: int | None


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months of one procedure, with at least 11 answers."""

    procedure: Procedure
    from_on: date
    """First day of its first month."""
    until_on: date
    """First day of its last month."""
    answers: int
    favourable: Sequence[Share]
    satisfaction: Sequence[Share]
    """`good` (4 and 5), `fair` (3), `poor` (1 and 2)."""
    remarks: Sequence[str]
    """Without order: nothing says who wrote which, or when."""


@dataclass(frozen=True, slots=True)
class Told:
    """The periods that can be told, the newest first; and the procedures that have answers not yet told."""

    periods: Sequence[Period]
    waiting: Sequence[Procedure]


def shares(counts: Mapping[str, int]) -> list[Share]:
    """The parts of a whole, with every one under 11 left out; and as many more, the smallest first, as keep what is left out
    from being found by subtraction."""
    total = sum(counts.values())
    hidden = {name for name, count in counts.items() if count < SMALLEST}
    rest = sorted((name for name in counts if name not in hidden), key=lambda name: counts[name])
    while hidden and rest and (len(hidden) == 1 or sum(counts[name] for name in hidden) < SMALLEST):
        hidden.add(rest.pop(0))
    return [
        Share(name, None, None) if name in hidden else Share(name, count, round(100 * count / total))
        for name, count in counts.items()
    ]


def joined_months(answers: Sequence[SurveyAnswer]) -> tuple[list[list[SurveyAnswer]], bool]:
    """Answers of one procedure in periods of whole months holding at least 11; and whether some wait for more to come."""
    months: dict[date, list[SurveyAnswer]] = {}
    for each in answers:
        months.setdefault(each.month_on, []).append(each)
    found: list[list[SurveyAnswer]] = []
    open_period: list[SurveyAnswer] = []
    for month in sorted(months):
        open_period += months[month]
        if len(open_period) >= SMALLEST:
            found.append(open_period)
            open_period = []
    return found, bool(open_period)


async def periods(session: AsyncSession, viewer: Viewer, *, now: datetime) -> Told:
    """What the viewer may hear: a handler of an organisation that organisation's, the operator's staff all of them together.

    Raises `Forbidden` for roles that read no survey. One query.
    """
    viewer.require(Action.READ, Kind.SURVEY)
    seen = [SurveyAnswer.organisation_id == viewer.organisation_id] if viewer.organisation_id else []
    if viewer.role not in (Who.HANDLER, Who.ADMINISTRATOR):
        return Told((), ())
    found = (
        await session.scalars(
            # By their random names: the order in which they were given is told to nobody.
            select(SurveyAnswer).where(SurveyAnswer.month_on < month_of(now), *seen).order_by(SurveyAnswer.id)
        )
    ).all()
    told: list[Period] = []
    waiting: list[Procedure] = []
    for procedure in Procedure:
        groups, has_more = joined_months([each for each in found if each.procedure is procedure])
        told += [_period(procedure, group) for group in groups]
        waiting += [procedure] if has_more else []
    return Told(sorted(told, key=lambda each: (each.until_on, each.procedure), reverse=True), waiting)


def _period(procedure: Procedure, group: Sequence[SurveyAnswer]) -> Period:
    favourable = Counter(str(each.favourable) for each in group)
    satisfaction = Counter(_level(each.satisfaction) for each in group)
    return Period(
        procedure=procedure,
        from_on=min(each.month_on for each in group),
        until_on=max(each.month_on for each in group),
        answers=len(group),
        favourable=shares({str(one): favourable[str(one)] for one in Favourable}),
        satisfaction=shares({name: satisfaction[name] for name in ("good", "fair", "poor")}),
        remarks=[each.remark for each in sorted(group, key=lambda each: each.id) if each.remark],
    )


def _level(satisfaction: int) -> str:
    return "good" if satisfaction >= 4 else "fair" if satisfaction == 3 else "poor"
