"""Settings: the whole environment, read once into a frozen value that is passed down.

Importing this module reads nothing; `Settings.from_environment()` does. Every variable is `TELECONTROL_` followed by the
field's name in capitals; `docs/operations.md` holds the table, and a test keeps the two equal.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from telecontrol.errors import Misconfigured

DEVELOPMENT_SECRET = "development-only-secret-never-in-production"  # noqa: S105  (refused by `require_startable`)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_LEAST_DIFFERENT = 8
"""Characters that a secret holds at least: `aaaa…` is long, and no secret."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    DEMO = "demo"
    PRODUCTION = "production"


class MailChannel(StrEnum):
    LOCAL = "local"
    SMTP = "smtp"


class SmsChannel(StrEnum):
    LOCAL = "local"
    TWILIO = "twilio"


class VideoProvider(StrEnum):
    BUILTIN = "builtin"
    LIVEKIT = "livekit"


class Settings(BaseSettings):
    """Everything an operator can set. Times in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="TELECONTROL_", frozen=True, extra="ignore")

    environment: Environment = Field(Environment.DEVELOPMENT, description="development, demo or production")
    database_url: str = Field(
        "sqlite+aiosqlite:///var/telecontrol.sqlite", description="SQLite file, or postgresql+asyncpg://…"
    )
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Address of the service as people reach it; https outside loopback"
    )
    host: str = Field("127.0.0.1", description="Address that `serve` listens on")
    port: int = Field(8000, ge=0, le=65535, description="Port that `serve` listens on; 0 takes a free one")
    secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), description="Signs cookies and forms; 32 characters or more"
    )
    sealing_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that seal notes and messages: id:base64,id:base64 (32 bytes each, the first one seals); empty derives one from the secret, refused in production",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    trusted_proxies: str = Field("127.0.0.1", description="Addresses whose X-Forwarded-For is believed, by commas")
    support_phone: str = Field("+33 1 84 80 00 00", description="Number that people can call, printed in every message")
    operator_name: str = Field("Telecontrol", description="Who runs this installation, printed in messages and pages")
    contact_email: str = Field(
        "contact@telecontrol.example", description="Accessibility, interpreter and privacy contact"
    )

    mail_channel: MailChannel = Field(MailChannel.LOCAL, description="local (kept at /outbox) or smtp")
    mail_from: str = Field("rendez-vous@telecontrol.example", description="Neutral sender address")
    smtp_host: str = Field("localhost", description="SMTP relay")
    smtp_port: int = Field(587, description="SMTP port")
    smtp_username: str = Field("", description="SMTP user; empty for none")
    smtp_password: SecretStr = Field(SecretStr(""), description="SMTP password")
    smtp_pool_size: int = Field(4, ge=1, le=32, description="SMTP connections kept open")
    smtp_timeout: float = Field(600.0, description="Wait for the final reply (RFC 5321 4.5.3.2.6: ten minutes)")

    sms_channel: SmsChannel = Field(SmsChannel.LOCAL, description="local (kept at /outbox) or twilio")
    twilio_account_sid: str = Field("", description="Twilio account")
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="Twilio secret; also checks status callbacks")
    twilio_messaging_service_sid: str = Field("", description="Twilio messaging service that sends")
    twilio_api_url: str = Field("https://api.twilio.com", description="Twilio API; another address only for tests")

    video_provider: VideoProvider = Field(VideoProvider.BUILTIN, description="builtin (one process) or livekit")
    livekit_url: str = Field("", description="LiveKit server, wss://…")
    livekit_api_key: str = Field("telecontrol", description="LiveKit API key; also the issuer of built-in tickets")
    livekit_api_secret: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET),
        description="LiveKit API secret, 32 characters or more; also signs built-in tickets",
    )
    livekit_e2ee: bool = Field(
        False, description="LiveKit: encrypt pictures and sound between the browsers, with keys that the pages hand out"
    )
    turn_urls: str = Field("", description="TURN servers by commas (turn:host:3478?transport=udp,turns:…)")
    turn_secret: SecretStr = Field(SecretStr(""), description="Shared secret of coturn's REST credentials")

    web_processes: int = Field(
        1, ge=1, description="Number of web processes on this database; the built-in call and SQLite take 1"
    )
    worker_inside: bool = Field(True, description="`serve` runs the worker in its own process")
    data_dir: Path = Field(Path("var"), description="Folder for local files (demo.json, local post, lock)")

    @classmethod
    def from_environment(cls) -> Self:
        """Read the environment once. Raises `pydantic.ValidationError` naming each bad variable."""
        return cls()

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def is_loopback(self) -> bool:
        """Whether people reach the service on this machine only: plain http is allowed there and nowhere else."""
        return urlsplit(self.public_url).hostname in _LOOPBACK

    @property
    def is_secure(self) -> bool:
        return urlsplit(self.public_url).scheme == "https"

    @property
    def shows_outbox(self) -> bool:
        """Whether `/outbox` exists: local channels outside production."""
        local = self.mail_channel is MailChannel.LOCAL or self.sms_channel is SmsChannel.LOCAL
        return local and self.environment is not Environment.PRODUCTION

    @model_validator(mode="after")
    def _named_drivers(self) -> Self:
        if not self.database_url.startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
            raise ValueError("database_url must start with sqlite+aiosqlite:// or postgresql+asyncpg://")
        return self

    def require_startable(self) -> None:
        """Refuse settings that would put people at risk. Raises `Misconfigured` with every reason at once."""
        reasons = list(self._reasons_not_to_start())
        if reasons:
            raise Misconfigured("; ".join(reasons))

    def _reasons_not_to_start(self) -> list[str]:
        reasons = []
        if not self.is_secure and not self.is_loopback:
            reasons.append("TELECONTROL_PUBLIC_URL is plain http outside this machine: cameras and cookies need https")
        if urlsplit(self.public_url).path.strip("/"):
            reasons.append("TELECONTROL_PUBLIC_URL holds a path: the service answers at the root of its own host name")
        if self.is_sqlite and self.web_processes > 1:
            reasons.append("SQLite takes one process: set TELECONTROL_WEB_PROCESSES=1 or use PostgreSQL")
        if self.video_provider is VideoProvider.BUILTIN and self.web_processes > 1:
            reasons.append(
                "the built-in call takes one process: use LiveKit with several (TELECONTROL_VIDEO_PROVIDER=livekit)"
            )
        if self.video_provider is VideoProvider.LIVEKIT:
            reasons += self._reasons_against_livekit()
        if self.environment is Environment.PRODUCTION:
            reasons += self._reasons_not_in_production()
        return reasons

    def _reasons_against_livekit(self) -> list[str]:
        reasons = []
        server = urlsplit(self.livekit_url)
        is_near = server.hostname in _LOOPBACK
        if not server.hostname or server.scheme not in ("ws", "wss"):
            reasons.append("TELECONTROL_LIVEKIT_URL must be the address of a LiveKit server: wss://…")
        elif server.scheme == "ws" and not is_near:
            reasons.append("TELECONTROL_LIVEKIT_URL is plain ws outside this machine: tickets and pictures need wss")
        if not self.livekit_api_key:
            reasons.append(
                "TELECONTROL_LIVEKIT_API_KEY is empty: it is the name of a key that the LiveKit server knows"
            )
        if len(self.livekit_api_secret.get_secret_value()) < 32:
            reasons.append("TELECONTROL_LIVEKIT_API_SECRET must have 32 characters or more")
        return reasons

    def _reasons_not_in_production(self) -> list[str]:
        reasons = []
        for name in ("secret", "livekit_api_secret"):
            value = getattr(self, name).get_secret_value()
            if value == DEVELOPMENT_SECRET or len(value) < 32 or len(set(value)) < _LEAST_DIFFERENT:
                reasons.append(f"TELECONTROL_{name.upper()} must be your own, of 32 characters or more")
        if not self.sealing_keys.get_secret_value():
            reasons.append("TELECONTROL_SEALING_KEYS is empty: notes and messages must be sealed with your own key")
        if self.mail_channel is MailChannel.LOCAL:
            reasons.append("TELECONTROL_MAIL_CHANNEL=local sends nothing: set smtp")
        if self.sms_channel is SmsChannel.LOCAL:
            reasons.append("TELECONTROL_SMS_CHANNEL=local sends nothing: set twilio")
        if not self.is_loopback:
            reasons += self._reasons_not_to_meet_people()
        return reasons

    def _reasons_not_to_meet_people(self) -> list[str]:
        """What may stand while an operator tries things out on one machine, and never in a message that somebody receives."""
        reasons = [
            f"TELECONTROL_{name.upper()} is an invented one, printed in every message: set your own"
            for name in ("support_phone", "contact_email", "mail_from")
            if getattr(self, name) == type(self).model_fields[name].default
        ]
        if self.sms_channel is SmsChannel.TWILIO and urlsplit(self.twilio_api_url).scheme != "https":
            reasons.append(
                "TELECONTROL_TWILIO_API_URL is plain http: texts and the account's secret would be read on the way"
            )
        if "*" in self.trusted_proxies:
            reasons.append("TELECONTROL_TRUSTED_PROXIES=* believes any caller's address: name your proxies")
        return reasons
