"""Configuration: every fault at once, secrets never shown, unsafe combinations refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from broker.config import EMULATOR_KEY, SETTINGS, Config, ConfigError, is_loopback, is_near

KEY = "c2VjcmV0LWtleQ=="
AZURE = f"DefaultEndpointsProtocol=https;AccountName=clinic;AccountKey={KEY};EndpointSuffix=core.windows.net"
GOOD = {"AZURE_STORAGE_CONNECTION_STRING": AZURE, "PUBLIC_URL": "https://images.clinic.example"}


OIDC = {"OIDC_CLIENT_ID": "clinic", "OIDC_CLIENT_SECRET": "hunter3"}


def faults(**changes: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Config.from_env(GOOD | changes)
    return caught.value.faults


def test_the_least_that_must_be_set_is_a_store_and_the_public_address() -> None:
    config = Config.from_env(GOOD)
    assert config.blob_url == config.blob_public_url == config.blob_origin == "https://clinic.blob.core.windows.net"
    assert (config.account, config.account_key, config.https, config.demo) == ("clinic", KEY, True, False)
    assert config.database_url == "sqlite+pysqlite:////data/catalog.sqlite"
    assert (config.work_dir, config.idle) == (Path("/data/work"), timedelta(minutes=15))


def test_an_account_address_means_signing_in_without_a_key() -> None:
    config = Config.from_env(
        {"AZURE_STORAGE_ACCOUNT_URL": "https://clinic.blob.core.windows.net/", "PUBLIC_URL": "http://localhost:8080"}
    )
    assert (config.account, config.account_key) == ("clinic", None)
    assert config.blob_url == "https://clinic.blob.core.windows.net"


def test_all_faults_are_reported_at_once_with_name_meaning_and_example() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({"PORT": "0", "TIME_ZONE": "Mars/Base", "IDLE_MINUTES": "soon", "RENDITION_CACHE": "maybe"})
    text = str(caught.value)
    for name in ("AZURE_STORAGE_ACCOUNT_URL", "PUBLIC_URL", "PORT", "TIME_ZONE", "IDLE_MINUTES", "RENDITION_CACHE"):
        assert f"{name}" in text
    assert len(caught.value.faults) == 6
    assert all("Example: " in fault for fault in caught.value.faults)


@pytest.mark.parametrize(
    "changes",
    [
        {"AZURE_STORAGE_ACCOUNT_URL": "https://clinic.blob.core.windows.net"},  # both ways at once
        {"AZURE_STORAGE_CONNECTION_STRING": ""},
        {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=clinic"},
        {"BLOB_PUBLIC_URL": "http://images.clinic.example"},
        {"AZURE_STORAGE_CONNECTION_STRING": AZURE.replace(KEY, EMULATOR_KEY)},  # the key that everybody knows
        {"PUBLIC_URL": ""},
        {"PUBLIC_URL": "http://images.clinic.example"},  # browsers refuse to hash without https
        {"PUBLIC_URL": "http://192.168.1.10:8080"},
        {"PUBLIC_URL": "https://images.clinic.example/gallery"},
        {"PUBLIC_URL": "images.clinic.example"},
        {"PUBLIC_URL": '"https://images.clinic.example"'},  # quotes, as --env-file keeps them
        {"BLOB_PUBLIC_URL": "ftp://x"},
        {"DATABASE_URL": "mysql://x"},
        {"TIME_ZONE": "../../etc/passwd"},
        {"MAX_UPLOAD_BYTES": "-1"},
        {"MAX_UPLOAD_BYTES": "1e9"},
        {"PENDING_KEEP_DAYS": "7"},  # staged blocks live seven days in the store: six is the most that can be promised
        {"REJECTED_KEEP_DAYS": "91"},
        {"PORT": "70000"},
        {"OIDC_ISSUER": "http://login.example", **OIDC},  # whoever sits between could vouch for anybody
        {"OIDC_ISSUER": "https://login.microsoftonline.com/common/v2.0", **OIDC},  # every tenant of the world
        {"OIDC_ISSUER": "https://login.microsoftonline.com/{tenantid}/v2.0", **OIDC},
        {"OIDC_ISSUER": "https://login.example?tenant=1", **OIDC},
        {"OIDC_CLIENT_ID": "", "OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_SECRET": "x"},
        {"OIDC_CLIENT_SECRET": "", "OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_ID": "x"},
        {"OIDC_ISSUER": "", **OIDC},
        {"IDLE_MINUTES": "0"},
        {"LOG_LEVEL": "verbose"},
    ],
)
def test_a_bad_setting_is_a_fault_that_names_it(changes: dict[str, str]) -> None:
    found = faults(**changes)
    assert len(found) == 1
    assert next(iter(changes)) in found[0] or "AZURE_STORAGE" in found[0]


def test_the_emulator_is_taken_nearby_only() -> None:
    config = Config.from_env(GOOD | {"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"})
    assert (config.account, config.blob_url) == ("devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1")
    near = f"AccountName=a;AccountKey={EMULATOR_KEY};BlobEndpoint=http://azurite:10000/a"
    reached = {"AZURE_STORAGE_CONNECTION_STRING": near, "BLOB_PUBLIC_URL": "http://localhost:10000/a"}
    assert Config.from_env(GOOD | reached).account == "a"
    assert "BLOB_PUBLIC_URL" in faults(AZURE_STORAGE_CONNECTION_STRING=near)[0]


def test_http_towards_a_store_that_is_not_nearby_is_refused() -> None:
    found = faults(AZURE_STORAGE_CONNECTION_STRING=AZURE.replace("https", "http"))
    assert "emulator nearby" in found[0]


def test_a_secret_may_come_from_a_file_but_not_twice(tmp_path: Path) -> None:
    secret = tmp_path / "connection"
    secret.write_text(AZURE + "\n")
    only_file = {"AZURE_STORAGE_CONNECTION_STRING": "", "AZURE_STORAGE_CONNECTION_STRING_FILE": str(secret)}
    assert Config.from_env(GOOD | only_file).account_key == KEY
    assert "not both" in faults(AZURE_STORAGE_CONNECTION_STRING_FILE=str(secret))[0]
    assert "cannot be read" in faults(DATABASE_URL_FILE=str(tmp_path / "none"))[0]


def test_no_secret_stands_in_the_repr() -> None:
    config = Config.from_env(GOOD | {"DATABASE_URL": "postgresql://u:hunter2@db/x"})
    assert KEY not in repr(config)
    assert "hunter2" not in repr(config)
    vouched = Config.from_env(GOOD | OIDC | {"OIDC_ISSUER": "https://login.example/realms/clinic/"})
    assert "hunter3" not in repr(vouched)
    assert vouched.oidc is not None
    assert vouched.oidc.issuer == "https://login.example/realms/clinic/", "exactly as it names itself"
    assert config.database_url == "postgresql+psycopg://u:hunter2@db/x"


def test_settings_have_unique_names_meanings_and_examples() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.meaning and setting.example for setting in SETTINGS)


def test_loopback_and_near_hosts_are_told_apart() -> None:
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1", "app.localhost"):
        assert is_loopback(host)
        assert is_near(host)
    for host in ("10.1.2.3", "192.168.0.1", "azurite"):
        assert not is_loopback(host)
        assert is_near(host)
    for host in ("clinic.example", "8.8.8.8"):
        assert not is_near(host)
