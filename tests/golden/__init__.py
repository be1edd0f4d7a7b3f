"""What an older release wrote, see the README here: its catalog at revision 0012, and the vault beside it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as Alembic

import broker.catalog
from broker.catalog import Catalog
from broker.names import VaultBlob
from broker.storage.containers import Vault

_FOLDER = Path(__file__).parent
BLOBS: dict[str, Any] = json.loads((_FOLDER / "vault-1.json").read_text(encoding="utf-8"))
ROWS: dict[str, list[dict[str, Any]]] = json.loads((_FOLDER / "catalog-0012.json").read_text(encoding="utf-8"))
MANIFESTS: dict[str, bytes] = {
    json.loads(text)["upload"]["filename"].removesuffix(".jpg"): text.encode()
    for name, text in BLOBS.items()
    if name.endswith("/manifest.json")
}


def fill_vault(vault: Vault) -> None:
    """Put everything into an empty vault."""
    for name, content in BLOBS.items():
        data = content.encode() if isinstance(content, str) else base64.b64decode(content["base64"])
        vault.put(VaultBlob(name), data, "application/octet-stream")


def old_catalog(url: str) -> Catalog:
    """Give an empty database the tables and the rows of the older release."""
    catalog = Catalog(url)
    with catalog.write() as tx:
        alembic = Alembic()
        alembic.set_main_option("script_location", str(Path(broker.catalog.__file__).parent / "migrations"))
        alembic.set_main_option("path_separator", "os")
        alembic.attributes["connection"] = tx
        command.upgrade(alembic, "0012")
        known = sa.MetaData()
        known.reflect(tx)
        for table in known.sorted_tables:
            if rows := ROWS.get(table.name):
                tx.execute(table.insert(), rows)
    return catalog
