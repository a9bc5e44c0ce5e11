"""What a handler is told when an act was refused: that nothing was recorded, and what is to be mended or who was first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telecontrol.errors import Conflict, InvalidInput
from telecontrol.reports.timeline import Entry
from telecontrol.web import dates
from telecontrol.web.i18n import Translator, mark
from telecontrol.web.pages.desk.words import told

_SAID: Mapping[str, str] = {
    "reason_missing": mark("Écrivez le motif."),
    "medical_word": mark("Ce motif est lu hors du service médical : écrivez-le sans mot médical."),
    "too_long": mark("Ce texte est trop long : 300 signes au plus."),
    "email_malformed": mark("L'adresse e-mail n'est pas complète ou contient un signe de trop : vérifiez-la."),
    "too_late_to_undo": mark("La visioconférence ne peut plus être reprise."),
    "too_late_to_decline": mark("Il est trop tard pour enregistrer un refus : le rendez-vous est fini."),
    "doctor_qualifies": mark("Le rendez-vous a commencé : le médecin qualifie l'absence."),
    "already_begun": mark(
        "Le rendez-vous a commencé : il ne s'annule plus. Le médecin conclut, ou vous qualifiez une fois l'heure passée."
    ),
    "limit_past": mark("La limite de la convocation est passée."),
    "control_over": mark("Ce contrôle est fini : plus rien ne part."),
}
_PHONE = mark("Ce numéro ne peut pas recevoir de SMS : vérifiez-le.")
_MISSING = mark("Il manque quelque chose, ou ce choix n'est pas possible.")
_CHANGED = mark("La situation a changé entre-temps. Voici où en sont les choses.")
_SOMEBODY = mark("Entre-temps, {at}, {who} : {what}.")
_BY_ITSELF = mark("Entre-temps, {at} : {what}.")
_MEANWHILE: Mapping[str, Sequence[str]] = {
    "qualify": ("appointment.qualified", "conclusion.signed"),
    "absence": ("appointment.absence_answered", "appointment.absence_withdrawn", "appointment.declined"),
    "cancel": ("appointment.cancelled_by_service", "appointment.declined", "appointment.released"),
    "cancel_control": ("control.cancel", "conclusion.signed"),
    "decline": ("appointment.declined", "appointment.cancelled_by_service"),
    "undo": ("appointment.decline_undone", "appointment.booked", "appointment.freed_after_refusal"),
    "notice_mail": ("notice.decided", "appointment.released", "appointment.moved"),
    "notice_sms": ("notice.decided", "appointment.released", "appointment.moved"),
    "notice_counts": ("notice.decided_after_limit", "conclusion.signed"),
    "report": ("report.sent_again", "report.signed"),
}
"""Which lines of the story may say why a form no longer fits."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused act: the form it came from, its code, the fields at fault, and what had been typed."""

    form: str
    code: str
    is_conflict: bool
    fields: tuple[str, ...] = ()
    typed: Mapping[str, str] | None = None

    @classmethod
    def of(cls, form: str, error: Conflict | InvalidInput, *, typed: Mapping[str, str] | None = None) -> Refused:
        problems = error.details.get("problems") or [{"field": getattr(error, "field", None)}]
        fields = tuple(each["field"] for each in problems if each["field"])
        return cls(form, error.code, isinstance(error, Conflict), fields, typed)


def words_of(refused: Refused, story: Sequence[Entry], translator: Translator, *, zone: str) -> dict[str, Any]:
    """The notice at the top of the page (`text`, and `typed` when what was written has no form any more), and the sentence
    of each field at fault."""
    fields = {name: translator.plain(_of_field(refused, name)) for name in refused.fields}
    if refused.is_conflict and refused.code not in _SAID:
        text = _who_was_first(refused, story, translator, zone=zone)
    else:
        sentences = [*fields.values()] or [translator.plain(_SAID.get(refused.code, _MISSING))]
        text = " ".join(sentences)
    lost = (refused.typed or {}).get("reason", "") if refused.is_conflict else ""
    return {"text": text, "typed": lost, "fields": fields}


def _of_field(refused: Refused, name: str) -> str:
    if refused.form == "contact":
        return _PHONE if name == "phone" else _SAID["email_malformed"]
    return _SAID.get(refused.code, _MISSING)


def _who_was_first(refused: Refused, story: Sequence[Entry], translator: Translator, *, zone: str) -> str:
    entry = next((each for each in reversed(story) if each.code in _MEANWHILE.get(refused.form, ())), None)
    if entry is None:
        return translator.plain(_CHANGED)
    shown = told(entry, translator, zone=zone)
    at = dates.stamp(entry.at, translator, zone=zone)
    what = f"{shown['text']} ({shown['note']})" if shown["note"] else shown["text"]
    if shown["who"]:
        return translator.plain(_SOMEBODY, at=at, who=shown["who"], what=what)
    return translator.plain(_BY_ITSELF, at=at, what=what)
