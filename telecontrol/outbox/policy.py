"""The figures of sending, and the pure arithmetic on them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """How patiently, how fast and how often the outbox works. All figures are choices of ours."""

    batch: int = 100
    """Intents claimed at once."""
    concurrency: int = 12
    """Deliveries on the wire at once, per target."""
    concurrency_by_target: Mapping[str, int] = field(default_factory=dict)
    claim_lease: timedelta = timedelta(minutes=1)
    """How long a claimed message may wait for its attempt before another worker takes it."""
    attempt_lease: timedelta = timedelta(minutes=11)
    """How long one delivery may last: more than the ten minutes an SMTP server may take for its final reply."""
    fresh_check: timedelta = timedelta(seconds=1)
    """How old the last look at the row may be when the message leaves."""

    first_retry: timedelta = timedelta(seconds=15)
    retry_growth: float = 2.0
    longest_retry: timedelta = timedelta(minutes=4)
    """Under five minutes with its jitter, so that a recovered provider is caught up with in time (PROMISES P15)."""
    jitter: float = 0.2
    last_try_before: timedelta = timedelta(minutes=1)
    """The last try of a message that keeps being refused is made this long before `not_after`."""

    evidence_wait: timedelta = timedelta(minutes=10)
    shortest_evidence_wait: timedelta = timedelta(minutes=1)
    first_look_up: timedelta = timedelta(seconds=20)
    absence_counts_after: timedelta = timedelta(seconds=45)
    """How long after a doubt began it counts that a provider does not show the message: it may still have it in hand."""
    look_up_every: timedelta = timedelta(seconds=30)
    automatic_resends: int = 1
    """Automatic re-sends after an ambiguity that nothing proved to be an acceptance (PROMISES P2)."""

    shortest_pause: timedelta = timedelta(minutes=1)
    longest_pause: timedelta = timedelta(minutes=4)
    largest_content: int = 2 * 1024 * 1024
    """Bytes of one message."""
    late_warning: timedelta = timedelta(minutes=15)
    stop_grace: timedelta = timedelta(seconds=20)
    """How long what is on the wire may still finish once the service is asked to stop."""
    record_patience: timedelta = timedelta(minutes=10)
    """How long outcomes are held in memory while the database does not take them."""
    poll: timedelta = timedelta(seconds=1)
    """How often a pass that waits for slow deliveries looks for new work."""

    def concurrency_of(self, target: str) -> int:
        return self.concurrency_by_target.get(target, self.concurrency)


CURRENT = SendingPolicy()


def next_try(
    intent_id: uuid.UUID,
    *,
    refusals: int,
    now: datetime,
    not_after: datetime,
    retry_after: timedelta | None = None,
    policy: SendingPolicy = CURRENT,
) -> datetime | None:
    """When to try again after the `refusals`-th temporary refusal (1 for the first); None when no try is left.

    Exponential with jitter, never before the provider's `retry_after`, and one last try shortly before `not_after`.
    """
    grown = policy.first_retry * policy.retry_growth ** min(refusals - 1, 20)
    delay = min(policy.longest_retry, grown) * (1 + policy.jitter * _spread(intent_id, refusals))
    delay = max(delay, retry_after or timedelta(0))
    last = not_after - policy.last_try_before
    if now + delay <= last:
        return now + delay
    if now + max(policy.first_retry / 2, retry_after or timedelta(0)) <= last:
        return last
    return None


def _spread(intent_id: uuid.UUID, refusals: int) -> float:
    """Between −1 and 1, the same for the same try: a thousand refused messages do not come back in one burst."""
    return ((intent_id.int >> (refusals % 64)) % 2001) / 1000 - 1


def evidence_limit(doubted_at: datetime, *, deadline_at: datetime, policy: SendingPolicy = CURRENT) -> datetime:
    """Until when evidence of an ambiguous attempt is awaited: a third of what is left before a near deadline."""
    left = deadline_at - doubted_at
    if left <= timedelta(0):
        return doubted_at + policy.evidence_wait
    return doubted_at + min(policy.evidence_wait, max(policy.shortest_evidence_wait, left / 3))


def next_pause(*, paused_at: datetime, now: datetime, policy: SendingPolicy = CURRENT) -> timedelta:
    """How long a target stays paused from `now`: as long as it has been already, within bounds."""
    return min(policy.longest_pause, max(policy.shortest_pause, now - paused_at))


def late_from(*, start: datetime, deadline_at: datetime, policy: SendingPolicy = CURRENT) -> datetime:
    """From when a message still unsent deserves an alert: the warning before its deadline, or the last quarter of its time
    (`start` is when it could first leave) when that is shorter."""
    return deadline_at - min(policy.late_warning, max(timedelta(0), deadline_at - start) / 4)
