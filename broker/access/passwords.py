"""Passwords: what is taken for one, and argon2id hashes of them, one at a time and behind everything else.

Source of the parameters' floor (19 MiB, 2 passes, 1 lane): OWASP Password Storage Cheat Sheet. A hash costs memory
and tens of milliseconds on purpose, so a flood of sign-ins must queue shortly and then be turned away.
"""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from ..errors import Invalid, TooMany

SHORTEST, LONGEST = 8, 200
#: Those who may be inside at once, and how many seconds one waits for its turn: fewer than a process has threads, so
#: that a flood of sign-ins leaves some for pages.
QUEUE, PATIENCE = 3, 2.0
#: How far the hashing thread steps back (nice) where pages want the processor too: to about a tenth of it.
STEP_BACK = 10
Found = TypeVar("Found")
# Of the passwords that head every published list, those of 8 characters and more; shorter ones are refused anyway.
_COMMON = """
00000000 0123456789 0987654321 11111111 111111111 1111111111 11223344 112233445566 12121212 123123123 12341234
12344321 1234567890 123456789 12345678 12345678910 123456789a 1234qwer 123qweasd 12qwaszx 1a2b3c4d 1q2w3e4r
1q2w3e4r5t 1qaz2wsx 1qazxsw2 22222222 31415926 55555555 66666666 77777777 87654321 88888888 987654321 99999999
a1b2c3d4 aa123456 aaaaaaaa abc12345 abcd1234 abcdefgh admin123 admin1234 administrator alexander asdf1234
asdfasdf asdfghjk asdfghjkl asdfghjkl1 babygirl baseball basketball blink182 butterfly changeme charlie1
chocolate computer corvette creative danielle december dolphins drowssap einstein elizabeth eyeclinic
eyeclinic1 facebook football football1 fuckyou1 godzilla gotohell hellohello hospital iloveyou iloveyou1
imaging1 infinity internet jennifer jessica1 jonathan jordan23 letmein1 letmeinnow liverpool login123 lovelove
manchester maverick mercedes michelle midnight mountain mustang1 nicholas november ophthalmic ophthalmology
p@ssw0rd p@ssword pa55word parola123 pass1234 passport password password! password. password1 password1!
password12 password123 password1234 passw0rd passw0rd1 patricia playboy1 pokemon1 princess princess1 q1w2e3r4
q1w2e3r4t5 qazwsxedc qwer1234 qwerasdf qwert123 qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop qwertyuiop1
rainbow1 rootroot samantha secret12 september slipknot spongebob starwars startrek steelers summer2024
summer2025 summer2026 sunshine sunshine1 superman superman1 supersecret swordfish test1234 testtest trustno1
victoria welcome1 welcome12 welcome123 whatever william1 winter2024 winter2025 winter2026 zaq12wsx zxcvbnm1
zxcvbnm123 zxcvbnmzxcvbnm
"""
COMMON = frozenset(_COMMON.split())


def check_password(password: str, name: str) -> str:
    """Give ``password`` in the form that is hashed (NFKC); 8 to 200 characters, not a common one, not the name.

    Raises:
        Invalid: saying which rule it breaks.
    """
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise Invalid(f"A password has {SHORTEST} to {LONGEST} characters. A short sentence is a good one.")
    folded = normal.casefold()
    if folded in COMMON or len(set(folded)) < 3:
        raise Invalid("This is one of the passwords that are tried first. Choose another one.")
    if folded in (name.casefold(), name.casefold().replace(" ", "")):
        raise Invalid("The password must not be your name.")
    return normal


class Passwords:
    """Hashes and compares, one at a time in this process."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._queue = threading.BoundedSemaphore(QUEUE)
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=_step_back)
        self._nobody: str | None = None

    def check_room(self) -> None:
        """Turn a sign-in away before any other work is done for it. Raises TooMany."""
        if not self._queue.acquire(blocking=False):
            raise TooMany("Many people are signing in just now. Wait a few seconds and try again.")
        self._queue.release()

    def hash(self, password: str) -> str:
        """Hash a password that ``check_password`` gave. Raises TooMany if too many are waiting."""
        return self._in_turn(lambda: self._hasher.hash(password))

    def matches(self, password: str, known: str | None) -> bool:
        """Compare with a hash. None, for an account that is not there, costs the same work and is never a match.

        Raises:
            TooMany: too many are waiting.
        """
        return self._in_turn(lambda: self._compare(password, known))

    def _compare(self, password: str, known: str | None) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash("nobody's password")
        try:
            self._hasher.verify(known or self._nobody, _normal(password))
        except (Argon2Error, InvalidHashError):
            return False
        return known is not None

    def _in_turn(self, work: Callable[[], Found]) -> Found:
        if not self._queue.acquire(blocking=False):
            raise TooMany("Many people are signing in just now. Wait a few seconds and try again.")
        try:
            coming = self._thread.submit(work)
            try:
                return coming.result(PATIENCE)
            except TimeoutError:
                if coming.cancel():
                    raise TooMany("Many people are signing in just now. Wait a few seconds and try again.") from None
                return coming.result()  # its turn has come meanwhile
        finally:
            self._queue.release()


def _step_back() -> None:
    """Let every other thread go first. On Linux priorities belong to threads; elsewhere all of us would step back."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), STEP_BACK)


def _normal(password: str) -> str:
    # The same key presses give different code points on different systems (NIST SP 800-63B 5.1.1.2).
    return unicodedata.normalize("NFKC", password)
