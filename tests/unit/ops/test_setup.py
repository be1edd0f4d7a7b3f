"""Preparing, and the five lines that say how things stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from broker.config import Config
from broker.ops import check, people, setup
from broker.ops.setup import Part, Prepared
from broker.words import Role

GOOD = Part(True, "there")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A store that nobody listens at, and a catalog in the test's own folder."""
    store = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/a"
    environ = {"AZURE_STORAGE_CONNECTION_STRING": store, "PUBLIC_URL": "http://localhost:8080"}
    return Config.from_env(environ | {"DATA_DIR": str(tmp_path / "data")})


def test_the_catalog_is_made_where_there_is_none_and_found_again(config: Config) -> None:
    assert not setup.look_at_catalog(config).good
    assert setup.catalog(config, patience=0).good
    assert setup.look_at_catalog(config).good
    assert setup.catalog(config, patience=0).good


def test_a_data_folder_that_cannot_be_written_is_named(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    part = setup.catalog(replace(config, data_dir=tmp_path / "file" / "below"), patience=0)
    assert not part.good
    assert "DATA_DIR must be writable" in part.text


def test_a_store_that_does_not_answer_is_said_without_secrets(config: Config) -> None:
    for part in (setup.storage(config, patience=0), setup.look_at_storage(config)):
        assert not part.good
        assert "127.0.0.1:1" in part.text
        assert "c2VjcmV0" not in part.text


def test_this_machine_is_one_origin_under_both_of_its_names(config: Config) -> None:
    assert setup.origins(config) == ["http://localhost:8080", "http://127.0.0.1:8080"]
    assert setup.origins(replace(config, public_url="https://a.example")) == ["https://a.example"]


def test_five_lines_say_storage_catalog_sign_in_missing_ready(config: Config) -> None:
    prepared = Prepared(storage=GOOD, catalog=setup.catalog(config, patience=0))
    lines = [*check.lines(config, prepared, invite=True), check.ready_line(config, answers=True)]
    assert [line.split()[0] for line in lines] == ["Storage", "Catalog", "Sign-in", "Missing", "Ready"]
    assert all("\n" not in line for line in lines)
    assert "managed identity" in lines[3]
    assert "https" in lines[3]


def test_the_first_start_shows_a_link_for_the_first_administrator(config: Config) -> None:
    prepared = Prepared(storage=GOOD, catalog=setup.catalog(config, patience=0))
    shown = check.sign_in(config, prepared, invite=True)
    assert f"{config.public_url}/invite?token=" in shown.text
    assert not people.has_admin(config)


def test_looking_only_makes_no_link(config: Config) -> None:
    prepared = Prepared(storage=GOOD, catalog=setup.catalog(config, patience=0))
    part = check.sign_in(config, prepared, invite=False)
    assert not part.good
    assert "token=" not in part.text


def test_a_closed_deployment_misses_less(config: Config) -> None:
    closed = {"AZURE_STORAGE_ACCOUNT_URL": "https://a.blob.core.windows.net", "PUBLIC_URL": "https://a.example"}
    missing = check.missing_for_patients(Config.from_env(closed))
    own = "the clinic's own sign-in (OIDC_ISSUER), or codes from an app for every account"
    assert missing == [own, "web and worker apart, each with its own identity"]
    vouched = closed | {"OIDC_ISSUER": "https://a.example", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
    assert check.missing_for_patients(Config.from_env(vouched)) == ["web and worker apart, each with its own identity"]
    assert check.missing_for_patients(replace(config, demo=True))[0] == "everything: this is the demo"


def test_a_token_is_printed_once_listed_without_its_secret_and_revoked(config: Config) -> None:
    setup.catalog(config, patience=0)
    secret = people.create_token(config, name="importer", role="technician")
    (line,) = people.list_tokens(config)
    assert "importer" in line
    assert "living" in line
    assert secret not in line
    people.revoke_token(config, line.split()[0])
    assert "revoked" in next(people.list_tokens(config))


def test_a_token_for_a_while_is_revoked_even_when_the_work_fails(config: Config) -> None:
    setup.catalog(config, patience=0)
    with pytest.raises(ValueError, match="no"), people.token_for_a_while(config, name="x", role=Role.TECHNICIAN):
        raise ValueError("no")
    assert "revoked" in next(people.list_tokens(config))
