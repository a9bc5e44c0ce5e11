"""Why an insurer refused a report, in words: the code and the places of the published contract, never the insurer's own texts."""

from __future__ import annotations

from dataclasses import dataclass

from telecontrol.outbox.models import IntentState
from telecontrol.reports.models import ReportState
from telecontrol.reports.queries import Proof
from telecontrol.web.i18n import Translator, mark

REASONS: dict[str, str] = {
    "refused_invalid_report": mark("L'assureur juge le rapport contraire au contrat d'échange."),
    "refused_content_mismatch": mark("L'assureur dit avoir déjà reçu un autre contenu sous le même numéro."),
    "refused_too_large": mark("L'assureur juge le rapport trop volumineux."),
    "refused_not_json": mark("L'assureur n'a pas su lire le rapport."),
    "refused_key_missing": mark("L'assureur n'a pas su lire le numéro du rapport."),
    "refused_digest_mismatch": mark("L'assureur a reçu un rapport abîmé en chemin."),
    "refused_told_to_refuse": mark("L'assureur local de la démonstration avait pour consigne de refuser."),
    "refused_refused": mark("L'assureur a refusé le rapport sans dire pourquoi."),
    "poison": mark("Le rapport n'est pas parti : une donnée du dossier ne peut pas être transmise."),
    "too_large": mark("Le rapport n'est pas parti : il est trop volumineux."),
    "too_late": mark("Le rapport n'est pas parti à temps : l'envoi a été abandonné."),
    "refused_until_limit": mark("L'assureur n'a pas pris le rapport avant la fin des essais."),
}
_OTHERWISE = mark("L'assureur donne un motif qui lui est propre : {code}. Demandez-lui ce qu'il signifie.")

# The longest that fits names the place. An empty pointer is the report as a whole.
_PLACES: dict[str, str] = {
    "/insured/birth_on": mark("date de naissance de l'assuré"),
    "/insured/family_name": mark("nom de l'assuré"),
    "/insured/given_name": mark("prénom de l'assuré"),
    "/insured/external_reference": mark("numéro de l'assuré"),
    "/insured": mark("identité de l'assuré"),
    "/doctor/rpps": mark("numéro RPPS du médecin"),
    "/doctor": mark("identité du médecin"),
    "/requester": mark("organisme demandeur"),
    "/control/external_reference": mark("numéro du demandeur"),
    "/control": mark("références du contrôle"),
    "/appointment": mark("rendez-vous"),
    "/conclusion": mark("conclusion"),
    "/circumstances/remark": mark("remarque administrative"),
    "/circumstances": mark("circonstances"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What people read: a sentence, and the parts of the report that the insurer pointed at."""

    reason: str
    places: list[str]


def is_refused(proof: Proof) -> bool:
    """Whether the insurer said no for good: also in the moments before the next sweep has written that down."""
    state = proof.line.report.state
    return state is ReportState.REFUSED or (state is ReportState.SIGNED and proof.sending_state is IntentState.FAILED)


def refusal_of(proof: Proof, translator: Translator) -> Refusal | None:
    """Why the report was refused for good; None for one that was not."""
    if not is_refused(proof):
        return None
    code = proof.failure_code
    sentence = REASONS.get(code, _OTHERWISE)
    reply = proof.tries[-1].reply if proof.tries else ""
    return Refusal(translator.plain(sentence, code=code.removeprefix("refused_")), _places(reply, translator))


def _places(reply: str, translator: Translator) -> list[str]:
    """`reply` is what the gateway kept: the status, the code, then `pointer:code` for each fault."""
    pointers = [part.rpartition(":")[0] for part in reply.split() if part.startswith("/")]
    named = (_place(pointer, translator) for pointer in pointers)
    return list(dict.fromkeys(named))


def _place(pointer: str, translator: Translator) -> str:
    known = [place for place in _PLACES if pointer == place or pointer.startswith(place + "/")]
    return translator.plain(_PLACES[max(known, key=len)]) if known else pointer
