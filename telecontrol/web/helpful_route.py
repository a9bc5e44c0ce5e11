"""Routes of the pages for the public: refusals become pages that say what to do.

A refusal of the domain leads back to the insured's page, which shows how things stand, with one sentence about what was not
done. A form whose token is too old is shown again with what was typed, one press away from being sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from telecontrol.errors import Conflict, Forbidden, InvalidInput, NotFound, SlotTaken, TelecontrolError, TooManyAttempts
from telecontrol.web import paths
from telecontrol.web.errors import problem, status_of
from telecontrol.web.i18n import mark
from telecontrol.web.rendering import page, public_brand, see_other
from telecontrol.web.security import FORM_FIELD, browser_id, form_token, shown_by

_LONGEST_FIELD = 2000

_WHAT_HAPPENED = {
    "view_only": mark(
        "Ce lien, qui vient de votre agenda, montre le rendez-vous. Pour rejoindre ou répondre, ouvrez le lien de l'e-mail ou du SMS."
    ),
    "not_to_choose": mark(
        "Il n'y a pas de rendez-vous sur place à choisir en ce moment. Voici où en est votre rendez-vous."
    ),
    "too_late_to_decline": mark("Il est trop tard pour le demander ici. Appelez-nous : une personne vous aide."),
    "too_late_to_undo": mark("La visioconférence ne peut plus être reprise. Voici où en est votre rendez-vous."),
    "too_late_to_announce": mark("Il est trop tard pour le dire ici. Appelez-nous : une personne vous aide."),
    "already_answered": mark("Nous avons déjà répondu à votre message. Voici où en est votre rendez-vous."),
    "already_moved": mark("Vous avez déjà changé l'heure une fois. Pour un autre changement, appelez-nous."),
    "no_such_choice": mark("Choisissez une des propositions de la liste. Rien n'a changé pour vous."),
    "too_late_to_prepare": mark("Votre rendez-vous a commencé : dites-le directement au médecin."),
    "other_appointment": mark(
        "Cette page montrait un autre rendez-vous : rien n'a été fait. Voici celui qui est ouvert dans ce navigateur."
    ),
    "other_hour": mark(
        "Votre rendez-vous a changé depuis que vous avez ouvert cette page : rien d'autre n'a été fait. Voici où il en est."
    ),
    "not_joinable": mark("L'appel n'est pas ouvert en ce moment. Voici où en est votre rendez-vous."),
}
_ASKED_BY_SCRIPTS = {
    paths.JOIN_TICKET,
    paths.JOIN_LINK,
    paths.COMPANION_TICKET,
    paths.TEST,
    paths.TEST_CONNECTION,
    paths.DEVICE_TEST_CONNECTION,
}
_TAKEN = mark("Cette heure vient d'être prise par quelqu'un d'autre. Rien n'a changé pour vous.")
_NO_RECEIPT = mark(
    "Il n'y a pas d'attestation pour ce rendez-vous : elle est établie quand vous êtes venu. Si vous étiez là, appelez-nous."
)
_OTHERWISE = mark("La situation a changé entre-temps. Rien n'a été modifié. Voici où en est votre rendez-vous.")


class HelpfulRoute(APIRoute):
    """Give it to a router as `route_class`; it stays when that router is included in another."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handler = super().get_route_handler()

        async def helpful(request: Request) -> Response:
            try:
                return await handler(request)
            except TelecontrolError as error:
                answer = await answer_to(request, error)
                if answer is None:
                    raise
                return answer

        return helpful


async def answer_to(request: Request, error: TelecontrolError) -> Response | None:
    """The page for a refusal; None for one that the general page tells as well."""
    path = request.url.path
    if path in _ASKED_BY_SCRIPTS and request.method == "POST":
        # A script asks: it is told in a code, and the page that runs it knows the words.
        wait = {"retry_after": error.retry_after} if isinstance(error, TooManyAttempts) else {}
        return problem(status_of(error), error.code, error.message, **wait)
    if error.code == "stale_form":
        return await _send_again(request)
    if not (path == paths.HOME or path.startswith(f"{paths.HOME}/")):
        return None
    if error.code == "no_attendance":
        return see_other(request, paths.HOME, tone="info", text=_NO_RECEIPT)
    if error.code == "no_visit" or isinstance(error, NotFound):
        return _closed(request)
    if path == paths.HOME:
        return None
    if error.code == "not_verified":
        return see_other(request, paths.HOME)
    if isinstance(error, Conflict | Forbidden | InvalidInput):
        text = _WHAT_HAPPENED.get(error.code, _TAKEN if isinstance(error, SlotTaken) else _OTHERWISE)
        return see_other(request, paths.HOME, tone="info" if error.code == "view_only" else "warning", text=text)
    return None


async def _send_again(request: Request) -> Response:
    form = await request.form()
    fields = [
        {"name": name, "value": value}
        for name, value in form.multi_items()
        if name != FORM_FIELD and isinstance(value, str) and len(value) <= _LONGEST_FIELD
    ]
    # What the page showed stays what is answered. It is the browser's own word, and only ever refuses an act.
    about = shown_by(str(form.get(FORM_FIELD, "")))[:_LONGEST_FIELD]
    token = form_token(request.app.state.runtime.settings, browser_id(request), about=about)
    return _public(
        request, "insured/stale_form.html", status=403, action=request.url.path, fields=fields, csrf_token=token
    )


def _closed(request: Request) -> Response:
    return _public(request, "insured/expired.html", status=401)


def _public(request: Request, template: str, *, status: int, **context: Any) -> Response:
    runtime = request.app.state.runtime
    return page(
        request, template, now=runtime.clock.now(), status=status, organisation=public_brand(runtime), **context
    )
