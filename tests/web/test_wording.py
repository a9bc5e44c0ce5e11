"""Each code that the domain knows has words on screen, and no words are left over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from telecontrol.accounts.models import Role
from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import ReportKind, Result
from telecontrol.controls.states import ControlState
from telecontrol.notify import rendering
from telecontrol.outbox.models import AttemptState, DeliveryState, IntentState
from telecontrol.reports import reports
from telecontrol.reports import wording as report_words
from telecontrol.reports.circumstances import IdentityDocument, Statement, WaitedHow
from telecontrol.reports.models import ReportState
from telecontrol.scheduling.answers import CannotCome
from telecontrol.scheduling.calendar import Holiday
from telecontrol.scheduling.models import AppointmentState
from telecontrol.tasks.models import TaskKind
from telecontrol.web.i18n import load_translators
from telecontrol.web.pages.desk.words import MESSAGE_KINDS
from telecontrol.web.wording import RESULT, TABLES, wording


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("control_state", ControlState),
        ("appointment_state", AppointmentState),
        ("result", Result),
        ("report_kind", ReportKind),
        ("report_state", ReportState),
        ("task", TaskKind),
        ("task_one", TaskKind),
        ("message_state", IntentState),
        ("attempt_state", AttemptState),
        ("delivery_state", DeliveryState),
        ("mode", Mode),
        ("procedure", Procedure),
        ("role", Role),
        ("cannot_come", CannotCome),
        ("identity_document", IdentityDocument),
        ("holiday", Holiday),
        ("seen_without_record", Statement),
        ("waited_how", WaitedHow),
    ],
)
def test_table_is_complete(table: str, codes: Iterable[str]) -> None:
    assert set(TABLES[table]) == {str(code) for code in codes}


@pytest.mark.parametrize("result", Result)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_results_are_named_as_in_messages(result: Result, language: str) -> None:
    shown = load_translators()[language].plain(RESULT[str(result)].text).replace("’", "'")
    assert shown == report_words.label(result, language=language)


def test_unknown_code_fails() -> None:
    with pytest.raises(LookupError, match="nonsense"):
        wording("mode", "nonsense")


def test_red_is_for_what_is_late_or_lost() -> None:
    red = {
        (name, code)
        for name, table in TABLES.items()
        if name != "task_one"
        for code, entry in table.items()
        if entry.tone == "danger"
    }
    assert red == {
        ("report_state", "refused"),
        ("task", "message_failed"),
        ("task", "target_paused"),
        ("task", "report_overdue"),
        ("task", "report_refused"),
        ("task", "insured_waiting"),
        ("message_state", "failed"),
        ("attempt_state", "rejected_permanent"),
        ("delivery_state", "undelivered"),
        ("delivery_state", "failed"),
    }


def test_every_message_and_the_report_have_a_name_on_the_timeline() -> None:
    folders = Path(rendering.__file__).parent / "templates"
    kinds = {each.name for each in folders.iterdir() if each.is_dir()} - {"parts"}
    assert len(kinds) > 20
    assert {*kinds, reports.KIND} <= set(MESSAGE_KINDS)
