"""A test of a device in one word, and nothing in it that is not in the lists."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput
from telecontrol.video.device_tests import WORKS, Finding, finding_of, latest_tests, record_test, result_of
from telecontrol.video.models import DeviceTest
from telecontrol.web.wording import DEVICE, DEVICE_TO_INSURED

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WELL = {"browser": "ok", "camera": "ok", "microphone": "ok", "speaker": "ok", "connection": "ok"}


def a_test(route: str = "direct", without: str = "", **steps: str) -> DeviceTest:
    found = {name: answer for name, answer in {**WELL, **steps}.items() if name != without}
    return DeviceTest(steps=found, route=route, problem="")


@pytest.mark.parametrize(
    ("test", "finding"),
    [
        (None, Finding.UNTESTED),
        (a_test(), Finding.READY),
        (a_test("relay"), Finding.RELAY_ONLY),
        (a_test(camera="no_camera"), Finding.SOUND_ONLY),
        (a_test(camera="no_picture"), Finding.SOUND_ONLY),
        (a_test("relay", camera="refused_by_browser"), Finding.SOUND_ONLY),
        (a_test(microphone="microphone_silent"), Finding.MICROPHONE_SILENT),
        (a_test(microphone="no_microphone"), Finding.NO_MICROPHONE),
        (a_test(microphone="device_busy", camera="device_busy"), Finding.NO_MICROPHONE),
        (a_test(speaker="not_heard"), Finding.SOUND_NOT_HEARD),
        (a_test("none", connection="media_blocked"), Finding.NO_CONNECTION),
        (a_test("", connection="socket_blocked"), Finding.NO_CONNECTION),
        (a_test("none", connection="media_blocked", microphone="microphone_silent"), Finding.NO_CONNECTION),
        (a_test("", connection="unavailable"), Finding.UNFINISHED),
        (a_test("", without="connection"), Finding.UNFINISHED),
        (a_test("", without="connection", microphone="microphone_silent"), Finding.MICROPHONE_SILENT),
        (DeviceTest(steps={"browser": "in_app_browser"}, route="", problem="in_app_browser"), Finding.BROWSER_UNFIT),
        (DeviceTest(steps={}, route="", problem=""), Finding.READY),
        (DeviceTest(steps={}, route="", problem="no_camera"), Finding.SOUND_ONLY),
        (DeviceTest(steps={}, route="", problem="device_busy"), Finding.PROBLEM),
    ],
)
def test_one_word_for_each_test(test: DeviceTest | None, finding: Finding) -> None:
    assert finding_of(test) is finding
    expected = (
        "untested" if finding in (Finding.UNTESTED, Finding.UNFINISHED) else "ready" if finding in WORKS else "problem"
    )
    assert result_of(test) == expected


def test_each_word_is_told_to_everybody() -> None:
    assert set(DEVICE) == {str(finding) for finding in Finding}
    assert set(DEVICE_TO_INSURED) == {str(finding) for finding in Finding} - {"untested"}


async def test_the_latest_test_counts(database: Database) -> None:
    subject = uuid.uuid4()
    async with database.transaction() as session:
        await record_test(session, subject_id=subject, steps={"browser": "ok"}, route="", now=NOW)
        kept = await record_test(session, subject_id=subject, steps=WELL, route="relay", now=NOW + timedelta(hours=1))
        assert kept.problem == ""
    async with database.reading() as session:
        assert finding_of((await latest_tests(session, [subject]))[subject]) is Finding.RELAY_ONLY


@pytest.mark.parametrize(
    ("steps", "route"),
    [
        ({"browser": "Mozilla/5.0"}, ""),
        ({"kitchen": "ok"}, ""),
        ({"camera": "media_blocked"}, ""),
        ({"connection": "192.0.2.7"}, ""),
        (WELL, "198.51.100.1"),
    ],
)
async def test_only_codes_are_kept(database: Database, steps: dict[str, str], route: str) -> None:
    async with database.transaction() as session:
        with pytest.raises(InvalidInput):
            await record_test(session, subject_id=uuid.uuid4(), steps=steps, route=route, now=NOW)
