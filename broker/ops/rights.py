"""Try which rights this identity has, without changing anything, and compare them with those it needs.

Each right is tried on a name that nobody has. The store checks the right before it looks: who has it is told that
nothing is there, or that a condition fails; who has it not is told 403. Read from the service's documentation; no test
has seen a live account do it, and the emulator refuses nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..config import Config, is_near
from ..ids import new_id
from ..names import INTAKE, VAULT
from .finding import Finding, bad, good

#: Sends one signed request (method, path with query, headers, body), once, and gives the status of the answer.
Try = Callable[[str, str, Mapping[str, str], bytes], int]

KEY = "ask for delegation keys"
_NOT_THERE = {"If-Match": '"0x0"'}


@dataclass(frozen=True, slots=True)
class Need:
    """What an identity needs, by the name under which people know it."""

    name: str
    rights: frozenset[str]


def _in(container: str, *acts: str) -> frozenset[str]:
    return frozenset(f"{act} in {container}" for act in acts)


WEB = Need("web", frozenset({KEY}) | _in(INTAKE, "read", "create", "write") | _in(VAULT, "read"))
WORKER = Need("worker", _in(INTAKE, "read", "create", "write", "delete") | _in(VAULT, "read", "create"))
BOTH = Need("both", WEB.rights | WORKER.rights)
NEEDS = {need.name: need for need in (WEB, WORKER, BOTH)}


def findings(config: Config, need: Need, attempt: Try, now: datetime) -> Iterator[Finding]:
    """Say what this identity may do too little, or too much, of what ``need`` needs. Raises StorageUnavailable."""
    if is_near(_host(config.blob_url)):
        yield good("Rights", "the emulator has none: whoever has its key may do everything")
        return
    if config.account_key is not None:
        yield bad("Rights", "an account key may do everything", "use a managed identity: AZURE_STORAGE_ACCOUNT_URL")
        return
    yield from compared(need, held(attempt, now))


def held(attempt: Try, now: datetime) -> frozenset[str]:
    """Try every right and give those that this identity has. Raises StorageUnavailable."""
    found = {right for right, request in _requests(now) if attempt(*request) not in (401, 403)}
    return frozenset(found)


def compared(need: Need, has: frozenset[str]) -> Iterator[Finding]:
    """Compare what an identity has with what it needs."""
    for right in sorted(need.rights - has):
        yield bad("Rights", f"as {need.name} this identity must be able to {right}, and is not", "give it that right")
    for right in sorted(has - need.rights):
        only = ", unless somebody erases just now" if right == f"delete in {VAULT}" else ""
        yield bad("Rights", f"as {need.name} this identity need not {right}", f"take that right from it{only}")
    if need is BOTH:
        yield bad("Rights", "one identity serves web and worker", "give each its own before real patients come")
    elif has == need.rights:
        yield good("Rights", f"what {need.name} needs, and no more")


def _requests(now: datetime) -> Iterator[tuple[str, tuple[str, str, dict[str, str], bytes]]]:
    for container in (INTAKE, VAULT):
        nobody = new_id(now)
        path = f"/{container}/{nobody[-2:]}/{nobody}"
        create = {"x-ms-blob-type": "BlockBlob", **_NOT_THERE}
        yield f"read in {container}", ("GET", path, {}, b"")
        yield f"create in {container}", ("PUT", path, create, b"")
        yield f"write in {container}", ("PUT", f"{path}?comp=metadata", dict(_NOT_THERE), b"")
        yield f"delete in {container}", ("DELETE", path, dict(_NOT_THERE), b"")
    start, end = (at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in (now, now + timedelta(minutes=2)))
    body = f'<?xml version="1.0" encoding="utf-8"?><KeyInfo><Start>{start}</Start><Expiry>{end}</Expiry></KeyInfo>'
    headers = {"Content-Type": "application/xml"}
    yield KEY, ("POST", "/?restype=service&comp=userdelegationkey", headers, body.encode())


def _host(url: str) -> str:
    return url.split("//", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
