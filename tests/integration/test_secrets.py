"""A whole journey at the most talkative log level leaves no signature, key or password behind."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import time
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest

from tests.canaries import planted
from tests.sending import Source, declaration, send
from tests.stack import Stack

PICTURE = (Path(__file__).parents[2] / "assets" / "samples" / "retina.jpg").read_bytes()


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, list[str]]:
    """Declare, send, complete, look, download, fail in several ways; gives every signed address that was handed out."""
    handed: list[str] = []
    secrets = SECRETS
    with Stack(tmp_path_factory.mktemp("journey"), LOG_LEVEL="DEBUG") as stack:
        technician, physician = stack.api("technician"), stack.api("physician")
        ada = {"mrn": "1", "name": "Ada Canaryname", "birth_date": "1957-03-21"}
        patient = technician.post("/patients", ada)["id"]
        good, bad = Source(len(PICTURE), PICTURE), Source(400, b"no picture")
        body = declaration(str(uuid4()), patient, ("canaryfile.jpg", good), ("bad.jpg", bad))
        for offer, source in zip(technician.post("/uploads", body)["uploads"], (good, bad), strict=True):
            handed.append(offer["grant"]["url"])
            send(offer["grant"], source)
            technician.post("/uploads/complete", {"items": [{"id": offer["id"]}]})
        ids = [offer["id"] for offer in technician.post("/uploads", body)["uploads"]]
        end = time.monotonic() + 30
        while {"received", "verifying"} & {
            item["state"] for item in technician.get("/uploads?ids=" + ",".join(ids))["uploads"]
        }:
            assert time.monotonic() < end
            time.sleep(0.1)
        scan = physician.get("/scans")["scans"][0]
        handed += scan["links"].values()
        handed.append(physician.post(f"/scans/{scan['id']}/original", {})["link"])
        technician.call(
            "GET", f"/scans?{handed[0].partition('?')[2]}"
        )  # a client that puts a signature where it must not
        technician.call("POST", "/uploads", {"batch": handed[0]})
        secrets += ways_in(stack)
        stack.azurite.stop()  # and a store that is gone while block lists are asked for
        technician.call("POST", "/uploads/complete", {"items": [{"id": ids[0]}]})
        technician.get("/health") if technician.call("GET", "/health")[0] == 200 else None
        stack.worker.stop()
        stack.web.stop()
    return stack, handed


#: Passwords, links, cookies and tokens that the journey used.
SECRETS: list[str] = []


#: What every request of ``ways_in`` was answered with.
PAGES: list[tuple[str, str]] = []
#: Where a secret is shown to whom it belongs: the link's own form, a new token, and what was typed as a name.
SHOWN = {"GET /invite", "POST /account/tokens", "POST /sign-in"}


def ways_in(stack: Stack) -> list[str]:
    """Accept an invitation, lock, unlock, make a token, use codes, fail, sign out; give every secret that was used."""
    password, wrong = planted("canary passphrase 7391"), planted("canary wrong 5510")
    link = stack.run("invite --role technician --role admin --name Canary").split()[-1]
    jar: dict[str, str] = {}

    def ask(method: str, path: str, **form: str) -> str:
        connection = http.client.HTTPConnection("localhost", stack.port, timeout=30)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection.request(method, path, urlencode(form), headers)
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            jar.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        text = answer.read().decode()
        connection.close()
        PAGES.append((f"{method} {path.partition('?')[0]}", text))
        return text

    ask("GET", link.removeprefix(stack.url))
    ask("POST", "/invite", token=link.rpartition("=")[2], password=password, again=password)
    used = [password, wrong, link.rpartition("=")[2], *jar.values()]
    assert len(used) == 5
    token = re.search(r"ois_[A-Za-z0-9_-]{43}", ask("POST", "/account/tokens", name="script", days="30"))
    assert token
    ask("POST", "/session/lock")
    ask("POST", "/session/unlock", password=wrong)
    assert '"locked":false' in ask("POST", "/session/unlock", password=password).replace(" ", "")
    assert "Canary" in ask("GET", "/admin/audit")
    ask("GET", f"/api/v1/uploads?token={token[0]}")
    ask("POST", "/sign-in", name=password, password=wrong)  # the password in the wrong field
    ask("POST", "/sign-out")
    return [*used, token[0]]


def signature(url: str) -> str:
    return url.partition("sig=")[2].partition("&")[0]


def test_no_signature_stands_in_any_log(journey: tuple[Stack, list[str]]) -> None:
    stack, handed = journey
    logs = stack.web.log.read_text() + stack.worker.log.read_text()
    assert len(logs) > 1000
    assert len(handed) == 4
    assert len(SECRETS) == 6
    for secret in [*map(signature, handed), stack.azurite.key, *stack._tokens.values(), *SECRETS]:
        assert secret
        assert secret not in logs
        assert quote(secret, safe="") not in logs
    assert "sig=" not in logs


def test_no_signature_token_or_key_stands_in_the_catalog(journey: tuple[Stack, list[str]]) -> None:
    stack, handed = journey
    with sqlite3.connect(stack.folder / "data" / "catalog.sqlite") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert "upload.declare" in dump
    assert "sig=" not in dump
    for secret in [*map(signature, handed), stack.azurite.key, *stack._tokens.values(), *SECRETS]:
        assert secret not in dump


def test_no_page_repeats_a_password_a_cookie_or_a_token(journey: tuple[Stack, list[str]]) -> None:
    assert len(PAGES) > 8
    for path, text in PAGES:
        found = [secret for secret in SECRETS if secret in text]
        assert bool(found) == (path in SHOWN), path


def test_no_log_line_names_a_patient_or_a_file(journey: tuple[Stack, list[str]]) -> None:
    stack, _ = journey
    logs = stack.web.log.read_text() + stack.worker.log.read_text()
    assert "Canaryname" not in logs
    assert "canaryfile" not in logs


def test_every_log_line_is_one_json_object(journey: tuple[Stack, list[str]]) -> None:
    stack, _ = journey
    for line in (stack.web.log.read_text() + stack.worker.log.read_text()).splitlines():
        assert isinstance(json.loads(line), dict), line
