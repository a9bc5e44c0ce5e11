"""What a refusal of the domain says to a doctor, and where it leads: back to the page, which shows how things stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from telecontrol.errors import Conflict, InvalidInput, TelecontrolError
from telecontrol.web import paths
from telecontrol.web.errors import wants_json
from telecontrol.web.i18n import mark
from telecontrol.web.rendering import see_other

REFUSALS: Mapping[str, str] = {
    "nobody_waits": mark("Personne n'attend dans cette salle en ce moment."),
    "not_in_the_hour": mark("Ce rendez-vous n'a pas lieu en ce moment : rien n'a été enregistré."),
    "not_in_person": mark("Ce rendez-vous se tient en visioconférence : l'assuré entre par la salle d'attente."),
    "not_video": mark("Ce rendez-vous ne se tient pas en visioconférence."),
    "room_not_open": mark("La salle n'est pas encore ouverte."),
    "room_over": mark("L'heure de ce rendez-vous est passée : la personne n'est plus là."),
    "room_closed": mark("La salle est fermée."),
    "too_early": mark("Le rendez-vous n'a pas commencé : il ne peut pas encore être conclu."),
    "not_started": mark(
        "Avant l'heure du rendez-vous, et tant que la personne n'est pas entrée, seuls un problème technique, l'indisponibilité du "
        "médecin ou un contrôle impossible sans faute de l'assuré peuvent être conclus."
    ),
    "nobody_was_seen": mark(
        "Personne n'est entré dans l'appel : le service n'a pas la preuve d'un examen. Si vous avez vu la personne autrement, "
        "cochez-le dans les circonstances et dites comment : le rapport l'indiquera."
    ),
    "remark_missing": mark("Dites dans la remarque comment la personne a été vue : le rapport l'indiquera."),
    "wait_not_seen": mark(
        "Le service ne vous a pas vu attendre dans la salle jusqu'à la fin du temps prévu : dites depuis la salle comment vous avez "
        "attendu, ou concluez que le médecin était indisponible."
    ),
    "waiting_not_over": mark("Le temps d'attente n'est pas écoulé."),
    "too_short": mark("Le temps d'attente n'est pas écoulé."),
    "insured_arrived": mark("L'assuré est venu : ce n'est pas une absence. Choisissez une autre conclusion."),
    "technical_problem_recorded": mark(
        "Un problème technique est enregistré : il n'est jamais compté comme une absence. Choisissez « Problème technique »."
    ),
    "notice_doubtful": mark(
        "La convocation n'est pas sûre d'être arrivée : un gestionnaire doit d'abord dire si elle compte."
    ),
    "already_concluded": mark("Ce rendez-vous a déjà une autre conclusion signée. La voici."),
    "not_by_phone": mark(
        "Par téléphone, seuls un problème technique ou un rendez-vous sur place peuvent être conclus."
    ),
    "identity_missing": mark("Indiquez la pièce d'identité présentée : sa vérification est obligatoire."),
    "medical_word": mark(
        "Cette ligne est lue hors du service médical. Écrivez les mots médicaux dans vos notes, qui sont scellées."
    ),
    "too_long": mark("Ce texte est trop long."),
    "cannot_close": mark("Un contrôle ne se clôt ainsi que s'il n'a pas pu avoir lieu, sans faute de l'assuré."),
    "not_the_fact": mark("L'heure du fait n'est plus celle qui était affichée. Relisez avant de signer."),
    "reason_missing": mark("Donnez un motif."),
    "out_of_range": mark("Indiquez un délai entre 1 et 120 minutes."),
    "not_in_order": mark("La fin vient avant le début."),
    "in_the_past": mark("Cette période est passée."),
    "site_missing": mark("Choisissez un lieu où vous consultez."),
    "result_missing": mark("Choisissez une conclusion."),
    "day_missing": mark("Indiquez une date."),
    "hour_missing": mark("Indiquez une heure, par exemple 14:30."),
    "kind_missing": mark("Choisissez une des possibilités."),
}
_OTHERWISE = mark("La situation a changé entre-temps : rien n'a été enregistré. Voici où en est le rendez-vous.")


def said_of(error: TelecontrolError) -> str:
    """The French sentence of the catalogue for a refusal."""
    return REFUSALS.get(error.code, _OTHERWISE)


class RoomRoute(APIRoute):
    """Acts of the room: what cannot be done now leads back to the room, with one sentence about what was not done."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handler = super().get_route_handler()

        async def back_to_the_room(request: Request) -> Response:
            try:
                return await handler(request)
            except (Conflict, InvalidInput) as error:
                appointment_id: Any = request.path_params.get("appointment_id")
                if request.method == "GET" or wants_json(request) or appointment_id is None:
                    raise
                return see_other(request, paths.room(str(appointment_id)), tone="warning", text=said_of(error))

        return back_to_the_room
