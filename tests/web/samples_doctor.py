"""The doctor's pages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.web.samples_frame import NOW, REUNION, TIMEBAR, staff

ZONE = REUNION
TODAY = date(2026, 3, 20)
FIRST = datetime(2026, 3, 20, 7, 0, tzinfo=UTC)
FUND = "Assurance maladie des Mascareignes"


def row(number: int, person: str, **changes: Any) -> dict[str, Any]:
    starts_at = FIRST + timedelta(minutes=30 * number)
    return {
        "id": f"a{number}",
        "href": f"/doctor/room/a{number}",
        "person": person,
        "reference": f"TC-7KQ{number}-M4XD",
        "organisation": FUND,
        "mode": "video",
        "state": "booked",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=20),
        "zone": ZONE,
        "insured_zone": None,
        "site": "",
        "waiting": None,
        "arrived_at": None,
        "device": "untested",
        "tested_at": None,
        "is_announced_absent": False,
        "is_to_conclude": False,
        "is_live": True,
        "may_enter": False,
        **changes,
    }


WAITS = {"since_at": NOW - timedelta(minutes=6), "is_there": True, "delay_minutes": None}
AWAY = {"since_at": NOW - timedelta(seconds=40), "is_there": False, "delay_minutes": 10}
ROWS = [
    row(0, "Jean-Marc Grondin", state="attended", is_live=False),
    row(1, "Odile Vitry", state="over", is_to_conclude=True, is_live=False),
    row(2, "Inès Payet", waiting=WAITS, may_enter=True),
    row(3, "Mathis Boyer", waiting=AWAY, may_enter=True, device="microphone_silent", tested_at=NOW),
    row(4, "Raïssa Ali", insured_zone="Indian/Mayotte", is_announced_absent=True),
    row(9, "Paul Técher", mode="surgery", site="Centre médical du Barachois", device=""),
    row(12, "Marie-Thérèse de La Villarmois-Kermarrec", state="held", is_live=False),
]
TO_SIGN = [
    {
        "href": "/doctor/reports/r1",
        "person": "Solène Hoarau",
        "reference": "TC-2WJ8-PP3N",
        "kind": "examination_impossible",
        "event_at": NOW - timedelta(hours=43),
        "due_at": NOW + timedelta(hours=5),
        "zone": ZONE,
    },
    {
        "href": "/doctor/reports/r2",
        "person": "Luc Morel",
        "reference": "TC-9FD2-QX7B",
        "kind": "examination_impossible",
        "event_at": NOW - timedelta(hours=50),
        "due_at": NOW - timedelta(hours=2),
        "zone": ZONE,
    },
]


def today(**changes: Any) -> dict[str, Any]:
    values = {
        "day": TODAY,
        "zone": ZONE,
        "rows": ROWS,
        "waiting": ROWS[2:4],
        "next_row": ROWS[2],
        "to_conclude": [row(-40, "Karim Saïd", state="over", is_to_conclude=True)],
        "is_all_concluded": False,
        "to_sign": TO_SIGN,
        "path": "/doctor",
    }
    return staff("doctor", "today", **{**values, **changes})


WHEN = {
    "id": "a2",
    "mode": "video",
    "state": "booked",
    "starts_at": FIRST + timedelta(hours=1),
    "ends_at": FIRST + timedelta(minutes=80),
    "zone": ZONE,
    "insured_zone": None,
    "announced_at": None,
    "announced_reason": "",
    "announced_decision": "",
}
DOSSIER: dict[str, Any] = {
    "person": "Inès Payet",
    "birth_on": date(1984, 5, 12),
    "phone": "+262692000001",
    "email": "ines.payet@exemple.re",
    "address": "8 rue des Flamboyants",
    "town": "97400 Saint-Denis",
    "language": "fr",
    "reference": "TC-7KQ2-M4XD",
    "external_reference": "2026-000123",
    "procedure": "A",
    "organisation": FUND,
    "leave_starts_on": date(2026, 3, 2),
    "leave_ends_on": date(2026, 4, 12),
    "prescriber": "Dr Hélène Maillot",
    "identity_failures": 0,
    "site": None,
}
SITE = {
    "name": "Centre médical du Barachois",
    "address": "12 rue de Nice, 97400 Saint-Denis",
    "access": "Entrée de plain-pied, ascenseur.",
    "phone": "+262262000000",
}
FACTS: dict[str, Any] = {
    "zone": ZONE,
    "starts_at": WHEN["starts_at"],
    "waited_until": FIRST + timedelta(minutes=75),
    "arrived_at": NOW - timedelta(minutes=6),
    "admitted_at": None,
    "media_flowed": False,
    "calls": [],
    "call_answered": None,
    "problems": [],
    "document": "",
    "document_at": None,
}
NOBODY = {**FACTS, "arrived_at": None, "calls": [{"at": FIRST + timedelta(minutes=70)}], "call_answered": False}
CAN = {"admit": True, "note": True, "receive": False, "report_problem": True}
ABSENCE = {
    "is_possible": False,
    "is_unseen": False,
    "waited_from": None,
    "wait_ended_at": FIRST + timedelta(minutes=75),
    "ends_at": None,
    "waited_minutes": 15,
    "why_not": None,
}
RESULTS = [
    ("justified", "Arrêt justifié"),
    ("not_justified", "Arrêt non justifié"),
    ("needs_physical_examination", "Rendez-vous sur place nécessaire"),
    ("technical_failure", "Problème technique"),
    ("identity_not_established", "Identité non établie"),
    ("control_refused", "Contrôle refusé"),
    ("video_declined", "Rendez-vous sur place préféré"),
    ("excused_absence", "Absence excusée"),
    ("doctor_unavailable", "Médecin indisponible"),
    ("impossible_not_attributable", "Contrôle impossible, sans faute de l'assuré"),
]
DOCUMENTS = [
    ("national_card", "c"),
    ("passport", "p"),
    ("residence_permit", "t"),
    ("driving_licence", "d"),
    ("other", "a"),
    ("not_shown", "n"),
]
FORM: dict[str, Any] = {
    "results": [
        {"value": value, "label": label, "key": str((number + 1) % 10), "by_phone": False}
        for number, (value, label) in enumerate(RESULTS)
    ],
    "documents": [{"value": value, "key": key} for value, key in DOCUMENTS],
    "result": "",
    "document": "",
    "remark": "",
    "remark_length": 300,
    "by_phone": False,
    "close_control": False,
    "may_be_by_phone": True,
    "may_be_unrecorded": True,
    "seen": False,
    "error_field": "",
}
NOTHING_STATED: dict[str, Any] = {
    "seen_without_record": None,
    "announced_absent_at": None,
    "waited_from": None,
    "waited_until": None,
    "waited_how": None,
}
STATED = {
    **NOTHING_STATED,
    "identity_document": "not_shown",
    "announced_absent_at": FIRST - timedelta(days=1),
    "waited_until": FIRST + timedelta(minutes=75),
    "waited_how": "by_phone",
    "remark": "Deux appels, sans réponse.",
}
REVIEW: dict[str, Any] = {
    "result": "not_justified",
    "label": "Arrêt non justifié",
    "zone": ZONE,
    "names_zone": False,
    "event_at": NOW,
    "examination_took_place": True,
    "by_phone": False,
    "circumstances": {**NOTHING_STATED, "identity_document": "national_card", "remark": ""},
    "control_state": "concluded",
    "report_kind": "unjustified",
    "report_due_at": NOW + timedelta(hours=48),
    "readers": [
        {
            "who": "L'assuré lit",
            "text": "Le médecin estime que votre arrêt de travail n'est plus justifié à la date du contrôle.",
        },
        {
            "who": "L'assureur lit, dans le rapport",
            "text": "L'arrêt de travail n'est plus justifié à la date du contrôle.",
        },
    ],
    "fields": {"result": "not_justified", "identity_document": "national_card", "remark": ""},
    "is_refused": False,
    "wait_seconds": 0,
}
SIGNED = {
    "result": "not_justified",
    "label": "Arrêt non justifié",
    "zone": ZONE,
    "event_at": NOW,
    "signed_at": NOW,
    "examination_took_place": True,
    "by_phone": False,
    "circumstances": REVIEW["circumstances"],
    "control_state": "concluded",
}


BEFORE: dict[str, Any] = {
    "needs": [],
    "language": "",
    "interpreter": "",
    "companion": None,
    "documents": False,
    "device": {"finding": "untested", "at": None},
}
SAID = {
    "needs": ["speak_slowly", "written_too"],
    "language": "fr",
    "interpreter": "fsl",
    "companion": {"name": "Marie-Ange Payet", "role": "sign_language_interpreter"},
    "documents": True,
    "device": {"finding": "sound_only", "at": NOW},
}
LOG = [
    {"at": NOW - timedelta(minutes=9), "text": "Assuré : arrivée sur la page de l'appel", "is_problem": False},
    {"at": NOW - timedelta(minutes=4), "text": "Assuré : micro muet", "is_problem": True},
]


def room(**changes: Any) -> dict[str, Any]:
    values = {
        "appointment": WHEN,
        "is_open": changes.get("conclusion") is None,
        "is_concluded": changes.get("conclusion") is not None,
        "others": ROWS[3:6],
        "others_waiting": 1,
        "waiting": WAITS,
        "facts": FACTS,
        "can": CAN,
        "waits_asked": (5, 10, 15),
        "phone": DOSSIER["phone"],
        "absence": ABSENCE,
        "dossier": DOSSIER,
        "before": BEFORE,
        "call": {"call": "", "call-role": "doctor"},
        "opens_at": FIRST + timedelta(minutes=45),
        "note": {"text": "", "revision": 0, "saved_at": None},
        "conclusion": None,
        "form": FORM,
        "review": None,
        "connection_log": LOG,
        "problem": "",
        "next_row": ROWS[3],
    }
    return staff("doctor", "today", **{**values, **changes})


IN_CALL = {
    "appointment": {**WHEN, "state": "in_progress"},
    "waiting": None,
    "facts": {**FACTS, "admitted_at": NOW - timedelta(minutes=2)},
}
NO_CALL = {"call": None}

PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "doctor/today": ("staff/doctor/today.html", today(timebar=TIMEBAR)),
    "doctor/today_empty": (
        "staff/doctor/today.html",
        today(rows=[], waiting=[], next_row=None, to_conclude=[], is_all_concluded=True, to_sign=[]),
    ),
    "doctor/room": ("staff/doctor/room.html", room(**NO_CALL)),
    "doctor/room_prepared": ("staff/doctor/room.html", room(before=SAID, **NO_CALL)),
    "doctor/room_demo": ("staff/doctor/room.html", room(timebar=TIMEBAR, **NO_CALL)),
    "doctor/room_in_call": (
        "staff/doctor/room.html",
        room(
            **IN_CALL,
            can={**CAN, "admit": False},
            note={"text": "…", "revision": 3, "saved_at": NOW},
            form={**FORM, "result": "not_justified", "document": "passport"},
        ),
    ),
    "doctor/room_early": (
        "staff/doctor/room.html",
        room(
            now=FIRST,
            waiting=None,
            facts={**NOBODY, "calls": []},
            can={**CAN, "admit": False, "note": False},
            others=[],
            others_waiting=0,
            **NO_CALL,
        ),
    ),
    "doctor/room_absent": (
        "staff/doctor/room.html",
        room(
            now=FIRST + timedelta(minutes=78),
            waiting=None,
            facts=NOBODY,
            can={**CAN, "admit": False},
            absence={**ABSENCE, "is_possible": True, "waited_from": FIRST + timedelta(minutes=69)},
            **NO_CALL,
        ),
    ),
    "doctor/room_unseen": (
        "staff/doctor/room.html",
        room(
            now=FIRST + timedelta(minutes=88),
            appointment={**WHEN, "state": "over"},
            waiting=None,
            facts={**NOBODY, "calls": []},
            can={**CAN, "admit": False},
            absence={**ABSENCE, "is_unseen": True},
            form={**FORM, "result": "doctor_unavailable"},
            **NO_CALL,
        ),
    ),
    "doctor/room_stated": (
        "staff/doctor/room.html",
        room(
            waiting=None,
            facts=NOBODY,
            can={**CAN, "admit": False},
            form={**FORM, "result": "justified", "seen": True, "error_field": "remark"},
            problem="Dites dans la remarque comment la personne a été vue : le rapport l'indiquera.",
            **NO_CALL,
        ),
    ),
    "doctor/room_review_stated": (
        "staff/doctor/room.html",
        room(
            review={
                **REVIEW,
                "label": "Absence au rendez-vous",
                "circumstances": STATED,
                "examination_took_place": False,
            },
            **NO_CALL,
        ),
    ),
    "doctor/room_not_yet_absent": (
        "staff/doctor/room.html",
        room(
            now=FIRST + timedelta(minutes=68),
            waiting=None,
            facts={**NOBODY, "problems": [{"at": FIRST + timedelta(minutes=65), "by": "insured", "is_noted": False}]},
            can={**CAN, "admit": False},
            absence={**ABSENCE, "ends_at": FIRST + timedelta(minutes=75)},
            dossier={**DOSSIER, "identity_failures": 1},
            appointment={**WHEN, "announced_at": NOW, "announced_reason": "travel", "insured_zone": "Indian/Mayotte"},
            **NO_CALL,
        ),
    ),
    "doctor/room_refused": (
        "staff/doctor/room.html",
        room(
            form={**FORM, "result": "control_refused", "remark": "…", "error_field": "remark"},
            problem="Cette ligne est lue hors du service médical. Écrivez les mots médicaux dans vos notes, qui sont scellées.",
            absence={
                **ABSENCE,
                "why_not": "L'assuré est venu : ce n'est pas une absence. Choisissez une autre conclusion.",
            },
            **NO_CALL,
        ),
    ),
    "doctor/room_in_person": (
        "staff/doctor/room.html",
        room(
            appointment={**WHEN, "mode": "surgery"},
            dossier={**DOSSIER, "site": SITE},
            waiting=None,
            facts={**NOBODY, "calls": []},
            can={"admit": False, "note": True, "receive": True, "report_problem": False},
            form={**FORM, "may_be_by_phone": False},
            **NO_CALL,
        ),
    ),
    "doctor/room_review": ("staff/doctor/room.html", room(review=REVIEW, **NO_CALL)),
    "doctor/room_review_refused": (
        "staff/doctor/room.html",
        room(review={**REVIEW, "is_refused": True, "report_kind": None, "report_due_at": None}, **NO_CALL),
    ),
    "doctor/room_review_wait": ("staff/doctor/room.html", room(review={**REVIEW, "wait_seconds": 90}, **NO_CALL)),
    "doctor/room_signed": (
        "staff/doctor/room.html",
        room(
            conclusion={**SIGNED, "circumstances": {**NOTHING_STATED, "seen_without_record": "doctor"}},
            form=None,
            waiting=None,
            can=dict.fromkeys(CAN, False),
            **NO_CALL,
        ),
    ),
    "doctor/room_failed": (
        "staff/doctor/room.html",
        room(form={**FORM, "result": "technical_failure", "by_phone": True}, connection_log=[], **NO_CALL),
    ),
    "doctor/room_review_failed": (
        "staff/doctor/room.html",
        room(review={**REVIEW, "result": "technical_failure", "by_phone": True}, **NO_CALL),
    ),
    "doctor/room_closed": (
        "staff/doctor/room.html",
        room(
            form=None,
            next_row=None,
            opens_at=FIRST,
            can={**CAN, "admit": False, "note": False},
            waiting=None,
            **NO_CALL,
        ),
    ),
    "doctor/notes_conflict": (
        "staff/doctor/notes_conflict.html",
        staff(
            "doctor",
            "today",
            action="/doctor/room/a2/notes",
            back_href="/doctor/room/a2",
            person="Inès Payet",
            kept="Première version",
            revision=4,
            typed="Deuxième version",
        ),
    ),
    "doctor/_live": ("staff/doctor/_live.html", room()),
}
