"""Signing in through a real provider, and through the same one lying: nothing forged or stale is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broker import create_app
from broker.access.actor import SYSTEM
from broker.access.provider import AnswerRefused, Provider, Vouched
from broker.catalog import audit
from broker.catalog.audit import AuditRow
from broker.config import Oidc
from broker.errors import ProviderUnavailable, SignInNeeded
from broker.parts import Parts
from broker.words import Role
from tests.provider import RETURN, ProviderProcess
from tests.unit.conftest import browser, make_config, make_parts

PAULA: dict[str, Any] = {"sub": "person-1", "name": "Paula Provider", "roles": ["physician"]}


def told(table: str) -> list[str]:
    """The names in one of the provider's tables; a test below compares them with its own."""
    script = Path(__file__).parents[1].joinpath("provider.mjs").read_text()
    return re.findall(
        r'^  "([\w-]+)": ', script.partition(f"const {table} = {{")[2].partition("\n}")[0], flags=re.MULTILINE
    )


#: What the provider can be made to say instead of the truth; and what is true, though said in an unusual way.
LIES, TRUTHS = told("LIES"), told("TRUTHS")


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    with ProviderProcess() as running:
        yield running


@pytest.fixture
def idp(process: ProviderProcess) -> ProviderProcess:
    process.control(person=PAULA, lie="", options={})
    return process


def now() -> datetime:
    return datetime.now(UTC)


def provider(idp: ProviderProcess, **changes: Any) -> Provider:
    return Provider(replace(idp.settings, **changes), RETURN)


def sign_in(idp: ProviderProcess, ours: Provider | None = None) -> Vouched:
    """One whole sign-in."""
    ours = ours or provider(idp)
    begun = ours.begin("/gallery", now())
    return ours.finish(begun.secret, idp.visit(begun.url), now()).vouched


# ----- the truth -----


def test_a_person_signs_in_with_name_and_roles(idp: ProviderProcess) -> None:
    assert sign_in(idp) == Vouched(idp.issuer, "person-1", "Paula Provider", frozenset({Role.PHYSICIAN}))


def test_the_request_has_pkce_state_and_nonce_of_its_own(idp: ProviderProcess) -> None:
    ours = provider(idp)
    queries = [parse_qs(urlsplit(ours.begin("", now()).url).query) for _ in range(2)]
    for query in queries:
        assert query["code_challenge_method"] == ["S256"]
        assert query["response_type"] == ["code"]
        assert query["redirect_uri"] == [RETURN]
        assert query["scope"] == ["openid profile email"]
    for name in ("state", "nonce", "code_challenge"):
        assert queries[0][name] != queries[1][name]
        assert len(queries[0][name][0]) == 43


# ----- the lies -----


def test_there_are_more_than_sixty_lies_and_each_is_tried(idp: ProviderProcess) -> None:
    assert (idp.control()["lies"], idp.control()["truths"]) == (LIES, TRUTHS)
    assert len(LIES) > 60
    assert "at_hash-missing" in TRUTHS


@pytest.mark.parametrize("lie", LIES)
def test_nothing_forged_or_stale_is_accepted(idp: ProviderProcess, lie: str) -> None:
    ours = provider(idp)
    sign_in(idp, ours)  # leaves a nonce and a token of another sign-in to lie with
    begun = ours.begin("", now())
    answer = idp.visit(begun.url)
    idp.control(lie=lie)
    with pytest.raises((AnswerRefused, ProviderUnavailable)):
        ours.finish(begun.secret, answer, now())
    asked = idp.control(lie="")["asked"]
    assert not [path for path in asked if path.startswith("/evil")], "no address out of a token is ever asked"
    assert sign_in(idp, ours).subject == "person-1"


@pytest.mark.parametrize("truth", TRUTHS)
def test_what_a_right_token_may_leave_out_or_say_otherwise_is_accepted(idp: ProviderProcess, truth: str) -> None:
    idp.control(lie=truth)
    assert sign_in(idp).subject == "person-1"


ANSWERS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "no state": lambda answer: {name: value for name, value in answer.items() if name != "state"},
    "another state": lambda answer: answer | {"state": "x" * 43},
    "empty state": lambda answer: answer | {"state": ""},
    "no code": lambda answer: {name: value for name, value in answer.items() if name != "code"},
    "empty code": lambda answer: answer | {"code": ""},
    "another code": lambda answer: answer | {"code": answer["code"][::-1]},
    "a long code": lambda answer: answer | {"code": "x" * 5000},
    "another issuer": lambda answer: answer | {"iss": "https://evil.example"},
    "no issuer": lambda answer: {name: value for name, value in answer.items() if name != "iss"},
    "an error beside a code": lambda answer: answer | {"error": "access_denied"},
    "nothing": lambda answer: {},
}


@pytest.mark.parametrize("how", ANSWERS)
def test_an_answer_that_was_changed_on_its_way_is_refused(idp: ProviderProcess, how: str) -> None:
    ours = provider(idp)
    begun = ours.begin("", now())
    answer = idp.visit(begun.url)
    with pytest.raises((AnswerRefused, SignInNeeded)):
        ours.finish(begun.secret, ANSWERS[how](answer), now())


def test_a_code_of_another_browser_is_worth_nothing(idp: ProviderProcess) -> None:
    ours = provider(idp)
    mine, theirs = ours.begin("", now()), ours.begin("", now())
    stolen = idp.visit(theirs.url)
    for answer in (stolen, stolen | {"state": idp.visit(mine.url)["state"]}):  # the second one fails for its verifier
        with pytest.raises(AnswerRefused):
            ours.finish(mine.secret, answer, now())


@pytest.mark.parametrize("cookie", ["", "x", "1.2.3", "1.2", "9" * 30 + "." + "x" * 43 + ".", "1." + "x" * 43 + ".%%"])
def test_a_cookie_that_was_never_handed_out_is_refused(idp: ProviderProcess, cookie: str) -> None:
    with pytest.raises((AnswerRefused, SignInNeeded)):
        provider(idp).finish(cookie, {"state": "x", "code": "x"}, now())


def test_a_sign_in_that_took_too_long_is_refused(idp: ProviderProcess) -> None:
    ours = provider(idp)
    begun = ours.begin("", now())
    answer = idp.visit(begun.url)
    for later in (timedelta(minutes=11), timedelta(minutes=-5)):
        with pytest.raises(SignInNeeded):
            ours.finish(begun.secret, answer, now() + later)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"jwks_uri": "https://user@evil.example/jwks"},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    idp: ProviderProcess, discovery: dict[str, object]
) -> None:
    idp.control(options={"discovery": discovery})
    with pytest.raises(ProviderUnavailable):
        provider(idp).begin("", now())


def test_a_redirect_of_the_token_endpoint_is_not_followed(idp: ProviderProcess) -> None:
    ours = provider(idp)
    begun = ours.begin("", now())
    answer = idp.visit(begun.url)
    idp.control(options={"redirect": True})
    with pytest.raises((AnswerRefused, ProviderUnavailable)):
        ours.finish(begun.secret, answer, now())
    assert "/evil/token" not in idp.control()["asked"]


def test_a_wrong_client_secret_lets_nobody_in(idp: ProviderProcess) -> None:
    with pytest.raises(AnswerRefused):
        sign_in(idp, provider(idp, client_secret="wrong"))


def test_a_provider_that_is_away_lets_nobody_in_and_says_so() -> None:
    with pytest.raises(ProviderUnavailable):
        Provider(Oidc("http://127.0.0.1:9", "clinic", "secret"), RETURN).begin("", now())


# ----- roles -----

ROLES: list[tuple[Any, set[Role]]] = [
    (["technician", "physician"], {Role.TECHNICIAN, Role.PHYSICIAN}),
    (["admin"], {Role.ADMIN}),
    ("admin", set()),
    (["Admin", "ADMIN", " admin", "admins", "clinic-admin", "role:admin"], set()),
    (7, set()),
    (True, set()),
    ({"admin": True}, set()),
    ([["admin"]], set()),
    ([{"admin": 1}, 7, None, "physician"], {Role.PHYSICIAN}),
    (None, set()),
]


@pytest.mark.parametrize(("claimed", "roles"), ROLES)
def test_only_a_list_of_our_own_roles_names_roles(idp: ProviderProcess, claimed: Any, roles: set[Role]) -> None:
    idp.control(person=PAULA | {"roles": claimed, "groups": ["admin"]})
    assert sign_in(idp).roles == roles


def test_the_claim_may_lie_deeper(idp: ProviderProcess) -> None:
    idp.control(person=PAULA | {"realm_access": {"roles": ["technician"]}})
    assert sign_in(idp, provider(idp, roles_claim="realm_access.roles")).roles == {Role.TECHNICIAN}
    assert sign_in(idp, provider(idp, roles_claim="realm_access.nothing.roles")).roles == frozenset()


# ----- through our pages -----


@pytest.fixture
def parts(tmp_path: Path, idp: ProviderProcess) -> Iterator[Parts]:
    made = make_parts(make_config(tmp_path, oidc=idp.settings), now)
    yield made
    made.catalog.close()


@pytest.fixture
def client(parts: Parts) -> FlaskClient:
    return browser(create_app(parts.config, parts))


def through(client: FlaskClient, idp: ProviderProcess, wanted: str = "") -> TestResponse:
    away = client.get("/sign-in/provider", query_string={"next": wanted})
    assert away.status_code == 303
    return client.get("/sign-in/provider/return", query_string=idp.visit(away.headers["Location"]))


def trail(parts: Parts) -> list[AuditRow]:
    with parts.catalog.read() as tx:
        return audit.newest(tx, before=None, limit=20)


def test_somebody_signs_in_on_our_pages_and_comes_back_to_where_they_wanted(
    client: FlaskClient, idp: ProviderProcess, parts: Parts
) -> None:
    assert "Sign in with the clinic" in client.get("/sign-in").text
    back = through(client, idp, "/gallery?eye=OD")
    assert back.headers["Location"] == "/gallery?eye=OD"
    assert client.get("/gallery").status_code == 200
    row = next(row for row in trail(parts) if row.act == "session.start")
    assert (row.account_name, row.detail) == ("Paula Provider", {"way": "provider"})
    assert client.get_cookie("provider") is None


def test_the_way_back_cannot_be_used_twice(client: FlaskClient, idp: ProviderProcess, parts: Parts) -> None:
    away = client.get("/sign-in/provider")
    cookie = client.get_cookie("provider")
    assert cookie
    answer = idp.visit(away.headers["Location"])
    assert client.get("/sign-in/provider/return", query_string=answer).status_code == 303
    client.set_cookie("provider", cookie.value)
    again = client.get("/sign-in/provider/return", query_string=answer)
    assert again.status_code == 401
    assert "Set-Cookie" in again.headers
    assert "session=" not in again.headers["Set-Cookie"]
    assert trail(parts)[0].outcome == "refused"


def test_a_lie_is_refused_written_down_and_leaves_no_session(
    client: FlaskClient, idp: ProviderProcess, parts: Parts
) -> None:
    idp.control(lie="nonce-other")
    assert through(client, idp).status_code == 401
    assert client.get_cookie("session") is None
    assert (trail(parts)[0].act, trail(parts)[0].outcome, trail(parts)[0].detail) == (
        "session.start",
        "refused",
        {"why": "nonce"},
    )
    assert parts.access.sessions.all(now()) == []


def test_the_same_name_is_another_account_and_the_same_person_the_same_one(
    client: FlaskClient, idp: ProviderProcess, parts: Parts
) -> None:
    for _ in range(2):
        through(client, idp)
    idp.control(person=PAULA | {"sub": "person-2"})
    through(client, idp)
    names = [account.name for account in parts.access.all()]
    assert len(names) == 2
    assert names[0] == "Paula Provider"
    assert re.fullmatch(r"Paula Provider \([0-9a-f]{6}\)", names[1])


def test_roles_follow_the_provider_and_without_one_every_session_ends(
    client: FlaskClient, idp: ProviderProcess, parts: Parts
) -> None:
    through(client, idp)
    idp.control(person=PAULA | {"roles": ["technician"]})
    other = browser(create_app(parts.config, parts))
    through(other, idp)
    assert parts.access.all()[0].roles == {Role.TECHNICIAN}
    idp.control(person=PAULA | {"roles": []})
    refused = through(other, idp)
    assert refused.status_code == 403
    assert parts.access.sessions.all(now()) == []
    assert client.get("/gallery").status_code == 303


def test_a_disabled_account_stays_out_whatever_the_provider_says(
    client: FlaskClient, idp: ProviderProcess, parts: Parts
) -> None:
    through(client, idp)
    parts.access.disable(SYSTEM("test"), parts.access.all()[0].id, now())
    assert through(client, idp).status_code == 403
    assert parts.access.sessions.all(now()) == []


def test_no_secret_of_a_sign_in_is_kept(client: FlaskClient, idp: ProviderProcess, parts: Parts) -> None:
    away = client.get("/sign-in/provider")
    cookie = client.get_cookie("provider")
    assert cookie
    answer = idp.visit(away.headers["Location"])
    client.get("/sign-in/provider/return", query_string=answer)
    session = client.get_cookie("session")
    assert session
    data = b"".join(path.read_bytes() for path in parts.config.data_dir.glob("catalog.sqlite*"))
    for secret in (cookie.value, session.value, answer["code"], answer["state"], "a secret & a half"):
        assert secret.encode() not in data


# ----- the way out -----


def out(client: FlaskClient) -> str:
    """Sign out, take the offer to do so at the provider too, and give the address that it leads to."""
    offer = client.post("/sign-out").headers["Location"]
    assert offer == "/sign-in?out=1"
    assert 'href="/sign-in/provider/out"' in client.get(offer).text
    return client.get("/sign-in/provider/out").headers["Location"]


def test_who_signs_out_may_do_so_at_the_provider_too(client: FlaskClient, idp: ProviderProcess) -> None:
    cookies: dict[str, str] = {}

    def interactions() -> int:
        """How often the provider asked who somebody is while they signed in."""
        before = len([path for path in idp.control()["asked"] if path.startswith("/interaction/")])
        answer = idp.visit(client.get("/sign-in/provider").headers["Location"], cookies)
        assert client.get("/sign-in/provider/return", query_string=answer).status_code == 303
        return len([path for path in idp.control()["asked"] if path.startswith("/interaction/")]) - before

    assert interactions() > 0
    assert interactions() == 0
    assert idp.leave(out(client), cookies) == (303, RETURN.replace("/sign-in/provider/return", "/sign-in"))
    assert client.get("/gallery").status_code == 303
    assert interactions() > 0


def test_the_way_out_names_nobody_and_no_token(client: FlaskClient, idp: ProviderProcess) -> None:
    through(client, idp)
    address = urlsplit(out(client))
    assert f"{address.scheme}://{address.netloc}" == idp.issuer
    assert parse_qs(address.query) == {
        "client_id": ["clinic"],
        "post_logout_redirect_uri": ["http://localhost:8080/sign-in"],
    }


@pytest.mark.parametrize("back", ["https://evil.example/", "http://localhost:8080/sign-in/", "http://localhost:8080/"])
def test_the_provider_sends_nobody_to_another_address_afterwards(
    client: FlaskClient, idp: ProviderProcess, back: str
) -> None:
    through(client, idp)
    changed = out(client).partition("post_logout_redirect_uri=")[0] + urlencode({"post_logout_redirect_uri": back})
    assert idp.leave(changed, {}) == (400, "")


@pytest.mark.parametrize(
    "query", ["next=https://evil.example", "post_logout_redirect_uri=https://evil.example", "out=//x"]
)
def test_nothing_in_our_address_changes_where_the_way_out_leads(
    client: FlaskClient, idp: ProviderProcess, query: str
) -> None:
    through(client, idp)
    assert client.get(f"/sign-in/provider/out?{query}").headers["Location"] == out(client)
    assert "evil" not in client.get(f"/sign-in?out=1&{query}").text.replace("https%3A%2F%2Fevil", "").replace(
        'value="https://evil', ""
    )


@pytest.mark.parametrize("endpoint", [None, 7, "javascript:alert(1)", "http://evil.example/out", "//evil.example"])
def test_a_way_out_that_cannot_be_used_is_not_taken(
    client: FlaskClient, idp: ProviderProcess, endpoint: object
) -> None:
    idp.control(options={"discovery": {"end_session_endpoint": endpoint}})
    answer = client.get("/sign-in/provider/out")
    assert answer.status_code == 404
    assert "Close the browser" in answer.text


def test_who_came_by_a_password_is_offered_no_other_way_out(client: FlaskClient, parts: Parts) -> None:
    roles = frozenset({Role.TECHNICIAN})
    link = parts.access.invite(SYSTEM("test"), name="Dana", roles=roles, now=now())
    client.post(
        "/invite", data={"token": link.secret, "password": "a lamp and nine slits", "again": "a lamp and nine slits"}
    )
    assert client.post("/sign-out").headers["Location"] == "/sign-in"


def test_signing_out_everywhere_offers_it_too(client: FlaskClient, idp: ProviderProcess) -> None:
    through(client, idp)
    assert client.post("/sign-out/everywhere").headers["Location"] == "/sign-in?out=1"
