"""What messages say and how: rights as plainly as duties, no blame, both clocks, every code in words."""

from __future__ import annotations

import itertools

import pytest

from telecontrol.controls.results import Result
from telecontrol.notify import contexts as c
from telecontrol.notify.checks import RESULTS, STAGES
from telecontrol.notify.rendering import render_letter
from telecontrol.tasks.models import TaskKind
from tests.notify.reading import LANGUAGES, letter_of
from tests.notify.samples import STARTS_AT, in_person


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words(language: str) -> None:
    told = {result: letter_of("conclusion_to_insured", language, full=False, result=result).text for result in RESULTS}
    assert len(set(told.values())) == len(RESULTS)
    stages = {stage: letter_of("requester_status", language, full=False, stage=stage).text for stage in STAGES}
    assert len(set(stages.values())) == len(STAGES)
    alerts = {task: letter_of("desk_alert", language, full=False, task=str(task)).subject for task in TaskKind}
    assert len(set(alerts.values())) == len(TaskKind)
    for result in ("", *RESULTS):
        letter_of("requester_status", language, full=True, result=result)
    lines = tuple(c.DeskLine(task=str(task), count=1) for task in TaskKind)
    assert f"{len(lines)} " in letter_of("desk_digest", language, full=True, lines=lines).subject


def test_the_results_are_the_domain_s() -> None:
    assert set(RESULTS) == set(Result)


@pytest.mark.parametrize("language", LANGUAGES)
def test_modes(language: str) -> None:
    spoken = {mode: letter_of("invitation", language, full=True, mode=mode).text for mode in ("video", "phone", "home")}
    assert len(set(spoken.values())) == 3
    assert "caméra" not in spoken["phone"]
    assert "camera" not in spoken["phone"]
    place = in_person("reminder")
    text = render_letter(place, audience="insured", language=language).text
    assert "12 rue de Paris, 97400 Saint-Denis" in text
    assert "Tram B" in text
    assert "Ce choix n’a aucune conséquence" not in text, "there is no video to decline"


def test_the_free_choice_is_told_as_plainly_as_the_duty() -> None:
    text = letter_of("invitation", "fr", full=True).text
    assert (
        "Vous pouvez refuser la vidéo\u00a0: un rendez-vous sur place vous sera proposé. Ce choix n’a aucune conséquence."
        in text
    )
    for kind in ("reminder", "change"):
        assert "Ce choix n’a aucune conséquence." in letter_of(kind, "fr", full=True).text
    assert "pièce d’identité" in text
    assert "la loi l’y oblige" in text
    assert "interprète" in text


def test_nobody_is_blamed() -> None:
    for full, language in itertools.product((False, True), LANGUAGES):
        release = letter_of("release", language, full=full)
        assert "annul" not in release.subject + release.text
        assert "cancel" not in (release.subject + release.text).lower()
    assert "vous n’y êtes pour rien" in letter_of("release", "fr", full=True).text
    assert "Notre SMS n’a pas pu être remis à temps" in letter_of("release", "fr", full=True).text
    for result in ("unexcused_absence", "technical_failure", "impossible_not_attributable"):
        text = letter_of("conclusion_to_insured", "fr", full=False, result=result).text
        assert "annul" not in text, "a no-show text never says cancelled"
    failure = letter_of("conclusion_to_insured", "fr", full=False, result="technical_failure").text
    assert "ne compte pas comme une absence" in failure
    assert "rien ne vous est reproché" in failure


def test_a_change_says_what_changed() -> None:
    hour = letter_of("change", "fr", full=True).text
    assert "Le rendez-vous du lundi 23 mars 2026 à 10\u00a0h\u00a000 n’a plus lieu." in hour
    assert "Le lieu change" not in hour
    moved = in_person("change", previous_site_address="1 quai Neuf, 97410 Saint-Pierre", previous_starts_at=STARTS_AT)
    place = render_letter(moved, audience="insured", language="fr").text
    assert "1 quai Neuf, 97410 Saint-Pierre" in place
    assert "n’a plus lieu" not in place


def test_rights_after_a_suspension() -> None:
    text = letter_of("conclusion_to_insured", "fr", full=True).text
    assert "10 jours francs" in text
    assert "indemnités journalières" in text
    top_up = letter_of("conclusion_to_insured", "fr", full=True, effect="salary_top_up", review_days=0).text
    assert "jours francs" not in top_up
    assert "complément de salaire" in top_up
    fine = letter_of("conclusion_to_insured", "fr", full=True, result="justified").text
    assert "suspendu" not in fine


def test_both_clocks_are_told_when_they_differ() -> None:
    text = letter_of("invitation", "fr", full=True).text
    assert "10\u00a0h\u00a000 (heure de La Réunion)" in text
    assert "Pour le médecin, il sera 7\u00a0h\u00a000 (heure de Paris)." in text
    same = letter_of("invitation", "fr", full=True, zone="Europe/Paris").text
    assert "Pour le médecin" not in same
    doctor = letter_of("doctor_booked", "fr", full=True).text
    assert "7\u00a0h\u00a000 (heure de Paris)" in doctor
    assert "Heure de l’assuré\u00a0: 10\u00a0h\u00a000 (heure de La Réunion)" in doctor
    assert "Pour le médecin" not in render_letter(in_person("invitation"), audience="insured", language="fr").text
    # Another day over there: the date is told too.
    far = letter_of("doctor_booked", "en", full=True, insured_zone="Pacific/Tahiti", starts_at=STARTS_AT).text
    assert "Monday 23 March 2026 at 20:00 (Tahiti time)" in far
