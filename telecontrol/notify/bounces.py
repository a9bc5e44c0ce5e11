"""Bounces: delivery status notifications (RFC 3464) read back to the intent they are about."""

from __future__ import annotations

import email
import email.policy
import re
import uuid
from dataclasses import dataclass
from email.message import Message

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a mail server reports of one message."""

    intent_id: uuid.UUID | None
    """Ours, from the envelope id or the Message-ID of the returned headers; None when neither came back."""
    message_id: str
    """Without its angle brackets; empty when it did not come back."""
    recipient: str
    action: str
    """`failed`, `delayed`, `delivered`, `relayed` or `expanded`."""
    status: str
    """Enhanced status code (`5.1.1`), empty when none is given."""
    gave_up: bool
    """The server will not try again: the message did not arrive."""
    permanent: bool
    """The address is at fault (class 5): it is marked. A server that gave up for another reason leaves it good."""

    @property
    def event_key(self) -> str:
        """What tells this report from another about the same message: for dropping doubles."""
        return f"{self.intent_id or self.message_id}:{self.recipient}:{self.action}:{self.status}"


def parse_bounces(raw: bytes) -> tuple[Bounce, ...]:
    """The reports that an incoming message holds: none when it is not a delivery status notification."""
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    reports = [part for part in message.walk() if part.get_content_type() == "message/delivery-status"]
    message_id = _returned_message_id(message)
    return tuple(bounce for report in reports for bounce in _bounces_of(report, message_id))


def _bounces_of(report: Message, message_id: str) -> list[Bounce]:
    blocks = _blocks(report)
    envelope_id = str(blocks[0].get("Original-Envelope-Id", "")) if blocks else ""
    intent_id = _intent_in(envelope_id) or _intent_in(message_id)
    return [
        _bounce(block, intent_id=intent_id, message_id=message_id)
        for block in blocks
        if block.get("Final-Recipient") or block.get("Original-Recipient")
    ]


def _blocks(report: Message) -> list[Message]:
    """The header groups of a report: one on the message, then one for each recipient."""
    payload = report.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    groups = re.split(r"\r?\n\s*\r?\n", str(payload).strip())
    return [email.message_from_string(group) for group in groups]


def _bounce(block: Message, *, intent_id: uuid.UUID | None, message_id: str) -> Bounce:
    action = str(block.get("Action", "")).strip().lower()
    status = _STATUS.search(str(block.get("Status", ""))) or _STATUS.search(str(block.get("Diagnostic-Code", "")))
    code = status[1] if status else ""
    recipient = str(block.get("Original-Recipient") or block.get("Final-Recipient") or "")
    return Bounce(
        intent_id=intent_id,
        message_id=message_id,
        recipient=recipient.rpartition(";")[2].strip().strip("<>"),
        action=action,
        status=code,
        gave_up=action == "failed",
        permanent=action == "failed" and (code.startswith("5") or not code),
    )


def _returned_message_id(message: Message) -> str:
    """The Message-ID of what comes back: the original's headers, or the original itself."""
    for part in message.walk():
        if part is message:
            continue
        if part.get_content_type() == "text/rfc822-headers":
            source = part.get_payload(decode=True)
            returned = email.message_from_bytes(source if isinstance(source, bytes) else b"")
            return _bare(returned.get("Message-ID"))
        if part.get_content_type() == "message/rfc822":
            payload = part.get_payload()
            if isinstance(payload, list) and payload and isinstance(payload[0], Message):
                return _bare(payload[0].get("Message-ID"))
    return ""


def _bare(message_id: object) -> str:
    return str(message_id or "").strip().strip("<>")


def _intent_in(text: str) -> uuid.UUID | None:
    found = _UUID.search(text)
    return uuid.UUID(found[0]) if found else None
