"""How many requests an account may send: a bucket for each, in this process.

One for all processes would cost a write to the catalog with every request, which is what it should prevent. What
must hold for all of them together, files and bytes announced and failed sign-ins, is counted in the catalog.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from ..errors import TooMany

#: A bucket holds so many seconds' requests: a page that asks much at once is nothing unusual.
BURST = 60.0
_REMEMBERED = 10_000


class Rates:
    """Counts requests by account. ``clock``: seconds that only go forward."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = 60 / per_minute
        self._clock = clock
        self._lock = threading.Lock()
        #: When each account's bucket is full again.
        self._full: dict[str, float] = {}

    def take(self, account: str) -> None:
        """Let a request of ``account`` pass.

        Raises:
            TooMany: its bucket is empty; ``retry_after`` says in how many seconds it holds one more.
        """
        with self._lock:
            now = self._clock()
            full = max(self._full.get(account, now), now) + self._each
            if (over := full - now - BURST) > 0:
                wait = math.ceil(over)
                raise TooMany(f"Too many requests in a minute. Go on in {wait} seconds.", retry_after=wait)
            self._full[account] = full
            if len(self._full) > _REMEMBERED:
                self._full = {name: then for name, then in self._full.items() if then > now}
