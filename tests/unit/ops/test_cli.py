"""The command line: every command is there, faults are said in plain words, exit codes mean something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker import cli

COMMANDS = ["serve", "web", "worker", "demo", "setup", "check", "rebuild", "invite", "tokens"]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's and no demo of the folder's."""
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "DATA": str(tmp_path)})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    assert f"python -m broker {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [["serve"], ["web"], ["worker"], ["setup"], ["check"], ["rebuild"], ["tokens", "list"]]
)
def test_missing_settings_are_named_with_an_example_and_end_with_78(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command) == 78
    said = capsys.readouterr().err
    for name, example in (("AZURE_STORAGE_ACCOUNT_URL", "myclinic"), ("PUBLIC_URL", "http://localhost:8080")):
        (line,) = [line for line in said.splitlines() if line.strip().startswith(name)]
        assert f"Example: {example}" in line or example in line


def test_serve_never_takes_the_demos_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo.json").write_text('{"settings": {}}')
    assert cli.main(["serve"]) == 78
    assert "AZURE_STORAGE" in capsys.readouterr().err


def test_what_stands_in_the_environment_wins_over_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ".env"
    path.write_text("PUBLIC_URL=https://file.example\nPORT=no\n")
    monkeypatch.setitem(os.environ, "PORT", "neither")
    assert cli.main(["serve", "--env-file", str(path)]) == 78
    assert os.environ["PORT"] == "neither"
    assert os.environ["PUBLIC_URL"] == "https://file.example"
    said = capsys.readouterr().err
    assert "PORT" in said
    assert "PUBLIC_URL:" not in said


@pytest.mark.parametrize(
    "wrong", [[], ["nothing"], ["invite"], ["invite", "--role", "king", "--name", "x"], ["tokens"]]
)
def test_wrong_usage_ends_with_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(wrong)
    assert end.value.code == 2


def test_a_problem_is_one_sentence_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/a"
    for name, value in (("AZURE_STORAGE_CONNECTION_STRING", store), ("PUBLIC_URL", "http://localhost:1")):
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.setitem(os.environ, "DATA_DIR", str(tmp_path))
    assert cli.main(["tokens", "list"]) == 1
    said = capsys.readouterr().err
    assert "catalog" in said
    assert "Traceback" not in said


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys, contextlib, io\nfrom broker import cli\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): cli.main(['--help'])\n"
        "print(sorted({'azure', 'sqlalchemy', 'flask', 'gunicorn', 'PIL', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
