"""Procedure policies A, B and C: what a procedure allows and owes, as versioned data.

The figures that time rules need (notice, reminder, report) have their own frozen policies beside the rules that use them
(`scheduling.deadlines`, `reports.deadlines`); here stands what differs between procedures (`DOMAIN.md` §2, §5).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Procedure, ProcedurePolicy
from telecontrol.errors import InvalidInput, NotFound


class Mode(StrEnum):
    """How an appointment is held."""

    VIDEO = "video"
    SURGERY = "surgery"
    HOME = "home"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of a procedure's rules. Durations in minutes."""

    modes: tuple[Mode, ...]
    """Modes that may be booked."""
    default_mode: Mode
    legal_basis: str
    length_minutes: int = 20
    buffer_minutes: int = 10
    """Kept free after an appointment, for the doctor's notes."""
    in_person_length_minutes: int = 30
    step_minutes: int = 10
    """Distance between two offered starts."""
    undo_hold_minutes: int = 2
    """Invitations booked by a person wait this long, so that a slip can be undone (choice)."""
    decline_grace_minutes: int = 30
    """A declined slot is held this long, at most until the start (choice)."""
    waiting_minutes: int = 15
    """Waiting time after the scheduled start before an absence is a fact (choice)."""
    doctor_chased_minutes: int = 3
    """How long after the start an insured waits for an absent doctor before the doctor and the desk are told (choice)."""
    join_opens_minutes: int = 15
    moves_by_insured: int = 1
    in_person_choices: int = 3
    birth_date_tries: int = 5
    link_days_after: int = 30
    report_48h: bool = True
    report_when_not_attributable: bool = False
    """Whether *impossible, not attributable to the insured* owes a report when the control closes."""
    conclusion_told_to_insured: bool = True
    requester_told: bool = False
    """Whether the requester hears the administrative conclusion (B, C)."""
    survey_invited: bool = True
    """Whether an e-mail the day after a video appointment asks the two questions of the survey (choice)."""
    identity_failures_before_report: int = 2

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.length_minutes)

    def length_of(self, mode: Mode) -> timedelta:
        minutes = self.length_minutes if mode in (Mode.VIDEO, Mode.PHONE) else self.in_person_length_minutes
        return timedelta(minutes=minutes)

    @property
    def buffer(self) -> timedelta:
        return timedelta(minutes=self.buffer_minutes)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "modes": [str(mode) for mode in self.modes]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Rules:
        """Raises `InvalidInput` naming the field that is unknown, missing or out of range."""
        try:
            rules = cls(
                **{
                    **values,
                    "modes": tuple(Mode(mode) for mode in values["modes"]),
                    "default_mode": Mode(values["default_mode"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"policy rules: {error}", field="rules") from error
        _check(rules)
        return rules


def _check(rules: Rules) -> None:
    for name, value in asdict(rules).items():
        if name.endswith("_minutes") and not (isinstance(value, int) and 0 <= value <= 24 * 60):
            raise InvalidInput(f"{name} must be whole minutes, 0 to 1440", field=name)
    if rules.default_mode not in rules.modes:
        raise InvalidInput("the default mode is not among the allowed ones", field="default_mode")
    if not rules.length_minutes or not rules.in_person_length_minutes or not rules.step_minutes:
        raise InvalidInput("lengths and step must be at least one minute", field="length_minutes")


_A = Rules(
    modes=(Mode.VIDEO, Mode.SURGERY),
    default_mode=Mode.VIDEO,
    legal_basis="Code de la sécurité sociale, art. L315-1, L315-2, R315-2-2",
)

# Procedures B and C also know visits at home: they are arranged by telephone with the doctor, and no policy offers them
# here until they can be recorded.
FIRST_VERSIONS: dict[Procedure, Rules] = {
    Procedure.A: _A,
    Procedure.B: replace(
        _A,
        modes=(Mode.SURGERY,),
        default_mode=Mode.SURGERY,
        legal_basis="Code du travail, art. L1226-1, R1226-10 à R1226-12 (décret 2024-692)",
        report_when_not_attributable=True,
        requester_told=True,
    ),
    Procedure.C: replace(
        _A,
        modes=(Mode.SURGERY,),
        default_mode=Mode.SURGERY,
        legal_basis="Décret 87-602, art. 15 ; décret 88-386",
        report_when_not_attributable=True,
        requester_told=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A version as the domain uses it."""

    procedure: Procedure
    version: int
    rules: Rules = field()


def as_policy(row: ProcedurePolicy) -> Policy:
    return Policy(row.procedure, row.version, Rules.from_json(row.rules))


async def seed_policies(session: AsyncSession, *, valid_from_on: date) -> None:
    """Add the first version of each procedure that has none."""
    for procedure, rules in FIRST_VERSIONS.items():
        known = await session.scalar(select(ProcedurePolicy.id).where(ProcedurePolicy.procedure == procedure).limit(1))
        if known is None:
            session.add(
                ProcedurePolicy(procedure=procedure, version=1, valid_from_on=valid_from_on, rules=rules.to_json())
            )
    await session.flush()


async def current_policy(session: AsyncSession, procedure: Procedure, *, on: date) -> ProcedurePolicy:
    """The version in force on a day: the newest whose first day has come. Raises `NotFound` when there is none."""
    row: ProcedurePolicy | None = await session.scalar(
        select(ProcedurePolicy)
        .where(ProcedurePolicy.procedure == procedure, ProcedurePolicy.valid_from_on <= on)
        .order_by(ProcedurePolicy.valid_from_on.desc(), ProcedurePolicy.version.desc())
        .limit(1)
    )
    if row is None:
        raise NotFound(f"no policy in force for procedure {procedure}", code="no_policy")
    return row


async def add_version(
    session: AsyncSession, procedure: Procedure, rules: Rules, *, valid_from_on: date
) -> ProcedurePolicy:
    """Add the next version of a procedure's rules; older controls keep theirs."""
    _check(rules)
    last = await session.scalar(
        select(ProcedurePolicy.version)
        .where(ProcedurePolicy.procedure == procedure)
        .order_by(ProcedurePolicy.version.desc())
        .limit(1)
    )
    row = ProcedurePolicy(
        procedure=procedure, version=(last or 0) + 1, valid_from_on=valid_from_on, rules=rules.to_json()
    )
    session.add(row)
    await session.flush()
    return row
