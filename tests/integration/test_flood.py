"""A hundred wrong passwords at once: one hash at a time, a short queue, the rest turned away, and pages go on."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

from broker.access.passwords import Passwords
from broker.errors import TooMany
from tests.stack import Stack

FLOOD = 100


def test_a_process_hashes_one_password_at_a_time_and_lets_few_wait() -> None:
    passwords = Passwords()
    known = passwords.hash("a short sentence")
    running, most, outcomes, lock = 0, 0, Counter[str](), threading.Lock()
    verify = passwords._hasher.verify

    class Watched:
        """The real hasher, counting who is inside."""

        def verify(self, *args: str) -> bool:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                return verify(*args)
            finally:
                with lock:
                    running -= 1

        def __getattr__(self, name: str) -> object:
            return getattr(Passwords()._hasher, name)

    passwords._hasher = Watched()  # type: ignore[assignment]

    def guess() -> None:
        try:
            outcome = "right" if passwords.matches("wrong password", known) else "wrong"
        except TooMany:
            outcome = "turned away"
        with lock:
            outcomes[outcome] += 1

    together(guess, FLOOD)
    assert most == 1
    assert outcomes["right"] == 0
    assert 1 <= outcomes["wrong"] <= 30
    assert outcomes["turned away"] == FLOOD - outcomes["wrong"]


def test_pages_go_on_while_passwords_are_guessed(tmp_path: Path) -> None:
    with Stack(tmp_path, worker=False) as stack:
        quiet = pages(stack, 100)
        statuses: Counter[int] = Counter()
        lock = threading.Lock()

        def guess() -> None:
            status = post(stack, "/sign-in", {"name": "nobody", "password": "wrong password"})
            with lock:
                statuses[status] += 1

        flood = threading.Thread(target=together, args=(guess, FLOOD))
        flood.start()
        busy = pages(stack, 100)
        flood.join(60)
        print(f"p95 of a page: {quiet * 1000:.0f} ms quiet, {busy * 1000:.0f} ms under the flood; {dict(statuses)}")
        assert set(statuses) <= {401, 429}
        assert sum(statuses.values()) == FLOOD
        assert statuses[429] > statuses[401]
        # Flood, pages and test share the machine's cores with whatever else runs: a bound, the figure is printed.
        assert busy < max(4 * quiet, 0.25)


def together(act: object, count: int) -> None:
    """Call ``act`` in ``count`` threads at once."""
    start = threading.Barrier(count)

    def run() -> None:
        start.wait()
        act()  # type: ignore[operator]

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def pages(stack: Stack, count: int) -> float:
    """Fetch the API's list ``count`` times; give the 95th percentile in seconds."""
    api, times = stack.api("technician"), []
    for _ in range(count):
        begun = time.perf_counter()
        api.get("/uploads")
        times.append(time.perf_counter() - begun)
    return statistics.quantiles(times, n=20)[-1]


def post(stack: Stack, path: str, form: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("localhost", stack.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    try:
        connection.request("POST", path, urlencode(form), headers)
        return connection.getresponse().status
    finally:
        connection.close()
