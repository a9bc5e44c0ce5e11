"""The call's own record in words: what stands beside a technical failure, so that it can be seen and not only believed.

Codes, hours and who; no address, no name, nothing that was said or shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from telecontrol.scheduling.attendance import NOTED_BY_DOCTOR
from telecontrol.video.call_messages import ProblemCode
from telecontrol.video.models import AttendanceEvent, EventKind, Role
from telecontrol.web.i18n import Translator, mark

LONGEST = 60
"""Lines. A network that comes and goes for an hour is told by its last ones."""


class LogLine(NamedTuple):
    at: datetime
    text: str
    is_problem: bool


_WHO = {Role.DOCTOR: mark("Médecin"), Role.INSURED: mark("Assuré")}
_EVENTS = {
    EventKind.ARRIVED: mark("arrivée sur la page de l'appel"),
    EventKind.ADMITTED: mark("invitation à entrer"),
    EventKind.JOINED: mark("entrée dans l'appel"),
    EventKind.MEDIA_FLOWING: mark("reçoit l'image ou le son de l'autre"),
    EventKind.RETURNED: mark("retour"),
    EventKind.ADMISSION_REFUSED: mark("prévenu d'un retard"),
}
_AWAY = {
    "socket": mark("liaison coupée"),
    "hidden": mark("page en arrière-plan ou téléphone verrouillé"),
}
_LEFT = {
    "hung_up": mark("a quitté l'appel"),
    "grace_over": mark("n'est pas revenu après une coupure"),
    "finished": mark("appel terminé par le médecin"),
    "closed": mark("rendez-vous conclu"),
}
_PROBLEMS = {
    ProblemCode.REFUSED_BY_BROWSER: mark("caméra et micro refusés dans le navigateur"),
    ProblemCode.REFUSED_BY_SYSTEM: mark("caméra ou micro refusés par l'appareil"),
    ProblemCode.DEVICE_BUSY: mark("caméra ou micro pris par un autre logiciel"),
    ProblemCode.NO_DEVICE: mark("ni caméra ni micro trouvés"),
    ProblemCode.NO_CAMERA: mark("pas de caméra"),
    ProblemCode.NO_MICROPHONE: mark("pas de micro"),
    ProblemCode.INSECURE_CONTEXT: mark("adresse ouverte sans https"),
    ProblemCode.IN_APP_BROWSER: mark("lien ouvert dans une application sans caméra"),
    ProblemCode.UNSUPPORTED: mark("navigateur sans vidéo"),
    ProblemCode.MICROPHONE_SILENT: mark("micro muet"),
    ProblemCode.SOUND_BLOCKED: mark("son bloqué par le navigateur"),
    ProblemCode.NO_MEDIA: mark("l'image et le son ne passent pas, malgré plusieurs essais"),
    NOTED_BY_DOCTOR: mark("problème technique noté"),
}
_OTHER = mark("problème technique")


def told_log(events: Iterable[AttendanceEvent], translator: Translator) -> list[LogLine]:
    """The events, oldest first, as lines: "Assuré : liaison coupée"."""
    lines = [
        LogLine(
            event.at,
            translator.plain(
                mark("{who} : {what}"), who=translator.plain(_WHO[event.role]), what=translator.plain(what)
            ),
            event.event is EventKind.TECHNICAL_PROBLEM,
        )
        for event in events
        if (what := _what(event)) is not None
    ]
    return lines[-LONGEST:]


def _what(event: AttendanceEvent) -> str | None:
    """Waiting is told by the arrival before it."""
    match event.event:
        case EventKind.WAITING:
            return None
        case EventKind.AWAY:
            return _AWAY.get(str(event.detail.get("reason")), _AWAY["socket"])
        case EventKind.LEFT:
            return _LEFT.get(str(event.detail.get("reason")), _LEFT["hung_up"])
        case EventKind.TECHNICAL_PROBLEM:
            return _PROBLEMS.get(str(event.detail.get("code")), _OTHER)
        case _:
            return _EVENTS.get(event.event)
