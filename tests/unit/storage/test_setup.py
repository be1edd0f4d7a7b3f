"""What setting up does when the credential may not, without a socket. The rest is tested on the emulator."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
import responses

from broker.config import Config
from broker.storage.azure import AzureStore
from broker.storage.containers import SetupRefused

ORIGIN = "https://images.myclinic.example"
ACCOUNT = "https://myclinic.blob.core.windows.net"
ANYTHING = re.compile(re.escape(ACCOUNT) + ".*")
CONTAINER = re.compile(re.escape(ACCOUNT) + r"/(intake|vault)\?restype=container")
SERVICE = re.compile(re.escape(ACCOUNT) + r"/\?.*comp=properties.*")


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def store(http: responses.RequestsMock) -> Iterator[AzureStore]:
    text = "AccountName=myclinic;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"
    store = AzureStore(Config.from_env({"AZURE_STORAGE_CONNECTION_STRING": text, "PUBLIC_URL": ORIGIN}))
    yield store
    store.close()


def containers(http: responses.RequestsMock, get: tuple[int, str], put: tuple[int, str]) -> None:
    for method, (status, code) in (("GET", get), ("PUT", put)):
        http.add(method, CONTAINER, status=status, headers={"x-ms-error-code": code} if code else {})


def forbid_rules(http: responses.RequestsMock) -> None:
    http.add("GET", SERVICE, status=403, headers={"x-ms-error-code": "AuthorizationPermissionMismatch"})


def test_without_the_right_the_exact_commands_are_named(store: AzureStore, http: responses.RequestsMock) -> None:
    containers(http, (404, "ContainerNotFound"), (403, "AuthorizationPermissionMismatch"))
    forbid_rules(http)
    http.add("OPTIONS", ANYTHING, status=403)
    with pytest.raises(SetupRefused) as raised:
        store.ensure([ORIGIN])
    assert raised.value.commands == (
        "az storage container create --account-name myclinic --name intake --auth-mode login",
        "az storage container create --account-name myclinic --name vault --auth-mode login",
        "az storage account blob-service-properties cors-rule add --account-name myclinic"
        " --allowed-origins https://images.myclinic.example --allowed-methods PUT GET HEAD OPTIONS"
        " --allowed-headers content-type content-md5 if-none-match range 'x-ms-*'"
        " --exposed-headers etag content-length content-range retry-after"
        " x-ms-request-id x-ms-error-code x-ms-content-crc64 --max-age 7200",
    )
    assert all(command in str(raised.value) for command in raised.value.commands)
    assert "x-ms-*" in shlex.split(raised.value.commands[2])


def test_a_rule_that_somebody_else_set_is_seen_by_a_preflight(store: AzureStore, http: responses.RequestsMock) -> None:
    containers(http, (200, ""), (403, ""))
    forbid_rules(http)
    http.add("OPTIONS", ANYTHING, status=200, headers={"Access-Control-Allow-Origin": ORIGIN})
    store.ensure([ORIGIN])
    asked = http.calls[-1].request
    assert asked.headers["Origin"] == ORIGIN
    assert asked.headers["Access-Control-Request-Method"] == "PUT"
    assert "Authorization" not in asked.headers


def test_a_rule_for_another_origin_does_not_count(store: AzureStore, http: responses.RequestsMock) -> None:
    containers(http, (200, ""), (403, ""))
    forbid_rules(http)
    http.add("OPTIONS", ANYTHING, status=200, headers={"Access-Control-Allow-Origin": "https://other.example"})
    with pytest.raises(SetupRefused) as raised:
        store.ensure([ORIGIN])
    assert len(raised.value.commands) == 1


def test_a_container_made_by_another_process_meanwhile_is_fine(store: AzureStore, http: responses.RequestsMock) -> None:
    containers(http, (404, "ContainerNotFound"), (409, "ContainerAlreadyExists"))
    forbid_rules(http)
    http.add("OPTIONS", ANYTHING, status=200, headers={"Access-Control-Allow-Origin": "*"})
    store.ensure([ORIGIN])
    assert [call.request.method for call in http.calls].count("PUT") == 2


def test_a_rule_of_others_without_headers_is_kept(store: AzureStore, http: responses.RequestsMock) -> None:
    containers(http, (200, ""), (403, ""))
    rules = (
        "<StorageServiceProperties><Cors><CorsRule><AllowedOrigins>https://a.example</AllowedOrigins>"
        "<AllowedMethods>GET</AllowedMethods><AllowedHeaders/><ExposedHeaders/><MaxAgeInSeconds>0</MaxAgeInSeconds>"
        "</CorsRule></Cors></StorageServiceProperties>"
    )
    http.add("GET", SERVICE, body=rules, content_type="application/xml")
    http.add("PUT", SERVICE, status=202)
    store.ensure([ORIGIN])
    written = http.calls[-1].request.body
    text = written.decode() if isinstance(written, bytes) else str(written)
    assert text.index(ORIGIN) < text.index("https://a.example")
    assert text.count("<CorsRule>") == 2
