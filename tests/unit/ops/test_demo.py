"""The demo keeps to itself: what it takes from the environment, and what it refuses."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.config import SETTINGS, Config
from broker.ops import demo, emulator
from broker.ops.demo import DemoRefused

FOREIGN = {
    "AZURE_STORAGE_ACCOUNT_URL": "https://clinic.blob.core.windows.net",
    "AZURE_CLIENT_ID": "x",
    "OIDC_ISSUER": "https://id.example",
    "DATABASE_URL": "postgresql://db/x",
    "DATABASE_URL_FILE": "/run/secrets/x",
    "PGHOST": "db",
    "GUNICORN_CMD_ARGS": "--bind 0.0.0.0:80",
    "PUBLIC_URL": "https://images.clinic.example",
}


@pytest.fixture
def store(tmp_path: Path) -> emulator.Emulator:
    return emulator.emulator(tmp_path, port=10000)


def test_nothing_of_the_environments_settings_reaches_the_demo(store: emulator.Emulator, tmp_path: Path) -> None:
    settings = demo._settings(FOREIGN, tmp_path, store)
    config = Config.from_env(settings)
    assert (config.blob_url, config.data_dir) == (store.url, tmp_path)
    assert config.database_url == f"sqlite+pysqlite:///{tmp_path}/catalog.sqlite"
    assert config.public_url.startswith("http://localhost:")
    assert set(settings) <= {setting.name for setting in SETTINGS}


def test_its_children_get_a_clean_environment_and_no_proxy_towards_this_machine(tmp_path: Path) -> None:
    clean = demo._clean({**FOREIGN, "PATH": "/bin", "NO_PROXY": "intranet"}, tmp_path)
    assert not set(FOREIGN) & set(clean)
    assert (clean["PATH"], clean["DATA"]) == ("/bin", str(tmp_path))
    assert clean["NO_PROXY"] == clean["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_a_wanted_port_is_taken_and_nonsense_refused(store: emulator.Emulator, tmp_path: Path) -> None:
    port = emulator.free_port(0)
    assert demo._settings({"PORT": str(port)}, tmp_path, store)["PORT"] == str(port)
    for wrong in ("0", "70000", "eighty"):
        with pytest.raises(DemoRefused, match="PORT"):
            demo._settings({"PORT": wrong}, tmp_path, store)


def test_any_store_but_its_own_emulator_is_refused(store: emulator.Emulator, tmp_path: Path) -> None:
    config = Config.from_env(demo._settings({}, tmp_path, store))
    demo._own_store_only(config, store)
    for other in (
        replace(config, blob_url="https://clinic.blob.core.windows.net"),
        replace(config, account="clinic"),
        replace(config, database_url="postgresql+psycopg://db/x"),
    ):
        with pytest.raises(DemoRefused, match="another store"):
            demo._own_store_only(other, store)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A folder whose lock a living demo (this very process) holds."""
    with (tmp_path / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = {"pid": os.getpid(), "settings": {"PUBLIC_URL": "http://localhost:8099"}}
        (tmp_path / "demo.json").write_text(json.dumps(state))
        yield tmp_path


def test_a_second_start_says_where_the_first_one_is_and_ends_well(held: Path) -> None:
    said: list[str] = []
    assert demo.demo({"DATA": str(held)}, said.append) == 0
    assert said == [f"The demo runs already, as process {os.getpid()}: http://localhost:8099"]
