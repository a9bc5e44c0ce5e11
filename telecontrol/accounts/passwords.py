"""Passwords: Argon2id hashes, made and checked in a thread, and the rules that a new one meets."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from telecontrol.errors import InvalidInput

SHORTEST = 12
LONGEST = 200
"""A longer one would only make the hash dearer."""

# The common ones that are long enough to pass the first rule.
_COMMON = re.compile(
    r"(azerty|qwerty|motdepasse|password|passw0rd|administrateur|administrator|telecontrole?|bienvenue|changezmoi|changeme|"
    r"iloveyou|jetaime|soleil|doudou|abcdef|123456|secret)+[\d!?.@#*_-]*"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a hash costs to make: rounds, memory in KiB, lanes."""

    rounds: int
    memory: int
    lanes: int


# OWASP's password storage guide gives these figures as the least for Argon2id with one lane.
STANDARD = Cost(rounds=2, memory=19 * 1024, lanes=1)


@cache
def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(time_cost=cost.rounds, memory_cost=cost.memory, parallelism=cost.lanes)


@cache
def _nobodys_hash(cost: Cost) -> str:
    """The hash of a password that nobody knows: checking against it takes as long as checking a real one."""
    return _hasher(cost).hash(secrets.token_urlsafe(32))


async def hash_password(password: str, *, cost: Cost = STANDARD) -> str:
    """The Argon2id hash of `password`, with its parameters and salt. About 30 ms of one core at the standard cost."""
    return await asyncio.to_thread(_hasher(cost).hash, password)


async def is_right(password: str, stored: str | None, *, cost: Cost = STANDARD) -> bool:
    """Whether `password` made `stored`. Without a stored hash it takes the same time and says no."""
    return await asyncio.to_thread(_verify, password, stored, cost)


def is_outdated(stored: str, *, cost: Cost = STANDARD) -> bool:
    """Whether `stored` was made with other parameters than today's."""
    return _hasher(cost).check_needs_rehash(stored)


def _verify(password: str, stored: str | None, cost: Cost) -> bool:
    try:
        _hasher(cost).verify(stored or _nobodys_hash(cost), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def check_strength(password: str, *, email: str) -> None:
    """Raises `InvalidInput` (field `password`) for one that is too short, too long, common, or made from the address."""
    folded = password.casefold()
    if len(password) < SHORTEST:
        raise InvalidInput(
            f"a password has {SHORTEST} characters or more", field="password", code="password_too_short", least=SHORTEST
        )
    if len(password) > LONGEST:
        raise InvalidInput(
            f"a password has {LONGEST} characters or fewer", field="password", code="password_too_long", most=LONGEST
        )
    name = email.casefold().partition("@")[0]
    if _COMMON.fullmatch(folded) or len(set(folded)) < 5 or (len(name) >= 4 and name in folded):
        raise InvalidInput(
            "this password is too easy to guess: avoid common words, repeated signs and the e-mail address",
            field="password",
            code="password_too_easy",
        )
