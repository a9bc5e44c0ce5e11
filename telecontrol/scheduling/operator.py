"""Who runs this installation, as messages and deadlines need to know it: plain values from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from telecontrol.config import Settings
from telecontrol.db.sealing import Sealer, keys_from_text


@dataclass(frozen=True, slots=True)
class Operator:
    """Passed to whatever tells somebody something. `messages` seals what the outbox keeps, `notes` what doctors write."""

    name: str
    public_url: str
    phone: str
    contact_email: str
    mail_from: str
    messages: Sealer
    notes: Sealer

    @classmethod
    def from_settings(cls, settings: Settings) -> Operator:
        """Raises `Misconfigured` for a malformed sealing key."""
        keys = keys_from_text(
            settings.sealing_keys.get_secret_value(), fallback_secret=settings.secret.get_secret_value()
        )
        sealer = Sealer(keys, purpose="messages")
        return cls(
            name=settings.operator_name,
            public_url=settings.public_url.rstrip("/"),
            phone=settings.support_phone,
            contact_email=settings.contact_email,
            mail_from=settings.mail_from,
            messages=sealer,
            notes=sealer.for_purpose("notes"),
        )
