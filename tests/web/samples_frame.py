"""What every page's layout is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 3, 20, 8, 12, 30, tzinfo=UTC)
PARIS = "Europe/Paris"
REUNION = "Indian/Reunion"
TOKEN = "0123456789abcdef0123456789abcdef"

OPERATOR = {"name": "Télécontrôle", "brand_href": None}
TIMEBAR = {"now": NOW, "next_at": NOW + timedelta(hours=4), "next_text": "rappel à Inès Payet"}


def public(
    *, path: str = "/r", now: datetime = NOW, organisation: str = "Assurance maladie des Mascareignes", **more: Any
) -> dict[str, Any]:
    return {
        "now": now,
        "csrf_token": TOKEN,
        "path": path,
        "organisation": {"name": organisation, "phone": "+33 1 84 80 00 00", "logo_href": None, "brand_href": None},
        "contact_email": "contact@telecontrol.example",
        "by_channels": "par e-mail et SMS",
        "earlier": [],
        **more,
    }


def bare(**more: Any) -> dict[str, Any]:
    return {"now": NOW, "csrf_token": TOKEN, "path": "/sign-in", "theme": "auto", "operator": OPERATOR, **more}


def staff(
    role: str, place: str, *, name: str = "", timebar: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    names = {"handler": "Sophie Hoarau", "doctor": "Dr Alain Fontaine", "administrator": "Marc Techer"}
    return {
        "now": NOW,
        "csrf_token": TOKEN,
        "path": "/desk",
        "theme": "auto",
        "operator": OPERATOR,
        "viewer": {"name": name or names[role], "role": role, "organisation": ""},
        "place": place,
        "counts": {"desk": {"number": 7, "is_late": True}, "reports": {"number": 2, "is_late": False}},
        "notices": [],
        "timebar": timebar,
        **more,
    }
