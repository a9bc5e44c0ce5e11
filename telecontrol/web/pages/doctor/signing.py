"""The conclusion's form, what is shown before the signature, and what was signed, as templates know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telecontrol.controls.policies import Mode
from telecontrol.controls.results import CONSEQUENCES, Result
from telecontrol.reports.circumstances import REMARK_LENGTH, Circumstances, IdentityDocument
from telecontrol.reports.models import Conclusion
from telecontrol.reports.preview import Preview
from telecontrol.reports.wording import Audience, label, sentence
from telecontrol.scheduling.dossier import Dossier
from telecontrol.web.i18n import mark, typeset
from telecontrol.web.pages.doctor.frame import is_elsewhere
from telecontrol.web.pages.doctor.scene import Scene

_USUAL = (
    Result.JUSTIFIED,
    Result.NOT_JUSTIFIED,
    Result.NEEDS_PHYSICAL_EXAMINATION,
    Result.TECHNICAL_FAILURE,
    Result.IDENTITY_NOT_ESTABLISHED,
    Result.CONTROL_REFUSED,
    Result.VIDEO_DECLINED,
    Result.EXCUSED_ABSENCE,
    Result.DOCTOR_UNAVAILABLE,
    Result.IMPOSSIBLE_NOT_ATTRIBUTABLE,
)
"""In the order of the list, which is that of the keys: 1 to 9, then 0. An unexcused absence has its own place."""
_ONLY_BY_VIDEO = (Result.NEEDS_PHYSICAL_EXAMINATION, Result.VIDEO_DECLINED)
_DOCUMENT_KEYS = {
    IdentityDocument.NATIONAL_CARD: "c",
    IdentityDocument.PASSPORT: "p",
    IdentityDocument.RESIDENCE_PERMIT: "t",
    IdentityDocument.DRIVING_LICENCE: "d",
    IdentityDocument.OTHER: "a",
    # "n" is the next appointment's.
    IdentityDocument.NOT_SHOWN: "r",
}
WHO_READS = {
    Audience.INSURED: mark("L'assuré lit"),
    Audience.REQUESTER: mark("L'organisme demandeur lit"),
    Audience.INSURER: mark("L'assureur lit, dans le rapport"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds, as it was typed."""

    result: str = ""
    document: str = ""
    remark: str = ""
    by_phone: bool = False
    close_control: bool = False
    seen: bool = False
    """The doctor states that they saw the person, of whom no call is recorded."""
    waited_how: str = ""
    """How the doctor states that they waited, where the service did not see it."""
    field: str = ""
    """The field that stands in the way, if any."""
    code: str = ""


def form_parts(scene: Scene, draft: Draft | None, *, language: str) -> dict[str, Any]:
    """The form as it stands: what was typed, else what was noted."""
    mode = scene.dossier.appointment.mode
    offered = [result for result in _USUAL if mode is Mode.VIDEO or result not in _ONLY_BY_VIDEO]
    typed = draft or Draft(document=scene.noted.document, result=scene.proposed)
    return {
        "results": [
            {
                "value": str(result),
                "label": typeset(label(result, language=language), language=language),
                "key": str((number + 1) % 10),
                "by_phone": CONSEQUENCES[result].by_phone or Mode.PHONE in scene.dossier.rules.modes,
            }
            for number, result in enumerate(offered)
        ],
        "documents": [{"value": str(kind), "key": key} for kind, key in _DOCUMENT_KEYS.items()],
        "result": typed.result,
        "document": typed.document or scene.noted.document,
        "remark": typed.remark,
        "remark_length": REMARK_LENGTH,
        "by_phone": typed.by_phone,
        "close_control": typed.close_control,
        "may_be_by_phone": mode is Mode.VIDEO,
        "may_be_unrecorded": mode is Mode.VIDEO and scene.facts.admitted_at is None,
        "seen": typed.seen,
        "error_field": typed.field,
    }


def review_parts(
    seen: Preview,
    draft: Draft,
    dossier: Dossier,
    *,
    language: str,
    now: datetime,
    refused: bool = False,
    wait_seconds: int = 0,
) -> dict[str, Any]:
    """What is about to be signed, with what each reader will read. The hidden fields say the same again."""
    return {
        **_told(seen.result, language),
        "zone": dossier.appointment.zone,
        "names_zone": is_elsewhere(dossier.appointment.zone, dossier.doctor.zone, now),
        "event_at": seen.event_at,
        "examination_took_place": seen.examination_took_place,
        "by_phone": draft.by_phone,
        "circumstances": told_circumstances(dict(seen.circumstances)),
        "control_state": str(seen.control_state),
        "report_kind": None if seen.report_kind is None else str(seen.report_kind),
        "report_due_at": seen.report_due_at,
        "readers": _readers(seen.result, seen.told, language),
        "fields": {
            "result": str(seen.result),
            "identity_document": draft.document,
            "remark": draft.remark,
            **({"by_phone": "1"} if draft.by_phone else {}),
            **({"close_control": "1"} if draft.close_control else {}),
            **({"seen": "1"} if draft.seen else {}),
            **({"waited_how": draft.waited_how} if draft.waited_how else {}),
            **({} if seen.result is Result.UNEXCUSED_ABSENCE else {"event_at": seen.event_at.isoformat()}),
        },
        "is_refused": refused,
        "wait_seconds": wait_seconds,
    }


def signed_parts(conclusion: Conclusion, dossier: Dossier, *, language: str) -> dict[str, Any]:
    """A conclusion that was signed."""
    return {
        **_told(conclusion.result, language),
        "zone": dossier.doctor.zone,
        "event_at": conclusion.event_at,
        "signed_at": conclusion.signed_at,
        "examination_took_place": conclusion.examination_took_place,
        "by_phone": conclusion.by_phone,
        "circumstances": told_circumstances(conclusion.circumstances),
        "control_state": str(dossier.control.state),
    }


def told_circumstances(values: dict[str, Any]) -> dict[str, Any]:
    """Circumstances as they are kept (`Circumstances.to_json`), with instants again."""
    names = {"arrived_at", "admitted_at", "announced_absent_at", "waited_from", "waited_until", "intercom_rung_at"}
    names |= {"passage_notice_left_at"}
    several = {"calls_made_at", "technical_problem_at"}
    told = {name: values.get(name) for name in Circumstances.__dataclass_fields__}
    for name in names:
        told[name] = datetime.fromisoformat(str(told[name])) if told[name] else None
    for name in several:
        told[name] = [datetime.fromisoformat(each) for each in told[name] or []]
    return told


def _told(result: Result, language: str) -> dict[str, Any]:
    return {"result": str(result), "label": typeset(label(result, language=language), language=language)}


def _readers(result: Result, told: tuple[Audience, ...], language: str) -> list[dict[str, str]]:
    return [
        {"who": WHO_READS[audience], "text": typeset(sentence(result, audience, language=language), language=language)}
        for audience in told
    ]
