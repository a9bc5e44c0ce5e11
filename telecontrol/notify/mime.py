"""A letter into the bytes that will be stored and sent: headers that cannot be injected, explicit transfer encodings.

Built with the legacy MIME classes, which cost a third of `EmailMessage` and pick no 8-bit encoding by themselves.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr

from telecontrol.clock import as_utc
from telecontrol.errors import InvalidInput
from telecontrol.notify.rendering import Letter

_QUOTED = Charset("utf-8")
_QUOTED.body_encoding = QP
_NOT_IN_HEADER = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """Who a message is from and for, and what names it."""

    intent_id: uuid.UUID
    sender_name: str
    sender: str
    reply_to: str
    recipient: str
    language: str
    at: datetime


def message_id_of(intent_id: uuid.UUID, sender: str) -> str:
    """The Message-ID of an intent: the same for every attempt, so that duplicates and bounces find each other."""
    return f"<{intent_id}@{sender.rpartition('@')[2]}>"


def mail_bytes(letter: Letter, envelope: Envelope, *, calendar: bytes = b"", method: str = "") -> bytes:
    """The message as it goes on the wire: ASCII, CRLF, lines under 998. Raises `InvalidInput` for an unsafe header value."""
    # "=_" cannot stand in quoted-printable or base64, so no text can hold a boundary.
    alternative = MIMEMultipart("alternative", boundary=f"=_{envelope.intent_id.hex}_a")
    alternative.attach(MIMEText(letter.text, "plain", _QUOTED))  # type: ignore[arg-type]
    alternative.attach(MIMEText(letter.html, "html", _QUOTED))  # type: ignore[arg-type]
    message = alternative
    if calendar:
        alternative.attach(_calendar_text(calendar, method))
        message = MIMEMultipart("mixed", boundary=f"=_{envelope.intent_id.hex}_m")
        message.attach(alternative)
        message.attach(_calendar_file(calendar))
    _add_headers(message, letter, envelope)
    return message.as_bytes(policy=policy.compat32.clone(linesep="\r\n", max_line_length=78))


def _add_headers(message: MIMEMultipart, letter: Letter, envelope: Envelope) -> None:
    headers = {
        "From": _mailbox(envelope.sender_name, envelope.sender),
        "To": _safe("To", envelope.recipient),
        "Reply-To": _safe("Reply-To", envelope.reply_to),
        "Subject": Header(_safe("Subject", letter.subject), "utf-8", header_name="Subject").encode(),
        "Date": format_datetime(as_utc(envelope.at)),
        "Message-ID": message_id_of(envelope.intent_id, envelope.sender),
        "Content-Language": envelope.language,
        "Auto-Submitted": "auto-generated",
    }
    for name, value in headers.items():
        message[name] = value


def _mailbox(name: str, address: str) -> str:
    return formataddr((_safe("From", name), _safe("From", address)), "utf-8")


def _safe(header: str, value: str) -> str:
    if _NOT_IN_HEADER.search(value):
        raise InvalidInput(f"{header} holds a line break or a control character", field=header, code="header_injection")
    return value


def _calendar_text(calendar: bytes, method: str) -> MIMEText:
    """The alternative that mail programs turn into an entry of their calendar."""
    part = MIMEText(calendar.decode(), "calendar", _QUOTED)  # type: ignore[arg-type]
    part.set_param("method", method)
    part.set_param("component", "VEVENT")
    return part


def _calendar_file(calendar: bytes) -> MIMEBase:
    """The same as a file, for the programs that show no entry by themselves."""
    part = MIMEBase("application", "ics", name="rendez-vous.ics")
    part.set_payload(calendar)
    part.add_header("Content-Disposition", "attachment", filename="rendez-vous.ics")
    encode_base64(part)
    return part
