"""Templates into words: one body per kind and language, rendered with every value escaped and no missing placeholder let by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from telecontrol.notify import wording
from telecontrol.notify.colours import accent_of, ink_on, link_colour
from telecontrol.notify.contexts import (
    AccessCode,
    Change,
    DeskDigest,
    DoctorSignatureDue,
    ForAppointment,
    ForDoctor,
    ForInsured,
    Letterhead,
)
from telecontrol.notify.letter import Block, as_text, blocks_of
from telecontrol.notify.names import discreet_name, shorter_names
from telecontrol.notify.sms_text import segments, to_gsm7

TEMPLATES = Path(__file__).parent / "templates"
_HOW = {
    "fr": {"video": "vidéo", "phone": "par téléphone", "surgery": "sur place", "home": "à domicile"},
    "en": {"video": "video", "phone": "phone", "surgery": "in-person", "home": "home"},
}
_HOW_FULL = {
    "fr": {"video": "par vidéo", "phone": "par téléphone", "surgery": "sur place", "home": "à domicile"},
    "en": {
        "video": "a video appointment",
        "phone": "a phone appointment",
        "surgery": "an in-person appointment",
        "home": "an appointment at home",
    },
}

_BY_CHANNELS = {
    "fr": {"": "par e-mail et par SMS", "mail": "par e-mail", "sms": "par SMS"},
    "en": {"": "by e-mail and by text message", "mail": "by e-mail", "sms": "by text message"},
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered e-mail, before it becomes bytes."""

    subject: str
    text: str
    html: str


@cache
def _environment(language: str) -> Environment:
    """Templates of one language: markup is escaped in what becomes markup, and an unknown placeholder is an error."""
    # Subjects and SMS are no markup; whatever becomes XML or HTML is escaped.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith((".xml", ".html")),  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        day=partial(_told, wording.day, language),
        hour=partial(_told, wording.hour, language),
        moment=partial(_told, wording.moment, language),
        when=partial(_told, wording.when, language),
        zone_name=lambda zone: wording.zone_name(zone, language),
        duration=lambda minutes: wording.duration(minutes, language),
        phone=wording.phone_words,
        dial=lambda number: "".join(sign for sign in number if sign.isdigit() or sign == "+"),
        typed=wording.without_scheme,
    )
    return environment


def _told(words: Any, language: str, at: datetime, zone: str) -> str:
    told: str = words(at, zone, language)
    return told


def render_letter(context: Letterhead, *, audience: str, language: str) -> Letter:
    """The e-mail of a context: subject, plain text and HTML, all from one template folder."""
    environment = _environment(language)
    values = values_of(context, language)
    folder = f"{context.KIND}/{language}"
    subject = _one_line(environment.get_template(f"{folder}/subject.txt").render(values))
    body = blocks_of(environment.get_template(f"{folder}/body.xml").render(values), language=language)
    closing_source = environment.get_template(f"parts/{language}/closing_{audience}.xml").render(values)
    closing = blocks_of(closing_source, language=language)
    if language == "fr":
        subject = wording.french_spaces(subject)
    text = f"{values['name']}\n\n" + as_text((*body, *closing), language=language)
    html = _page(
        environment, context, subject=subject, name=values["name"], body=body, closing=closing, language=language
    )
    return Letter(subject, text, html)


def _page(
    environment: Environment,
    context: Letterhead,
    *,
    subject: str,
    name: str,
    body: tuple[Block, ...],
    closing: tuple[Block, ...],
    language: str,
) -> str:
    accent = accent_of(context.accent)
    return environment.get_template("layout.html").render(
        language=language,
        subject=subject,
        name=name,
        body=body,
        closing=closing,
        accent=accent,
        ink_on_accent=ink_on(accent),
        link_colour=link_colour(accent),
    )


def render_sms(context: Letterhead, *, language: str, max_segments: int) -> str:
    """The SMS of a context in GSM-7: the fullest wording that takes one segment, else the fullest that takes `max_segments`.

    What is left out first, in order: the zone when it is Paris, the year, the word before the reference, the whole weekday and
    month, all of the zone but its place, the weekday, long forms of the organisation's name. The address of a place is worth a second segment; it goes (it is on the page) when two do not hold
    it. A text that does not fit even so is told at its shortest.
    """
    template = _environment(language).get_template(f"{context.KIND}/{language}/sms.txt")
    values = values_of(context, language)
    text = ""
    for place in dict.fromkeys((getattr(context, "site_address", ""), "")):
        texts = [
            to_gsm7(_one_line(template.render({**values, **variant, "place_in_sms": place})))
            for variant in _variants(context, values["name"], language)
        ]
        for allowed in range(1, max_segments + 1):
            # With more room, the fullest wording that fits is the best one: variants go from full to bare.
            found = next((text for text in texts if segments(text).count <= allowed), None)
            if found is not None:
                return found
        text = texts[-1]
    return text


def _variants(context: Letterhead, name: str, language: str) -> Iterator[dict[str, str]]:
    """What changes between wordings of one SMS, from the fullest to the barest."""
    starts_at, zone = getattr(context, "starts_at", None), getattr(context, "zone", "Europe/Paris")
    reference = getattr(context, "reference", "")
    for shorter, style, says_zone in _shapes(list(shorter_names(name)), zone):
        variant = {"name": shorter, "in_zone": "", "at": "", "previous": "", "due": "", "until": "", "ref": reference}
        if style == 0:
            variant["ref"] = f"Réf {reference}." if language == "fr" else f"Ref {reference}."
        if says_zone:
            named = wording.zone_place(zone, language) if style >= 3 else wording.zone_name(zone, language, short=True)
            variant["in_zone"] = f" ({named})"
        if starts_at is not None:
            variant["at"] = _sms_moment(starts_at, zone, language, style)
        if isinstance(context, Change):
            variant["previous"] = _sms_moment(context.previous_starts_at, zone, language, min(style + 1, 2))
        if isinstance(context, DoctorSignatureDue):
            variant["due"] = _sms_moment(context.due_at, zone, language, style)
        if isinstance(context, AccessCode):
            variant["until"] = _sms_hour(context.expires_at, zone, language)
        yield variant


def _shapes(names: list[str], zone: str) -> Iterator[tuple[str, int, bool]]:
    """Name, style of date (0 with its year, 1 without, 2 in short, 3 with the zone in short, 4 without its weekday) and whether the zone is told,
    from full to bare."""
    abroad = zone != "Europe/Paris"
    yield names[0], 0, True
    for style in (0, 1):
        yield names[0], style, abroad
    for name in names:
        for style in (1, 2, 3, 4):
            yield name, style, abroad


def _sms_moment(at: datetime, zone: str, language: str, style: int) -> str:
    hour = _sms_hour(at, zone, language)
    joint = "à" if language == "fr" else "at"
    if style >= 2:
        return f"{wording.short_day(at, zone, language, with_weekday=style < 4)} {joint} {hour}"
    return f"{wording.day(at, zone, language, with_year=style == 0)} {joint} {hour}"


def _sms_hour(at: datetime, zone: str, language: str) -> str:
    there = wording.local(at, zone)
    return f"{there.hour}h{there:%M}" if language == "fr" else f"{there:%H:%M}"


def values_of(context: Letterhead, language: str) -> dict[str, Any]:
    """What a template can name: the context's fields, and what follows from them."""
    values: dict[str, Any] = {field.name: getattr(context, field.name) for field in fields(context)}
    values["name"] = discreet_name(context.organisation, otherwise=context.operator)
    if isinstance(context, ForInsured):
        values["by_channels"] = _BY_CHANNELS[language][context.reached_by]
    if isinstance(context, ForAppointment):
        values |= _appointment_values(context, language)
    if isinstance(context, ForDoctor):
        values["insured_hour"] = _other_hour(context, context.insured_zone, language)
    if isinstance(context, Change):
        values["moved_hour"] = context.previous_starts_at != context.starts_at
        was, now_at = context.previous_site_address, context.site_address
        values["moved_place"] = bool(was and now_at and was != now_at)
    if isinstance(context, DeskDigest):
        values["total"] = sum(line.count for line in context.lines)
    return values


def _appointment_values(context: ForAppointment, language: str) -> dict[str, Any]:
    return {
        "how": _HOW[language][context.mode],
        "how_full": _HOW_FULL[language][context.mode],
        "doctor_hour": _other_hour(context, context.doctor_zone, language),
    }


def _other_hour(context: ForAppointment | ForDoctor, other: str, language: str) -> str:
    """The moment on somebody else's clocks, when the two are apart and the clocks differ: with its date if that differs."""
    at, zone = context.starts_at, context.zone
    if context.mode not in {"video", "phone"} or not other or wording.same_clock(at, zone, other):
        return ""
    if wording.local(at, zone).date() != wording.local(at, other).date():
        return wording.when(at, other, language)
    return f"{wording.hour(at, other, language)} ({wording.zone_name(other, language)})"


def _one_line(text: str) -> str:
    return " ".join(text.split(" ")).replace("\n", "").strip()
