"""The table of the local channel: what a mailbox and a phone would have received. Development and demo only, so not sealed."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.db.base import Base, HasId


class LocalMessage(HasId, Base):
    """A message that the local channel accepted. A re-send makes a second row, as a second message would arrive."""

    __tablename__ = "local_message"
    __table_args__ = (Index("ix_local_message_channel_received_at", "channel", "received_at"),)

    intent_id: Mapped[uuid.UUID] = mapped_column(index=True)
    channel: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(8))
    recipient: Mapped[str] = mapped_column(String(254), index=True)
    sender: Mapped[str] = mapped_column(String(300), default="")
    """As a mailbox shows it; empty for an SMS."""
    subject: Mapped[str] = mapped_column(String(998), default="")
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text, default="")
    calendar: Mapped[str] = mapped_column(Text, default="")
    segments: Mapped[int] = mapped_column(default=0)
    """How many SMS segments it took; 0 for an e-mail."""
    received_at: Mapped[datetime]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    """The bytes as they were handed over."""
