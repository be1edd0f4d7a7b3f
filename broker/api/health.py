"""Health: whether this process lives, and whether it can serve."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from flask import Flask, Response, current_app

from ..catalog import leases, migrate
from ..errors import BrokerError
from ..guard import maybe_actor, parts
from ..parts import Parts
from . import answers
from .resource import Resource, reply

#: Set once the catalog knows what the vault holds; before that a gallery would look empty that is not.
INDEXED = "vault_indexed"
WORKER = "worker"
resource = Resource("health", "Whether the service can serve.")


@dataclass(slots=True)
class Readiness:
    """Asks storage and catalog; the store at most every ``cache_seconds``, however many probes there are."""

    parts: Parts
    cache_seconds: float = 5.0
    _current: bool = False
    _asked: float = float("-inf")
    _storage: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def storage(self) -> str:
        """``ok``, or what is wrong with the store."""
        with self._lock:
            if time.monotonic() - self._asked >= self.cache_seconds:
                try:
                    self.parts.store.ready()
                    self._storage = "ok"
                except BrokerError as error:
                    self._storage = error.title
                self._asked = time.monotonic()
            return self._storage

    def catalog(self) -> str:
        """``ok``, or what is wrong with the catalog."""
        try:
            self._current = self._current or migrate.is_current(self.parts.catalog)
            if not self._current:
                return "Its tables are not up to date"
            with self.parts.catalog.read() as tx:
                indexed = leases.marked(tx, INDEXED) is not None
        except BrokerError as error:
            return error.title
        return "ok" if indexed else "It does not know the vault yet; a worker reads it in when it starts"


@resource.operation("GET", "/health", None, answer=answers.Health)
def ready() -> Response:
    """Ask whether the service can serve: 200 or 503. With an identity also why not, and when a worker last lived."""
    readiness: Readiness = current_app.extensions["health"]
    storage, catalog = readiness.storage(), readiness.catalog()
    good = storage == catalog == "ok"
    content: answers.Value = {"status": "ready" if good else "unavailable"}
    if maybe_actor() is not None:
        content |= {"storage": storage, "catalog": catalog, "worker": _worker()}
    return reply(content, 200 if good else 503)


def _worker() -> str | None:
    try:
        with parts().catalog.read() as tx:
            at = leases.marked(tx, WORKER)
    except BrokerError:
        return None
    return answers.stamp(at) if at else None


def register_livez(app: Flask) -> None:
    """Add ``/livez``, which touches nothing: a process that answers it need not be killed."""

    @app.get("/livez")
    def livez() -> Response:
        return Response("alive\n", mimetype="text/plain")
