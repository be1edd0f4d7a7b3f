"""Making the working folder ready, on machines that lack something."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / ".ci" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bootstrap = _loaded()
NAME, DATA = "pip-1.0-py3-none-any.whl", b"wheel"
SHA256 = hashlib.sha256(DATA).hexdigest()
HTML = f'<html><a href="pip-0.9-py3-none-any.whl">x</a> <a href="files/{NAME}#sha256=00">{NAME}</a></html>'
BARE = f'<a href="{NAME}">{NAME}</a>'
JSON = json.dumps({"files": [{"filename": NAME, "url": f"files/{NAME}"}]})


@pytest.mark.parametrize(("listing", "place"), [(HTML, "files"), (BARE, "."), (JSON, "files")])
def test_the_pinned_wheel_is_found_in_every_form_of_index(tmp_path: Path, listing: str, place: str) -> None:
    index = _index(tmp_path, listing, place)
    wheel = bootstrap.fetch_wheel(index, tmp_path / "out", name=NAME, sha256=SHA256)
    assert wheel.read_bytes() == DATA


def test_another_file_under_the_pinned_name_is_not_used(tmp_path: Path) -> None:
    index = _index(tmp_path, HTML, "files")
    with pytest.raises(bootstrap.BootstrapError, match="not the file that is pinned"):
        bootstrap.fetch_wheel(index, tmp_path / "out", name=NAME, sha256="0" * 64)
    assert not (tmp_path / "out").exists()


def test_an_index_without_it_or_out_of_reach_says_what_to_do(tmp_path: Path) -> None:
    for index in (_index(tmp_path, "<html></html>", "."), (tmp_path / "none").as_uri()):
        with pytest.raises(bootstrap.BootstrapError, match="PIP_INDEX_URL"):
            bootstrap.fetch_wheel(index, tmp_path / "out", name=NAME, sha256=SHA256)


def test_the_index_is_the_one_that_pip_would_use(tmp_path: Path) -> None:
    conf = tmp_path / "pip.conf"
    conf.write_text("[global]\nindex-url = https://mirror.example/simple\n")
    assert bootstrap.package_index({"PIP_CONFIG_FILE": str(conf)}) == "https://mirror.example/simple"
    both = {"PIP_CONFIG_FILE": str(conf), "PIP_INDEX_URL": "https://other.example/simple"}
    assert bootstrap.package_index(both) == "https://other.example/simple"


def test_a_step_that_has_been_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    web = tmp_path / "web"
    (web / "node_modules").mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        (web / name).write_text("{}")
    wanted = bootstrap._digest([web / "package.json", web / "package-lock.json"], "npm ci")
    (web / "node_modules" / ".stamp").write_text(wanted)
    said: list[str] = []
    bootstrap.node_packages(said.append)
    assert said == []
    (web / "package-lock.json").write_text("{ }")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(bootstrap.BootstrapError, match="npm"):
        bootstrap.node_packages(said.append)
    assert said == ["installing pinned packages with npm"]


def _index(tmp_path: Path, listing: str, place: str) -> str:
    """A package index in a folder, as pip takes one too."""
    folder = tmp_path / "simple" / "pip"
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / place / NAME).write_bytes(DATA)
    (folder / "index.html").write_text(listing)
    return (tmp_path / "simple").as_uri()
