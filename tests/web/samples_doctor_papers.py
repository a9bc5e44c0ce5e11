"""The doctor's reports and agenda."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.web.samples_doctor import DOSSIER, TO_SIGN, WHEN, ZONE
from tests.web.samples_frame import NOW, staff

READINGS = {
    "ways": [
        {"text": "48 heures réelles après le fait", "at": NOW + timedelta(hours=5), "won": True},
        {
            "text": "la même heure, deux jours plus tard, à l'horloge du lieu de l'assuré",
            "at": NOW + timedelta(hours=6),
            "won": False,
        },
    ],
    "is_unanimous": False,
    "policy_version": "2026.1",
}
REPORT: dict[str, Any] = {
    "kind": "examination_impossible",
    "label": "Examen impossible",
    "state": "drafted",
    "version": 1,
    "event_at": NOW - timedelta(hours=43),
    "due_at": NOW + timedelta(hours=5),
    "signed_at": None,
    "acknowledged_at": None,
    "acknowledgement": "",
    "withdrawn_reason": "",
    "refusal": None,
    "zone": ZONE,
    "insurer_reads": "Examen impossible : l'assuré, convoqué, ne s'est pas présenté pendant le temps d'attente.",
}


def report(**changes: Any) -> dict[str, Any]:
    values = {
        "report": REPORT,
        "readings": READINGS,
        "appointment": {**WHEN, "starts_at": NOW - timedelta(hours=43, minutes=15)},
        "dossier": {**DOSSIER, "person": "Solène Hoarau"},
        "circumstances": {
            "identity_document": "not_shown",
            "arrived_at": None,
            "announced_absent_at": None,
            "waited_from": None,
            "waited_until": NOW - timedelta(hours=43),
            "waited_how": None,
            "calls_made_at": [NOW - timedelta(hours=43, minutes=6)],
            "call_answered": False,
            "technical_problem_at": [],
            "remark": "",
        },
        "is_to_sign": True,
        "why_not": "",
        "actions": {"sign": "/doctor/reports/r1/sign", "qualify": "/doctor/reports/r1/qualify"},
        "room_href": "/doctor/room/a7",
        "problem": "",
        "is_refused": False,
        "wait_seconds": 0,
        "typed": {"remark": "", "qualification": "", "reason": ""},
        "remark_length": 300,
        "qualifications": ["excused_absence", "technical_failure", "doctor_unavailable"],
    }
    return staff("doctor", "reports", **{**values, **changes})


def day(number: int, appointments: int = 0, **changes: Any) -> dict[str, Any]:
    begins_at = datetime(2026, 3, 15, 20, 0, tzinfo=UTC) + timedelta(days=number)
    opening = begins_at + timedelta(hours=9)
    return {
        "on": date(2026, 3, 16) + timedelta(days=number),
        "begins_at": begins_at,
        "ends_at": begins_at + timedelta(days=1),
        "holidays": [],
        "is_closed_by_holiday": False,
        "openings": [
            {"starts_at": opening, "ends_at": opening + timedelta(hours=3), "places": [{"mode": "video", "site": ""}]},
            {
                "starts_at": opening + timedelta(hours=5),
                "ends_at": opening + timedelta(hours=8),
                "places": [{"mode": "video", "site": ""}, {"mode": "surgery", "site": "Centre médical du Barachois"}],
            },
        ],
        "appointments": [
            {
                "href": "/doctor/room/a1",
                "person": name,
                "reference": "TC-7KQ2-M4XD",
                "starts_at": opening + timedelta(minutes=30 * index),
                "ends_at": opening + timedelta(minutes=30 * index + 20),
                "mode": "surgery" if index == 4 else "video",
                "state": ["attended", "over", "booked", "booked", "held"][index],
                "site": "",
            }
            for index, name in enumerate(
                ["Jean-Marc Grondin", "Odile Vitry", "Inès Payet", "Mathis Boyer", "Raïssa Ali"]
            )
        ][:appointments],
        "absences": [],
        "exceptions": [],
        **changes,
    }


AWAY_DAY = day(4)["begins_at"]


def agenda(**changes: Any) -> dict[str, Any]:
    values = {
        "zone": ZONE,
        "first_on": date(2026, 3, 16),
        "last_on": date(2026, 3, 22),
        "today": date(2026, 3, 17),
        "previous_href": "/doctor/agenda?week=2026-03-09",
        "next_href": "/doctor/agenda?week=2026-03-23",
        "this_href": None,
        "days": [
            day(0, 5),
            day(1, 3),
            day(2, 2),
            day(3),
            day(
                4,
                openings=[],
                absences=[{"starts_at": AWAY_DAY, "ends_at": AWAY_DAY + timedelta(days=1), "is_whole_day": True}],
            ),
            day(5, openings=[], holidays=["labour_day"], is_closed_by_holiday=True),
            day(6, openings=[]),
        ],
        "absences": [{"starts_at": AWAY_DAY, "ends_at": AWAY_DAY + timedelta(days=1), "remove": "/x/remove"}],
        "exceptions": [
            {
                "on": date(2026, 3, 18),
                "starts_at": NOW,
                "ends_at": NOW + timedelta(hours=2),
                "is_open": False,
                "mode": "video",
                "site": "",
                "remove": "/y/remove",
            }
        ],
        "sites": [{"value": "s1", "label": "Centre médical du Barachois"}],
        "absence_form": {"first_on": "", "last_on": "", "from_time": "", "until_time": ""},
        "exception_form": {"on": "", "opens": "", "closes": "", "kind": "closed"},
        "actions": {"absence": "/doctor/agenda/absences", "exception": "/doctor/agenda/exceptions"},
        "error_form": "",
        "error_field": "",
        "error": "",
        "path": "/doctor/agenda",
    }
    return staff("doctor", "agenda", **{**values, **changes})


CONFIRM = {
    "action": "/doctor/agenda/absences",
    "back_href": "/doctor/agenda",
    "form": "absence",
    "starts_at": AWAY_DAY,
    "ends_at": AWAY_DAY + timedelta(days=1),
    "zone": ZONE,
    "fields": {"first_on": "2026-03-20", "last_on": ""},
    "hit": [{"person": "Inès Payet", "reference": "TC-7KQ2-M4XD", "starts_at": NOW, "mode": "video"}],
}

PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "doctor/reports": ("staff/doctor/reports.html", staff("doctor", "reports", rows=TO_SIGN)),
    "doctor/reports_none": ("staff/doctor/reports.html", staff("doctor", "reports", rows=[])),
    "doctor/report": ("staff/doctor/report.html", report()),
    "doctor/report_refused_by_insurer": ("staff/doctor/report.html", report(is_refused=True)),
    "doctor/report_against": (
        "staff/doctor/report.html",
        report(why_not="La convocation n'est pas sûre d'être arrivée.", problem="Donnez un motif."),
    ),
    "doctor/report_sent": (
        "staff/doctor/report.html",
        report(
            is_to_sign=False,
            report={
                **REPORT,
                "state": "acknowledged",
                "signed_at": NOW,
                "acknowledged_at": NOW,
                "acknowledgement": "ACK-1",
                "version": 2,
            },
        ),
    ),
    "doctor/report_announced": (
        "staff/doctor/report.html",
        report(
            appointment={
                **WHEN,
                "starts_at": NOW - timedelta(hours=43, minutes=15),
                "announced_at": NOW - timedelta(hours=60),
                "announced_reason": "travel",
            }
        ),
    ),
    "doctor/report_refused": (
        "staff/doctor/report.html",
        report(
            is_to_sign=False,
            report={
                **REPORT,
                "state": "refused",
                "signed_at": NOW,
                "refusal": {
                    "reason": "L'assureur juge le rapport contraire au contrat d'échange.",
                    "places": ["date de naissance de l'assuré"],
                },
            },
        ),
    ),
    "doctor/report_withdrawn": (
        "staff/doctor/report.html",
        report(is_to_sign=False, report={**REPORT, "state": "withdrawn", "withdrawn_reason": "Panne du réseau"}),
    ),
    "doctor/agenda": ("staff/doctor/agenda.html", agenda()),
    "doctor/agenda_error": (
        "staff/doctor/agenda.html",
        agenda(
            error_form="absence",
            error_field="last_on",
            error="La fin vient avant le début.",
            this_href="/doctor/agenda",
        ),
    ),
    "doctor/agenda_confirm": ("staff/doctor/agenda_confirm.html", staff("doctor", "agenda", **CONFIRM)),
    "doctor/agenda_confirm_none": (
        "staff/doctor/agenda_confirm.html",
        staff("doctor", "agenda", **{**CONFIRM, "hit": [], "form": "exception"}),
    ),
}
