"""Failed sign-ins of the last minutes, counted in this process: guessing gets slow before it gets anywhere."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta

from ..errors import TooMany

WINDOW = timedelta(minutes=15)
#: Failures for one name from one address; and for one name from anywhere.
PER_ADDRESS, PER_NAME = 10, 50
_REMEMBERED = 10_000


class Attempts:
    """Counts failures by name, and by name and address. The oldest entries make room: memory stays bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def check(self, name: str, address: str, now: datetime) -> None:
        """Let an attempt pass.

        Raises:
            TooMany: too many failed in the last quarter of an hour.
        """
        with self._lock:
            for key, limit in self._keys(name, address):
                failures = self._failures.get(key)
                while failures and now - failures[0] >= WINDOW:
                    failures.popleft()
                if failures and len(failures) >= limit:
                    raise TooMany(
                        "Too many wrong passwords for this name. Wait a quarter of an hour, or ask for a link."
                    )

    def failed(self, name: str, address: str, now: datetime) -> None:
        """Note a failure."""
        with self._lock:
            for key, limit in self._keys(name, address):
                self._failures.setdefault(key, deque(maxlen=limit)).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget this name's failures from this address: it was its owner, mistyping."""
        with self._lock:
            self._failures.pop(self._keys(name, address)[0][0], None)

    def _keys(self, name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        folded = name.casefold()[:200]
        return ((folded, address), PER_ADDRESS), ((folded, ""), PER_NAME)
