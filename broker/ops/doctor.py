"""``python -m broker doctor``: look at everything this deployment stands on; each finding one line with what to do.

Nothing is changed. Stage and settings, sandbox, catalog, storage, clock, CORS, strangers, rights, people, worker,
outbox, then vault and intake name by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from ..catalog import Catalog, CatalogRefused, leases, outbox
from ..catalog.migrate import is_current
from ..config import Config
from ..errors import Unavailable
from ..ingest.sandbox import Sandbox, SandboxUnavailable
from ..parts import Store
from ..storage.azure import AzureStore
from ..storage.setup import cors_command, preflight
from . import rights, setup, stages
from .finding import Finding, bad, good
from .inventory import Inventory
from .rebuild import MARK, OUTDATED
from .rights import Need, Try

#: Beyond this, grants are refused as not yet or no longer valid sooner than people expect.
SKEW = timedelta(seconds=60)
#: A worker says that it lives every few seconds, and publishes within two.
LATE = timedelta(seconds=60)
#: No page of ours comes from there.
STRANGER = "https://stranger.invalid"


def doctor(config: Config, say: Callable[[str], None], *, role: str, scrub: int) -> int:
    """The command: say every finding; 0 if there is nothing to do, else 1."""
    try:
        catalog = Catalog(config.database_url)
    except CatalogRefused as no:
        say(str(bad("Catalog", str(no), "see above")))
        return 1
    store = AzureStore(config)
    clean = True
    try:
        for found in findings(config, catalog, store, need=rights.NEEDS[role], attempt=store.tried, scrub=scrub):
            say(str(found))
            clean &= found.good
    except Unavailable as fault:
        say(str(bad("Broken off", str(fault).rstrip("."), "start it again when storage and catalog answer")))
        clean = False
    finally:
        catalog.close()
        store.close()
    say("All is well." if clean else "There is something to do.")
    return 0 if clean else 1


def findings(
    config: Config, catalog: Catalog, store: Store, *, need: Need, attempt: Try, scrub: int = 0
) -> Iterator[Finding]:
    """Look at one thing after the other; what needs storage or catalog is left out where they do not answer.

    Raises:
        StorageUnavailable, CatalogBusy: they stopped answering on the way.
    """
    yield from stages.findings(config)
    yield sandbox()
    catalog_part, storage_part = setup.look_at_catalog(config), _storage(store)
    yield Finding(catalog_part.good, "Catalog", catalog_part.text, "" if catalog_part.good else "see above")
    yield storage_part
    if storage_part.good:
        yield clock("storage's", store.server_time(), datetime.now(UTC))
        yield from cors(config)
        yield from stages.strangers(config)
        yield from rights.findings(config, need, attempt, datetime.now(UTC))
    if catalog_part.good and is_current(catalog):
        yield from stages.people(config, catalog)
        yield from state(catalog)
        if storage_part.good:
            inventory = Inventory(catalog, store.intake, store.vault, datetime.now(UTC))
            yield from inventory.findings()
            if scrub:
                yield from inventory.scrub(scrub)


def _storage(store: Store) -> Finding:
    try:
        store.ready()
    except (Unavailable, ValueError) as fault:
        remedy = "see that the address and credential are right, and run `python -m broker setup`"
        return bad("Storage", str(fault).rstrip(".") or type(fault).__name__, remedy)
    return good("Storage", "both containers answer")


def clock(whose: str, theirs: datetime, ours: datetime) -> Finding:
    """Compare two clocks; the store's shows whole seconds."""
    apart = abs(theirs + timedelta(seconds=0.5) - ours)
    if apart <= SKEW:
        return good("Clock", f"within {SKEW.seconds} s of the {whose}")
    return bad("Clock", f"{apart.total_seconds():.0f} s apart from the {whose}", "set this machine's clock (NTP)")


def cors(config: Config) -> Iterator[Finding]:
    """Ask the store as a browser on our pages would, and as one on a stranger's."""
    remedy = cors_command(config.account, setup.origins(config))
    wrong = False
    for origin in setup.origins(config):
        for method in ("PUT", "GET"):
            if not preflight(config.blob_public_url, origin, method):
                wrong = True
                yield bad("CORS", f"browsers on {origin} may not {method}", f"python -m broker setup, or: {remedy}")
    if preflight(config.blob_public_url, STRANGER, "GET"):
        wrong = True
        yield bad("CORS", "pages of any origin may talk to the account", "remove the rule with the star")
    if not wrong:
        yield good("CORS", f"right for {', '.join(setup.origins(config))}, and closed to strangers")


def sandbox() -> Finding:
    """Start a decoder and say which walls hold around it."""
    try:
        with Sandbox() as started:
            strength = started.strength()
    except SandboxUnavailable as fault:
        return bad("Sandbox", f"no decoder can be started: {fault}", "see the worker's log; it needs fork and /tmp")
    if strength.network and strength.files:
        return good("Sandbox", strength.sentence)
    return bad("Sandbox", strength.sentence, "run the worker on Linux with libseccomp; the image has it")


def state(catalog: Catalog) -> Iterator[Finding]:
    """What the catalog says about itself, the worker and what waits to be published. Raises CatalogBusy."""
    with catalog.read() as tx:
        now = catalog.now(tx)
        indexed, worker = leases.marked(tx, MARK), leases.marked(tx, "worker")
        outdated = leases.marked(tx, OUTDATED)
        waiting, oldest = outbox.count(tx), outbox.oldest(tx)
    yield clock("database's", now, datetime.now(UTC))
    if indexed is None:
        yield bad("Catalog", "it does not know the vault yet", "start a worker, or run `python -m broker rebuild`")
    if outdated is not None:
        yield bad("Catalog", "some rows are of an older release", "start a worker, or run `python -m broker rebuild`")
    if worker is None or now - worker > LATE:
        last = "never" if worker is None else f"last {worker:%Y-%m-%d %H:%M} UTC"
        yield bad("Worker", f"none gives a sign of life ({last})", "start `python -m broker worker`")
    else:
        yield good("Worker", "one gives signs of life")
    if oldest is not None and now - oldest > LATE:
        what = f"{waiting} documents wait, the oldest since {oldest:%Y-%m-%d %H:%M} UTC"
        yield bad("Unpublished", what, "see the worker's log for what keeps them out of the vault")
    else:
        yield good("Unpublished", f"{waiting} documents wait" if waiting else "nothing waits")
