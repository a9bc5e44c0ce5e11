"""The calendar part of a message: iTIP REQUEST and CANCEL, or PUBLISH for a file that somebody downloads (RFC 5545, 5546) that every calendar reads at the right hour.

The zone definitions are fixed text: rules for Paris and Miquelon, one constant offset for the other overseas zones. What
calendar libraries generate by themselves was read one hour wrong by others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import cast
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Component, Event, Timezone, vCalAddress, vText

from telecontrol.clock import as_utc

_PARIS = """BEGIN:VTIMEZONE
TZID:Europe/Paris
BEGIN:DAYLIGHT
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19960331T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
# Miquelon follows the North-American dates since 2007.
_MIQUELON = """BEGIN:VTIMEZONE
TZID:America/Miquelon
BEGIN:DAYLIGHT
TZNAME:-02
TZOFFSETFROM:-0300
TZOFFSETTO:-0200
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:-03
TZOFFSETFROM:-0200
TZOFFSETTO:-0300
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
END:VTIMEZONE
"""
_CONSTANT = """BEGIN:VTIMEZONE
TZID:{zone}
BEGIN:STANDARD
TZNAME:{name}
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
DTSTART:19700101T000000
END:STANDARD
END:VTIMEZONE
"""
CONSTANT_OFFSETS = {
    "America/Guadeloupe": "-0400",
    "America/Martinique": "-0400",
    "America/Cayenne": "-0300",
    "Indian/Reunion": "+0400",
    "Indian/Mayotte": "+0300",
    "America/St_Barthelemy": "-0400",
    "America/Marigot": "-0400",
    "Pacific/Noumea": "+1100",
    "Pacific/Tahiti": "-1000",
    "Pacific/Wallis": "+1200",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarEntry:
    """An appointment as a calendar shows it. `location` and `summary` are neutral; `view_link` is the link that only shows."""

    method: str
    """`REQUEST` or `CANCEL`; `PUBLISH` without an attendee, which a calendar takes in without asking whose invitation it is."""
    uid: str
    sequence: int
    starts_at: datetime
    duration_minutes: int
    zone: str
    summary: str
    location: str
    description: str
    view_link: str
    organiser_name: str
    organiser_address: str
    attendee_address: str
    """Empty for somebody reached by SMS alone."""
    stamped_at: datetime
    alarm_minutes: int = 30


def calendar_bytes(entry: CalendarEntry) -> bytes:
    """The calendar part, UTF-8 with CRLF and folded lines. Raises `ValueError` for a zone without a fixed definition."""
    calendar = Calendar()
    calendar.add("prodid", "-//Telecontrol//Rendez-vous//FR")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", entry.method)
    calendar.add_component(_timezone(entry.zone))
    calendar.add_component(_event(entry))
    content: bytes = calendar.to_ical(sorted=False)
    return content


@cache
def _timezone(zone: str) -> Component:
    if zone == "Europe/Paris":
        source = _PARIS
    elif zone == "America/Miquelon":
        source = _MIQUELON
    elif zone in CONSTANT_OFFSETS:
        offset = CONSTANT_OFFSETS[zone]
        source = _CONSTANT.format(zone=zone, name=offset[:3], offset=offset)
    else:
        raise ValueError(f"no fixed calendar definition for {zone}")
    from_ical = cast("Callable[[str], Component]", Timezone.from_ical)
    return from_ical(source.replace("\n", "\r\n"))


def _event(entry: CalendarEntry) -> Event:
    starts = as_utc(entry.starts_at).astimezone(ZoneInfo(entry.zone))
    ends = (as_utc(entry.starts_at) + timedelta(minutes=entry.duration_minutes)).astimezone(ZoneInfo(entry.zone))
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", as_utc(entry.stamped_at))
    event.add("dtstart", starts)
    event.add("dtend", ends)
    event.add("summary", entry.summary)
    event.add("location", entry.location)
    event.add("description", entry.description)
    event.add("url", entry.view_link)
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    event.add("status", "CANCELLED" if entry.method == "CANCEL" else "CONFIRMED")
    event.add("organizer", _person(entry.organiser_address, entry.organiser_name))
    if entry.attendee_address:
        event.add("attendee", _attendee(entry.attendee_address))
    if entry.method != "CANCEL":
        event.add_component(_alarm(entry))
    return event


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    # A double quote inside a quoted parameter breaks the line for every reader.
    person.params["CN"] = vText(name.replace('"', ""))
    return person


def _attendee(address: str) -> vCalAddress:
    """The insured, by address only: answers go through the link, so the calendar is told to ask for none."""
    attendee = _person(address, address)
    attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
    attendee.params["PARTSTAT"] = vText("NEEDS-ACTION")
    attendee.params["RSVP"] = vText("FALSE")
    return attendee


def _alarm(entry: CalendarEntry) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", entry.summary)
    alarm.add("trigger", timedelta(minutes=-entry.alarm_minutes))
    return alarm
