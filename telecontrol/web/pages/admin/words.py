"""What the administration says of a code: why a field was refused, what the test of a gateway found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecontrol.controls.import_words import known_codes, say
from telecontrol.web.i18n import Translator, mark

_FAULTS: Mapping[str, str] = {
    "value_missing": mark("Ce champ est nécessaire."),
    "name_missing": mark("Indiquez un nom, de 120 caractères au plus."),
    "too_long": mark("Au plus {most} caractères."),
    "code_taken": mark("Ce code est déjà celui d'un autre."),
    "code_malformed": mark("Des lettres, des chiffres et des tirets, sans espace, 40 au plus."),
    "code_reserved": mark("Ce mot a déjà un sens dans les fichiers d'import : choisissez un autre code."),
    "colour_malformed": mark("Une couleur s'écrit avec un dièse et six chiffres ou lettres de a à f : #1d5fa8."),
    "phone_unreadable": mark("Ce numéro n'est pas complet."),
    "email_malformed": mark("Cette adresse n'est pas complète : nom@exemple.fr."),
    "user_exists": mark("Un compte a déjà cette adresse."),
    "organisation_not_for_role": mark("Seule la gestion se limite à un organisme."),
    "organisation_unknown": mark("Choisissez un organisme de la liste."),
    "language_unknown": mark("Choisissez une langue de la liste."),
    "password_too_short": mark("Au moins {least} caractères."),
    "password_too_long": mark("Au plus {most} caractères."),
    "password_too_easy": mark(
        "Trop facile à deviner : ni mots courants, ni signes répétés, ni l'adresse e-mail. Quelques mots sans rapport font un bon mot de passe."
    ),
    "own_account": mark("Vous ne pouvez pas fermer votre propre compte."),
    "last_administrator": mark("C'est le dernier compte d'administration ouvert : il doit le rester."),
    "scope_unknown": mark("Choisissez des droits de la liste."),
    "key_incomplete": mark("Donnez un nom à la clé, de 80 caractères au plus, et au moins un droit."),
    "gateway_url_invalid": mark(
        "Une adresse https complète, sans nom d'utilisateur ni paramètre : https://exemple.fr/rapports."
    ),
    "gateway_url_not_https": mark("Les rapports ne voyagent qu'en https."),
    "gateway_url_private": mark("Cette adresse n'est pas publique : un rapport ne peut pas y être envoyé."),
    "gateway_key_invalid": mark("De 16 à 512 signes visibles, sans espace ni accent."),
    "gateway_key_missing": mark("Donnez la clé remise par l'assureur : il n'y en a pas encore."),
    "rpps_taken": mark("Un autre médecin a ce numéro RPPS."),
    "rpps_malformed": mark("Un numéro RPPS a 11 chiffres."),
    "rpps_key_wrong": mark("Ce numéro ne peut pas exister : un de ses chiffres est faux. Relisez-le."),
    "doctor_unknown": mark("Aucun médecin n'a ce numéro. Ajoutez d'abord le médecin."),
    "doctor_has_account": mark("Ce médecin a déjà un compte."),
    "user_unknown": mark("Aucun compte de médecin n'a cette adresse. Ouvrez-le d'abord dans les comptes."),
    "user_taken": mark("Ce compte est déjà celui d'un autre médecin."),
    "procedure_unknown": mark("Choisissez une procédure."),
    "approval_overlaps": mark("Un autre agrément de la même procédure couvre déjà une partie de ces jours."),
    "days_backwards": mark("Le dernier jour vient avant le premier."),
    "day_malformed": mark("Une date s'écrit jour, mois, année : 24/03/2026."),
    "day_not_real": mark("Cette date n'existe pas."),
    "hour_malformed": mark("Une heure s'écrit 09:00."),
    "weekday_missing": mark("Choisissez au moins un jour."),
    "not_in_order": mark("La fin vient avant le début."),
    "in_the_past": mark("Cette période est passée."),
    "place_missing": mark("Choisissez la visioconférence ou un site."),
    "site_missing": mark("Choisissez un site où ce médecin a une ouverture chaque semaine."),
    "mode_not_allowed": mark("Choisissez la visioconférence ou un site."),
    "openings_overlap": mark("Il y a déjà une ouverture au même endroit sur une partie de ces heures."),
    "hours_overlap": mark("Le site est déjà ouvert sur une partie de ces heures."),
    "room_exists": mark("Une autre salle porte ce nom."),
    "postcode_malformed": mark("Un code postal français a cinq chiffres."),
    "department_unknown": mark("Il n'y a pas de département « {part} »."),
    "figure_out_of_range": mark("Un nombre entier de {least} à {most}."),
    "mode_missing": mark("Choisissez au moins une modalité."),
    "in_person_missing": mark("Qui refuse la visioconférence est reçu sur place : permettez aussi « Sur place »."),
    "default_not_allowed": mark("La modalité proposée d'abord doit être permise."),
    "day_past": mark("Au plus tôt aujourd'hui : des règles ne changent pas le passé."),
    "day_too_far": mark("Au plus tard dans deux ans."),
    "nothing_changed": mark("Ces règles sont déjà celles de ce jour : rien n'a été ajouté."),
    "period_too_long": mark("Un an au plus, dans les deux ans à venir."),
}
_OTHERWISE = mark("Cette valeur n'est pas acceptée.")


def sentence_of(code: str) -> str:
    """The French sentence of a refusal that takes no values, for `see_other`."""
    return _FAULTS.get(code, _OTHERWISE)


def say_fault(code: str, details: Mapping[str, Any], language: Translator) -> str:
    """The sentence of a refusal, filled with its details."""
    if code in _FAULTS:
        return language.plain(_FAULTS[code], **{key: value for key, value in details.items() if key != "self"})
    if code in known_codes():
        said = say(code, dict(details), language=language.code if language.code in ("fr", "en") else "fr")
        return f"{said[:1].upper()}{said[1:]}."
    return language.plain(_OTHERWISE)


_CHECKS: Mapping[str, str] = {
    "ok": mark("La passerelle répond, accepte notre clé et parle notre contrat ({milliseconds} ms)."),
    "gateway_missing": mark("Il manque l'adresse ou la clé, ou l'assureur n'est pas actif : rien n'a été essayé."),
    "gateway_url_invalid": mark("L'adresse enregistrée n'est pas une adresse https complète."),
    "gateway_url_not_https": mark("L'adresse enregistrée n'est pas en https."),
    "gateway_url_private": mark(
        "Le nom mène à une adresse qui n'est pas publique : nous refusons d'y envoyer un rapport."
    ),
    "gateway_name_not_found": mark("Ce nom de serveur est inconnu. Vérifiez l'adresse."),
    "gateway_connect": mark("Le serveur ne répond pas à cette adresse : il est arrêté, ou ferme la porte."),
    "gateway_certificate": mark("Le certificat du serveur n'est pas valable pour cette adresse."),
    "gateway_401": mark("Le serveur refuse notre clé. Demandez-en une autre à l'assureur."),
    "gateway_403": mark("Le serveur reconnaît notre clé mais ne nous laisse pas entrer."),
    "gateway_404": mark("Le serveur répond, mais la passerelle n'est pas à cette adresse."),
    "gateway_405": mark("Le serveur répond, mais la passerelle n'est pas à cette adresse."),
    "gateway_407": mark("Un intermédiaire réseau demande une identification que nous n'avons pas."),
    "gateway_421": mark("Le serveur dit que l'adresse n'est pas la sienne."),
    "timeout": mark("Le serveur n'a pas répondu en dix secondes."),
    "reply_lost": mark("Le serveur a coupé avant la fin de sa réponse."),
    "not_the_contract": mark("Le serveur répond, mais pas comme le contrat le demande."),
    "other_contract": mark("La passerelle parle une autre version du contrat que la nôtre."),
}
_REDIRECTED = mark(
    "Le serveur renvoie à une autre adresse ({status}) : donnez l'adresse finale, nous ne suivons pas de renvoi."
)
_FAILING = mark("Le serveur répond par une erreur ({status}). Prévenez l'assureur.")
_UNKNOWN = mark("L'essai n'a pas abouti ({code}).")


def check_sentence(code: str) -> tuple[str, dict[str, str]]:
    """The sentence of what a gateway's test found, not yet translated, and the values it takes besides the duration."""
    if code in _CHECKS:
        return _CHECKS[code], {}
    status = code.rpartition("_")[2]
    if code.startswith("gateway_3"):
        return _REDIRECTED, {"status": status}
    if code.startswith("http_"):
        return _FAILING, {"status": status}
    return _UNKNOWN, {"code": code}


SCOPES: Mapping[str, str] = {
    "controls:read": mark("Lire les contrôles"),
    "controls:write": mark("Demander et annuler des contrôles"),
    "slots:read": mark("Lire les créneaux libres"),
    "appointments:write": mark("Réserver, déplacer et annuler des rendez-vous"),
    "conclusions:write": mark("Enregistrer une conclusion"),
    "messages:read": mark("Lire l'état des messages"),
    "reports:read": mark("Lire la preuve d'envoi des rapports, jamais leur contenu"),
}
LACKS: Mapping[str, str] = {
    "no_opening": mark("Sans ouverture"),
    "no_approval": mark("Sans agrément"),
    "no_account": mark("Sans compte"),
}
FIGURES: Mapping[str, tuple[str, str, str]] = {
    "length_minutes": (
        mark("Durée d'un rendez-vous en visioconférence"),
        mark("min"),
        mark("Ce que l'assuré lit dans sa convocation, et ce que l'agenda du médecin réserve."),
    ),
    "in_person_length_minutes": (
        mark("Durée d'un rendez-vous sur place"),
        mark("min"),
        mark("Au cabinet ou à domicile."),
    ),
    "buffer_minutes": (
        mark("Battement après chaque rendez-vous"),
        mark("min"),
        mark("Temps gardé libre pour les notes et la conclusion du médecin."),
    ),
    "step_minutes": (
        mark("Pas entre deux heures proposées"),
        mark("min"),
        mark("Avec 10, les heures proposées sont 9 h 00, 9 h 10, 9 h 20…"),
    ),
    "undo_hold_minutes": (
        mark("Délai pour se raviser après une réservation"),
        mark("min"),
        mark("La convocation attend ce temps quand une personne réserve, jamais quand un programme le fait."),
    ),
    "decline_grace_minutes": (
        mark("Créneau gardé après un refus de la visioconférence"),
        mark("min"),
        mark("Pendant ce temps, l'assuré peut reprendre son refus. Jamais au-delà de l'heure du rendez-vous."),
    ),
    "waiting_minutes": (
        mark("Temps d'attente avant une absence"),
        mark("min"),
        mark("Compté depuis l'heure prévue. Le délai du rapport court depuis la fin de cette attente."),
    ),
    "doctor_chased_minutes": (
        mark("Relance d'un médecin absent"),
        mark("min"),
        mark("Après l'heure prévue, quand l'assuré attend et que le médecin n'est pas dans la salle."),
    ),
    "join_opens_minutes": (
        mark("Ouverture de la salle avant l'heure"),
        mark("min"),
        mark("Quand le bouton pour rejoindre apparaît sur la page de l'assuré."),
    ),
    "moves_by_insured": (
        mark("Changements d'heure permis à l'assuré"),
        "",
        mark("Au-delà, l'assuré appelle et un gestionnaire décide."),
    ),
    "in_person_choices": (
        mark("Rendez-vous sur place proposés après un refus"),
        "",
        mark("Parmi lesquels l'assuré choisit aussitôt. Sans choix, le bureau s'en charge."),
    ),
    "birth_date_tries": (
        mark("Essais permis pour la date de naissance"),
        "",
        mark("Au-delà, la page se ferme et l'assuré appelle."),
    ),
    "link_days_after": (
        mark("Page de l'assuré ouverte après le rendez-vous"),
        mark("jours"),
        mark(
            "Pour l'attestation, les droits et le questionnaire. Rejoindre et répondre s'arrêtent avec le rendez-vous."
        ),
    ),
    "identity_failures_before_report": (
        mark("Identité non établie : rapport à partir de la fois"),
        "",
        mark("La première fois conduit à un rendez-vous sur place, sans rapport."),
    ),
}
SWITCHES: Mapping[str, tuple[str, str]] = {
    "report_48h": (
        mark("Rapport à l'assureur sous 48 heures"),
        mark("Quand l'arrêt n'est pas justifié ou que l'examen est impossible. Alertes à 24, 36 et 44 heures."),
    ),
    "report_when_not_attributable": (
        mark("Rapport aussi quand l'assuré n'y est pour rien"),
        mark("Mauvaise adresse, code d'entrée : seulement quand le contrôle se clôt ainsi, et le rapport le dit."),
    ),
    "conclusion_told_to_insured": (
        mark("Conclusion envoyée à l'assuré"),
        mark("En mots simples, avec ses droits et ses délais."),
    ),
    "requester_told": (
        mark("Conclusion administrative dite au demandeur"),
        mark("Jamais un mot médical."),
    ),
    "survey_invited": (
        mark("Invitation à donner son avis"),
        mark(
            "Un e-mail le lendemain d'un rendez-vous en visioconférence, une seule fois. Les réponses restent sans nom."
        ),
    ),
}
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        mark("Rendez-vous"),
        (
            "length_minutes",
            "in_person_length_minutes",
            "buffer_minutes",
            "step_minutes",
            "undo_hold_minutes",
            "doctor_chased_minutes",
        ),
    ),
    (
        mark("Assuré"),
        (
            "join_opens_minutes",
            "decline_grace_minutes",
            "in_person_choices",
            "moves_by_insured",
            "birth_date_tries",
            "link_days_after",
        ),
    ),
    (mark("Absence et rapport"), ("waiting_minutes", "identity_failures_before_report")),
)
