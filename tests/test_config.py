"""Settings that must not start, each named with what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from telecontrol.config import Settings
from telecontrol.errors import Misconfigured

PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "public_url": "https://rendez-vous.caisse.example",
    "sealing_keys": "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "mail_channel": "smtp",
    "sms_channel": "twilio",
    "support_phone": "+33 4 72 00 00 00",
    "contact_email": "contact@caisse.example",
    "mail_from": "rendez-vous@caisse.example",
}


def test_a_production_that_is_filled_in_starts(settings: Callable[..., Settings]) -> None:
    settings(**PRODUCTION).require_startable()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"support_phone": "+33 1 84 80 00 00"}, "TELECONTROL_SUPPORT_PHONE"),
        ({"contact_email": "contact@telecontrol.example"}, "TELECONTROL_CONTACT_EMAIL"),
        ({"mail_from": "rendez-vous@telecontrol.example"}, "TELECONTROL_MAIL_FROM"),
        ({"twilio_api_url": "http://sms.example"}, "TELECONTROL_TWILIO_API_URL"),
        ({"trusted_proxies": "*"}, "TELECONTROL_TRUSTED_PROXIES"),
        ({"secret": "a" * 64}, "TELECONTROL_SECRET"),
        ({"public_url": "http://rendez-vous.caisse.example"}, "plain http"),
        ({"public_url": "https://caisse.example/rendez-vous/"}, "holds a path"),
    ],
)
def test_what_would_reach_people_or_betray_them_is_refused(
    settings: Callable[..., Settings], wrong: dict[str, str], named: str
) -> None:
    with pytest.raises(Misconfigured, match=named):
        settings(**{**PRODUCTION, **wrong}).require_startable()


def test_on_one_machine_an_operator_may_try_a_production_out(settings: Callable[..., Settings]) -> None:
    tried = {**PRODUCTION, "public_url": "http://127.0.0.1:8000", "support_phone": "+33 1 84 80 00 00"}
    settings(**tried).require_startable()
