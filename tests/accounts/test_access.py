"""The table of who may do what against `DOMAIN.md` §6, cell by cell, and denial of all the rest."""

from __future__ import annotations

import subprocess
import sys
from itertools import product

import pytest

from telecontrol.accounts.access import ANY, GRANTS, Action, Kind, Relation, RowFilter, Who, allowed, row_filter

READ, OWN = Action.READ, Relation.OWN

# One line per row of the table: kind, field, and for each role the weakest relation that reads it (None: never).
CELLS = [
    (
        Kind.INSURED,
        "identity",
        dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.MEDICAL_SERVICE, Who.HANDLER, Who.EMPLOYER], OWN),
    ),
    (
        Kind.INSURED,
        "contact",
        dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.MEDICAL_SERVICE, Who.HANDLER, Who.EMPLOYER], OWN),
    ),
    (
        Kind.INSURED,
        "place_of_rest",
        {
            Who.INSURED: OWN,
            Who.DOCTOR: OWN,
            Who.MEDICAL_SERVICE: OWN,
            Who.HANDLER: Relation.BEFORE_VISIT,
            Who.EMPLOYER: OWN,
        },
    ),
    (Kind.NOTES, ANY, {Who.INSURED: Relation.REQUESTED, Who.DOCTOR: OWN, Who.MEDICAL_SERVICE: Relation.NEEDED}),
    (Kind.DOCUMENT, ANY, {Who.INSURED: Relation.REQUESTED, Who.DOCTOR: OWN, Who.MEDICAL_SERVICE: Relation.NEEDED}),
    (
        Kind.CONCLUSION,
        "administrative",
        dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.MEDICAL_SERVICE, Who.HANDLER, Who.EMPLOYER], OWN),
    ),
    (Kind.REPORT, "content", {Who.INSURED: Relation.REQUESTED, Who.DOCTOR: OWN, Who.MEDICAL_SERVICE: OWN}),
    (Kind.REPORT, "proof_of_sending", dict.fromkeys([Who.DOCTOR, Who.MEDICAL_SERVICE, Who.HANDLER], OWN)),
    (Kind.LINK, "token", {Who.INSURED: OWN}),
    (Kind.PREPARATION, "needs", dict.fromkeys([Who.INSURED, Who.DOCTOR], OWN)),
    (Kind.PREPARATION, "companion", dict.fromkeys([Who.INSURED, Who.DOCTOR], OWN)),
    (Kind.PREPARATION, "companion_announced", dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.HANDLER], OWN)),
    (Kind.PREPARATION, "language", dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.HANDLER], OWN)),
    (Kind.DEVICE_TEST, ANY, dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.HANDLER], OWN)),
    (Kind.CONNECTION_LOG, ANY, dict.fromkeys([Who.INSURED, Who.DOCTOR, Who.MEDICAL_SERVICE, Who.HANDLER], OWN)),
]
PEOPLE = [Who.INSURED, Who.DOCTOR, Who.MEDICAL_SERVICE, Who.HANDLER, Who.EMPLOYER, Who.ADMINISTRATOR]


@pytest.mark.parametrize(("kind", "field", "readers"), CELLS)
def test_reading_follows_the_table(kind: Kind, field: str, readers: dict[Who, Relation]) -> None:
    for role in PEOPLE:
        for relation in Relation:
            expected = role in readers and relation is not Relation.NONE and readers[role] in (OWN, relation)
            assert allowed(role, READ, kind, field, relation) is expected, (role, relation)


def test_nothing_of_somebody_else_is_ever_allowed() -> None:
    fields = {field for _, field in GRANTS} | {"anything"}
    for role, action, kind, field in product(Who, Action, Kind, fields):
        assert not allowed(role, action, kind, field, Relation.NONE)


def test_the_live_call_is_for_its_two_people_alone() -> None:
    joiners = {role for role in Who if allowed(role, Action.JOIN, Kind.VIDEO, "live", OWN)}
    assert joiners == {Who.INSURED, Who.DOCTOR}


@pytest.mark.parametrize("role", [Who.HANDLER, Who.EMPLOYER, Who.ADMINISTRATOR, Who.API])
def test_medical_content_and_links_stay_out_of_administrative_hands(role: Who) -> None:
    closed = [
        (Kind.NOTES, ANY),
        (Kind.DOCUMENT, ANY),
        (Kind.REPORT, "content"),
        (Kind.LINK, "token"),
        (Kind.VIDEO, "live"),
    ]
    for (kind, field), action, relation in product(closed, Action, Relation):
        assert not allowed(role, action, kind, field, relation), (kind, action, relation)


def test_only_a_doctor_signs_and_only_the_desk_makes_the_sealed_export() -> None:
    signers = {role for role in Who if allowed(role, Action.SIGN, Kind.REPORT, "content", OWN)}
    exporters = {role for role in Who if allowed(role, Action.EXPORT_SEALED, Kind.REPORT, "export", OWN)}
    assert (signers, exporters) == ({Who.DOCTOR}, {Who.HANDLER})


def test_an_unknown_field_of_a_kind_without_a_general_line_is_refused() -> None:
    assert not any(allowed(role, READ, Kind.INSURED, "diagnosis", OWN) for role in Who)
    assert allowed(Who.HANDLER, READ, Kind.CONTROL, "state", OWN)
    assert not allowed(Who.EMPLOYER, READ, Kind.CONTROL, "timeline", OWN)


def test_every_role_has_a_row_filter_and_administrators_meet_no_file() -> None:
    assert {role: row_filter(role) for role in Who}[Who.ADMINISTRATOR] is RowFilter.NOTHING
    assert [role for role in Who if row_filter(role) is RowFilter.NOTHING] == [Who.ADMINISTRATOR]


def test_the_table_stands_on_the_standard_library_alone() -> None:
    code = "import sys, telecontrol.accounts.access; print('sqlalchemy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
