"""What the doctor says about a deployment's stage: nothing of a try-out, and one line for each fault of a clinic's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from broker.access.actor import visitor
from broker.config import EMULATOR_KEY, Config, Oidc
from broker.ops import stages
from broker.ops.finding import Finding
from broker.parts import Parts
from broker.words import Role
from tests.unit.conftest import Clock, make_config, make_parts

PASSWORD = "a lamp and nine slits"
OIDC = Oidc("https://sso.clinic.example", "eye", "yq8v3mT0ZrB1nX5kWc7d")


@pytest.fixture
def clinic(tmp_path: Path) -> Config:
    """Settings as a clinic should have them."""
    (tmp_path / "closed").mkdir(mode=0o700)
    return make_config(
        tmp_path,
        public_url="https://images.clinic.example",
        account_key=None,
        database_url="postgresql+psycopg://eye:kR7vQz2m@db.clinic.example/eye?sslmode=verify-full",
        data_dir=tmp_path / "closed",
        work_dir=tmp_path / "closed" / "work",
        oidc=OIDC,
    )


def wrong(found: Iterator[Finding]) -> list[str]:
    """The titles of what is not good; each of these says what to do, in one line."""
    bad = [finding for finding in found if not finding.good]
    assert all(finding.remedy and "\n" not in str(finding) for finding in bad)
    return [finding.title for finding in bad]


def test_nothing_is_wrong_with_a_clinics_settings(clinic: Config) -> None:
    (finding,) = stages.findings(clinic)
    assert finding.good
    assert "fit for real patients" in finding.text


DATABASE = "postgresql+psycopg://eye:{}@{}/eye{}"
FAULTS: dict[str, tuple[dict[str, object], str]] = {
    "a short secret": ({"oidc": replace(OIDC, client_secret="short")}, "Secrets"),
    "the example's secret": ({"oidc": replace(OIDC, client_secret="a-long-random-text")}, "Secrets"),
    "no encryption": ({"database_url": DATABASE.format("kR7vQz2m", "db.clinic.example", "")}, "Database"),
    "perhaps encryption": (
        {"database_url": DATABASE.format("kR7vQz2m", "db.clinic.example", "?sslmode=prefer")},
        "Database",
    ),
    "the first guess": ({"database_url": DATABASE.format("password", "127.0.0.1", "")}, "Database"),
    "the user's name": ({"database_url": DATABASE.format("eye", "127.0.0.1", "")}, "Database"),
    "no password": ({"database_url": "postgresql+psycopg://eye@127.0.0.1/eye"}, "Database"),
    "open for hours": ({"idle": timedelta(hours=2)}, "Sessions"),
    "talkative": ({"log_level": "DEBUG"}, "Logs"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_is_one_finding_that_says_what_to_do(clinic: Config, what: str) -> None:
    changes, title = FAULTS[what]
    assert wrong(stages.findings(replace(clinic, **changes))) == [title]  # type: ignore[arg-type]


def test_no_finding_repeats_a_secret(clinic: Config) -> None:
    poor = replace(clinic, oidc=replace(OIDC, client_secret="sesame7"), database_url=DATABASE.format("eye", "db.x", ""))
    text = " ".join(map(str, stages.findings(poor)))
    assert "sesame7" not in text
    assert "postgresql" not in text


def test_a_folder_that_every_user_may_enter_is_found(clinic: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_open_to_all", lambda folder: folder == clinic.data_dir)
    assert wrong(stages.findings(clinic)) == ["Files"]


def test_a_folder_is_open_only_if_every_one_above_it_is(tmp_path: Path) -> None:
    inner = tmp_path / "data"
    inner.mkdir(mode=0o755)
    tmp_path.chmod(0o700)
    assert not stages._open_to_all(inner)
    assert not stages._open_to_all(tmp_path / "never made")
    assert stages._open_to_all(Path("/"))


@pytest.mark.parametrize(
    "changes",
    [
        {"public_url": "http://localhost:8080"},
        {"demo": True},
        {"blob_url": "http://127.0.0.1:10000/devstoreaccount1", "account_key": EMULATOR_KEY},
    ],
)
def test_a_try_out_is_called_one_and_told_what_it_lacks(clinic: Config, changes: dict[str, object]) -> None:
    poor = replace(clinic, **{"log_level": "DEBUG", "oidc": None} | changes)  # type: ignore[arg-type]
    (finding,) = stages.findings(poor)
    assert finding.good
    assert "no real patients" in finding.text
    assert "lacks" in finding.text


@pytest.fixture
def parts(tmp_path: Path, clock: Clock) -> Iterator[Parts]:
    made = make_parts(make_config(tmp_path, public_url="https://images.clinic.example"), clock)
    yield made
    made.catalog.close()


def join(parts: Parts, name: str, role: Role) -> str:
    """Somebody accepts an invitation; gives the account."""
    someone = visitor("127.0.0.1", "r")
    link = parts.access.invite(someone, name=name, roles=frozenset({role}), now=parts.clock())
    return parts.access.accept(someone, link.secret, PASSWORD, parts.clock()).actor.account


def test_who_signs_in_by_a_password_alone_and_a_missing_administrator_are_found(parts: Parts) -> None:
    assert wrong(stages.people(parts.config, parts.catalog)) == ["Sign-in"]
    join(parts, "Ada", Role.ADMIN)
    (finding,) = stages.people(parts.config, parts.catalog)
    assert finding.text.endswith("nothing else: 1")


def test_codes_from_an_app_or_an_end_of_the_account_are_enough(parts: Parts) -> None:
    someone = visitor("127.0.0.1", "r")
    ada, dana = join(parts, "Ada", Role.ADMIN), join(parts, "Dana", Role.TECHNICIAN)
    secret = pyotp.random_base32()
    code = pyotp.TOTP(secret).at(int(parts.clock().timestamp()))
    parts.access.use_codes(replace(someone, account=ada), secret, code, parts.clock())
    assert wrong(stages.people(parts.config, parts.catalog)) == ["Sign-in"]
    parts.access.disable(someone, dana, parts.clock())
    assert wrong(stages.people(parts.config, parts.catalog)) == []
