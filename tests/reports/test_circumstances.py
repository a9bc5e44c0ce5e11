"""Facts with their times, and the net for medical words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from telecontrol.controls.medical_words import medical_words_in
from telecontrol.errors import InvalidInput
from telecontrol.reports.canonical import canonical, content_hash
from telecontrol.reports.circumstances import Circumstances, IdentityDocument, checked

NOW = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Arrivée à l'heure, sonnette en panne.", []),
        ("Trois appels sans réponse, personne à l'interphone.", []),
        ("Rendez-vous annulé puis repris; le médecin a attendu.", []),
        ("Called twice, cancelled by mistake, door code wrong.", []),
        ("Dit souffrir du dos", ["souffrir"]),
        ("DÉPRESSION et Traitement", ["DÉPRESSION", "Traitement"]),
        ("de\u0301pression", ["dépression"]),
        ("Hospitalisée hier, opérée du genou fracturé", ["Hospitalisée", "fracturé"]),
        ("cancer / cancer", ["cancer"]),
        ("was sick and in pain", ["sick", "pain"]),
    ],
)
def test_medical_words(line: str, found: list[str]) -> None:
    assert medical_words_in(line) == found


def test_a_medical_remark_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(Circumstances(remark="Lombalgie chronique"), now=NOW)
    assert (refused.value.field, refused.value.code) == ("remark", "medical_word")
    assert "ombalgie" not in str(refused.value) + str(refused.value.details)


@pytest.mark.parametrize("given", [NOW + timedelta(seconds=1), datetime(2026, 3, 9, 8, 0)])  # noqa: DTZ001
def test_a_circumstance_is_a_past_fact_with_a_zone(given: datetime) -> None:
    for circumstances in (Circumstances(arrived_at=given), Circumstances(calls_made_at=(given,))):
        with pytest.raises(InvalidInput) as refused:
            checked(circumstances, now=NOW)
        assert refused.value.code == "not_a_past_fact"


def test_plain_values_are_in_utc_and_sorted() -> None:
    there = timezone(timedelta(hours=4))
    told = Circumstances(
        identity_document=IdentityDocument.PASSPORT,
        arrived_at=datetime(2026, 3, 9, 12, 0, 1, 999, tzinfo=there),
        calls_made_at=(NOW, NOW - timedelta(minutes=2)),
    ).to_json()
    assert told["arrived_at"] == "2026-03-09T08:00:01Z"
    assert told["calls_made_at"] == ["2026-03-09T08:28:00Z", "2026-03-09T08:30:00Z"]
    assert told["identity_document"] == "passport"
    assert told["waited_until"] is None


class TestCanonical:
    def test_one_writing_per_value(self) -> None:
        assert (
            canonical({"b": [1, None, True], "a": 'é\u2028"\n'}) == '{"a":"é\u2028\\"\\n","b":[1,null,true]}'.encode()
        )
        assert canonical({"a": 1, "b": 2}) == canonical(dict(reversed([("a", 1), ("b", 2)])))

    def test_the_hash_is_that_of_the_bytes(self) -> None:
        assert content_hash(canonical({})) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

    @pytest.mark.parametrize("value", [1.0, {"a": float("nan")}, {1: "a"}, [object()], NOW])
    def test_what_has_several_writings_is_refused(self, value: object) -> None:
        with pytest.raises(TypeError):
            canonical(value)
