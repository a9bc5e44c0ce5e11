"""The procedures' rules on screen: each figure with its meaning, a new version from a day on, older controls on theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.controls.models import Control, Procedure, ProcedurePolicy
from telecontrol.controls.policies import Rules, current_policy
from telecontrol.controls.policy_versions import FIGURES, SWITCHES
from telecontrol.web import paths
from telecontrol.web.pages.admin import words
from tests.support.filling import fill, filled
from tests.support.insured import Visitor
from tests.support.seeding import Seeded
from tests.support.service import Service

HERE = paths.ADMIN_POLICIES
NEW = f"{HERE}/A/new"


def test_every_rule_has_its_field_and_its_words() -> None:
    shown = {name for _, names in words.GROUPS for name in names}
    assert shown == {figure.name for figure in FIGURES} == set(words.FIGURES)
    assert set(SWITCHES) == set(words.SWITCHES)
    assert {each.name for each in fields(Rules)} == shown | set(SWITCHES) | {"modes", "default_mode", "legal_basis"}


@pytest.mark.parametrize("procedure", list(Procedure))
async def test_what_is_in_force_is_shown_with_its_meaning(admin: Visitor, procedure: Procedure) -> None:
    page = await admin.get(f"{HERE}?procedure={procedure}")
    assert "En vigueur : version 1" in page.words
    for label, _, meaning in words.FIGURES.values():
        assert label in page.words
        assert meaning.replace("…", "") in page.words.replace("…", "")
    assert (await admin.get(f"{HERE}?procedure=Z")).status == 404
    assert (await admin.get(f"{HERE}/Z/new")).status == 404


async def test_a_version_holds_for_the_controls_to_come(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    typed = filled(
        await admin.get(NEW),
        NEW,
        valid_from_on="2026-03-16",
        length_minutes="25",
        modes=["video", "surgery", "phone"],
        requester_told="1",
    )
    for _ in range(2):
        page = await admin.post(NEW, typed)
        assert "La version 2 est enregistrée." in page.words
    page = await admin.get(f"{HERE}?procedure=A")
    assert "En vigueur : version 1" in page.words
    for said in (
        "À venir",
        "Durée d'un rendez-vous en visioconférence : 20 min → 25 min",
        "Conclusion administrative dite au demandeur : non → oui",
        "Modalités permises : Visioconférence, Sur place → Visioconférence, Sur place, Téléphone",
    ):
        assert said in page.words

    async with service.runtime.database.reading() as session:
        assert await session.scalar(select(func.count(ProcedurePolicy.id))) == 4
        before = await current_policy(session, Procedure.A, on=date(2026, 3, 15))
        after = await current_policy(session, Procedure.A, on=date(2026, 3, 16))
        kept = await session.get_one(Control, seeded.world.control.id)
        assert (before.version, after.version, kept.policy_id) == (1, 2, before.id)
        assert Rules.from_json(after.rules).length == timedelta(minutes=25)
    service.clock.advance(timedelta(days=20))
    assert await acts("version", "changed") == [("policy.added", 2, ["length_minutes", "modes", "requester_told"])]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"length_minutes": "0"}, "Un nombre entier de 5 à 180."),
        ({"waiting_minutes": "quinze"}, "Un nombre entier de 1 à 120."),
        ({"moves_by_insured": "-1"}, "Un nombre entier de 0 à 10."),
        ({"link_days_after": "1.5"}, "Un nombre entier de 1 à 365."),
        ({"buffer_minutes": ""}, "Ce champ est nécessaire."),
        ({"legal_basis": " "}, "Ce champ est nécessaire."),
        ({"legal_basis": "x" * 301}, "Au plus 300 caractères."),
        ({"modes": []}, "Choisissez au moins une modalité."),
        ({"modes": ["video", "phone"]}, "Qui refuse la visioconférence est reçu sur place"),
        ({"modes": ["surgery"]}, "La modalité proposée d'abord doit être permise."),
        ({"valid_from_on": "2026-03-01"}, "Au plus tôt aujourd'hui"),
        ({"valid_from_on": "2029-01-01"}, "Au plus tard dans deux ans."),
        ({"valid_from_on": "2026-02-30"}, "Cette date n'existe pas."),
        ({}, "Ces règles sont déjà celles de ce jour"),
    ],
)
async def test_a_rule_at_fault_is_named_and_nothing_is_added(
    service: Service, admin: Visitor, typed: dict[str, Any], said: str
) -> None:
    page = await fill(admin, NEW, NEW, **typed)
    assert page.status == 422
    assert said in page.words
    for name, value in typed.items():
        if isinstance(value, str) and value.strip() and name != "legal_basis":
            assert f'value="{value}"' in page.html
    async with service.runtime.database.reading() as session:
        assert await session.scalar(select(func.count(ProcedurePolicy.id))) == 3


async def test_faults_are_named_all_at_once(admin: Visitor) -> None:
    page = await fill(
        admin, NEW, NEW, length_minutes="", waiting_minutes="999", modes=[], valid_from_on="", legal_basis=""
    )
    for name in ("length_minutes", "waiting_minutes", "modes", "valid_from_on", "legal_basis"):
        assert f'id="{name}-error"' in page.html
