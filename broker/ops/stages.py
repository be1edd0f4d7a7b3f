"""What a deployment that others can reach lacks before real patients' pictures may go there; each with what to do.

On this very machine (loopback address, or the emulator) it is a try-out, and nothing of this is a fault. What cannot
be right anywhere, such as plain http to other machines, does not even start: ``config`` refuses it.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit

from ..catalog import Catalog
from ..catalog import accounts as rows
from ..config import SETTINGS, Config, is_loopback, is_near
from ..names import INTAKE, VAULT
from ..words import Role
from . import check
from .finding import Finding, bad, good

#: A secret that a person made up is shorter.
SHORTEST_SECRET = 16
#: Beyond this, whoever walks by an unattended computer has a good chance.
LONGEST_IDLE = timedelta(minutes=30)
_SAFE_MODES = frozenset({"require", "verify-ca", "verify-full"})
_POOR_PASSWORDS = frozenset({"", "password", "postgres", "admin", "secret", "changeme"})
_ENCRYPT = "add ?sslmode=verify-full (or require, inside a private network) to DATABASE_URL"


def findings(config: Config) -> Iterator[Finding]:
    """What the settings tell; looks at files, and at nothing else."""
    if is_try_out(config):
        lacks = "; ".join(check.missing_for_patients(config))
        yield good("Stage", f"a try-out for this machine only: no real patients. It lacks {lacks}")
        return
    wrong = [*_secrets(config), *_database(config), *_conduct(config), *_files(config)]
    yield from wrong
    if not wrong:
        yield good("Settings", "fit for real patients, as far as they tell")


def is_try_out(config: Config) -> bool:
    """Whether nobody but this machine's own people can reach the pages, or the store is the emulator."""
    host = urlsplit(config.blob_url).hostname or ""
    return config.demo or is_loopback(urlsplit(config.public_url).hostname or "") or is_near(host)


def people(config: Config, catalog: Catalog) -> Iterator[Finding]:
    """Who may sign in, and by how little. Raises CatalogBusy."""
    if is_try_out(config):
        return
    with catalog.read() as tx:
        admin = rows.any_with_role(tx, Role.ADMIN)
        accounts = [one for one in rows.all_accounts(tx) if one.password_hash and not one.disabled]
    alone = sum(one.totp_secret is None for one in accounts)
    if not admin:
        remedy = "python -m broker invite --role admin --name NAME"
        yield bad("Sign-in", "nobody can sign in as an administrator", remedy)
    if alone:
        remedy = "set OIDC_ISSUER and disable them, or let each turn on codes from an app, on the page /account"
        yield bad("Sign-in", f"accounts with a password and nothing else: {alone}", remedy)
    if admin and not alone:
        yield good("Sign-in", "nobody by a password alone")


def strangers(config: Config) -> Iterator[Finding]:
    """Ask for the containers' contents as somebody without any key would."""
    for container in (INTAKE, VAULT):
        if _listed(f"{config.blob_url}/{container}?restype=container&comp=list"):
            remedy = "az storage account update --allow-blob-public-access false"
            yield bad("Public", f"anybody may list the container {container}", remedy)


def _secrets(config: Config) -> Iterator[Finding]:
    examples = {setting.example for setting in SETTINGS}
    if config.oidc and (len(config.oidc.client_secret) < SHORTEST_SECRET or config.oidc.client_secret in examples):
        yield bad("Secrets", "OIDC_CLIENT_SECRET is short or an example", "let the provider make a new one")


def _database(config: Config) -> Iterator[Finding]:
    url = urlsplit(config.database_url)
    if url.scheme.startswith("sqlite"):
        return
    modes = parse_qs(url.query).get("sslmode", [""])
    if not is_loopback(url.hostname or "localhost") and modes[-1] not in _SAFE_MODES:
        yield bad("Database", "the way to it may be unencrypted", _ENCRYPT)
    if url.hostname and (url.password or "") in {*_POOR_PASSWORDS, url.username}:
        yield bad("Database", "its password is none, or everybody's first guess", "give it a long random one")


def _conduct(config: Config) -> Iterator[Finding]:
    if config.idle > LONGEST_IDLE:
        minutes = config.idle // timedelta(minutes=1)
        yield bad("Sessions", f"a computer that nobody touches stays open for {minutes} minutes", "set IDLE_MINUTES=15")
    if config.log_level == "DEBUG":
        yield bad("Logs", "LOG_LEVEL=DEBUG tells more than a clinic's logs should keep", "set LOG_LEVEL=INFO")


def _files(config: Config) -> Iterator[Finding]:
    for folder in (config.data_dir, config.work_dir):
        if _open_to_all(folder):
            yield bad("Files", f"every user of this machine may look into {folder}", f"chmod 700 {folder}")


def _open_to_all(folder: Path) -> bool:
    """Whether others may enter the folder and each one above it."""
    try:
        return all(place.stat().st_mode & 0o001 for place in (folder.resolve(), *folder.resolve().parents))
    except OSError:
        return False


def _listed(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (an address out of the settings)
            return bool(answer.status == 200)
    except HTTPError as refused:
        refused.close()
        return False
    except (URLError, OSError):
        return False
