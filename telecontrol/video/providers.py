"""Which provider the settings ask for."""

from __future__ import annotations

from telecontrol.clock import Clock
from telecontrol.config import Settings
from telecontrol.config import VideoProvider as ProviderName
from telecontrol.db.session import Database
from telecontrol.errors import Misconfigured
from telecontrol.video.builtin import BuiltinProvider


def make_provider(*, settings: Settings, database: Database, clock: Clock) -> BuiltinProvider:
    """The provider of `TELECONTROL_VIDEO_PROVIDER`, one per process. Raises `Misconfigured` for one this release has not."""
    if settings.video_provider is not ProviderName.BUILTIN:
        raise Misconfigured("this release has the built-in call only: set TELECONTROL_VIDEO_PROVIDER=builtin")
    return BuiltinProvider(settings=settings, database=database, clock=clock)
