"""Say in five lines how things stand: storage, catalog, sign-in, what is missing for real patients, ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..config import Config
from ..errors import BrokerError
from . import people, setup
from .probe import answers as answers_at
from .setup import Part, Prepared

_INVITE = "python -m broker invite"


def lines(config: Config, prepared: Prepared, *, invite: bool) -> Iterator[str]:
    """The first four lines; the fifth, ``ready_line``, can be said only when something answers.

    ``invite``: while no administrator exists, make a one-time link for the first one and show it.
    """
    yield _line("Storage", prepared.storage)
    yield _line("Catalog", prepared.catalog)
    yield _line("Sign-in", sign_in(config, prepared, invite=invite))
    missing = missing_for_patients(config)
    yield f"Missing  {'; '.join(missing) or 'nothing that this machine can see'} (for real patients)"


def report(config: Config, say: Callable[[str], None]) -> int:
    """Say all five lines and change nothing; 0 if storage and catalog are good and web answers, else 1."""
    prepared = Prepared(storage=setup.look_at_storage(config), catalog=setup.look_at_catalog(config))
    answers = answers_at(config, 2.0)
    for line in (*lines(config, prepared, invite=False), ready_line(config, answers)):
        say(line)
    return 0 if prepared.good and answers else 1


def ready_line(config: Config, answers: bool) -> str:
    """The fifth line."""
    return (
        f"Ready    {config.public_url}"
        if answers
        else "Ready    no: the web process does not answer yet; its log says why"
    )


def sign_in(config: Config, prepared: Prepared, *, invite: bool) -> Part:
    """How people get in."""
    if config.demo:
        return Part(True, "three buttons, demo only")
    if not prepared.catalog.good:
        return Part(False, "needs the catalog")
    try:
        if people.has_admin(config):
            return Part(True, f"by name and password; more people: {_INVITE} --role ROLE --name NAME")
        link = people.first_admin(config) if invite else None
    except BrokerError as error:
        return Part(False, str(error))
    if link is None:
        return Part(False, f"no administrator yet: {_INVITE} --role admin --name NAME")
    return Part(True, f"no administrator yet. Open this, once, within 30 minutes: {link}")


def missing_for_patients(config: Config) -> list[str]:
    """What this deployment lacks before real patients' pictures may go there, as far as the settings tell."""
    missing = []
    if config.demo:
        missing.append("everything: this is the demo")
    if config.account_key is not None:
        missing.append("a managed identity instead of an account key (AZURE_STORAGE_ACCOUNT_URL)")
    if not config.https:
        missing.append("https (PUBLIC_URL)")
    if not config.blob_public_url.startswith("https://"):
        missing.append("a store with https")
    if config.oidc is None and not config.demo:
        missing.append("the clinic's own sign-in (OIDC_ISSUER), or codes from an app for every account")
    if not config.demo:
        missing.append("web and worker apart, each with its own identity")
    return missing


def _line(title: str, part: Part) -> str:
    return f"{title:<8} {'' if part.good else 'PROBLEM: '}{part.text}"
