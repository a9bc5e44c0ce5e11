"""Pages of development and demonstration: the mailbox, the phone, the local insurer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from markupsafe import Markup

from tests.web.samples_frame import NOW, PARIS, TIMEBAR, public
from tests.web.samples_insured import REFERENCE

MAIL = {
    "id": "m1",
    "channel": "mail",
    "sender": "Assurance maladie des Mascareignes <rendez-vous@telecontrol.example>",
    "recipient": "ines.payet@exemple.re",
    "subject": "Votre rendez-vous du mardi 24 mars à 10 h 00",
    "text": "Bonjour,\n\nL'Assurance maladie des Mascareignes vous donne rendez-vous…",
    "html": "",
    "calendar": "BEGIN:VCALENDAR\nEND:VCALENDAR",
    "segments": 0,
    "received_at": NOW - timedelta(minutes=5),
}
SMS = {
    **MAIL,
    "id": "m2",
    "channel": "sms",
    "sender": "",
    "recipient": "+262692000001",
    "subject": "",
    "text": "Assurance maladie des Mascareignes: rendez-vous en video le mardi 24 mars a 10h00 (La Reunion). https://rdv.telecontrol.example/i/abc",
    "calendar": "",
    "segments": 1,
}
BOXES = [
    {"channel": "mail", "recipient": MAIL["recipient"], "count": 3, "newest_at": NOW},
    {"channel": "sms", "recipient": SMS["recipient"], "count": 2, "newest_at": NOW},
]
REPORT = {
    "row": {
        "key": "r1",
        "document": {"control": {"reference": REFERENCE}},
        "acknowledgement_id": "ACK-2026-0001",
        "received_at": NOW,
        "times_received": 2,
    },
    "document": '{\n  "version": "1"\n}',
}


def frame(**more: Any) -> dict[str, Any]:
    return public(organisation="Télécontrôle", timebar=TIMEBAR, notices=[], zone=PARIS, **more)


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "development/outbox": (
        "development/outbox.html",
        frame(boxes=BOXES, recipient=MAIL["recipient"], messages=[MAIL, MAIL]),
    ),
    "development/outbox_empty": ("development/outbox.html", frame(boxes=[], recipient="", messages=[])),
    "development/mail": ("development/message.html", frame(message=MAIL, body=Markup("Bonjour"))),
    "development/sms": ("development/message.html", frame(message=SMS, body=Markup("Rendez-vous"))),
    "development/insurer": ("development/insurer.html", frame(mode="accept", reports=[REPORT])),
    "development/insurer_empty": ("development/insurer.html", frame(mode="refuse", reports=[])),
}
