"""Set the account up: both containers, private, and the CORS rule that lets our pages talk to the store.

An account has at most five CORS rules for everybody who uses it, so ours is added beside the others. A delegated
credential may usually neither read nor write them; then a preflight, which needs no credential, tells whether the
browser will get through.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, CorsRule

from ..names import INTAKE, VAULT
from .containers import SetupRefused
from .faults import error_code, translated

MAX_RULES = 5
METHODS = ("PUT", "GET", "HEAD", "OPTIONS")
ALLOWED_HEADERS = ("content-type", "content-md5", "if-none-match", "range", "x-ms-*")
EXPOSED_HEADERS = (
    *("etag", "content-length", "content-range"),
    *("retry-after", "x-ms-request-id", "x-ms-error-code", "x-ms-content-crc64"),
)
#: Seconds; browsers keep a preflight no longer.
MAX_AGE = 7200


def ensure(service: BlobServiceClient, account: str, origins: Sequence[str]) -> None:
    """Make what is missing; doing it again changes nothing.

    ``origins``: the pages' addresses, without a path. An older rule that names only these is replaced by ours.

    Raises:
        SetupRefused: the credential may not, five rules of others are there, or a container is open to the public.
    """
    commands = [_container_command(account, name) for name in (INTAKE, VAULT) if not _container(service, account, name)]
    if not _cors(service, origins):
        commands.append(cors_command(account, origins))
    if commands:
        raise SetupRefused(
            "The account is not set up, and this credential may not do it. Let somebody who may run:", commands
        )


def cors_command(account: str, origins: Sequence[str]) -> str:
    """The ``az`` line that adds our rule; it needs no account key."""
    line = ["az", "storage", "account", "blob-service-properties", "cors-rule", "add", "--account-name", account]
    line += ["--allowed-origins", *origins, "--allowed-methods", *METHODS, "--allowed-headers", *ALLOWED_HEADERS]
    # Quoted for a shell: it would take the star for file names.
    return shlex.join([*line, "--exposed-headers", *EXPOSED_HEADERS, "--max-age", str(MAX_AGE)])


def _container(service: BlobServiceClient, account: str, name: str) -> bool:
    """Make one container unless it is there; False if the credential may not."""
    client = service.get_container_client(name)
    with translated():
        try:
            if client.get_container_properties().public_access:
                close = (
                    f"az storage container set-permission --account-name {account} --name {name} --public-access off"
                )
                raise SetupRefused(f"The container {name} is open to the public. Close it:", [close])
            return True
        except HttpResponseError as error:
            if error_code(error) != "ContainerNotFound" and not _forbidden(error):
                raise
        try:
            client.create_container()
        except HttpResponseError as error:
            if _forbidden(error):
                return False
            if error_code(error) != "ContainerAlreadyExists":
                raise
        return True


def _container_command(account: str, name: str) -> str:
    return f"az storage container create --account-name {account} --name {name} --auth-mode login"


def _cors(service: BlobServiceClient, origins: Sequence[str]) -> bool:
    """Put our rule beside the others; False if it is missing and the credential may not."""
    ours = CorsRule(
        list(origins),
        list(METHODS),
        allowed_headers=list(ALLOWED_HEADERS),
        exposed_headers=list(EXPOSED_HEADERS),
        max_age_in_seconds=MAX_AGE,
    )
    with translated():
        try:
            present = service.get_service_properties()["cors"] or []
            if any(_facts(rule) == _facts(ours) for rule in present):
                return True
            others = [rule for rule in present if not _names(rule.allowed_origins) <= set(origins)]
            if len(others) >= MAX_RULES:
                raise SetupRefused(
                    f"The account has {MAX_RULES} CORS rules of others, which is the most: remove one.", []
                )
            # Ours goes first: the first rule that fits an origin answers, and a wide old one would hide our headers.
            service.set_service_properties(cors=[ours, *others])
        except HttpResponseError as error:
            if not _forbidden(error):
                raise
            return all(preflight(str(service.url), origin, "PUT") for origin in origins)
    return True


def preflight(url: str, origin: str, method: str) -> bool:
    """Ask the store as a browser on ``origin`` would before it sends or reads. Raises StorageUnavailable."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-ms-blob-type",
    }
    with translated():
        answer = requests.options(f"{url.rstrip('/')}/{INTAKE}/preflight", headers=headers, timeout=(3, 10))
    return answer.ok and answer.headers.get("Access-Control-Allow-Origin") in (origin, "*")


def _forbidden(error: HttpResponseError) -> bool:
    return error.status_code in (401, 403)


def _facts(rule: CorsRule) -> tuple[Any, ...]:
    lists = (rule.allowed_origins, rule.allowed_methods, rule.allowed_headers, rule.exposed_headers)
    return (*map(_names, lists), rule.max_age_in_seconds)


def _names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",")}
