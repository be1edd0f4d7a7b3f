"""Which settings a command runs with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broker.config import ConfigError
from broker.ops import env_file
from broker.ops.environment import demo_folder, demo_settings, load_config, names_a_store

SETTINGS = {
    "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;AccountName=demo1;AccountKey=c2VjcmV0;"
    "BlobEndpoint=http://127.0.0.1:10000/demo1",
    "PUBLIC_URL": "http://localhost:8080",
}


def state(folder: Path, text: str | None = None) -> None:
    text = text or json.dumps({"pid": 1, "started": "2026-11-22T10:00:00+00:00", "settings": SETTINGS})
    (folder / "demo.json").write_text(text, encoding="utf-8")


def test_a_command_without_any_store_setting_finds_the_demo(tmp_path: Path) -> None:
    state(tmp_path)
    config = load_config({"DATA": str(tmp_path), "PUBLIC_URL": "https://elsewhere.example"})
    assert (config.account, config.demo, config.public_url) == ("demo1", True, "http://localhost:8080")


@pytest.mark.parametrize("ending", ["", "_FILE"])
@pytest.mark.parametrize("name", ["AZURE_STORAGE_ACCOUNT_URL", "AZURE_STORAGE_CONNECTION_STRING"])
def test_any_store_setting_in_the_environment_keeps_the_demo_out(tmp_path: Path, name: str, ending: str) -> None:
    state(tmp_path)
    assert names_a_store({name + ending: "x"})
    with pytest.raises(ConfigError):
        load_config({"DATA": str(tmp_path), name + ending: "x"})


def test_an_environments_own_store_is_never_the_demo(tmp_path: Path) -> None:
    state(tmp_path)
    url = {"AZURE_STORAGE_ACCOUNT_URL": "https://clinic.blob.core.windows.net", "PUBLIC_URL": "https://a.example"}
    config = load_config({"DATA": str(tmp_path), **url})
    assert (config.account, config.demo) == ("clinic", False)


def test_an_empty_setting_counts_as_none(tmp_path: Path) -> None:
    state(tmp_path)
    assert load_config({"DATA": str(tmp_path), "AZURE_STORAGE_ACCOUNT_URL": "  "}).demo


def test_without_a_demo_the_missing_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"DATA": str(tmp_path)})
    assert any("PUBLIC_URL" in fault for fault in caught.value.faults)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": 3}', "not json"])
def test_a_broken_state_file_is_a_fault_that_says_what_to_do(tmp_path: Path, text: str) -> None:
    state(tmp_path, text or " ")
    with pytest.raises(ConfigError, match="make run"):
        demo_settings(tmp_path)


def test_a_state_file_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state(tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 4242424)
    with pytest.raises(ConfigError, match="another user"):
        demo_settings(tmp_path)


def test_the_demos_folder_is_absolute_and_has_a_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo_folder({}) == tmp_path.resolve() / ".data"
    assert demo_folder({"DATA": "there"}) == tmp_path.resolve() / "there"


def test_an_env_file_is_read_as_docker_reads_it(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text('# comment\n\n  A=1\nB="two" # literal\nC=\nD=a=b\n', encoding="utf-8")
    assert env_file.read(path) == {"A": "1", "B": '"two" # literal', "C": "", "D": "a=b"}


@pytest.mark.parametrize("line", ["A", "=1", "export A=1"])
def test_a_line_that_is_no_setting_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"X=1\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        env_file.read(path)


def test_a_missing_env_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cp \.env\.example \.env"):
        env_file.read(tmp_path / ".env")
