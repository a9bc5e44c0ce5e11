"""Names of organisations where anybody may read over a shoulder: without a word on health, and short where room is dear."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FLAGS = re.IGNORECASE
# The usual short names of French bodies. The first ones also take a word on health off the lock screen.
_KNOWN = tuple(
    (re.compile(pattern, _FLAGS), short)
    for pattern, short in (
        (r"caisse nationale (?:de l[’']|d[’'])assurance[ -]maladie", "Cnam"),
        (r"caisse primaire (?:de l[’']|d[’']|centrale d[’'])assurance[ -]maladie", "CPAM"),
        (r"caisse commune de s[ée]curit[ée] sociale", "CCSS"),
        (r"caisse g[ée]n[ée]rale de s[ée]curit[ée] sociale", "CGSS"),
        (r"caisse de s[ée]curit[ée] sociale", "CSS"),
        (r"caisse de pr[ée]voyance sociale", "CPS"),
        (r"mutualit[ée] sociale agricole", "MSA"),
        (r"centre hospitalier (?:r[ée]gional et universitaire|r[ée]gional universitaire)", "CHRU"),
        (r"centre hospitalier universitaire", "CHU"),
        (r"centre hospitalier", "CH"),
    )
)
# What would still tell a passer-by why the person is called.
_TELLTALE = re.compile(
    r"\b(?:maladies?|m[ée]dica\w*|m[ée]decins?|contr[ôo]les?|contre-visites?|arr[êe]ts? de travail|absent[ée]isme|sick\w*|medical\w*)\b",
    _FLAGS,
)
_LONG_WORDS = tuple(
    (re.compile(pattern, _FLAGS), short)
    for pattern, short in (
        (r"\s*\([^)]*\)", ""),
        (r",?\s+(?:SA|SAS|SASU|SARL|EURL|SCOP|SNC)$", ""),
        (r"communaut[ée] d[’']agglom[ée]ration", "Agglo"),
        (r"communaut[ée] de communes", "CC"),
        (r"soci[ée]t[ée]", "Sté"),
        (r"[ée]tablissement public", "EP"),
        (r"direction r[ée]gionale", "DR"),
        (r"d[ée]partementale?", "dép."),
        (r"r[ée]gionale?", "rég."),
        (r"\bsaint(e?)\b[ -]", r"St\1-"),
        (r"\bet\b", "&"),
    )
)


def discreet_name(name: str, *, otherwise: str) -> str:
    """`name` for a lock screen (subject, sender, SMS, calendar): nothing in it says why the person is called.

    Known bodies take their usual short name. A name that still tells (`Contrôle médical de …`) is replaced whole by
    `otherwise`, the operator's: half a name would look like a fraud.
    """
    short = name
    for pattern, usual in _KNOWN:
        short = pattern.sub(usual, short)
    return otherwise if _TELLTALE.search(short) else short


def shorter_names(name: str, *, shortest: int = 24) -> Iterator[str]:
    """Ever shorter forms of a name, from whole to about `shortest` characters, cut between words and ended with a point."""
    yield name
    for pattern, short in _LONG_WORDS:
        shorter = re.sub(r"\s{2,}", " ", pattern.sub(short, name)).strip(" ,-")
        if shorter and shorter != name:
            name = shorter
            yield name
    words = name.split(" ")
    while len(words) > 1 and len(" ".join(words)) > shortest:
        words.pop()
        while len(words) > 1 and words[-1].lower().strip("'’") in _WEAK:
            words.pop()
        yield " ".join(words).rstrip(".,;-") + "."
    if len(words[0]) > shortest:
        yield words[0][: shortest - 1] + "."


_WEAK = frozenset(
    {
        "de",
        "du",
        "des",
        "d",
        "l",
        "la",
        "le",
        "les",
        "et",
        "&",
        "en",
        "à",
        "au",
        "aux",
        "pour",
        "of",
        "the",
        "and",
        "for",
    }
)
