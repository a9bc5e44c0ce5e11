"""Calendar parts read back by two other parsers: the right instant in every zone, in summer, in winter, on change days."""

from __future__ import annotations

import email
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject  # type: ignore[import-untyped]

from telecontrol.notify.calendar_part import CONSTANT_OFFSETS, CalendarEntry, calendar_bytes
from telecontrol.notify.messages import MESSAGES, prepare_mail
from telecontrol.notify.wording import ZONES
from tests.notify.samples import LINK, NOW, VIEW_LINK, in_person, outgoing, sample

STARTS = {
    "winter": datetime(2026, 1, 15, 9, 0),  # noqa: DTZ001  (wall clock, put in each zone)
    "summer": datetime(2026, 7, 15, 9, 0),  # noqa: DTZ001
    "Europe's spring change day": datetime(2026, 3, 29, 9, 0),  # noqa: DTZ001
    "Europe's spring eve, late": datetime(2026, 3, 28, 23, 50),  # noqa: DTZ001
    "Europe's autumn change day": datetime(2026, 10, 25, 9, 0),  # noqa: DTZ001
    "America's spring change day": datetime(2027, 3, 14, 9, 0),  # noqa: DTZ001
    "America's autumn change day": datetime(2026, 11, 1, 9, 0),  # noqa: DTZ001
    "between the two springs": datetime(2026, 3, 20, 9, 0),  # noqa: DTZ001
    "leap day": datetime(2028, 2, 29, 9, 0),  # noqa: DTZ001
    "year's end": datetime(2026, 12, 31, 23, 30),  # noqa: DTZ001
}


def entry(**changes: Any) -> CalendarEntry:
    given: dict[str, Any] = {
        "method": "REQUEST",
        "uid": "b1946ac9@telecontrol",
        "sequence": 2,
        "starts_at": datetime(2026, 3, 24, 6, 0, tzinfo=UTC),
        "duration_minutes": 20,
        "zone": "Europe/Paris",
        "summary": "Rendez-vous – CPAM de La Réunion",
        "location": "Par vidéo",
        "description": "Rendez-vous",
        "view_link": VIEW_LINK,
        "organiser_name": "CPAM",
        "organiser_address": "rendez-vous@telecontrol.example",
        "attendee_address": "personne@example.org",
        "stamped_at": NOW,
    }
    return CalendarEntry(**{**given, **changes})


def parsed(content: bytes) -> Any:
    """What icalendar reads, without its many types."""
    return icalendar.Calendar.from_ical(content)


def by_vobject(content: bytes) -> tuple[datetime, datetime]:
    """Start and end as a parser sees them that reads the zone's definition in the part itself."""
    event = vobject.readOne(content.decode()).vevent
    return event.dtstart.value.astimezone(UTC), event.dtend.value.astimezone(UTC)


def by_rules(content: bytes) -> tuple[datetime, datetime]:
    """Start and end computed from the part's own VTIMEZONE by icalendar, not from the machine's zone data."""
    calendar = parsed(content)
    [zone] = calendar.walk("VTIMEZONE")
    [event] = calendar.walk("VEVENT")
    own = zone.to_tz(lookup_tzid=False)
    start, end = (event[name].dt.replace(tzinfo=None) for name in ("DTSTART", "DTEND"))
    return (start.replace(tzinfo=own).astimezone(UTC), end.replace(tzinfo=own).astimezone(UTC))


@pytest.mark.parametrize("zone", sorted(ZONES))
def test_every_parser_reads_the_right_instant(zone: str) -> None:
    for moment, wall_clock in STARTS.items():
        starts_at = wall_clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        content = calendar_bytes(entry(starts_at=starts_at, zone=zone, duration_minutes=45))
        expected = (starts_at, starts_at + timedelta(minutes=45))
        assert by_vobject(content) == expected, moment
        assert by_rules(content) == expected, moment


def test_an_appointment_across_the_change_lasts_as_long_as_it_is() -> None:
    """In the night of the autumn change an hour comes twice: 01:50 plus thirty minutes is 02:20 for the first time."""
    starts_at = datetime(2026, 10, 24, 23, 50, tzinfo=UTC)
    content = calendar_bytes(entry(starts_at=starts_at, duration_minutes=30))
    assert by_rules(content) == (starts_at, starts_at + timedelta(minutes=30))


def test_constant_zones_are_still_constant() -> None:
    """The day one of them takes up daylight saving, this says so."""
    for zone, offset in CONSTANT_OFFSETS.items():
        found = {datetime(2027, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in range(1, 13)}
        assert found == {timedelta(hours=int(offset[:3]))}, zone


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Miquelon"])
def test_the_rules_agree_with_the_zone_data_day_by_day(zone: str) -> None:
    for at in _days(2026, 2029):
        assert by_rules(calendar_bytes(entry(starts_at=at, zone=zone)))[0] == at


def _days(first: int, last: int) -> Iterator[datetime]:
    at = datetime(first, 1, 1, 12, 0, tzinfo=UTC)
    while at.year < last:
        yield at
        at += timedelta(days=3)


def test_a_zone_without_a_definition_is_refused() -> None:
    with pytest.raises(ValueError, match="Asia/Tokyo"):
        calendar_bytes(entry(zone="Asia/Tokyo"))


def test_request_and_cancel() -> None:
    request = parsed(calendar_bytes(entry()))
    cancel = parsed(calendar_bytes(entry(method="CANCEL", sequence=3)))
    assert (request["METHOD"], cancel["METHOD"]) == ("REQUEST", "CANCEL")
    [event], [gone] = request.walk("VEVENT"), cancel.walk("VEVENT")
    assert event["UID"] == gone["UID"]
    assert (event["SEQUENCE"], gone["SEQUENCE"]) == (2, 3)
    assert (event["STATUS"], gone["STATUS"]) == ("CONFIRMED", "CANCELLED")
    assert event["DTSTART"].dt == gone["DTSTART"].dt
    assert event["CLASS"] == "PRIVATE"
    assert event["ORGANIZER"] == "mailto:rendez-vous@telecontrol.example"
    assert event["ATTENDEE"] == "mailto:personne@example.org"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"
    [alarm] = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(minutes=-30)
    assert gone.walk("VALARM") == []
    assert event["DTSTAMP"].dt == NOW


def test_hostile_values_stay_values() -> None:
    nasty = 'CPAM "x"; a,b\\n\r\nATTENDEE:mailto:evil@example.org'
    content = calendar_bytes(entry(organiser_name=nasty, summary=nasty, location=nasty))
    assert b'"x"' not in content.split(b"ORGANIZER")[1].split(b"\r\n")[0]
    calendar = parsed(content)
    [event] = calendar.walk("VEVENT")
    assert event["ATTENDEE"] == "mailto:personne@example.org"
    assert "evil" not in str(event["ATTENDEE"])
    assert [one.name for one in calendar.walk()] == [
        "VCALENDAR",
        "VTIMEZONE",
        "DAYLIGHT",
        "STANDARD",
        "VEVENT",
        "VALARM",
    ]
    assert content.replace(b"\r\n ", b"").count(b"\r\nATTENDEE") == 1
    vobject.readOne(content.decode())


def test_lines_are_folded_and_ended_as_they_must() -> None:
    content = calendar_bytes(entry(description="é" * 300))
    lines = content.split(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in lines)
    assert lines[-1] == b""


@pytest.mark.parametrize("kind", sorted(kind for kind, message in MESSAGES.items() if message.calendar))
def test_the_parts_that_messages_carry(kind: str) -> None:
    message = parsed(_part(kind))
    [event] = message.walk("VEVENT")
    assert message["METHOD"] == MESSAGES[kind].calendar
    assert event["SEQUENCE"] == 3
    assert str(event["URL"]) == VIEW_LINK
    content = _part(kind).decode()
    assert LINK not in content.replace("\r\n ", "")
    assert "TC-7KQ2" not in content, "the reference lets one ask about the file: it is not for a shared calendar"


def test_a_place_is_told_by_its_address() -> None:
    context = in_person("in_person_convocation", ics_uid="b1946ac9@telecontrol", view_link=VIEW_LINK)
    raw = prepare_mail(outgoing("in_person_convocation", context=context.to_json()), now=NOW)
    [part] = [one for one in email.message_from_bytes(raw).walk() if one.get_content_type() == "text/calendar"]
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    [event] = parsed(payload).walk("VEVENT")
    assert event["LOCATION"] == "12 rue de Paris, 97400 Saint-Denis"
    [alarm] = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(minutes=-120)


def _part(kind: str) -> bytes:
    context = sample(kind, full=True)
    raw = prepare_mail(outgoing(kind, context=context.to_json()), now=NOW)
    parts = [one for one in email.message_from_bytes(raw).walk() if one.get_content_type() == "text/calendar"]
    [payload] = [part.get_payload(decode=True) for part in parts]
    attached = [one for one in email.message_from_bytes(raw).walk() if one.get_content_type() == "application/ics"]
    assert [part.get_payload(decode=True) for part in attached] == [payload], "both parts say the same"
    assert parts[0].get_param("method") == MESSAGES[kind].calendar
    assert isinstance(payload, bytes)
    return payload
