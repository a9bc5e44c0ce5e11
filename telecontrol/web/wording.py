"""The words, the tone and the shape of every code that pages show: states, results, tasks, channels.

A state is told three ways at once, by its word, by its drawing and by its colour; `danger` (red) is for what is late or lost
and for nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from telecontrol.web.i18n import mark


class Wording(NamedTuple):
    """`tone`: neutral, info, success, warning, danger or accent. `icon`: a name of assets/icons.txt."""

    text: str
    tone: str = "neutral"
    icon: str = "dot"


W = Wording

CONTROL_STATE = {
    "requested": W(mark("Demandé"), "neutral", "inbox"),
    "taken_in_charge": W(mark("Pris en charge"), "info", "person-check"),
    "to_book": W(mark("À planifier"), "accent", "calendar-plus"),
    "booked": W(mark("Planifié"), "info", "calendar-check"),
    "in_person_to_book": W(mark("Sur place à planifier"), "accent", "geo-alt"),
    "absence_to_qualify": W(mark("Absence annoncée"), "warning", "question-circle"),
    "to_qualify": W(mark("À qualifier"), "warning", "pencil-square"),
    "concluded": W(mark("Conclu"), "success", "check-circle"),
    "reported": W(mark("Rapport transmis"), "success", "send-check"),
    "closed": W(mark("Clos"), "neutral", "archive"),
    "cancelled": W(mark("Annulé"), "neutral", "x-circle"),
}
APPOINTMENT_STATE = {
    "held": W(mark("Visio refusée, créneau gardé"), "warning", "hourglass-split"),
    "booked": W(mark("Réservé"), "info", "calendar-check"),
    "released": W(mark("Libéré faute de convocation à temps"), "neutral", "calendar-x"),
    "moved": W(mark("Déplacé"), "neutral", "arrow-right-circle"),
    "cancelled_by_service": W(mark("Annulé par le service"), "neutral", "x-circle"),
    "declined_by_insured": W(mark("Sur place préféré par l'assuré"), "neutral", "geo-alt"),
    "in_progress": W(mark("En cours"), "accent", "camera-video"),
    "over": W(mark("Terminé sans conclusion"), "warning", "pencil-square"),
    "attended": W(mark("A eu lieu"), "success", "check-circle"),
    "not_attended": W(mark("N'a pas eu lieu"), "neutral", "dash-circle"),
}
RESULT = {
    "justified": W(mark("Arrêt justifié"), "success", "check-circle"),
    "not_justified": W(mark("Arrêt non justifié"), "warning", "exclamation-circle"),
    "needs_physical_examination": W(mark("Rendez-vous sur place nécessaire"), "info", "geo-alt"),
    "video_declined": W(mark("Rendez-vous sur place préféré"), "info", "geo-alt"),
    "excused_absence": W(mark("Absence excusée"), "neutral", "calendar-x"),
    "unexcused_absence": W(mark("Absence au rendez-vous"), "warning", "person-dash"),
    "control_refused": W(mark("Contrôle refusé"), "warning", "slash-circle"),
    "identity_not_established": W(mark("Identité non établie"), "warning", "person-vcard"),
    "technical_failure": W(mark("Problème technique"), "neutral", "wifi-off"),
    "doctor_unavailable": W(mark("Médecin indisponible"), "neutral", "person-x"),
    "impossible_not_attributable": W(mark("Contrôle impossible, sans faute de l'assuré"), "neutral", "dash-circle"),
}
REPORT_KIND = {
    "unjustified": W(mark("Arrêt non justifié"), "warning", "exclamation-circle"),
    "examination_impossible": W(mark("Examen impossible"), "warning", "slash-circle"),
}
REPORT_STATE = {
    "drafted": W(mark("À signer"), "accent", "pen"),
    "signed": W(mark("Signé, en cours d'envoi"), "info", "send"),
    "acknowledged": W(mark("Reçu par l'assureur"), "success", "send-check"),
    "refused": W(mark("Refusé par l'assureur"), "danger", "exclamation-octagon"),
    "withdrawn": W(mark("Retiré"), "neutral", "archive"),
}
TASK = {
    "control_to_book": W(mark("À planifier"), "accent", "calendar-plus"),
    "in_person_to_book": W(mark("Rendez-vous sur place à planifier"), "accent", "geo-alt"),
    "absence_to_qualify": W(mark("Absences annoncées à traiter"), "warning", "question-circle"),
    "control_to_qualify": W(mark("Contrôles à qualifier"), "warning", "pencil-square"),
    "notice_at_risk": W(mark("Convocations incertaines"), "warning", "envelope-exclamation"),
    "notice_released": W(mark("Rendez-vous libérés faute de convocation"), "warning", "calendar-x"),
    "reminder_missed": W(mark("Rappels manqués"), "warning", "bell-slash"),
    "bounce_after_limit": W(mark("Message revenu après la limite"), "warning", "envelope-x"),
    "message_late": W(mark("Messages en danger de retard"), "warning", "hourglass-split"),
    "message_failed": W(mark("Messages non partis"), "danger", "envelope-x"),
    "target_paused": W(mark("Envois suspendus"), "danger", "pause-circle"),
    "signature_due": W(mark("Signatures attendues"), "warning", "pen"),
    "report_due": W(mark("Rapports à transmettre"), "warning", "hourglass-split"),
    "report_overdue": W(mark("Rapports en retard"), "danger", "alarm"),
    "report_refused": W(mark("Rapports refusés par l'assureur"), "danger", "exclamation-octagon"),
    "doctor_unavailable": W(mark("Médecin indisponible"), "warning", "person-x"),
    "one_channel_only": W(mark("Un seul moyen de joindre la personne"), "warning", "telephone-x"),
    "conclusion_by_letter": W(mark("Conclusions à envoyer par courrier"), "accent", "mailbox"),
}
TASK_ONE = {
    **TASK,
    "control_to_book": W(mark("À planifier"), "accent", "calendar-plus"),
    "in_person_to_book": W(mark("À convoquer sur place"), "accent", "geo-alt"),
    "absence_to_qualify": W(mark("Absence annoncée"), "warning", "question-circle"),
    "control_to_qualify": W(mark("À qualifier"), "warning", "pencil-square"),
    "notice_at_risk": W(mark("Convocation incertaine"), "warning", "envelope-exclamation"),
    "conclusion_by_letter": W(mark("Conclusion à envoyer par courrier"), "accent", "mailbox"),
    "notice_released": W(mark("Libéré faute de convocation"), "warning", "calendar-x"),
    "reminder_missed": W(mark("Rappel manqué"), "warning", "bell-slash"),
    "message_late": W(mark("Message en danger de retard"), "warning", "hourglass-split"),
    "message_failed": W(mark("Message non parti"), "danger", "envelope-x"),
    "target_paused": W(mark("Envois suspendus"), "danger", "pause-circle"),
    "signature_due": W(mark("Signature attendue"), "warning", "pen"),
    "report_due": W(mark("Rapport à transmettre"), "warning", "hourglass-split"),
    "report_overdue": W(mark("Rapport en retard"), "danger", "alarm"),
    "report_refused": W(mark("Rapport refusé par l'assureur"), "danger", "exclamation-octagon"),
}
"""The same for one task, where `TASK` names a queue."""
MESSAGE_STATE = {
    "pending": W(mark("À envoyer"), "neutral", "clock"),
    "sending": W(mark("Envoi en cours"), "info", "send"),
    "unsettled": W(mark("Envoi incertain, preuve attendue"), "warning", "question-circle"),
    "accepted": W(mark("Accepté par le prestataire"), "success", "check-circle"),
    "failed": W(mark("Échec : à traiter"), "danger", "exclamation-octagon"),
    "cancelled": W(mark("Annulé avant envoi"), "neutral", "x-circle"),
    "waived": W(mark("Non envoyé, motif consigné"), "neutral", "dash-circle"),
}
ATTEMPT_STATE = {
    "open": W(mark("Tentative en cours"), "info", "send"),
    "accepted": W(mark("Accepté"), "success", "check-circle"),
    "rejected_temporary": W(mark("Refus passager"), "warning", "arrow-repeat"),
    "rejected_permanent": W(mark("Refus définitif"), "danger", "exclamation-octagon"),
    "ambiguous": W(mark("Sans réponse claire"), "warning", "question-circle"),
}
DELIVERY_STATE = {
    "unknown": W(mark("Remise inconnue"), "neutral", "dash-circle"),
    "queued": W(mark("En file chez le prestataire"), "info", "clock"),
    "sent": W(mark("Parti"), "info", "send"),
    "delivered": W(mark("Remis"), "success", "check-circle"),
    "undelivered": W(mark("Non remis"), "danger", "exclamation-octagon"),
    "failed": W(mark("Échec de remise"), "danger", "exclamation-octagon"),
}
CHANNEL = {
    "mail": W(mark("E-mail"), "neutral", "envelope"),
    "sms": W(mark("SMS"), "neutral", "phone"),
    "post": W(mark("Courrier"), "neutral", "mailbox"),
    "insurer": W(mark("Assureur"), "neutral", "building"),
    "webhook": W(mark("Liaison informatique"), "neutral", "diagram-3"),
}
MODE = {
    "video": W(mark("Visioconférence"), "neutral", "camera-video"),
    "surgery": W(mark("Sur place"), "neutral", "geo-alt"),
    "home": W(mark("À domicile"), "neutral", "house"),
    "phone": W(mark("Téléphone"), "neutral", "telephone"),
}
PROCEDURE = {
    "A": W(mark("Télécontrôle"), "neutral", "camera-video"),
    "B": W(mark("Contre-visite"), "neutral", "briefcase"),
    "C": W(mark("Contrôle d'un agent public"), "neutral", "bank"),
}
ROLE = {
    "handler": W(mark("Gestion"), "neutral", "person-workspace"),
    "doctor": W(mark("Médecin"), "neutral", "clipboard2-pulse"),
    "administrator": W(mark("Administration"), "neutral", "gear"),
}
CANNOT_COME = {
    "care_appointment": W(mark("J'ai un autre rendez-vous que je ne peux pas déplacer")),
    "travel": W(mark("Je ne serai pas joignable à cette heure")),
    "no_equipment": W(mark("Je n'ai ni téléphone, ni tablette, ni ordinateur avec caméra, ou pas de connexion")),
    "other_obligation": W(mark("J'ai une obligation familiale ou administrative")),
    "back_at_work": W(mark("J'ai repris le travail")),
    "other": W(mark("Une autre raison")),
}
IDENTITY_DOCUMENT = {
    "not_shown": W(mark("Non présentée")),
    "national_card": W(mark("Carte d'identité")),
    "passport": W(mark("Passeport")),
    "residence_permit": W(mark("Titre de séjour")),
    "driving_licence": W(mark("Permis de conduire")),
    "other": W(mark("Autre pièce avec photo")),
}
HOLIDAY = {
    "new_year": W(mark("Jour de l'An")),
    "good_friday": W(mark("Vendredi saint")),
    "easter_monday": W(mark("Lundi de Pâques")),
    "labour_day": W(mark("Fête du Travail")),
    "victory_1945": W(mark("Victoire de 1945")),
    "ascension": W(mark("Ascension")),
    "whit_monday": W(mark("Lundi de Pentecôte")),
    "national_day": W(mark("Fête nationale")),
    "assumption": W(mark("Assomption")),
    "all_saints": W(mark("Toussaint")),
    "armistice_1918": W(mark("Armistice de 1918")),
    "christmas": W(mark("Noël")),
    "saint_stephen": W(mark("Saint-Étienne")),
    "abolition_of_slavery": W(mark("Abolition de l'esclavage")),
}
DEVICE = {
    "ready": W(mark("Matériel testé, tout fonctionne"), "success", "check-circle"),
    "problem": W(mark("Problème lors du test"), "warning", "exclamation-triangle"),
    "untested": W(mark("Matériel non testé"), "neutral", "dash-circle"),
}

TABLES: Mapping[str, Mapping[str, Wording]] = {
    "control_state": CONTROL_STATE,
    "appointment_state": APPOINTMENT_STATE,
    "result": RESULT,
    "report_kind": REPORT_KIND,
    "report_state": REPORT_STATE,
    "task": TASK,
    "task_one": TASK_ONE,
    "message_state": MESSAGE_STATE,
    "attempt_state": ATTEMPT_STATE,
    "delivery_state": DELIVERY_STATE,
    "channel": CHANNEL,
    "mode": MODE,
    "procedure": PROCEDURE,
    "role": ROLE,
    "cannot_come": CANNOT_COME,
    "identity_document": IDENTITY_DOCUMENT,
    "holiday": HOLIDAY,
    "device": DEVICE,
}


def wording(table: str, code: str) -> Wording:
    """The words of a code. Raises `LookupError` for a table or a code that is not written here."""
    try:
        return TABLES[table][code]
    except KeyError:
        raise LookupError(f"no words for {table} {code!r}") from None
