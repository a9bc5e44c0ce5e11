"""The channels that the settings ask for, by the name that intents carry."""

from __future__ import annotations

import httpx2

from telecontrol.clock import Clock
from telecontrol.config import Environment, MailChannel, Settings, SmsChannel
from telecontrol.db.session import Database
from telecontrol.errors import Misconfigured
from telecontrol.notify.local import LocalTarget
from telecontrol.notify.mail import MailTarget
from telecontrol.notify.messages import MAIL, SMS
from telecontrol.notify.sms import TwilioTarget
from telecontrol.outbox.targets import Target


def build_targets(
    settings: Settings, database: Database, clock: Clock, *, http: httpx2.AsyncClient | None = None
) -> dict[str, Target]:
    """`mail` and `sms` as the settings say. `http` is the process's shared client; without it the SMS channel makes its own.

    Raises `Misconfigured` for a local channel in production, and for Twilio without its account.
    """
    local = settings.mail_channel is MailChannel.LOCAL or settings.sms_channel is SmsChannel.LOCAL
    if local and settings.environment is Environment.PRODUCTION:
        raise Misconfigured("a local channel sends nothing: it is refused in production")
    return {MAIL: _mail(settings, database, clock), SMS: _sms(settings, database, clock, http)}


def _mail(settings: Settings, database: Database, clock: Clock) -> Target:
    if settings.mail_channel is MailChannel.SMTP:
        return MailTarget(settings, clock=clock)
    return LocalTarget(MAIL, database=database, clock=clock)


def _sms(settings: Settings, database: Database, clock: Clock, http: httpx2.AsyncClient | None) -> Target:
    if settings.sms_channel is SmsChannel.LOCAL:
        return LocalTarget(SMS, database=database, clock=clock)
    missing = [
        f"TELECONTROL_{name.upper()}"
        for name in ("twilio_account_sid", "twilio_messaging_service_sid")
        if not getattr(settings, name)
    ]
    if not settings.twilio_auth_token.get_secret_value():
        missing.append("TELECONTROL_TWILIO_AUTH_TOKEN")
    if missing:
        raise Misconfigured(f"SMS by Twilio needs {', '.join(missing)}")
    return TwilioTarget(settings, clock=clock, http=http)
