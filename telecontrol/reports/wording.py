"""The administrative words of each result, for the insured, the requester and the insurer (`DOMAIN.md` §4.7, §4.8). Pure.

No word here says anything about a person's health. French first; English beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telecontrol.controls.results import ReportKind, Result

LANGUAGES = ("fr", "en")


class Audience(StrEnum):
    INSURED = "insured"
    REQUESTER = "requester"
    INSURER = "insurer"


@dataclass(frozen=True, slots=True)
class Words:
    """What one result is called, and what it means to each reader, in one language."""

    label: str
    insured: str
    """What it means for the insured: plain words, and what happens next."""
    requester: str
    insurer: str


_FR: dict[Result, Words] = {
    Result.JUSTIFIED: Words(
        "Arrêt justifié",
        "Le médecin estime que votre arrêt de travail est justifié à la date du contrôle. Vous n'avez rien à faire.",
        "L'arrêt de travail est justifié à la date du contrôle.",
        "L'arrêt de travail est justifié à la date du contrôle.",
    ),
    Result.NOT_JUSTIFIED: Words(
        "Arrêt non justifié",
        "Le médecin estime que votre arrêt de travail n'est pas, ou n'est plus, justifié à la date du contrôle. Son rapport est transmis à "
        "votre organisme, qui vous écrira. Si le versement de vos indemnités est suspendu, vous pouvez demander un nouvel examen de votre situation "
        "dans les dix jours francs qui suivent la décision.",
        "L'arrêt de travail n'est pas, ou n'est plus, justifié à la date du contrôle.",
        "L'arrêt de travail n'est pas, ou n'est plus, justifié à la date du contrôle.",
    ),
    Result.NEEDS_PHYSICAL_EXAMINATION: Words(
        "Rendez-vous sur place nécessaire",
        "Le médecin ne peut pas conclure à distance. Un rendez-vous sur place va vous être proposé. Cela ne préjuge de rien.",
        "Le contrôle se poursuit par un rendez-vous sur place.",
        "Le contrôle se poursuit par un rendez-vous sur place.",
    ),
    Result.VIDEO_DECLINED: Words(
        "Rendez-vous sur place préféré",
        "Vous avez préféré un rendez-vous sur place. Il va vous être proposé. Ce choix n'a aucune conséquence.",
        "Le contrôle se poursuit par un rendez-vous sur place.",
        "L'assuré a préféré un rendez-vous sur place, comme il en a le droit.",
    ),
    Result.EXCUSED_ABSENCE: Words(
        "Absence excusée",
        "Votre absence est excusée. Un nouveau rendez-vous va vous être proposé.",
        "L'absence est excusée. Un nouveau rendez-vous est proposé.",
        "L'absence est excusée. Un nouveau rendez-vous est proposé.",
    ),
    Result.UNEXCUSED_ABSENCE: Words(
        "Absence au rendez-vous",
        "Le médecin vous a attendu et vous n'êtes pas venu au rendez-vous. Il a dû signaler que l'examen n'a pas pu avoir lieu. Si vous avez eu un "
        "empêchement, répondez à votre organisme en expliquant pourquoi\u00a0: il examinera votre réponse.",
        "L'assuré ne s'est pas présenté au rendez-vous. L'examen n'a pas pu avoir lieu.",
        "Examen impossible\u00a0: l'assuré, convoqué, ne s'est pas présenté pendant le temps d'attente.",
    ),
    Result.CONTROL_REFUSED: Words(
        "Contrôle refusé",
        "Vous avez indiqué refuser tout contrôle. Le médecin a dû signaler que l'examen n'a pas pu avoir lieu. Si vous changez d'avis ou si "
        "c'est un malentendu, répondez à votre organisme.",
        "L'assuré a refusé le contrôle. L'examen n'a pas pu avoir lieu.",
        "Examen impossible\u00a0: l'assuré a refusé tout contrôle.",
    ),
    Result.IDENTITY_NOT_ESTABLISHED: Words(
        "Identité non établie",
        "Le médecin n'a pas pu vérifier votre identité. Un rendez-vous sur place va vous être proposé\u00a0: munissez-vous d'une pièce d'identité "
        "avec photo.",
        "L'identité n'a pas pu être vérifiée. Un rendez-vous sur place est proposé.",
        "Examen impossible\u00a0: l'identité de la personne présente n'a pas pu être établie, pour la deuxième fois ou plus.",
    ),
    Result.TECHNICAL_FAILURE: Words(
        "Problème technique",
        "Un problème technique a empêché le rendez-vous. Il ne vous est pas reproché. Un nouveau rendez-vous va vous être proposé.",
        "Un problème technique a empêché le rendez-vous. Un nouveau rendez-vous est proposé.",
        "Un problème technique a empêché le rendez-vous; il n'est pas imputable à l'assuré.",
    ),
    Result.DOCTOR_UNAVAILABLE: Words(
        "Médecin indisponible",
        "Le médecin n'a pas pu assurer le rendez-vous. Il ne vous est rien reproché. Un nouveau rendez-vous va vous être proposé.",
        "Le médecin n'a pas pu assurer le rendez-vous. Un nouveau rendez-vous est proposé.",
        "Le médecin n'a pas pu assurer le rendez-vous.",
    ),
    Result.IMPOSSIBLE_NOT_ATTRIBUTABLE: Words(
        "Contrôle impossible, sans faute de l'assuré",
        "Le contrôle n'a pas pu avoir lieu, pour une raison qui ne dépend pas de vous. Il ne vous est rien reproché.",
        "Le contrôle n'a pas pu avoir lieu, pour une raison qui ne dépend pas de l'assuré.",
        "Examen impossible, pour une raison qui n'est pas imputable à l'assuré.",
    ),
}

_EN: dict[Result, Words] = {
    Result.JUSTIFIED: Words(
        "Leave justified",
        "The doctor finds your sick leave justified on the day of the control. You have nothing to do.",
        "The leave is justified on the day of the control.",
        "The leave is justified on the day of the control.",
    ),
    Result.NOT_JUSTIFIED: Words(
        "Leave not justified",
        "The doctor finds that your leave is not, or no longer, justified on the day of the control. The report goes to your organisation, which "
        "will write to you. If your payments are suspended, you may ask for your situation to be looked at again within ten clear days "
        "of the decision.",
        "The leave is not, or no longer, justified on the day of the control.",
        "The leave is not, or no longer, justified on the day of the control.",
    ),
    Result.NEEDS_PHYSICAL_EXAMINATION: Words(
        "In-person appointment needed",
        "The doctor cannot conclude at a distance. An in-person appointment will be offered to you. This prejudges nothing.",
        "The control goes on with an in-person appointment.",
        "The control goes on with an in-person appointment.",
    ),
    Result.VIDEO_DECLINED: Words(
        "In-person appointment preferred",
        "You preferred an in-person appointment. It will be offered to you. This choice has no consequence.",
        "The control goes on with an in-person appointment.",
        "The insured preferred an in-person appointment, as is their right.",
    ),
    Result.EXCUSED_ABSENCE: Words(
        "Absence excused",
        "Your absence is excused. A new appointment will be offered to you.",
        "The absence is excused. A new appointment is offered.",
        "The absence is excused. A new appointment is offered.",
    ),
    Result.UNEXCUSED_ABSENCE: Words(
        "Did not come",
        "The doctor waited for you and you did not come to the appointment. The doctor had to report that the examination could not take place. If "
        "something kept you from coming, answer your organisation and explain why: your answer will be looked at.",
        "The insured did not come to the appointment. The examination could not take place.",
        "Examination impossible: the insured, duly convoked, did not come during the waiting time.",
    ),
    Result.CONTROL_REFUSED: Words(
        "Control refused",
        "You said that you refuse any control. The doctor had to report that the examination could not take place. If you change your mind, or if this "
        "is a misunderstanding, answer your organisation.",
        "The insured refused the control. The examination could not take place.",
        "Examination impossible: the insured refused any control.",
    ),
    Result.IDENTITY_NOT_ESTABLISHED: Words(
        "Identity not established",
        "The doctor could not check your identity. An in-person appointment will be offered to you: please bring an identity document with a photo.",
        "The identity could not be checked. An in-person appointment is offered.",
        "Examination impossible: the identity of the person present could not be established, for the second time or more.",
    ),
    Result.TECHNICAL_FAILURE: Words(
        "Technical problem",
        "A technical problem prevented the appointment. It is not held against you. A new appointment will be offered to you.",
        "A technical problem prevented the appointment. A new appointment is offered.",
        "A technical problem prevented the appointment; the insured is not the cause.",
    ),
    Result.DOCTOR_UNAVAILABLE: Words(
        "Doctor unavailable",
        "The doctor could not hold the appointment. Nothing is held against you. A new appointment will be offered to you.",
        "The doctor could not hold the appointment. A new appointment is offered.",
        "The doctor could not hold the appointment.",
    ),
    Result.IMPOSSIBLE_NOT_ATTRIBUTABLE: Words(
        "Control impossible, the insured is not the cause",
        "The control could not take place, for a reason that does not depend on you. Nothing is held against you.",
        "The control could not take place, for a reason that does not depend on the insured.",
        "Examination impossible, for a reason of which the insured is not the cause.",
    ),
}

_REPORT_LABELS: dict[ReportKind, dict[str, str]] = {
    ReportKind.UNJUSTIFIED: {"fr": "Arrêt non justifié", "en": "Leave not justified"},
    ReportKind.EXAMINATION_IMPOSSIBLE: {"fr": "Examen impossible", "en": "Examination impossible"},
}


def words_of(result: Result, *, language: str) -> Words:
    """The words of a result; French for a language that is not written."""
    return (_EN if language.startswith("en") else _FR)[result]


def label(result: Result, *, language: str) -> str:
    """A few words that name the result."""
    return words_of(result, language=language).label


def sentence(result: Result, audience: Audience, *, language: str) -> str:
    """What the result means to this reader."""
    words = words_of(result, language=language)
    return {Audience.INSURED: words.insured, Audience.REQUESTER: words.requester, Audience.INSURER: words.insurer}[
        audience
    ]


def report_label(kind: ReportKind, *, language: str) -> str:
    """What a report of this kind is called."""
    return _REPORT_LABELS[kind]["en" if language.startswith("en") else "fr"]
