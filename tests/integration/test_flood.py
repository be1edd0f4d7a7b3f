"""A hundred wrong passwords at once: one hash at a time, a short queue, the rest turned away, and pages go on."""

from __future__ import annotations

import http.client
import threading
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
    """How fast they go on, ``tests/bench/bench_flood.py`` measures."""
    with Stack(tmp_path, worker=False) as stack:
        api, answers, lock = stack.api("technician"), [], threading.Lock()

        def guess() -> None:
            answer = post(stack, "/sign-in", {"name": "nobody", "password": "wrong password"})
            with lock:
                answers.append(answer)

        flood = threading.Thread(target=together, args=(guess, FLOOD))
        flood.start()
        while flood.is_alive():
            assert api.get("/uploads")["uploads"] == []
        statuses = Counter(answer.status for answer in answers)
        assert set(statuses) == {401, 429}
        assert statuses.total() == FLOOD
        assert statuses[429] > statuses[401]
        for answer in answers:
            assert answer.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.status == 401 or int(answer.headers["Retry-After"]) > 0
        assert post(stack, "/sign-in", {"name": "nobody", "password": "wrong password"}).status in (401, 429)


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


def post(stack: Stack, path: str, form: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("localhost", stack.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    try:
        connection.request("POST", path, urlencode(form), headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()
