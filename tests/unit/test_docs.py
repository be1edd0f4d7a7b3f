"""The documents cannot lie about names: settings, commands, targets and files that they speak of exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from broker import cli
from broker.config import SETTINGS
from broker.storage.setup import cors_command

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
NAMES = [setting.name for setting in SETTINGS]


def blocks() -> list[str]:
    """The README's shell blocks as single lines, continuation lines joined."""
    found = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line.strip() for block in found for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_the_readmes_settings_table_is_the_settings_table() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)`( \(secret\))? \| (.+?) \| `(.+?)` \|$", README, flags=re.MULTILINE)
    wanted = [(s.name, " (secret)" if s.secret else "", s.meaning, s.example) for s in SETTINGS]
    assert rows == wanted


def test_the_example_file_names_every_setting_once_each_after_a_comment() -> None:
    assert re.findall(r"^([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE) == NAMES
    for name in NAMES:
        assert re.search(rf"^# .+\n{name}=", EXAMPLE, flags=re.MULTILINE), f"{name} is not explained"


def test_the_example_file_has_neither_quotes_nor_trailing_comments() -> None:
    for line in EXAMPLE.splitlines():
        if not line.startswith("#"):
            assert not re.search(r"[\"'#]|\s$", line), line


def test_the_screen_that_everybody_sees_first_holds_the_five_commands() -> None:
    assert blocks()[:5] == [
        "docker build -t ophthalmic-image-service .",
        "docker run --rm -p 8080:8080 --env-file .env ophthalmic-image-service",
        "curl http://localhost:8080/api/v1/health",
        "make run",
        "make test",
    ]
    first = README[: README.index("## How it works")]
    assert "assets/screenshot.png" in first
    assert "assets/architecture.png" in first


def test_every_make_target_that_is_spoken_of_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    spoken = set(re.findall(r"`make ([a-z-]+)", README)) | {
        line.split()[1] for line in blocks() if line.startswith("make ")
    }
    assert spoken
    assert spoken <= targets
    phony = MAKEFILE.split(".PHONY:", 1)[1].splitlines()[0].split()
    assert set(phony) == targets


def test_every_target_for_people_says_what_it_does() -> None:
    wanted = "help run serve test check format lint types unit integration browser faults fuzz bench test-full web lock"
    wanted += " picture image clean"
    helped = set(re.findall(r"^([a-z-]+):.*## .+", MAKEFILE, flags=re.MULTILINE))
    assert set(wanted.split()) <= helped


@pytest.mark.parametrize("line", sorted(set(re.findall(r"python -m broker ([^`\n]+)`", README))))
def test_every_command_of_the_readme_is_one_that_the_command_line_takes(line: str) -> None:
    assert cli.parser().parse_args(shlex.split(line)).command


def test_every_command_is_in_the_readme() -> None:
    commands = set(
        re.findall(r"^    (?:\w+ = )?add\(\"(\w+)\"", (ROOT / "broker" / "cli.py").read_text(), flags=re.MULTILINE)
    )
    for command in commands - {"demo"}:
        assert re.search(rf"python -m broker {command}\b|· `{command}`", README), command


def test_the_cors_line_is_the_one_that_the_service_prints() -> None:
    (line,) = [line for line in blocks() if "cors-rule add" in line]
    assert shlex.split(line) == shlex.split(cors_command("myclinic", ["https://images.myclinic.example"]))


def test_every_file_that_the_readme_points_to_exists() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    quoted = re.findall(r"`((?:broker|tests|web|assets)/[^`]*)`", README)
    missing = [path for path in {*linked, *quoted} if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("claim", ["HIPAA", "GDPR", "FDA", "compliant", "certified", "unbreakable", "100 %"])
def test_the_readme_claims_nothing_that_nobody_checked(claim: str) -> None:
    assert claim.lower() not in README.lower()


def test_the_image_is_not_root_checks_hashes_and_health_and_serves_by_default() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, flags=re.MULTILINE)
    assert user is not None
    assert int(user[1]) >= 10_000
    assert "--require-hashes -r /requirements.txt" in DOCKERFILE
    assert re.search(r"^HEALTHCHECK (?:.|\n)*?/livez", DOCKERFILE, flags=re.MULTILINE)
    assert DOCKERFILE.rstrip().endswith('CMD ["serve"]')
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    for source in " ".join(sources).split():
        assert (ROOT / source).exists(), source


def test_nothing_but_what_the_image_needs_is_sent_to_the_builder() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert not allowed & {".env", ".data", ".git", "tests"}
    needed = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)).split()
    for source in needed:
        path = source.rstrip("/")
        assert any(path == one or one.startswith(f"{path}/") for one in allowed), f"{path} is ignored"


def test_what_is_pinned_is_pinned_with_hashes() -> None:
    for name in ("requirements.txt", "tests/requirements.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        packages = re.findall(r"^[a-zA-Z0-9_.\[\]-]+==\S+", text, flags=re.MULTILINE)
        assert len(packages) > 20
        assert len(re.findall(r"^[a-zA-Z0-9]", text, flags=re.MULTILINE)) == len(packages)
        for entry in re.split(r"\n(?=[a-zA-Z0-9])", text):
            assert "--hash=sha256:" in entry
        assert "://" not in re.sub(r"#.*", "", text)


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_the_direct_dependencies_are_the_ones_that_were_locked() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    direct = re.findall(r'^    "([a-z0-9-]+)(?:\[\w+\])?==([^"]+)",$', project, flags=re.MULTILINE)
    locked = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    assert direct
    for name, version in direct:
        assert re.search(rf"^{re.escape(name)}(?:\[\w+\])?=={re.escape(version)}\b", locked, flags=re.MULTILINE), name
