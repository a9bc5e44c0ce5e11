"""How often a network address met an unknown link, in this process's memory: a page that changes nothing writes nothing (P9)."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from telecontrol.accounts.throttle import Limit, address_key

_MOST_ADDRESSES = 10_000


class AddressMeter:
    """Counts by address. `limit` says how many are free and how the wait grows; an address is forgotten after an hour's rest,
    and the least recent one when there are too many."""

    def __init__(self, limit: Limit, *, rest: timedelta = timedelta(hours=1)) -> None:
        self._limit = limit
        self._rest = rest
        self._counts: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def seconds_to_wait(self, address: str, *, now: datetime) -> int:
        """Whole seconds before this address may ask again; 0 when it may now."""
        count, last_at = self._counts.get(address_key(address), (0, now))
        left = last_at + self._limit.wait_after(count) - now if count else timedelta(0)
        return max(0, -(-left // timedelta(seconds=1)))

    def count(self, address: str, *, now: datetime) -> None:
        key = address_key(address)
        count, last_at = self._counts.pop(key, (0, now))
        self._counts[key] = (1 if now - last_at > self._rest else count + 1, now)
        if len(self._counts) > _MOST_ADDRESSES:
            self._counts.popitem(last=False)
