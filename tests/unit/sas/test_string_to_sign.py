"""The string-to-sign against published vectors, the SDK, and a reference made from the REST text."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from azure.storage.blob import UserDelegationKey, generate_blob_sas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.sas.string_to_sign import delegation_text, service_text

from . import reference

CASES = int(os.environ.get("SAS_CASES") or (50_000 if os.environ.get("FUZZ") else 5_000))
thorough = settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))

#: The version this SDK stamps; it has no setting for it.
SDK_VERSION = "2026-10-06"
CANON = "/blob/devstoreaccount1/intake/a/b.bin"
DELEGATED = {
    "skoid": "11111111-1111-1111-1111-111111111111",
    "sktid": "22222222-2222-2222-2222-222222222222",
    "skt": "2026-11-30T00:00:00Z",
    "ske": "2026-12-01T00:00:00Z",
    "sks": "b",
    "skv": "2026-06-06",
}
DELEGATION_VALUE = base64.b64decode("ZPMLwhzStP1yicwIMzqxSKNWSXiGJwWkQnBPRwdoGUQ=")


def fields(sv: str, se: str, **more: str) -> dict[str, str]:
    return {"canon": CANON, "sp": "c", "se": se, "sv": sv, "spr": "https", "sr": "b", **more}


@pytest.mark.parametrize(
    ("sv", "signature"),
    [
        ("2026-06-06", "pjhdze2ZuOtlXiTvcjKQmkikStCENbqlSUzn4DtEjxM="),
        ("2026-10-06", "tStnhyoU5fw5OF4d9akCUiskDNjvIHo9hN6ejB0aGRs="),
    ],
)
def test_service_vectors_hold(sv: str, signature: str) -> None:
    text = service_text(fields(sv, "2026-12-01T00:00:00Z"))
    assert reference.sign(text, base64.b64decode(reference.ACCOUNT_KEY)) == signature


@pytest.mark.parametrize(
    ("sv", "signature"),
    [
        ("2020-12-06", "TEGtJY8PLkKvtKeskvEw17VswwkN5++NfIenK0MYCto="),
        ("2025-07-05", "4fHL7yOgrZw2Uwa1JsXTv+N68bl/YOFHJ7OsoRJb2XY="),
        ("2026-06-06", "8PHmuPEYt38qAqwwzfxRxJY8TXuZlV7O5YvhR+WRyx0="),
    ],
)
def test_delegation_vectors_hold(sv: str, signature: str) -> None:
    text = delegation_text(fields(sv, "2026-11-30T01:00:00Z", **DELEGATED))
    assert reference.sign(text, DELEGATION_VALUE) == signature


def test_the_sealed_vector_holds_for_the_reference_and_ours_refuses_to_make_it() -> None:
    sealed = {"srh": "x-ms-blob-type:BlockBlob\n", "srq": "\ncomp:block"}
    wanted = fields("2026-10-06", "2026-11-30T01:00:00Z", **DELEGATED, **sealed)
    assert reference.sign(reference.delegation_text(wanted), DELEGATION_VALUE) == (
        "uCWFuz+cdAfvvY8FmGwec3ZFzauMUyQi61ZejTPcCUY="
    )
    for name, value in sealed.items():
        with pytest.raises(ValueError, match="does not sign"):
            delegation_text(fields("2026-10-06", "2026-11-30T01:00:00Z", **DELEGATED, **{name: value}))
        with pytest.raises(ValueError, match="does not sign"):
            service_text(fields("2026-10-06", "2026-11-30T01:00:00Z", **{name: value}))


def test_the_emulators_delegation_key_follows_from_its_description() -> None:
    made = reference.emulator_delegation_value(*(DELEGATED[name] for name in ("skoid", "sktid", "skt", "ske", "skv")))
    assert made == DELEGATION_VALUE


@pytest.mark.parametrize(
    ("sv", "service_lines", "delegation_lines"),
    [
        ("2018-11-09", 15, 20),
        ("2020-02-10", 15, 23),
        ("2020-12-06", 16, 24),
        ("2025-07-05", 16, 26),
        ("2026-04-06", 16, 28),
        ("2026-06-06", 16, 28),
    ],
)
def test_every_version_signs_its_number_of_lines(sv: str, service_lines: int, delegation_lines: int) -> None:
    se = "2026-11-30T01:00:00Z"
    assert service_text(fields(sv, se)).count("\n") + 1 == service_lines
    assert delegation_text(fields(sv, se, **DELEGATED)).count("\n") + 1 == delegation_lines
    assert service_text(fields(sv, se)) == reference.service_text(fields(sv, se))
    delegated = fields(sv, se, **DELEGATED)
    assert delegation_text(delegated) == reference.delegation_text(delegated)


@pytest.mark.parametrize("name", ["skoid", "saoid", "scid", "sduoid", "sdd", "sig", "SP"])
def test_a_field_that_an_account_key_does_not_sign_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not sign"):
        service_text(fields("2026-06-06", "2026-12-01T00:00:00Z", **{name: "x"}))


def test_a_field_younger_than_the_version_is_refused() -> None:
    with pytest.raises(ValueError, match="does not sign"):
        delegation_text(fields("2018-11-09", "2026-12-01T00:00:00Z", **DELEGATED, scid="x"))
    with pytest.raises(ValueError, match="does not sign"):
        service_text(fields("2018-11-09", "2026-12-01T00:00:00Z", ses="x"))


@pytest.mark.parametrize("sv", ["", "2018-03-28", "2026-6-6", "2026-06-06\n", "latest"])
def test_an_unknown_version_is_refused(sv: str) -> None:
    with pytest.raises(ValueError, match="service version"):
        service_text(fields(sv, "2026-12-01T00:00:00Z"))


@pytest.mark.parametrize("name", ["canon", "sp", "se", "spr", "rscc", "rscd", "rsct", "si", "sip", "snap"])
def test_a_line_break_in_any_value_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        service_text({**fields("2026-06-06", "2026-12-01T00:00:00Z"), name: "a\nb"})


# Everything the SDK would take, and much it should not: per cent signs, quotes, emoji, lone carriage returns; only
# line breaks are left to the tests above, so that every case here is a comparison.
value = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=8) | st.sampled_from(
    ["%0A", "%2F..%2F", "a&sp=rwdl", "a?b#c", "\r", "\x00", " ", "é", "\U0001f441", "x" * 3000]
)
COMMON = ["account", "container", "blob", "sp", "se", "st", "sip", "spr", "snap", "ses"]
COMMON += ["rscc", "rscd", "rsce", "rscl", "rsct"]
DELEGATION = ["skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "skdutid", "sduoid"]


@st.composite
def field_sets(draw: st.DrawFn, extra: list[str]) -> tuple[dict[str, str], bytes]:
    """Values for every field, and a key. A few texts dealt out at random are ten times faster than a text each."""
    pool = ["", *draw(st.tuples(value, value, value))]
    deal = draw(st.randoms(use_true_random=True))
    drawn = {name: deal.choice(pool) for name in (*COMMON, *extra)}
    # Without these the SDK raises, or forgets its slash.
    drawn |= {name: drawn[name] or "x" for name in ("account", "container", "blob", "sp", "se")}
    return drawn, draw(st.binary(min_size=1, max_size=64))


@thorough
@given(case=field_sets(["si"]))
def test_service_text_is_the_sdks_bit_for_bit(case: tuple[dict[str, str], bytes]) -> None:
    drawn, key = case
    texts: list[str] = []
    sdk_token = generate_blob_sas(
        **_sdk_arguments(drawn),
        account_key=base64.b64encode(key).decode(),
        policy_id=drawn["si"],
        sts_hook=texts.append,
    )
    _compare(service_text, reference.service_text, drawn, texts[0], key, sdk_token)


@thorough
@given(case=field_sets(DELEGATION))
def test_delegation_text_is_the_sdks_bit_for_bit(case: tuple[dict[str, str], bytes]) -> None:
    drawn, value = case
    key = UserDelegationKey()  # type: ignore[no-untyped-call]
    key.signed_oid, key.signed_tid = drawn["skoid"], drawn["sktid"]
    key.signed_start, key.signed_expiry = drawn["skt"], drawn["ske"]
    key.signed_service, key.signed_version = drawn["sks"], drawn["skv"]
    key.signed_delegated_user_tid = drawn["skdutid"]
    key.value = base64.b64encode(value).decode()
    texts: list[str] = []
    sdk_token = generate_blob_sas(
        **_sdk_arguments(drawn),
        user_delegation_key=key,
        user_delegation_oid=drawn["sduoid"],
        preauthorized_agent_object_id=drawn["saoid"],
        agent_object_id=drawn["suoid"],
        correlation_id=drawn["scid"],
        sts_hook=texts.append,
    )
    _compare(delegation_text, reference.delegation_text, drawn, texts[0], value, sdk_token)


def _sdk_arguments(drawn: dict[str, str]) -> dict[str, Any]:
    return {
        "account_name": drawn["account"],
        "container_name": drawn["container"],
        "blob_name": drawn["blob"],
        "snapshot": drawn["snap"],
        "permission": drawn["sp"],
        "expiry": drawn["se"],
        "start": drawn["st"],
        "ip": drawn["sip"],
        "protocol": drawn["spr"],
        "cache_control": drawn["rscc"],
        "content_disposition": drawn["rscd"],
        "content_encoding": drawn["rsce"],
        "content_language": drawn["rscl"],
        "content_type": drawn["rsct"],
        "encryption_scope": drawn["ses"],
    }


def _compare(ours: Any, rest: Any, drawn: dict[str, str], sdk: str, key: bytes, sdk_token: str) -> None:
    place = {name: drawn[name] for name in ("account", "container", "blob")}
    signed = {name: text for name, text in drawn.items() if name not in place}
    # The SDK puts a slash before a path that has none, and leaves alone one that has.
    path = "/".join((place["container"], place["blob"]))
    path = path if path.startswith("/") else f"/{path}"
    signed |= {"canon": f"/blob/{place['account']}{path}", "sv": SDK_VERSION, "sr": "bs" if drawn["snap"] else "b"}
    assert rest(signed) == sdk
    assert ours(signed) == sdk
    assert reference.token([("sig", reference.sign(ours(signed), key))]) == sdk_token.rpartition("&")[2]
