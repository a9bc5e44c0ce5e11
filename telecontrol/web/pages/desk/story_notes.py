"""What stands in small under a line of a control's story: why, as what, on which channel."""

from __future__ import annotations

from collections.abc import Mapping

from telecontrol.reports.timeline import Entry
from telecontrol.web.i18n import Translator, mark
from telecontrol.web.wording import TABLES, wording

DECISION_KINDS: Mapping[str, str] = {
    "told_in_person": mark("Prévenu de vive voix"),
    "letter_with_proof": mark("Lettre avec preuve de date"),
    "other_address": mark("Autre adresse ou numéro"),
}
_CANCELLED: Mapping[str, str] = {
    "doctor_unavailable": mark("Médecin indisponible"),
    "request_withdrawn": mark("Demande retirée"),
    "technical": mark("Raison technique"),
    "cannot_come": mark("L'assuré ne pouvait pas venir"),
}
_ANSWERED: Mapping[str, str] = {
    "keep": mark("Le rendez-vous est maintenu"),
    "excuse": mark("Absence excusée : à convoquer sur place"),
}
_COUNTS: Mapping[bool, str] = {True: mark("La convocation compte"), False: mark("La convocation ne compte pas")}


def note_of(entry: Entry, translator: Translator) -> str:
    """ "E-mail · Prévenu de vive voix · appel du 2 mars"; empty where there is nothing to add."""
    values = entry.values
    parts = [_chosen(entry)]
    if entry.code == "appointment.absence_announced" and values.get("reason") in TABLES["cannot_come"]:
        parts.append(wording("cannot_come", values["reason"]).text)
    if entry.code == "appointment.qualified" and values.get("qualification") in TABLES["result"]:
        parts.append(wording("result", values["qualification"]).text)
    if values.get("interpreter") in TABLES["interpreter"]:
        language = translator.plain(wording("interpreter", values["interpreter"]).text)
        parts.append(translator.plain("Interprète demandé : {language}.", language=language))
    if entry.code == "preparation.saved" and values.get("has_companion"):
        parts.append(mark("Quelqu'un vient avec l'assuré."))
    channels = values.get("channels")
    if entry.code == "notice.decided":
        channels = [values.get("channel")]
    if isinstance(channels, list):
        known = [channel for channel in channels if channel in TABLES["channel"]]
        parts.append(", ".join(translator.plain(wording("channel", channel).text) for channel in known))
    if entry.code == "appointment.booked" and values.get("waived"):
        parts.append(mark("L'assuré a renoncé au délai de deux jours"))
    said = [translator.plain(part) for part in parts if part]
    # What somebody typed is theirs: it is neither translated nor filled in.
    return " · ".join([*said, entry.said] if entry.said else said)


def _chosen(entry: Entry) -> str:
    """The sentence of what was chosen from a list."""
    match entry.code:
        case "appointment.cancelled_by_service":
            return _CANCELLED.get(entry.values.get("reason", ""), "")
        case "appointment.absence_answered":
            return _ANSWERED.get(entry.values.get("decision", ""), "")
        case "notice.decided":
            return DECISION_KINDS.get(entry.values.get("kind", ""), "")
        case "notice.decided_after_limit":
            return _COUNTS[bool(entry.values.get("counts"))]
    return ""
