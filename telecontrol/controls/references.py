"""References of controls: `TC-7KQ2-M4XD`. Short, random, easy to read out."""

from __future__ import annotations

import re
import secrets

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control

ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"
"""Without vowels, so that no word appears by chance, nor 0, 1, L and Y, which are misread or misheard."""
_LENGTH = 8
_BEGINNING = re.compile(f"TC([{ALPHABET}]{{2,4}})([{ALPHABET}]{{0,4}})")
_HALF = re.compile(f"[{ALPHABET}]{{4}}")
_SHAPE = re.compile(f"TC([{ALPHABET}]{{4}})([{ALPHABET}]{{4}})")


def new_reference() -> str:
    """A random reference out of 27⁸; the caller checks that it is free."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(_LENGTH))
    return f"TC-{drawn[:4]}-{drawn[4:]}"


def as_reference(text: str) -> str | None:
    """What somebody typed, as a reference is written; nothing when it is none. Case, spaces and hyphens do not matter."""
    found = _SHAPE.fullmatch(re.sub(r"[\s-]", "", text).upper())
    return f"TC-{found[1]}-{found[2]}" if found else None


def as_part_of_reference(text: str) -> str | None:
    """The part of a reference that somebody typed, as it is written there: its beginning with `TC`, or one of its two halves
    alone; nothing when it can be neither. Case, spaces and hyphens do not matter."""
    bare = re.sub(r"[\s-]", "", text).upper()
    begun = _BEGINNING.fullmatch(bare)
    if begun:
        return f"TC-{begun[1]}" + (f"-{begun[2]}" if begun[2] else "")
    # A half is four signs, at least one a figure: names of four consonants are rare, but they exist.
    return f"-{bare}" if _HALF.fullmatch(bare) and re.search(r"\d", bare) else None


async def free_references(session: AsyncSession, count: int) -> list[str]:
    """`count` references that no control has; at most 500 at once."""
    free: set[str] = set()
    while len(free) < count:
        drawn = {new_reference() for _ in range(count - len(free))} - free
        taken = await session.scalars(select(Control.reference).where(Control.reference.in_(drawn)))
        free |= drawn - set(taken)
    return list(free)
