"""Pages from templates: one Jinja environment a language, with the built files, the icons and the words in reach.

A template that misses a value fails (`StrictUndefined`): each one states at its top what it needs. Nothing is rendered
asynchronously, and everything is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from telecontrol.errors import Misconfigured
from telecontrol.web import dates, paths
from telecontrol.web.i18n import Translator, load_translators
from telecontrol.web.wording import Wording, wording

WEB = Path(__file__).parent
STATIC = WEB / "static"
TEMPLATES = WEB / "templates"


@dataclass(frozen=True, slots=True)
class Assets:
    """The built files: plain name → hashed file, and the inside of each icon."""

    files: Mapping[str, Mapping[str, Any]]
    icons: Mapping[str, str]

    @classmethod
    def read(cls, static: Path = STATIC) -> Assets:
        """Raises `Misconfigured` when they were not built."""
        try:
            manifest = json.loads((static / "manifest.json").read_text("utf-8"))
            icons = json.loads((static / "icons.json").read_text("utf-8"))
        except FileNotFoundError:
            raise Misconfigured("the pages' files are not built: run `make assets`", code="assets_missing") from None
        return cls(files=manifest, icons=icons)

    def has(self, name: str) -> bool:
        return name in self.files

    def url(self, name: str) -> str:
        return f"/static/{self._entry(name)['file']}"

    def stylesheet(self, name: str) -> Markup:
        return Markup('<link rel="stylesheet" href="{}" integrity="{}">').format(
            self.url(name), self._entry(name)["integrity"]
        )

    def script(self, name: str) -> Markup:
        """A module runs once the page is read, so it may stand in the head."""
        return Markup('<script type="module" src="{}" integrity="{}"></script>').format(
            self.url(name), self._entry(name)["integrity"]
        )

    def icon(self, name: str, kind: str = "") -> Markup:
        """A drawing placed inline, silent to screen readers: the words beside it say what it means."""
        try:
            inside = self.icons[name]
        except KeyError:
            raise LookupError(f"no icon {name!r}: add it to assets/icons.txt and build again") from None
        classes = f"icon {kind}".strip()
        return Markup('<svg class="{}" viewBox="0 0 16 16" aria-hidden="true" focusable="false">{}</svg>').format(
            classes,
            Markup(inside),  # noqa: S704  (read from our own build)
        )

    def _entry(self, name: str) -> Mapping[str, Any]:
        try:
            return self.files[name]
        except KeyError:
            raise LookupError(f"no built file {name!r}") from None


@dataclass(frozen=True, slots=True)
class Templates:
    """What pages are rendered with. `languages` are the codes there are, French first."""

    environments: Mapping[str, Environment]
    translators: Mapping[str, Translator]

    @property
    def languages(self) -> list[str]:
        return list(self.environments)

    def render(self, name: str, *, language: str, **context: Any) -> str:
        """The page in `language` (an unknown one is a `KeyError`). Raises `jinja2.UndefinedError` on a missing value."""
        return self.environments[language].get_template(name).render(context)


def load_templates(*, assets: Assets | None = None, folder: Path = TEMPLATES) -> Templates:
    """Read the built files and the catalogues once; raises `Misconfigured` when the files were not built."""
    assets = assets or Assets.read()
    translators = load_translators()
    loader = FileSystemLoader(folder)
    environments = {
        code: _environment(loader, translator, translators, assets) for code, translator in translators.items()
    }
    return Templates(environments, translators)


def _environment(
    loader: FileSystemLoader, translator: Translator, translators: Mapping[str, Translator], assets: Assets
) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.globals |= {
        "lang": translator.code,
        "languages": [{"code": code, "name": other.name} for code, other in translators.items()],
        "t": translator.t,
        "tn": translator.tn,
        "icon": assets.icon,
        "asset": assets.url,
        "has_asset": assets.has,
        "stylesheet": assets.stylesheet,
        "script": assets.script,
        "words": _words(translator),
        "paths": paths,
    }
    environment.filters |= _filters(translator)
    return environment


def _words(translator: Translator) -> Callable[[str, str], Wording]:
    """`words("control_state", "booked")` in this language: its text, tone and icon."""

    def words(table: str, code: str) -> Wording:
        entry = wording(table, str(code))
        return Wording(translator.t(entry.text), entry.tone, entry.icon)

    return words


def _filters(translator: Translator) -> dict[str, Callable[..., object]]:
    def bound(function: Callable[..., str]) -> Callable[..., str]:
        return lambda value, zone=None, **more: function(value, translator, **({"zone": zone} if zone else {}), **more)

    def age(since: datetime, now: datetime) -> str:
        return dates.age(since, translator, now=now)

    def relative(when: datetime, now: datetime) -> str:
        return dates.relative(when, translator, now=now)

    def local_date(when: datetime | date, zone: str) -> str:
        """ISO day in the zone, for attributes and form values."""
        return dates.local_day(when, zone).isoformat()

    def readings(ways: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ways of counting a deadline, as components/deadline.html takes them."""
        say = translator.plain
        return [{"name": say(way["text"]), "at": way["at"], "is_winner": way["won"]} for way in ways]

    return {
        "day": bound(dates.day),
        "date_only": bound(dates.date_only),
        "month": bound(dates.month),
        "short_day": bound(dates.short_day),
        "hour": bound(dates.hour),
        "moment": bound(dates.moment),
        "stamp": bound(dates.stamp),
        "zone_name": lambda zone: dates.zone_name(zone, translator),
        "duration": lambda length: dates.duration(length, translator),
        "age": age,
        "relative": relative,
        "local_date": local_date,
        "local_day": dates.local_day,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "day_before": lambda on: (on - timedelta(days=1)).isoformat(),
        "day_after": lambda on: (on + timedelta(days=1)).isoformat(),
        "minute_of_day": dates.minute_of_day,
        "map_reading": readings,
        "iso": dates.iso,
        "number": lambda value: dates.number(value, translator),
        "at_most": lambda value, most: dates.at_most(value, most, translator),
        "phone": dates.phone,
        "tel": dates.tel,
        "masked_phone": dates.masked_phone,
        "masked_email": dates.masked_email,
    }
