"""One-time codes from an app (TOTP, RFC 6238: SHA-1, 6 digits, 30 seconds), the second thing that a person has."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

STEP_SECONDS = 30
#: How many steps a person's clock may be off, each way.
DRIFT = 1


def new_secret() -> str:
    """Make 160 random bits, in base32 as apps take them."""
    return pyotp.random_base32()


def is_secret(text: str) -> bool:
    """Whether ``text`` is a secret as ``new_secret`` makes them."""
    return len(text) == 32 and set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def address(secret: str, name: str, clinic: str) -> str:
    """The ``otpauth`` address by which an app takes the secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=clinic)


def step(secret: str, code: str, now: datetime) -> int | None:
    """Give the time step that ``code`` is of; None if it is not the code of now, or of a step beside it."""
    digits = "".join(code.split())
    here = int(now.timestamp()) // STEP_SECONDS
    totp, found = pyotp.TOTP(secret), None
    for candidate in range(here - DRIFT, here + DRIFT + 1):
        # All are compared, so that the time taken tells nothing.
        if hmac.compare_digest(totp.generate_otp(candidate).encode(), digits.encode()):
            found = candidate
    return found
