"""Versions of the procedures' rules as administrators read and add them. A version is never changed: controls keep the one
they began under (`DOMAIN.md` §2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Procedure, ProcedurePolicy
from telecontrol.controls.policies import Mode, Rules, add_version, as_policy
from telecontrol.db.journal import Actor, JournalEntry, record
from telecontrol.errors import InvalidInput

FURTHEST_AHEAD = timedelta(days=2 * 366)
LONGEST_BASIS = 300


@dataclass(frozen=True, slots=True)
class Figure:
    """A whole number of the rules, and between what it makes sense (choice): a slip of the keyboard is outside."""

    name: str
    least: int
    most: int


FIGURES = (
    Figure("length_minutes", 5, 180),
    Figure("buffer_minutes", 0, 120),
    Figure("in_person_length_minutes", 5, 240),
    Figure("step_minutes", 5, 120),
    Figure("undo_hold_minutes", 0, 60),
    Figure("decline_grace_minutes", 0, 240),
    Figure("waiting_minutes", 1, 120),
    Figure("doctor_chased_minutes", 0, 60),
    Figure("join_opens_minutes", 1, 120),
    Figure("moves_by_insured", 0, 10),
    Figure("in_person_choices", 0, 10),
    Figure("birth_date_tries", 1, 10),
    Figure("link_days_after", 1, 365),
    Figure("identity_failures_before_report", 1, 10),
)
SWITCHES = (
    "report_48h",
    "report_when_not_attributable",
    "conclusion_told_to_insured",
    "requester_told",
    "survey_invited",
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version with its rules, who added it and when (nothing for those that came with the service), and what it changed."""

    row: ProcedurePolicy
    rules: Rules
    added_at: datetime | None
    changes: Mapping[str, tuple[Any, Any]]
    """Each value that differs from the version before: name → (before, now)."""


async def versions_of(session: AsyncSession, procedure: Procedure) -> list[Version]:
    """Every version of a procedure's rules, the newest first. Two queries."""
    rows = list(
        await session.scalars(
            select(ProcedurePolicy)
            .where(ProcedurePolicy.procedure == procedure)
            .order_by(ProcedurePolicy.version.desc())
        )
    )
    lines = await session.execute(
        select(JournalEntry.subject_id, JournalEntry.at).where(
            JournalEntry.action == _ADDED, JournalEntry.subject_id.in_([str(row.id) for row in rows])
        )
    )
    added = {row.subject_id: row.at for row in lines}
    rules = [as_policy(row).rules for row in rows]
    earlier: Sequence[Rules | None] = [*rules[1:], None]
    return [
        Version(row, now, added.get(str(row.id)), differences(before, now) if before else {})
        for row, now, before in zip(rows, rules, earlier, strict=True)
    ]


_ADDED = "policy.added"


def in_force(versions: Sequence[Version], *, on: date) -> Version | None:
    """The one that a control requested on that day would begin under, as `current_policy` finds it."""
    begun = [each for each in versions if each.row.valid_from_on <= on]
    return max(begun, key=lambda each: (each.row.valid_from_on, each.row.version), default=None)


def differences(before: Rules, now: Rules) -> dict[str, tuple[Any, Any]]:
    """The values that differ: name → (before, now)."""
    old, new = asdict(before), asdict(now)
    return {name: (old[name], new[name]) for name in new if old[name] != new[name]}


def read_rules(typed: Mapping[str, str], modes: Sequence[str]) -> Rules:
    """Rules from a form: text by name, the ticked modes, and the ticked switches (any text). Pure.

    Raises `InvalidInput` naming every field at fault.
    """
    problems: list[InvalidInput] = []
    values: dict[str, Any] = {}
    for figure in FIGURES:
        try:
            values[figure.name] = _whole(typed.get(figure.name, ""), figure)
        except InvalidInput as problem:
            problems.append(problem)
    values |= {name: bool(typed.get(name)) for name in SWITCHES}
    known = [mode for mode in Mode if str(mode) in modes]
    if not known:
        problems.append(InvalidInput("choose a mode", field="modes", code="mode_missing"))
    if Mode.VIDEO in known and Mode.SURGERY not in known:
        # Whoever declines video is offered an appointment in person: without that mode nobody could book it.
        problems.append(InvalidInput("video goes with in person", field="modes", code="in_person_missing"))
    default = next((mode for mode in known if str(mode) == typed.get("default_mode", "")), None)
    if known and default is None:
        problems.append(InvalidInput("one of the chosen modes", field="default_mode", code="default_not_allowed"))
    basis = " ".join(typed.get("legal_basis", "").split())
    if not 0 < len(basis) <= LONGEST_BASIS:
        problems.append(
            InvalidInput(
                "a legal basis of 1 to 300 characters",
                field="legal_basis",
                code="too_long" if basis else "value_missing",
                most=LONGEST_BASIS,
            )
        )
    if problems or default is None:
        raise InvalidInput.of_all(problems)
    return Rules(modes=tuple(known), default_mode=default, legal_basis=basis, **values)


def _whole(text: str, figure: Figure) -> int:
    given = text.strip()
    if not given:
        raise InvalidInput("a value is needed", field=figure.name, code="value_missing")
    if not (given.isascii() and given.isdigit() and len(given) <= 5 and figure.least <= int(given) <= figure.most):
        raise InvalidInput(
            f"a whole number from {figure.least} to {figure.most}",
            field=figure.name,
            code="figure_out_of_range",
            least=figure.least,
            most=figure.most,
        )
    return int(given)


async def publish(
    session: AsyncSession,
    procedure: Procedure,
    rules: Rules,
    *,
    valid_from_on: date,
    today: date,
    actor: Actor,
    now: datetime,
) -> ProcedurePolicy:
    """Add a version that holds for the controls requested from a day on, at the earliest `today` (a day of Paris).

    The same rules from the same day twice are one version. Raises `InvalidInput` (field `valid_from_on`), and with code
    `nothing_changed` where the rules are those already in force on that day.
    """
    if valid_from_on < today:
        raise InvalidInput("not before today", field="valid_from_on", code="day_past")
    if valid_from_on > today + FURTHEST_AHEAD:
        raise InvalidInput("at most two years ahead", field="valid_from_on", code="day_too_far")
    # The rows are taken so that two who publish at the same time follow one another.
    await session.execute(select(ProcedurePolicy.id).where(ProcedurePolicy.procedure == procedure).with_for_update())
    known = await versions_of(session, procedure)
    standing = in_force(known, on=valid_from_on)
    if standing is not None and standing.rules == rules:
        if standing.row.valid_from_on == valid_from_on and standing.added_at is not None:
            return standing.row
        raise InvalidInput("these rules hold already", field="rules", code="nothing_changed")
    row = await add_version(session, procedure, rules, valid_from_on=valid_from_on)
    record(
        session,
        _ADDED,
        actor=actor,
        now=now,
        subject_kind="policy",
        subject_id=row.id,
        procedure=procedure,
        version=row.version,
        valid_from_on=valid_from_on.isoformat(),
        changed=sorted(differences(standing.rules, rules)) if standing else [],
    )
    return row
