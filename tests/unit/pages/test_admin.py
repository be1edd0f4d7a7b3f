"""The administration: people, sessions, tokens, audit, files not stored; and one's own page."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from broker import audit
from broker.access.actor import SYSTEM, visitor
from broker.catalog import audit as rows_of
from broker.catalog import tables, uploads
from broker.catalog.patients import Patient
from broker.catalog.uploads import Filter
from broker.parts import Parts
from broker.words import Rejection, Role, State
from tests.people import NOW, actor
from tests.unit.conftest import ClientFor, Clock, browser, signed_in
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

PASSWORD = "a short sentence"
GUEST = visitor("10.0.0.7", "request-1")


@pytest.fixture
def admin(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.ADMIN, name="Ada Admin")


def words(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return Page(answer.text).words


def handed(html: str) -> str:
    """What is shown this once."""
    found = re.search(r'class="handed".*?class="digest">([^<]+)<', html, flags=re.DOTALL)
    assert found, html
    return found[1]


def test_somebody_is_invited_and_the_link_works_once(app: Flask, admin: FlaskClient) -> None:
    made = admin.post("/admin/accounts/invite", data={"name": "Dana Weiss", "role": ["technician", "physician"]})
    link = handed(made.text)
    assert link.startswith("http://localhost:8080/invite?token=")
    assert "invite?token=" not in admin.get("/admin/accounts").text
    guest = browser(app)
    form = {"token": link.rpartition("=")[2], "password": PASSWORD, "again": PASSWORD}
    assert guest.post("/invite", data=form).status_code == 303
    assert guest.get("/upload").status_code == 200
    assert "Dana Weiss Technician, Physician password" in words(admin, "/admin/accounts")


@pytest.mark.parametrize("form", [{"name": "", "role": "admin"}, {"name": "Dana"}, {"name": "Dana", "role": "owner"}])
def test_an_invitation_needs_a_name_and_a_role(admin: FlaskClient, form: dict[str, str]) -> None:
    assert admin.post("/admin/accounts/invite", data=form).status_code == 422


def test_a_disabled_account_is_out_at_once_and_can_come_back(app: Flask, admin: FlaskClient, parts: Parts) -> None:
    tess = signed_in(app, Role.TECHNICIAN, name="Tess")
    (account,) = [one.id for one in parts.access.all() if one.name == "Tess"]
    admin.post("/admin/accounts/disable", data={"id": account})
    assert tess.get("/upload").status_code == 303
    assert "disabled" in words(admin, "/admin/accounts")
    admin.post("/admin/accounts/enable", data={"id": account})
    assert tess.get("/upload").status_code == 303, "the old session stays ended"
    assert signed_in(app, Role.TECHNICIAN, name="Tess").get("/upload").status_code == 200


def test_nobody_disables_the_own_account(admin: FlaskClient, parts: Parts) -> None:
    (account,) = [one.id for one in parts.access.all() if one.name == "Ada Admin"]
    assert admin.post("/admin/accounts/disable", data={"id": account}).status_code == 422
    assert admin.get("/admin/accounts").status_code == 200


def test_an_administrator_ends_one_session_or_all_of_an_account(
    app: Flask, admin: FlaskClient, parts: Parts, clock: Clock
) -> None:
    clients = [signed_in(app, Role.TECHNICIAN, name="Tess") for _ in range(3)]
    sessions = [one for one in parts.access.sessions.all(clock()) if one.account_name == "Tess"]
    admin.post("/admin/sessions/end", data={"id": sessions[0].id})
    assert sorted(client.get("/upload").status_code for client in clients) == [200, 200, 303]
    admin.post("/admin/sessions/end-all", data={"account": sessions[0].account})
    assert [client.get("/upload").status_code for client in clients] == [303, 303, 303]
    assert admin.get("/admin/sessions").status_code == 200


def test_a_locked_session_is_shown_as_locked(app: Flask, parts: Parts, clock: Clock) -> None:
    signed_in(app, Role.TECHNICIAN, name="Tess")
    clock.move(minutes=20)
    assert "locked" in words(signed_in(app, Role.ADMIN), "/admin/sessions")


def test_a_programs_token_is_shown_once_works_and_is_revoked(app: Flask, admin: FlaskClient, parts: Parts) -> None:
    secret = handed(admin.post("/admin/tokens", data={"name": "Camera room 2", "role": "technician"}).text)
    program = app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {secret}"}
    assert program.get("/api/v1/uploads", headers=headers).status_code == 200
    assert secret not in admin.get("/admin/tokens").text
    (token,) = parts.access.tokens.all()
    admin.post("/admin/tokens/revoke", data={"id": token.id})
    assert program.get("/api/v1/uploads", headers=headers).status_code == 401
    assert "revoked" in words(admin, "/admin/tokens")


def test_files_not_stored_say_what_to_do_and_name_no_file_or_patient(
    admin: FlaskClient, parts: Parts, ada: Patient, clock: Clock
) -> None:
    stuck, fresh, bad = shelf.checked(parts, ada), shelf.checked(parts, ada), shelf.checked(parts, ada)
    table = tables.uploads
    with parts.catalog.write() as tx:
        tx.execute(table.update().where(table.c.id == stuck).values(received_at=NOW - timedelta(hours=1), attempts=2))
        ended = {"state": State.REJECTED, "reason": Rejection.MALWARE, "filename": "Ada Example 1957.jpg"}
        tx.execute(table.update().where(table.c.id == bad).values(ended))
    text = words(admin, "/admin/files")
    assert fresh not in text
    assert f"{stuck} Tess Technician" in text
    assert "It was tried 2 times" in text
    assert "Look at the computer that it was sent from" in text
    html = admin.get("/admin/files").text
    assert "Ada Example" not in html
    assert ada.mrn not in html
    with parts.catalog.read() as tx:
        assert len(uploads.some(tx, Filter(), after=None, limit=10)) == 3


def test_the_audit_page_filters_and_pages(admin: FlaskClient, parts: Parts) -> None:
    with parts.catalog.write() as tx:
        for index in range(230):
            audit.record(tx, actor(name="Tess"), "scan.see", now=NOW - timedelta(minutes=index), subjects=[f"s{index}"])
    html = admin.get("/admin/audit?act=scan&name=Tess").text
    seen = re.findall(r"\bs\d+\b", Page(html).words)
    while older := re.search(r'href="(/admin/audit\?[^"]*after=[^"]+)"', html):
        html = admin.get(older[1].replace("&amp;", "&")).text
        seen += re.findall(r"\bs\d+\b", Page(html).words)
    assert seen == [f"s{index}" for index in range(230)]
    assert "Nothing fits" in words(admin, "/admin/audit?from=2027-01-01")
    assert "s0" in words(admin, "/admin/audit?from=2026-11-22&to=2026-11-22&act=scan")


def test_the_csv_has_every_row_and_no_formula(admin: FlaskClient, parts: Parts) -> None:
    with parts.catalog.write() as tx:
        for name in ("=cmd|' /C calc'!A0", "@SUM(1)", "plain", "+1", "-1"):
            audit.record(tx, actor(name=name), "scan.see", now=NOW, subjects=["a", "b"], detail={"x": "ü"})
    answer = admin.get("/admin/audit.csv?act=scan")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert sorted(row["name"] for row in rows) == ["'+1", "'-1", "'=cmd|' /C calc'!A0", "'@SUM(1)", "plain"]
    assert rows[0]["about"] == "a b"
    with parts.catalog.read() as tx:
        assert [row.act for row in rows_of.newest(tx, before=None, limit=1)] == ["audit.export"]


def test_health_tells_of_storage_catalog_worker_and_audit(admin: FlaskClient) -> None:
    text = words(admin, "/admin/health")
    for part in ("Storage ok", "Catalog ok", "Worker never seen", "no segment yet"):
        assert part in text


# ----- one's own page -----


def test_ones_own_tokens_act_as_oneself_end_and_can_be_revoked(app: Flask, clock: Clock, parts: Parts) -> None:
    client = signed_in(app, Role.PHYSICIAN, name="Phil")
    secret = handed(client.post("/account/tokens", data={"name": "script", "days": "30"}).text)
    program, headers = app.test_client(use_cookies=False), {"Authorization": f"Bearer {secret}"}
    assert program.get("/api/v1/scans", headers=headers).status_code == 200
    clock.move(days=30)
    assert program.get("/api/v1/scans", headers=headers).status_code == 401
    again = signed_in(app, Role.PHYSICIAN, name="Phil")
    secret = handed(again.post("/account/tokens", data={"name": "script", "days": "30"}).text)
    token = parts.access.tokens.all()[0]
    again.post("/account/tokens/revoke", data={"id": token.id})
    assert program.get("/api/v1/scans", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


@pytest.mark.parametrize("form", [{"name": "", "days": "30"}, {"name": "x", "days": "0"}, {"name": "x", "days": "400"}])
def test_a_token_of_ones_own_needs_a_name_and_an_end(client_for: ClientFor, form: dict[str, str]) -> None:
    assert client_for(Role.PHYSICIAN).post("/account/tokens", data=form).status_code == 422


def test_somebody_elses_session_and_token_answer_like_missing_ones(app: Flask, parts: Parts, clock: Clock) -> None:
    phil, tess = signed_in(app, Role.PHYSICIAN, name="Phil"), signed_in(app, Role.TECHNICIAN, name="Tess")
    phil.post("/account/tokens", data={"name": "script", "days": "30"})
    token = parts.access.tokens.all()[0].id
    session = next(one.id for one in parts.access.sessions.all(clock()) if one.account_name == "Phil")
    for path, identity in (("/account/tokens/revoke", token), ("/account/sessions/end", session)):
        foreign, missing = (
            tess.post(path, data={"id": one}) for one in (identity, "00000000-0000-7000-8000-000000000000")
        )
        assert (foreign.status_code, foreign.text) == (missing.status_code, missing.text)
        assert foreign.status_code == 404
    assert phil.get("/gallery").status_code == 200


def test_codes_are_asked_for_once_the_app_has_proved_itself(app: Flask, parts: Parts, clock: Clock) -> None:
    access = parts.access
    invitation = access.invite(SYSTEM("test"), name="Phil", roles=frozenset({Role.PHYSICIAN}), now=clock())
    begun = access.accept(GUEST, invitation.secret, PASSWORD, clock())
    client = browser(app)
    client.set_cookie("session", begun.secret)
    assert 'name="code"' not in browser(app).get("/sign-in").text
    secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', client.get("/account").text)
    assert secret
    app_ = pyotp.TOTP(secret[1])
    assert client.post("/account/codes", data={"secret": secret[1], "code": "000000"}).status_code == 422
    first = app_.at(clock())
    assert client.post("/account/codes", data={"secret": secret[1], "code": first}).status_code == 303
    form = {"name": "Phil", "password": PASSWORD}
    stranger = browser(app)
    assert 'name="code"' in stranger.get("/sign-in").text
    assert stranger.post("/sign-in", data=form).status_code == 401, "no code"
    assert stranger.post("/sign-in", data=form | {"code": first}).status_code == 401, "used before"
    clock.move(seconds=30)
    code = app_.at(clock())
    assert stranger.post("/sign-in", data=form | {"code": code, "password": "wrong password"}).status_code == 401
    assert stranger.post("/sign-in", data=form | {"code": f"{code[:3]} {code[3:]}"}).status_code == 303
    clock.move(seconds=30)
    assert stranger.post("/account/codes/drop", data={"code": "000000"}).status_code == 422
    assert stranger.post("/account/codes/drop", data={"code": app_.at(clock())}).status_code == 303
    assert browser(app).post("/sign-in", data=form).status_code == 303
