"""A naive datetime is a `ValueError` in every public function of the pure modules; every result is aware, in UTC.

The functions are found by looking, not listed: one that comes later is tested too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from telecontrol.reports import deadlines as report_deadlines
from telecontrol.scheduling import agenda, calendar, deadlines, readings, slots, wall_clock

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 6, 10, 10, 0, tzinfo=PARIS)
START = NOW + timedelta(days=6)
CUT = slots.grid(
    length=timedelta(minutes=20), buffer_after=timedelta(0), step=timedelta(minutes=20), not_before=NOW, not_after=START
)

ARGUMENTS: dict[str, Any] = {
    "zone": PARIS,
    "on": date(2026, 6, 10),
    "deadline": deadlines.Deadline.LAST_SAFE_SENDING,
    "by_person": True,
    "hold": timedelta(0),
    "length": timedelta(minutes=20),
    "buffer_after": timedelta(0),
    "step": timedelta(minutes=20),
    "open_intervals": [(0, 3600)],
    "busy_intervals": [],
    "bookable": slots.Bookable("doctor", [(0, 3600)]),
    "cut": CUT,
    "now": NOW,
    "created_at": NOW,
    "from_at": NOW,
    "not_before": NOW,
    "instant": NOW,
    "starts_at": START,
    "event_at": START,
    "until_at": START + timedelta(hours=1),
    "ends_at": START + timedelta(hours=1),
    "not_after": START,
    "invitation_accepted_at": NOW,
}
MODULES = [deadlines, report_deadlines, agenda, calendar, slots, wall_clock, readings]


def takes_instant(parameter: inspect.Parameter) -> bool:
    return str(parameter.annotation) in {"datetime", "datetime | None"}


def public_functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    for name, function in inspect.getmembers(module):
        is_value = inspect.isclass(function) and issubclass(function, agenda.Absence)
        if (
            not name.startswith("_")
            and (inspect.isfunction(function) or is_value)
            and function.__module__ == module.__name__
        ):
            yield function


FUNCTIONS = [
    pytest.param(function, id=f"{module.__name__.removeprefix('telecontrol.')}.{function.__name__}")
    for module in MODULES
    for function in public_functions(module)
    if any(takes_instant(parameter) for parameter in inspect.signature(function).parameters.values())
]


def arguments_of(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    given = {name: value for name, value in ARGUMENTS.items() if name in parameters}
    if "at" in parameters:
        given["at"] = NOW if takes_instant(parameters["at"]) else time(10)
    return given


def instants_in(result: object) -> Iterator[datetime]:
    if isinstance(result, datetime):
        yield result
    elif isinstance(result, tuple | list | Iterator):
        for each in result:
            yield from instants_in(each)
    elif isinstance(result, readings.Explanation):
        yield from (result.at, *(reading.at for reading in result.readings))


def test_functions_are_found() -> None:
    assert len(FUNCTIONS) >= 25


@pytest.mark.parametrize("function", FUNCTIONS)
def test_results_are_aware_and_in_utc(function: Callable[..., Any]) -> None:
    given = arguments_of(function)
    found = list(instants_in(function(**given)))
    if function is wall_clock.on_wall_clock:
        assert found == [datetime(2026, 6, 10, 10, 0)]  # noqa: DTZ001  (a wall clock is naive on purpose)
        return
    assert all(instant.tzinfo is UTC for instant in found)
    elsewhere = {
        name: value.astimezone(ZoneInfo("America/Cayenne")) if isinstance(value, datetime) else value
        for name, value in given.items()
    }
    assert list(instants_in(function(**elsewhere))) == found


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_naive_datetime_is_refused(function: Callable[..., Any]) -> None:
    given = arguments_of(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if takes_instant(parameter):
            with pytest.raises(ValueError, match="naive"):
                function(**{**given, name: given[name].replace(tzinfo=None)})
