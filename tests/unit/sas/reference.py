"""A second signer, made from the REST documentation alone and sharing no line with ours; for tests only.

It also signs sealed headers and parameters, which ours refuses, so that the published vector for them proves it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

#: The emulator's account and key, both public.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def service_text(v: dict[str, str]) -> str:
    """The string-to-sign of a service SAS, version 2018-11-09 and later, as the tables print it."""
    head = [_(v, "sp"), _(v, "st"), _(v, "se"), v["canon"], _(v, "si"), _(v, "sip"), _(v, "spr"), v["sv"], v["sr"]]
    return "\n".join([*head, _(v, "snap"), *([_(v, "ses")] if v["sv"] >= "2020-12-06" else []), *_overrides(v)])


def delegation_text(v: dict[str, str]) -> str:
    """The string-to-sign of a user delegation SAS, version 2018-11-09 and later."""
    lines = [_(v, "sp"), _(v, "st"), _(v, "se"), v["canon"]]
    lines += [v["skoid"], v["sktid"], v["skt"], v["ske"], v["sks"], v["skv"]]
    if v["sv"] >= "2020-02-10":
        lines += [_(v, "saoid"), _(v, "suoid"), _(v, "scid")]
    if v["sv"] >= "2025-07-05":
        lines += [_(v, "skdutid"), _(v, "sduoid")]
    lines += [_(v, "sip"), _(v, "spr"), v["sv"], v["sr"], _(v, "snap")]
    if v["sv"] >= "2020-12-06":
        lines += [_(v, "ses")]
    if v["sv"] >= "2026-04-06":
        lines += [_(v, "srh"), _(v, "srq")]
    return "\n".join([*lines, *_overrides(v)])


def sign(text: str, key: bytes) -> str:
    """HMAC-SHA256 over UTF-8, in base64."""
    return base64.b64encode(hmac.new(key, text.encode("utf-8"), hashlib.sha256).digest()).decode("ascii")


def token(pairs: list[tuple[str, str]]) -> str:
    """The query that carries a SAS, in the order given; empty values are left out."""
    return "&".join(f"{name}={quote(value)}" for name, value in pairs if value)


def emulator_delegation_value(oid: str, tid: str, skt: str, ske: str, skv: str) -> bytes:
    """The value Azurite gives to a user delegation key: it depends on these alone, so tests can make one."""
    text = "\n".join([oid, tid, skt, ske, "b", skv])
    return hmac.new(b"azurite-user-delegation-signing-seed-v1", text.encode(), hashlib.sha256).digest()


def _overrides(v: dict[str, str]) -> list[str]:
    return [_(v, "rscc"), _(v, "rscd"), _(v, "rsce"), _(v, "rscl"), _(v, "rsct")]


def _(v: dict[str, str], name: str) -> str:
    return v.get(name, "")
