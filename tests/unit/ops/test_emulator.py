"""The demo's emulator: an account of its own that lasts, ports that are free, files that only the owner reads."""

from __future__ import annotations

import socket
import stat
from contextlib import closing
from pathlib import Path

import pytest

from broker.config import EMULATOR_KEY, Config
from broker.ops import emulator
from broker.ops.emulator import EmulatorRefused
from broker.ops.processes import Child


def test_the_account_is_random_kept_and_never_the_well_known_one(tmp_path: Path) -> None:
    first = emulator.emulator(tmp_path / "a", port=10000)
    again = emulator.emulator(tmp_path / "a", port=10001)
    other = emulator.emulator(tmp_path / "b", port=10000)
    assert (first.account, first.key) == (again.account, again.key)
    assert first.account != other.account
    assert first.key not in (other.key, EMULATOR_KEY)
    assert first.key not in repr(first)
    assert stat.S_IMODE((tmp_path / "a" / "account.json").stat().st_mode) == 0o600


def test_its_connection_string_is_one_that_the_settings_take(tmp_path: Path) -> None:
    store = emulator.emulator(tmp_path, port=10123)
    environ = {"AZURE_STORAGE_CONNECTION_STRING": store.connection_string, "PUBLIC_URL": "http://localhost:8080"}
    config = Config.from_env(environ)
    assert (config.blob_url, config.account, config.account_key) == (store.url, store.account, store.key)


def test_a_port_in_use_is_left_alone() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = emulator.free_port(port)
    assert other != port
    assert emulator.free_port(other) == other


def test_a_private_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for text in ("one", "two"):
        emulator.write_private(path, text)
        assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_an_emulator_that_is_not_installed_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "_LAUNCHER", tmp_path / "none")
    with pytest.raises(EmulatorRefused, match="make run"):
        emulator.child(emulator.emulator(tmp_path, port=1), tmp_path, log=tmp_path / "log", environ={})


def test_an_emulator_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    store = emulator.emulator(tmp_path, port=emulator.free_port(0))
    gone = Child("the emulator", ["sh", "-c", "echo no such folder; exit 1"], log=tmp_path / "log")
    gone.start()
    with pytest.raises(EmulatorRefused, match="no such folder"):
        emulator.wait(store, gone)
