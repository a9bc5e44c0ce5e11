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
    "interpreter_wanted": W(mark("Interprètes à trouver"), "accent", "translate"),
    "insured_waiting": W(mark("Assurés qui attendent un médecin absent"), "danger", "person-x"),
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
    "insured_waiting": W(mark("L'assuré attend, le médecin n'est pas là"), "danger", "person-x"),
    "message_failed": W(mark("Message non parti"), "danger", "envelope-x"),
    "target_paused": W(mark("Envois suspendus"), "danger", "pause-circle"),
    "signature_due": W(mark("Signature attendue"), "warning", "pen"),
    "report_due": W(mark("Rapport à transmettre"), "warning", "hourglass-split"),
    "report_overdue": W(mark("Rapport en retard"), "danger", "alarm"),
    "report_refused": W(mark("Rapport refusé par l'assureur"), "danger", "exclamation-octagon"),
    "interpreter_wanted": W(mark("Interprète à trouver"), "accent", "translate"),
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
SEEN_WITHOUT_RECORD = {
    "doctor": W(mark("Personne vue, selon le médecin : aucun appel enregistré ici")),
    "own_system": W(mark("Personne vue, selon le logiciel du médecin : aucun appel enregistré ici")),
}
WAITED_HOW = {
    "by_phone": W(mark("par téléphone, selon le médecin")),
    "otherwise": W(mark("autrement que dans la salle, selon le médecin")),
    "own_system": W(mark("selon le logiciel du médecin")),
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
    "relay_only": W(mark("Par le relais seulement"), "info", "check-circle"),
    "sound_only": W(mark("Son seul, sans image"), "info", "exclamation-circle"),
    "microphone_silent": W(mark("Micro silencieux"), "warning", "exclamation-triangle"),
    "no_microphone": W(mark("Pas de micro"), "warning", "exclamation-triangle"),
    "sound_not_heard": W(mark("N'entend pas le son"), "warning", "exclamation-triangle"),
    "no_connection": W(mark("La connexion ne passe pas"), "warning", "wifi-off"),
    "browser_unfit": W(mark("Navigateur sans caméra ni micro"), "warning", "exclamation-triangle"),
    "problem": W(mark("Problème lors du test"), "warning", "exclamation-triangle"),
    "unfinished": W(mark("Test non terminé"), "neutral", "dash-circle"),
    "untested": W(mark("Matériel non testé"), "neutral", "dash-circle"),
}
DEVICE_TO_INSURED = {
    "ready": W(mark("tout fonctionne"), "success"),
    "relay_only": W(mark("tout fonctionne, par notre relais"), "success"),
    "sound_only": W(mark("le son passe, mais pas votre image"), "warning"),
    "microphone_silent": W(mark("votre micro ne captait aucun son"), "warning"),
    "no_microphone": W(mark("votre micro n'était pas disponible"), "warning"),
    "sound_not_heard": W(mark("vous n'entendiez pas le son"), "warning"),
    "no_connection": W(mark("votre réseau bloquait l'appel"), "warning"),
    "browser_unfit": W(mark("ce navigateur ne permet pas l'appel"), "warning"),
    "problem": W(mark("un problème a été trouvé"), "warning"),
    "unfinished": W(mark("le test n'est pas terminé"), "info"),
}
"""The same to whoever made the test, as the end of a sentence."""
NEED = {
    "speak_slowly": W(mark("Qu'on me parle lentement et distinctement")),
    "written_too": W(mark("Que l'essentiel me soit aussi écrit")),
    "face_in_sight": W(mark("Voir bien le visage de la personne qui me parle")),
    "more_time": W(mark("Avoir du temps pour répondre")),
    "breaks": W(mark("Pouvoir faire une pause")),
    "help_with_device": W(mark("De l'aide avec mon appareil")),
    "step_free": W(mark("Un accès sans marche")),
}
NEED_TOLD = {
    "speak_slowly": W(mark("Parler lentement et distinctement")),
    "written_too": W(mark("Écrire aussi l'essentiel")),
    "face_in_sight": W(mark("Garder le visage bien visible")),
    "more_time": W(mark("Laisser du temps pour répondre")),
    "breaks": W(mark("Prévoir une pause")),
    "help_with_device": W(mark("Aider avec l'appareil")),
    "step_free": W(mark("Accès sans marche")),
}
"""The same to the doctor."""
INTERPRETER = {
    "fsl": W(mark("Langue des signes française")),
    "ar": W(mark("Arabe")),
    "hy": W(mark("Arménien")),
    "bn": W(mark("Bengali")),
    "zh": W(mark("Chinois")),
    "swb": W(mark("Comorien, shimaoré")),
    "gcf": W(mark("Créole antillais")),
    "gcr": W(mark("Créole guyanais")),
    "rcf": W(mark("Créole réunionnais")),
    "prs": W(mark("Dari, persan")),
    "en": W(mark("Anglais")),
    "ka": W(mark("Géorgien")),
    "it": W(mark("Italien")),
    "pl": W(mark("Polonais")),
    "pt": W(mark("Portugais")),
    "ro": W(mark("Roumain")),
    "ru": W(mark("Russe")),
    "es": W(mark("Espagnol")),
    "ta": W(mark("Tamoul")),
    "tr": W(mark("Turc")),
    "uk": W(mark("Ukrainien")),
    "other": W(mark("Une autre langue")),
}
SPOKEN = {"fr": W(mark("Français")), "en": W(mark("Anglais"))}
COMPANION = {
    "relative": W(mark("Un proche")),
    "interpreter": W(mark("Un interprète")),
    "sign_language_interpreter": W(mark("Un interprète en langue des signes")),
    "other": W(mark("Une autre personne de mon choix")),
}
COMPANION_TOLD = {
    "relative": W(mark("proche")),
    "interpreter": W(mark("interprète")),
    "sign_language_interpreter": W(mark("interprète en langue des signes")),
    "other": W(mark("personne de son choix")),
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
    "seen_without_record": SEEN_WITHOUT_RECORD,
    "waited_how": WAITED_HOW,
    "holiday": HOLIDAY,
    "device": DEVICE,
    "device_to_insured": DEVICE_TO_INSURED,
    "need": NEED,
    "need_told": NEED_TOLD,
    "interpreter": INTERPRETER,
    "spoken": SPOKEN,
    "companion": COMPANION,
    "companion_told": COMPANION_TOLD,
}


def wording(table: str, code: str) -> Wording:
    """The words of a code. Raises `LookupError` for a table or a code that is not written here."""
    try:
        return TABLES[table][code]
    except KeyError:
        raise LookupError(f"no words for {table} {code!r}") from None
