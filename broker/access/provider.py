"""Signing in through the clinic's own provider: OpenID Connect, code flow with PKCE.

Everything that one sign-in needs to remember follows from one random secret in the browser's cookie: state, nonce and
verifier are its hashes. So nothing is kept for people who only begin; what is used up is kept until it is too old.

Sources: OpenID Connect Core 1.0, 3.1.3.7 (what an ID token must hold); RFC 7636 (PKCE); RFC 9207 (iss in the answer);
RFC 9700 (best practice); OpenID Connect RP-Initiated Logout 1.0. Stricter than these: the audience is this client
alone, and a token that brings its own key, or says where to find one, is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException

from ..config import Oidc, is_loopback
from ..errors import ProviderUnavailable, SignInNeeded
from ..text import refusal
from ..words import Role

#: How long somebody may take at the provider's own pages.
LONGEST = timedelta(minutes=10)
#: Clocks may differ by this; a token older than ``OLDEST`` was not made for this sign-in.
LEEWAY, OLDEST = 60, 600
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
#: Headers by which a token would choose its own key, or ask for rules that we do not know.
REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})
#: Discovery is asked anew after this; a provider that is away for longer lets nobody in.
FRESH, KEPT = timedelta(minutes=10), timedelta(hours=24)
#: Keys are asked anew for an unknown one, but not more often than this.
KEYS_EVERY = timedelta(seconds=30)
ANSWER_BYTES, LONGEST_CODE, TIMEOUT = 1 << 20, 4096, (5, 10)


class AnswerRefused(Exception):
    """The provider's answer does not fit this sign-in. The text says why, for the audit: it would help a forger."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for. ``roles`` are those of ours that the configured claim names, maybe none."""

    issuer: str
    subject: str
    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret for its cookie."""

    url: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """A sign-in that the provider confirmed; ``key`` is good once, until ``until``. ``wanted``: where to go."""

    vouched: Vouched
    wanted: str
    key: str
    until: datetime


@dataclass(slots=True)
class _Known:
    """What the provider said about itself, and when."""

    document: dict[str, Any]
    keys: KeySet
    asked: datetime
    keys_asked: datetime


class Provider:
    """The clinic's identity provider. ``return_url`` is where it sends browsers back to."""

    def __init__(self, settings: Oidc, return_url: str) -> None:
        self._settings = settings
        self._return_url = return_url
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def begin(self, wanted: str, now: datetime) -> Begun:
        """Start a sign-in. ``wanted``: the address to go to afterwards; it comes back unseen by the provider.

        Raises:
            ProviderUnavailable.
        """
        where = base64.urlsafe_b64encode(wanted[:500].encode()).decode()
        secret = f"{int(now.timestamp())}.{secrets.token_urlsafe(32)}.{where}"
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._about(now).document["authorization_endpoint"],
                state=_derived(secret, "state"),
                nonce=_derived(secret, "nonce"),
                code_verifier=_derived(secret, "verifier"),
            )
        return Begun(str(url), secret)

    def finish(self, secret: str, answer: Mapping[str, str], now: datetime) -> Finished:
        """Take what the provider sent back with the browser, and ask it whom it means.

        Raises:
            AnswerRefused: anything does not fit.
            SignInNeeded: it took too long, or the provider did not let the person in.
            ProviderUnavailable.
        """
        begun, wanted = _begun(secret)
        if not timedelta(0) <= now - begun <= LONGEST:
            raise SignInNeeded("This sign-in took too long. Start it again.")
        about = self._about(now)
        self._check_answer(about.document, secret, answer)
        token = self._redeem(about.document, answer["code"], _derived(secret, "verifier"))
        claims = self._claims(token, _derived(secret, "nonce"), now)
        vouched = Vouched(self._settings.issuer, claims["sub"], _name(claims), self._roles(claims))
        return Finished(vouched, wanted, hashlib.sha256(secret.encode()).hexdigest(), begun + LONGEST + LONGEST)

    def way_out(self, back: str, now: datetime) -> str:
        """Where a browser ends its session at the provider, which sends it ``back``; "" if the provider has no such
        place. Our ID token is not kept, so the provider asks the person itself whether they mean it.

        Raises:
            ProviderUnavailable.
        """
        url = self._about(now).document.get("end_session_endpoint")
        if not isinstance(url, str) or not _safe(url, self._settings.issuer):
            return ""
        query = urlencode({"client_id": self._settings.client_id, "post_logout_redirect_uri": back})
        return f"{url}{'&' if '?' in url else '?'}{query}"

    def _check_answer(self, document: Mapping[str, Any], secret: str, answer: Mapping[str, str]) -> None:
        if not hmac.compare_digest(answer.get("state", "").encode(), _derived(secret, "state").encode()):
            raise _refused("state")
        needed = document.get("authorization_response_iss_parameter_supported") is True
        if (needed or "iss" in answer) and answer.get("iss") != self._settings.issuer:
            raise _refused("iss of the answer")
        if "error" in answer:
            raise SignInNeeded("The provider did not let you in. Ask whoever manages its accounts.")
        if not 1 <= len(answer.get("code", "")) <= LONGEST_CODE:
            raise _refused("code")

    def _redeem(self, document: Mapping[str, Any], code: str, verifier: str) -> dict[str, Any]:
        try:
            with self._session(document) as session:
                token = session.fetch_token(
                    document["token_endpoint"], code=code, grant_type="authorization_code", code_verifier=verifier
                )
        except AuthlibBaseError:
            raise _refused("code") from None
        except (RequestException, ValueError):
            # Neither texts nor traces of these: they spell out what was sent.
            raise ProviderUnavailable() from None
        if not isinstance(token, dict) or not isinstance(token.get("id_token"), str):
            raise _refused("no ID token")
        return dict(token)

    def _claims(self, token: Mapping[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of an ID token that holds in every respect."""
        header, claims = self._signed(token["id_token"], now)
        at, client = now.timestamp(), self._settings.client_id
        faults = {
            "iss": claims.get("iss") != self._settings.issuer,
            "aud": claims.get("aud") not in (client, [client]),
            "azp": claims.get("azp", client) != client,
            "sub": not isinstance(claims.get("sub"), str) or not 1 <= len(claims["sub"]) <= 255,
            "exp": not _number(claims.get("exp")) or claims["exp"] <= at - LEEWAY,
            "iat": not _number(claims.get("iat")) or not at - OLDEST <= claims["iat"] <= at + LEEWAY,
            "nbf": "nbf" in claims and (not _number(claims["nbf"]) or claims["nbf"] > at + LEEWAY),
            "nonce": not _same(claims.get("nonce"), nonce),
            "at_hash": not _bound(header["alg"], claims, token.get("access_token")),
        }
        if wrong := [name for name, fault in faults.items() if fault]:
            raise _refused(", ".join(wrong))
        return claims

    def _signed(self, text: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims, if one of the provider's own keys signed them."""
        header = _header(text)
        key = self._key(header, now)
        try:
            found = jwt.decode(text, key, algorithms=[header["alg"]])
        except (JoseError, ValueError, TypeError):
            raise _refused("signature") from None
        if not isinstance(found.claims, dict):
            raise _refused("claims")
        return header, dict(found.claims)

    def _key(self, header: Mapping[str, Any], now: datetime) -> Any:
        keys = self._fitting(self._about(now).keys, header)
        if not keys:
            keys = self._fitting(self._about(now, new_keys=True).keys, header)
        if len(keys) != 1:
            raise _refused("kid")
        return keys[0]

    def _fitting(self, keys: KeySet, header: Mapping[str, Any]) -> list[Any]:
        kind = {"R": "RSA", "P": "RSA"}.get(header["alg"][0], "OKP" if header["alg"] == "EdDSA" else "EC")
        found = [key for key in keys.keys if key.key_type == kind and key.get("use", "sig") == "sig"]
        found = [key for key in found if key.get("alg", header["alg"]) == header["alg"]]
        return [key for key in found if key.kid == header["kid"]] if "kid" in header else found

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        """The roles in the configured claim, which is a list of texts; anything else names none."""
        path = self._settings.roles_claim
        found: Any = claims.get(path)
        if found is None:
            found = claims
            for name in path.split("."):
                found = found.get(name) if isinstance(found, dict) else None
        named = {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()
        return frozenset(role for role in Role if role.value in named)

    def _about(self, now: datetime, *, new_keys: bool = False) -> _Known:
        """What the provider says about itself; what is known serves on while it does not answer."""
        with self._lock:
            known = self._known
            stale = known is None or now - known.asked >= FRESH
            keys_due = known is not None and new_keys and now - known.keys_asked >= KEYS_EVERY
            if known is not None and not stale and not keys_due:
                return known
            try:
                self._known = self._ask(now)
            except ProviderUnavailable:
                if known is None or now - known.asked >= KEPT:
                    raise
                return known
            return self._known

    def _ask(self, now: datetime) -> _Known:
        issuer = self._settings.issuer
        document = self._get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise ProviderUnavailable("The provider says that it is another one than OIDC_ISSUER.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _safe(document.get(name), issuer):
                raise ProviderUnavailable(f"The provider's {name} cannot be used.")
        try:
            public = [key for key in self._get(document["jwks_uri"])["keys"] if key.get("kty") in ("RSA", "EC", "OKP")]
            keys = KeySet.import_key_set({"keys": public})
        except (JoseError, KeyError, TypeError, ValueError, AttributeError):
            raise ProviderUnavailable("The provider's keys cannot be read.") from None
        return _Known(document, keys, now, now)

    def _get(self, url: str) -> dict[str, Any]:
        try:
            with self._session() as session:
                answer = session.get(url, withhold_token=True)
                document = json.loads(answer.content) if answer.status_code == 200 else None
        except (RequestException, ValueError):
            raise ProviderUnavailable() from None
        if not isinstance(document, dict):
            raise ProviderUnavailable()
        return document

    def _session(self, document: Mapping[str, Any] | None = None) -> Any:
        ways = (document or {}).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return _Bounded(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret,
            token_endpoint_auth_method=(
                "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
            ),
            redirect_uri=self._return_url,
            scope=self._settings.scope,
            code_challenge_method="S256",
        )


class _Bounded(OAuth2Session):  # type: ignore[misc]
    """A client that follows no redirect, waits a bounded time and reads a bounded answer."""

    def request(self, method: str, url: str, **options: Any) -> Any:
        response = super().request(
            method, url, **options | {"allow_redirects": False, "timeout": TIMEOUT, "stream": True}
        )
        body = response.raw.read(ANSWER_BYTES + 1, decode_content=True)
        response.close()
        if len(body) > ANSWER_BYTES or response.is_redirect:
            raise RequestException("not an answer that a provider gives")
        response._content = body
        return response


def _derived(secret: str, what: str) -> str:
    """One of the values that follow from the cookie's secret: 43 characters of base64url."""
    mac = hmac.digest(secret.encode(), f"oidc {what}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _begun(secret: str) -> tuple[datetime, str]:
    """When a sign-in began, and where it shall lead."""
    try:
        when, random, where = secret.split(".")
        if len(random) != 43:
            raise ValueError
        return datetime.fromtimestamp(int(when), UTC), base64.urlsafe_b64decode(where).decode()
    except (ValueError, OverflowError, OSError):
        raise _refused("cookie") from None


def _header(text: str) -> dict[str, Any]:
    """The header of a signed token. Raises AnswerRefused for every form but the plain one."""
    try:
        first, _, _ = text.split(".")
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
        good = header["alg"] in ALGORITHMS and REFUSED_HEADERS.isdisjoint(header)
        good = good and isinstance(header.get("kid", ""), str)
    except (ValueError, KeyError, TypeError):
        good, header = False, {}
    if not good:
        raise _refused("header")
    return dict(header)


def _name(claims: Mapping[str, Any]) -> str:
    """What colleagues read: the first of the usual claims that is a readable text."""
    for claim in ("name", "preferred_username", "email"):
        name = " ".join(claims[claim].split()) if isinstance(claims.get(claim), str) else ""
        if name and not refusal(name):
            return name[:80]
    return "Account"


def _safe(url: Any, issuer: str) -> bool:
    """Whether an endpoint may be used: https, or on this machine if the issuer is there."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "") and issuer.startswith("http://")
    return bool(parts.hostname) and not parts.username and (parts.scheme == "https" or local)


def _bound(algorithm: str, claims: Mapping[str, Any], token: Any) -> bool:
    """Whether ``at_hash``, where there is one, is the left half of the access token's hash (Core, 3.1.3.6).

    The code flow may leave it out, and Entra ID does. Nothing is lost by that: the ID token comes over our own TLS
    connection to the provider, and the access token is thrown away unused.
    """
    if "at_hash" not in claims:
        return True
    size = algorithm[-3:] if algorithm[-3:] in ("256", "384", "512") else "512"
    whole = hashlib.new(f"sha{size}", token.encode() if isinstance(token, str) else b"").digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    return isinstance(token, str) and _same(claims["at_hash"], half)


def _same(found: Any, wanted: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode(), wanted.encode())


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(what: str) -> AnswerRefused:
    return AnswerRefused(what)
