"""Contexts of every kind, with every optional value present or absent."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from telecontrol.notify import contexts as c
from telecontrol.notify.messages import MESSAGES
from telecontrol.outbox.targets import Outgoing

ORIGIN = "https://rdv.telecontrol.example"
LINK = f"{ORIGIN}/i/Ab3dE6gH9jK2mN5pQ8sT1v"
VIEW_LINK = f"{ORIGIN}/i/Zy9xW8vU7tS6rQ5pO4nM3l"
STARTS_AT = datetime(2026, 3, 24, 6, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 19, 9, 0, tzinfo=UTC)
ORGANISATION = "Caisse primaire d’assurance maladie de La Réunion"

LETTERHEAD: dict[str, Any] = {
    "organisation": ORGANISATION,
    "operator": "Telecontrol",
    "mail_from": "rendez-vous@telecontrol.example",
    "contact": "contact@telecontrol.example",
    "support_phone": "+33 1 84 80 00 00",
}
_INSURED = {"reference": "TC-7KQ2-M4XD", "check_url": f"{ORIGIN}/genuine", "link": LINK}
_APPOINTMENT = {**LETTERHEAD, **_INSURED, "starts_at": STARTS_AT, "zone": "Indian/Reunion", "duration_minutes": 20}
_PLACE = {"site_name": "Centre de Saint-Denis", "site_address": "12 rue de Paris, 97400 Saint-Denis"}
_DOCTOR = {
    **LETTERHEAD,
    "reference": "TC-7KQ2-M4XD",
    "starts_at": STARTS_AT,
    "zone": "Europe/Paris",
    "duration_minutes": 20,
    "link": f"{ORIGIN}/doctor",
}
_OPTIONAL_APPOINTMENT = {
    "accent": "#7a1f3d",
    "mandate": "Contrôle demandé par la caisse, confié à Telecontrol.",
    "privacy_url": f"{ORIGIN}/privacy",
    "doctor": "Anne Martin",
    "doctor_zone": "Europe/Paris",
    "test_url": f"{ORIGIN}/test",
    "ics_uid": "b1946ac9-2492-4b6e-8f2a-0b7e3a9d5c11@telecontrol",
    "ics_sequence": 3,
    "view_link": VIEW_LINK,
    "reached_by": "mail",
}
_LATER = STARTS_AT + timedelta(minutes=9)
_SPECIFIC: dict[str, dict[str, Any]] = {
    "change": {"previous_starts_at": STARTS_AT - timedelta(days=1)},
    "refusal_receipt": {"recorded_at": NOW},
    "refusal_undone": {"recorded_at": NOW},
    "cannot_come_receipt": {"recorded_at": NOW},
    "appointment_kept": {"recorded_at": NOW},
    "attendance_receipt": {"arrived_at": STARTS_AT - timedelta(minutes=4)},
    "conclusion_to_insured": {"result": "justified", "concluded_at": _LATER},
    "in_person_convocation": {"mode": "surgery", **_PLACE},
    "doctor_moved": {"previous_starts_at": STARTS_AT - timedelta(days=1)},
    "doctor_insured_waiting": {"waiting_since_at": STARTS_AT - timedelta(minutes=4)},
    "doctor_signature_due": {"hours": 24, "due_at": STARTS_AT + timedelta(hours=48)},
    "doctor_conclusion_due": {"hours": 0, "due_at": STARTS_AT + timedelta(hours=48)},
}
_OPTIONAL_SPECIFIC: dict[str, dict[str, Any]] = {
    "change": {"reason": "doctor_unavailable"},
    "cancellation": {"reason": "technical", "will_rebook": True},
    "release": {"missing_channel": "sms"},
    "refusal_receipt": {"undo_until": NOW + timedelta(minutes=30), "can_choose_slot": True},
    "refusal_freed": {"can_choose_slot": True, "next_at": STARTS_AT + timedelta(days=3)},
    "attendance_receipt": {"left_at": _LATER, "failed_technically": True, "has_survey": True},
    "conclusion_to_insured": {"result": "not_justified", "effect": "benefits", "review_days": 10},
    "in_person_convocation": {
        "after_decline": True,
        "site_access": "Tram B, 2e étage, ascenseur",
        "site_phone": "0262123456",
    },
    "doctor_booked": {"is_again": True},
    "doctor_cancelled": {"reason": "notice_missed"},
    "doctor_signature_due": {"hours": 44},
    "doctor_conclusion_due": {"hours": 44},
}
_APART: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "access_code": (
        {
            **LETTERHEAD,
            "reference": "TC-7KQ2-M4XD",
            "check_url": f"{ORIGIN}/genuine",
            "code": "482913",
            "expires_at": NOW + timedelta(minutes=10),
            "zone": "Indian/Reunion",
        },
        {"accent": "#7a1f3d", "privacy_url": f"{ORIGIN}/privacy"},
    ),
    "desk_alert": (
        {**LETTERHEAD, "task": "notice_at_risk", "raised_at": NOW, "link": f"{ORIGIN}/desk"},
        {"reference": "TC-7KQ2-M4XD", "due_at": STARTS_AT - timedelta(hours=48), "level": 2},
    ),
    "desk_digest": (
        {**LETTERHEAD, "lines": (), "as_of_at": NOW, "link": f"{ORIGIN}/desk"},
        {
            "lines": (
                c.DeskLine(task="report_due", count=2, oldest_due_at=STARTS_AT),
                c.DeskLine(task="message_failed", count=1),
            )
        },
    ),
    "requester_status": (
        {**LETTERHEAD, "stage": "taken_in_charge", "reference": "TC-7KQ2-M4XD", "occurred_at": NOW},
        {
            "stage": "opinion_available",
            "external_reference": "RH-2026-118",
            "result": "not_justified",
            "link": f"{ORIGIN}/requests/TC-7KQ2-M4XD",
        },
    ),
}


def sample(kind: str, *, full: bool, **changes: Any) -> c.Letterhead:
    """A context of `kind`: the least it can hold, or everything it can."""
    message = MESSAGES[kind]
    if kind in _APART:
        least, more = _APART[kind]
    elif message.audience == "doctor":
        least = {**_DOCTOR, **_SPECIFIC.get(kind, {})}
        more = {"doctor": "Anne Martin", "insured_zone": "Indian/Reunion", **_OPTIONAL_SPECIFIC.get(kind, {})}
    else:
        least = {**_APPOINTMENT, **_SPECIFIC.get(kind, {})}
        more = {**_OPTIONAL_APPOINTMENT, **_OPTIONAL_SPECIFIC.get(kind, {})}
    return message.context(**{**least, **(more if full else {}), **changes})


def in_person(kind: str, **changes: Any) -> c.Letterhead:
    """A context of an appointment at a place, everything present."""
    return sample(kind, full=True, **{"mode": "surgery", **_PLACE, "site_access": "Tram B, 2e étage", **changes})


def outgoing(kind: str = "invitation", *, channel: str = "mail", **changes: Any) -> Outgoing:
    """An intent as a channel sees it, before `prepare`."""
    given: dict[str, Any] = {
        "intent_id": uuid.uuid4(),
        "kind": kind,
        "channel": channel,
        "recipient": "personne@example.org" if channel == "mail" else "+33639981234",
        "language": "fr",
        "context": sample(kind, full=True).to_json(),
        "not_after": NOW + timedelta(days=3),
    }
    return Outgoing(**{**given, **changes})
