"""The story of a control in words a colleague understands a year later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from telecontrol.reports.timeline import Entry
from telecontrol.web import dates
from telecontrol.web.i18n import Translator, mark
from telecontrol.web.pages.desk.story_notes import note_of
from telecontrol.web.wording import TABLES, wording

# code → (sentence, drawing, tone). Values of an entry fill the sentence.
_TOLD: dict[str, tuple[str, str, str]] = {
    "control.requested": (mark("Contrôle demandé"), "inbox", ""),
    "control.opened_for_booking": (mark("Prêt à planifier"), "calendar-plus", ""),
    "control.release": (mark("Revenu à planifier"), "calendar-plus", ""),
    "control.excuse_absence": (mark("À convoquer sur place"), "geo-alt", ""),
    "control.end_without_conclusion": (mark("Terminé sans conclusion : à qualifier"), "pencil-square", "warning"),
    "control.conclude": (mark("Contrôle conclu"), "check-circle", "success"),
    "control.conclude_rebook": (mark("À planifier de nouveau"), "calendar-plus", ""),
    "control.conclude_in_person": (mark("À convoquer sur place"), "geo-alt", ""),
    "control.report": (mark("Rapport transmis"), "send-check", "success"),
    "control.close": (mark("Contrôle clos"), "archive", ""),
    "control.cancel": (mark("Contrôle annulé"), "x-circle", ""),
    "appointment.booked": (mark("Rendez-vous réservé pour le {starts_at}"), "calendar-check", "info"),
    "appointment.moved": (mark("Rendez-vous déplacé du {before} au {starts_at}"), "arrow-right-circle", "info"),
    "appointment.declined": (mark("Visioconférence refusée ; créneau gardé jusqu'au {hold_until}"), "geo-alt", ""),
    "appointment.freed_after_refusal": (mark("Créneau refusé libéré"), "calendar-x", ""),
    "appointment.decline_undone": (
        mark("Refus retiré : le rendez-vous est maintenu"),
        "arrow-counterclockwise",
        "info",
    ),
    "appointment.absence_announced": (mark("Absence annoncée"), "question-circle", "warning"),
    "appointment.absence_withdrawn": (mark("Absence annoncée retirée"), "arrow-counterclockwise", "info"),
    "appointment.came_after_all": (
        mark("L'assuré est arrivé : l'absence annoncée est retirée"),
        "box-arrow-in-right",
        "info",
    ),
    "appointment.absence_answered": (mark("Réponse donnée à l'absence annoncée"), "check2", ""),
    "appointment.released": (mark("Rendez-vous libéré : convocation incomplète à la limite"), "calendar-x", "warning"),
    "appointment.cancelled_by_service": (mark("Rendez-vous annulé par le service"), "x-circle", ""),
    "appointment.admitted": (mark("Le médecin a fait entrer l'assuré"), "camera-video", "info"),
    "appointment.doctor_awaited": (
        mark("L'assuré attend, le médecin n'est pas là : médecin prévenu"),
        "person-x",
        "danger",
    ),
    "appointment.delay_announced": (mark("Retard annoncé"), "clock", ""),
    "appointment.over": (mark("Heure passée sans conclusion"), "pencil-square", "warning"),
    "appointment.attended": (mark("Le rendez-vous a eu lieu"), "check-circle", "success"),
    "appointment.not_attended": (mark("Le rendez-vous n'a pas eu lieu"), "dash-circle", ""),
    "appointment.qualified": (mark("Absence qualifiée"), "check2", ""),
    "appointment.received": (mark("Assuré reçu sur place"), "check-circle", "info"),
    "appointment.document_shown": (mark("Pièce d'identité présentée"), "person-vcard", ""),
    "appointment.call_made": (mark("Appel téléphonique du médecin"), "telephone", ""),
    "appointment.technical_problem": (mark("Problème technique constaté"), "wifi-off", "warning"),
    "preparation.saved": (mark("L'assuré a préparé son rendez-vous"), "list-check", ""),
    "link.code_sent": (mark("Code envoyé pour ouvrir la page"), "key", ""),
    "link.forgiven": (mark("Essais redonnés pour ouvrir la page"), "key", ""),
    "notice.settled": (mark("Convocation complète"), "check-circle", "success"),
    "notice.flagged": (mark("Convocation incertaine"), "envelope-exclamation", "warning"),
    "notice.decided": (mark("Décision consignée pour la convocation"), "pen", ""),
    "notice.decided_after_limit": (mark("Décision consignée après la limite"), "pen", ""),
    "notice.bounced_after_limit": (mark("Message revenu après la limite"), "envelope-x", "warning"),
    "reminder.accepted": (mark("Rappel parti"), "send-check", ""),
    "reminder.not_needed": (mark("Rappel inutile : convocation reçue la veille"), "bell-slash", ""),
    "reminder.missed": (mark("Rappel manqué"), "bell-slash", "warning"),
    "conclusion.signed": (mark("Conclusion signée : {result}"), "pen", "success"),
    "report.drafted": (mark("Rapport préparé"), "file-earmark-text", ""),
    "report.signed": (mark("Rapport signé"), "pen", ""),
    "report.sent_again": (mark("Rapport renvoyé à l'assureur, version {version}"), "arrow-repeat", ""),
    "report.replaced": (mark("Rapport refusé remplacé par la version {replaced_by}"), "archive", ""),
    "report.acknowledged": (mark("Rapport reçu par l'assureur"), "send-check", "success"),
    "report.refused": (mark("Rapport refusé par l'assureur"), "exclamation-octagon", "danger"),
    "report.withdrawn": (mark("Rapport retiré"), "archive", ""),
    "report.breached": (mark("Délai de 48 heures dépassé"), "alarm-fill", "danger"),
    "insured.language_chosen": (mark("L'assuré a choisi la langue de ses messages"), "translate", ""),
    "insured.contact_changed": (mark("Coordonnées corrigées"), "pen", ""),
    "insured.address_refused": (mark("Adresse ou numéro refusé par le prestataire"), "envelope-x", "warning"),
    "link.sent_again": (mark("Lien renvoyé à l'assuré"), "link-45deg", ""),
    "link.blocked": (
        mark("Trop de dates de naissance ou de codes faux : l'assuré doit appeler"),
        "slash-circle",
        "warning",
    ),
    "task.done": (mark("Tâche terminée : {task}"), "check2", ""),
    "message.accepted": (mark("{message} : accepté par le prestataire"), "send", ""),
    "message.delivered": (mark("{message} : remis"), "check-circle", "success"),
    "message.undelivered": (mark("{message} : non remis"), "envelope-x", "warning"),
    "message.failed": (mark("{message} : échec"), "envelope-x", "warning"),
    "message.retried": (mark("{message} : nouvel essai demandé"), "arrow-repeat", ""),
    "message.revived": (mark("{message} : remis en file"), "arrow-repeat", ""),
    "message.waived": (mark("{message} : abandonné, motif consigné"), "dash-circle", ""),
    "call.arrived": (mark("Arrivée dans la salle d'attente"), "box-arrow-in-right", "info"),
    "call.admitted": (mark("Entrée en consultation"), "camera-video", "info"),
    "call.media_flowing": (mark("Image et son établis"), "camera-video-fill", "success"),
    "appointment.doctor_not_seen": (
        mark("Le médecin n'a pas été vu dans la salle jusqu'à la fin de l'attente"),
        "person-x",
        "warning",
    ),
    "call.left": (mark("Départ de la visioconférence"), "box-arrow-right", ""),
    "call.technical_problem": (mark("Problème technique pendant l'appel"), "wifi-off", "warning"),
}
MESSAGE_KINDS: dict[str, str] = {
    "invitation": mark("Invitation"),
    "reminder": mark("Rappel"),
    "change": mark("Changement d'horaire"),
    "cancellation": mark("Annulation"),
    "release": mark("Annulation sans faute"),
    "in_person_convocation": mark("Convocation sur place"),
    "refusal_receipt": mark("Reçu du choix"),
    "refusal_freed": mark("Créneau libéré"),
    "refusal_undone": mark("Visioconférence maintenue"),
    "cannot_come_receipt": mark("Reçu d'absence annoncée"),
    "appointment_kept": mark("Rendez-vous maintenu"),
    "access_code": mark("Code pour ouvrir la page"),
    "attendance_receipt": mark("Attestation de présence"),
    "conclusion_to_insured": mark("Conclusion à l'assuré"),
    "doctor_booked": mark("Au médecin : réservé"),
    "doctor_moved": mark("Au médecin : déplacé"),
    "doctor_cancelled": mark("Au médecin : annulé"),
    "doctor_declined_freed": mark("Au médecin : créneau libéré"),
    "doctor_insured_waiting": mark("Au médecin : assuré en attente"),
    "doctor_signature_due": mark("Au médecin : signature attendue"),
    "doctor_conclusion_due": mark("Au médecin : conclusion attendue"),
    "desk_alert": mark("Alerte au bureau"),
    "requester_status": mark("Suivi au demandeur"),
    "link_again": mark("Lien renvoyé"),
    "survey_invitation": mark("Enquête de satisfaction"),
    "desk_digest": mark("Résumé au bureau"),
    "report_48h": mark("Rapport de 48 heures"),
}
_WHO = {
    "insured": mark("l'assuré"),
    "staff": mark("un membre du service"),
    "api": mark("le logiciel de l'organisme"),
    "provider": mark("le prestataire"),
    "doctor": mark("le médecin"),
}


def message_name(kind: str, channel: str, translator: Translator) -> str:
    """ "Invitation, SMS"."""
    name = translator.plain(MESSAGE_KINDS.get(kind.removesuffix(".again"), kind))
    return f"{name}, {translator.plain(wording('channel', channel).text)}"


def told(entry: Entry, translator: Translator, *, zone: str) -> dict[str, Any]:
    """An entry as the timeline's macro shows it."""
    sentence, drawing, tone = _TOLD.get(entry.code, (entry.code, "dot", ""))
    return {
        "at": entry.at,
        "text": translator.plain(sentence, **_values(entry, translator, zone)) if entry.code in _TOLD else entry.code,
        "icon": drawing,
        "tone": tone,
        "who": translator.plain(_WHO[entry.who]) if entry.who in _WHO else entry.who,
        "note": note_of(entry, translator),
    }


def _values(entry: Entry, translator: Translator, zone: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name in ("starts_at", "before", "hold_until"):
        if name in entry.values and entry.code.startswith("appointment."):
            values[name] = dates.stamp(datetime.fromisoformat(entry.values[name]), translator, zone=zone)
    if "kind" in entry.values and "channel" in entry.values:
        values["message"] = message_name(entry.values["kind"], entry.values["channel"], translator)
    if entry.values.get("result") in TABLES["result"]:
        values["result"] = translator.plain(wording("result", entry.values["result"]).text)
    if entry.values.get("task") in TABLES["task"]:
        values["task"] = translator.plain(wording("task", entry.values["task"]).text)
    for name in ("version", "replaced_by"):
        if entry.values.get(name) is not None:
            values[name] = str(entry.values[name])
    return values
