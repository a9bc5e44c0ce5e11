"""The result codes of a conclusion and what each leads to (`DOMAIN.md` §5). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telecontrol.controls.states import Act


class Result(StrEnum):
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    NEEDS_PHYSICAL_EXAMINATION = "needs_physical_examination"
    VIDEO_DECLINED = "video_declined"
    EXCUSED_ABSENCE = "excused_absence"
    UNEXCUSED_ABSENCE = "unexcused_absence"
    CONTROL_REFUSED = "control_refused"
    IDENTITY_NOT_ESTABLISHED = "identity_not_established"
    TECHNICAL_FAILURE = "technical_failure"
    DOCTOR_UNAVAILABLE = "doctor_unavailable"
    IMPOSSIBLE_NOT_ATTRIBUTABLE = "impossible_not_attributable"


class ReportKind(StrEnum):
    UNJUSTIFIED = "unjustified"
    EXAMINATION_IMPOSSIBLE = "examination_impossible"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a result leads to: the act on the control, the report it owes, whether an examination can have taken place."""

    act: Act
    report: ReportKind | None = None
    examination_took_place: bool = False
    report_from_second_time: bool = False
    by_phone: bool = False
    """Whether a doctor may record it when only the phone worked."""
    meets_person: bool = False
    """Whether it says something of a person who was met: without anybody in the call it is not to be had."""
    needs_nobody: bool = False
    """Whether it may be recorded before the hour: nothing of it depends on the insured."""


CONSEQUENCES: dict[Result, Consequence] = {
    Result.JUSTIFIED: Consequence(Act.CONCLUDE, examination_took_place=True, meets_person=True),
    Result.NOT_JUSTIFIED: Consequence(
        Act.CONCLUDE, ReportKind.UNJUSTIFIED, examination_took_place=True, meets_person=True
    ),
    Result.NEEDS_PHYSICAL_EXAMINATION: Consequence(Act.CONCLUDE_IN_PERSON, by_phone=True),
    Result.VIDEO_DECLINED: Consequence(Act.CONCLUDE_IN_PERSON),
    Result.EXCUSED_ABSENCE: Consequence(Act.CONCLUDE_IN_PERSON),
    Result.UNEXCUSED_ABSENCE: Consequence(Act.CONCLUDE, ReportKind.EXAMINATION_IMPOSSIBLE),
    Result.CONTROL_REFUSED: Consequence(Act.CONCLUDE, ReportKind.EXAMINATION_IMPOSSIBLE),
    Result.IDENTITY_NOT_ESTABLISHED: Consequence(
        Act.CONCLUDE_IN_PERSON, ReportKind.EXAMINATION_IMPOSSIBLE, report_from_second_time=True, meets_person=True
    ),
    Result.TECHNICAL_FAILURE: Consequence(Act.CONCLUDE_REBOOK, by_phone=True, needs_nobody=True),
    Result.DOCTOR_UNAVAILABLE: Consequence(Act.CONCLUDE_REBOOK, needs_nobody=True),
    Result.IMPOSSIBLE_NOT_ATTRIBUTABLE: Consequence(Act.CONCLUDE_REBOOK, needs_nobody=True),
}
