"""Pages of staff: signing in, errors, the doctor, the desk."""

from __future__ import annotations

from typing import Any

from tests.web.samples_frame import bare

SIGN_IN: dict[str, Any] = {"next_path": "", "email": "", "is_refused": False, "wait_seconds": 0, "notices": []}


def error(status: int, code: str, retry_after: int | None = None) -> dict[str, Any]:
    return bare(status=status, code=code, retry_after=retry_after)


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "staff/sign_in": ("staff/sign_in.html", bare(**SIGN_IN)),
    "staff/sign_in_refused": (
        "staff/sign_in.html",
        bare(**{**SIGN_IN, "email": "sophie@telecontrol.example", "is_refused": True}),
    ),
    "staff/sign_in_wait": (
        "staff/sign_in.html",
        bare(**{**SIGN_IN, "email": "sophie@telecontrol.example", "wait_seconds": 240}),
    ),
    "staff/error_404": ("staff/error.html", error(404, "not_found")),
    "staff/error_503": ("staff/error.html", error(503, "unavailable", 30)),
    "staff/error_409": ("staff/error.html", error(409, "conflict")),
}
