"""Why an insurer refused a report, in words: every code of the contract has its own, the insurer's other codes are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from telecontrol.outbox.models import IntentState
from telecontrol.reports.models import Report, ReportState
from telecontrol.reports.queries import Line, Proof, Try
from telecontrol.web.i18n import load_translators
from telecontrol.web.report_refusals import REASONS, refusal_of

NOW = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
FRENCH = load_translators()["fr"]


def proof(
    code: str,
    *,
    reply: str = "",
    state: ReportState = ReportState.REFUSED,
    sending: IntentState = IntentState.FAILED,
) -> Proof:
    line = Line(Report(state=state), "TC-0001-TEST", timedelta(hours=1))
    tries = [Try(1, NOW, NOW, "rejected_permanent", code, "", reply)] if reply else []
    return Proof(line, tries, sending, None, "", "key.1", code)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", REASONS)
def test_each_code_has_a_sentence(code: str, language: str) -> None:
    refusal = refusal_of(proof(code), load_translators()[language])
    assert refusal is not None
    assert refusal.reason.endswith(".")
    assert code not in refusal.reason


def test_the_places_are_named_once_and_unknown_ones_as_the_insurer_wrote_them() -> None:
    reply = "422 invalid_report /insured/birth_on:missing /insured/birth_on:invalid /insured/town:extra /other/part:odd"
    refusal = refusal_of(proof("refused_invalid_report", reply=reply), FRENCH)
    assert refusal is not None
    assert refusal.places == ["date de naissance de l’assuré", "identité de l’assuré", "/other/part"]


def test_a_code_of_the_insurers_own_is_given_as_it_is() -> None:
    refusal = refusal_of(proof("refused_wrong_branch", reply="422 wrong_branch"), FRENCH)
    assert refusal is not None
    assert "wrong_branch" in refusal.reason
    assert refusal.places == []


@pytest.mark.parametrize("state", [state for state in ReportState if state is not ReportState.REFUSED])
def test_what_was_not_refused_has_none(state: ReportState) -> None:
    assert refusal_of(proof("", state=state, sending=IntentState.SENDING), FRENCH) is None


def test_a_refusal_shows_before_the_sweep_that_writes_it_down() -> None:
    told = refusal_of(proof("refused_invalid_report", state=ReportState.SIGNED), FRENCH)
    assert told is not None
