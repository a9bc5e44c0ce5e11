"""What happens next after an appointment, and the rights that go with it: a few sentences for each result, in plain words.

Where the procedure does not let the insured hear the conclusion here, nothing on the page may tell it: neither a step nor a right
depends on the result then. The ten clear days are procedure A's (`DOMAIN.md` §3): told, not enforced.
"""

from __future__ import annotations

from collections.abc import Sequence

from telecontrol.controls.models import Procedure
from telecontrol.controls.results import Result
from telecontrol.controls.states import ENDED, ControlState
from telecontrol.web.i18n import mark

_NOTHING_TO_DO = mark("Vous n'avez rien à faire.")
_UNCHANGED = mark("Rien ne change pour vous : votre arrêt de travail se poursuit comme prévu.")
_SENT_ON = mark("Le médecin transmet son rapport, sans détail de santé, à l'organisme qui décide de la suite.")
_DECISION_A = mark(
    "Votre caisse peut suspendre le versement de vos indemnités. Si elle le décide, elle vous l'écrit : sa lettre dit ce qui change et à partir de quand."
)
_DECISION_B = mark(
    "Votre employeur peut suspendre le complément de salaire qu'il vous verse. S'il le décide, il vous l'écrit : sa lettre dit ce qui change et à partir de quand."
)
_DECISION_C = mark(
    "Votre administration décide de la suite. Elle vous l'écrit : sa lettre dit ce qui change et à partir de quand."
)
_IN_PERSON = mark(
    "Un rendez-vous sur place va vous être proposé : vous recevrez le lieu, la date et l'heure par e-mail et SMS."
)
_IDENTITY = mark("Apportez une pièce d'identité avec photo : la vérifier est une obligation du médecin.")
_AGAIN = mark("Un nouveau rendez-vous va vous être proposé : vous recevrez la date et l'heure par e-mail et SMS.")
_NOT_BLAMED = mark("Ce qui s'est passé ne vous est pas reproché et ne compte pas comme une absence.")
_NO_CONSEQUENCE = mark("Ce choix n'a aucune conséquence.")
_REPORTED = mark("Le médecin a dû signaler que l'examen n'a pas pu avoir lieu.")
_EXPLAIN = mark("Si quelque chose vous a empêché de venir, dites-le maintenant : votre explication sera examinée.")
_MISTAKEN = mark("Si c'est un malentendu ou si vous changez d'avis, appelez-nous.")
_CLOSED = mark("Ce contrôle est terminé : vous n'avez rien à faire.")
_WAITING = mark("Le médecin doit encore rendre sa conclusion. Vous n'avez rien à faire : nous vous écrirons.")
_TOLD_ELSEWHERE = mark("Votre organisme vous dira la suite par écrit. Vous n'avez rien à faire pour l'instant.")

_WRITTEN_RESULT = mark("Vous pouvez demander à votre organisme le résultat écrit de ce contrôle.")
_REVIEW = mark(
    "Si le versement de vos indemnités est suspendu, vous avez 10 jours francs pour demander un nouvel examen de votre situation."
)
_CLEAR_DAYS = mark("Un jour franc est un jour entier : le jour où vous recevez la décision ne compte pas.")
_CONTEST = mark("La lettre qui vous annonce une décision dit comment la contester, et dans quel délai.")
_OWN_DOCTOR = mark("Vous pouvez en parler avec le médecin qui vous suit.")
_ANSWER = mark("Si quelque chose vous a empêché de venir, expliquez-le à votre organisme : il examinera votre réponse.")


def next_steps(
    result: Result | None, *, is_told: bool, procedure: Procedure, control_state: ControlState
) -> Sequence[str]:
    """What happens now, in order: French sentences of the catalogue. `result` is None while there is no conclusion."""
    if result is None:
        return _without_conclusion(control_state)
    if not is_told:
        return [_TOLD_ELSEWHERE]
    decision = {Procedure.A: _DECISION_A, Procedure.B: _DECISION_B, Procedure.C: _DECISION_C}[procedure]
    match result:
        case Result.JUSTIFIED:
            return [_UNCHANGED]
        case Result.NOT_JUSTIFIED:
            return [_SENT_ON, decision]
        case Result.NEEDS_PHYSICAL_EXAMINATION | Result.EXCUSED_ABSENCE:
            return [_IN_PERSON, _NOTHING_TO_DO]
        case Result.VIDEO_DECLINED:
            return [_IN_PERSON, _NO_CONSEQUENCE]
        case Result.IDENTITY_NOT_ESTABLISHED:
            return [_IN_PERSON, _IDENTITY]
        case Result.TECHNICAL_FAILURE | Result.DOCTOR_UNAVAILABLE:
            return [_AGAIN, _NOT_BLAMED]
        case Result.IMPOSSIBLE_NOT_ATTRIBUTABLE:
            return [_NOT_BLAMED, _CLOSED if control_state not in _WILL_GO_ON else _AGAIN]
        case Result.UNEXCUSED_ABSENCE:
            return [_REPORTED, _EXPLAIN, decision]
        case Result.CONTROL_REFUSED:
            return [_REPORTED, decision, _MISTAKEN]


def rights(result: Result | None, *, is_told: bool, procedure: Procedure) -> Sequence[str]:
    """What may be asked for, by whom it concerns."""
    if result is None:
        return []
    if not is_told:
        return [_WRITTEN_RESULT]
    if result is Result.NOT_JUSTIFIED:
        review = [_REVIEW, _CLEAR_DAYS] if procedure is Procedure.A else []
        return [*review, _CONTEST, _OWN_DOCTOR, _WRITTEN_RESULT]
    if result in (Result.UNEXCUSED_ABSENCE, Result.CONTROL_REFUSED):
        review = [_REVIEW, _CLEAR_DAYS] if procedure is Procedure.A else []
        return [_ANSWER, *review, _CONTEST, _WRITTEN_RESULT]
    return [_WRITTEN_RESULT]


_WILL_GO_ON = (ControlState.TO_BOOK, ControlState.IN_PERSON_TO_BOOK, ControlState.BOOKED)


def _without_conclusion(control_state: ControlState) -> Sequence[str]:
    if control_state is ControlState.IN_PERSON_TO_BOOK:
        return [_IN_PERSON]
    if control_state is ControlState.TO_BOOK:
        return [_AGAIN, _NOT_BLAMED]
    return [_CLOSED] if control_state in ENDED else [_WAITING]
