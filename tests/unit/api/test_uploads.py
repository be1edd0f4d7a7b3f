"""The uploads resource over HTTP: batches, idempotent; per-item problems; nobody else's uploads."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from broker.blocks import MIB, block_id
from broker.catalog import uploads
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.names import IntakeBlob
from broker.parts import Parts
from broker.words import Rejection, Role, State, sentence
from tests.people import NOW, sha256
from tests.unit.api.conftest import Json, answer, batch_of, slug
from tests.unit.conftest import ClientFor, Clock

URL = "/api/v1/uploads"


def declare(client: FlaskClient, body: Json) -> list[Json]:
    found: list[Json] = answer(client.post(URL, json=body), 201)["uploads"]
    return found


def test_a_declared_file_has_a_grant_for_one_put(technician: FlaskClient, patient: str) -> None:
    body = batch_of(patient, {"ref": "left", "eye": "OS", "kind": "oct"})
    content = answer(technician.post(URL, json=body), 201)
    assert content["batch"] == body["batch"]
    [offer] = content["uploads"]
    grant = offer["grant"]
    assert (offer["ref"], offer["state"], offer["duplicate_of"], offer["stored_elsewhere"]) == (
        "left",
        "pending",
        None,
        False,
    )
    assert (grant["method"], grant["headers"]["x-ms-blob-type"], grant["blocks"]) == ("PUT", "BlockBlob", None)
    assert (grant["expires_at"], grant["expires_in"]) == ("2026-11-22T09:45:00Z", 900)
    assert f"/intake/{offer['id'][-2:]}/{offer['id']}?" in grant["url"]
    assert "sp=c&" in grant["url"]


def test_a_file_over_32_mib_has_a_block_plan(technician: FlaskClient, patient: str) -> None:
    [small, large] = declare(technician, batch_of(patient, {"size": 32 * MIB}, {"size": 32 * MIB + 1}))
    assert small["grant"]["blocks"] is None
    assert large["grant"]["blocks"] == {"size": 8 * MIB, "count": 5}
    assert large["grant"]["headers"] == {}


def test_the_same_declaration_again_gives_the_same_ids_and_fresh_grants(
    technician: FlaskClient, patient: str, clock: Clock
) -> None:
    body = batch_of(patient, {}, {}, {}, note="both eyes\nblurred", urgent=True)
    first = declare(technician, body)
    clock.move(minutes=5)
    second = declare(technician, body)
    assert [offer["id"] for offer in first] == [offer["id"] for offer in second]
    assert [offer["grant"]["expires_at"] for offer in second] == ["2026-11-22T09:50:00Z"] * 3
    assert len(answer(technician.get(URL))["uploads"]) == 3


def test_another_declaration_under_the_same_batch_is_refused(technician: FlaskClient, patient: str) -> None:
    body = batch_of(patient)
    declare(technician, body)
    assert slug(technician.post(URL, json=body | {"note": "changed"}), 422) == "invalid"


def test_another_account_cannot_use_the_same_batch(
    technician: FlaskClient, physician: FlaskClient, patient: str
) -> None:
    body = batch_of(patient)
    declare(technician, body)
    assert slug(physician.post(URL, json=body), 422) == "invalid"


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"size": 0}, 422, "invalid"),
        ({"size": (4 << 30) + 1}, 413, "file-too-large"),
        ({"filename": "notes.exe"}, 415, "type-refused"),
        ({"digest": f"sha256-blocks-8388608:{'0' * 64}"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_a_byte(
    technician: FlaskClient, patient: str, change: Json, status: int, kind: str
) -> None:
    assert slug(technician.post(URL, json=batch_of(patient, {}, change)), status) == kind
    assert answer(technician.get(URL))["uploads"] == []


def test_an_unknown_patient_is_told(technician: FlaskClient) -> None:
    assert slug(technician.post(URL, json=batch_of(new_id(NOW))), 404) == "patient-not-found"


def test_a_thousand_files_are_one_batch_and_one_more_is_too_many(technician: FlaskClient, patient: str) -> None:
    assert len(declare(technician, batch_of(patient, *[{}] * 1000))) == 1000
    problem = answer(technician.post(URL, json=batch_of(patient, *[{}] * 1001)), 422)
    assert problem["errors"][0]["pointer"] == "/files"


def test_complete_answers_each_item_with_its_state_or_its_problem(technician: FlaskClient, patient: str) -> None:
    [one, two] = declare(technician, batch_of(patient, {"digest": sha256(b"1")}, {}))
    unknown = new_id(NOW)
    items = [{"id": one["id"], "digest": sha256(b"1")}, {"id": two["id"]}, {"id": unknown}]
    first, second, third = answer(technician.post(f"{URL}/complete", json={"items": items}), 202)["uploads"]
    assert (first["id"], first["state"], first["sentence"]) == (
        one["id"],
        "received",
        "Sent, being checked. Keep your file.",
    )
    assert second["problem"]["status"] == 422
    assert third == {
        "id": unknown,
        "problem": {
            "type": "http://localhost:8080/problems/upload-not-found",
            "title": "No such upload",
            "status": 404,
        },
    }
    again = answer(technician.post(f"{URL}/complete", json={"items": items[:1]}), 202)["uploads"]
    assert again == [first]


def test_missing_blocks_are_listed_and_arrived_ones_are_told(
    technician: FlaskClient, patient: str, parts: Parts
) -> None:
    [offer] = declare(technician, batch_of(patient, {"size": 33 * MIB}))
    pieces = [bytes([n]) * (8 * MIB if n < 4 else MIB) for n in range(5)]
    digests = [hashlib.sha256(piece) for piece in pieces]
    blob = IntakeBlob(offer["id"])
    for index in (0, 3):
        parts.store.stage(blob, block_id(index, digests[index].digest()), pieces[index])  # type: ignore[attr-defined]
    state = answer(technician.get(f"{URL}/{offer['id']}"))
    assert state["blocks"] == [{"index": n, "digest": digests[n].hexdigest(), "size": 8 * MIB} for n in (0, 3)]
    items = [{"id": offer["id"], "blocks": [digest.hexdigest() for digest in digests]}]
    [item] = answer(technician.post(f"{URL}/complete", json={"items": items}), 202)["uploads"]
    assert (item["problem"]["status"], item["problem"]["missing"]) == (409, [1, 2, 4])
    for index in (1, 2, 4):
        parts.store.stage(blob, block_id(index, digests[index].digest()), pieces[index])  # type: ignore[attr-defined]
    [item] = answer(technician.post(f"{URL}/complete", json={"items": items}), 202)["uploads"]
    assert item["state"] == "received"


def test_renew_answers_each_id_with_a_grant_or_a_problem(technician: FlaskClient, patient: str, clock: Clock) -> None:
    [one, two] = declare(technician, batch_of(patient, {"digest": sha256(b"1")}, {}))
    answer(technician.post(f"{URL}/complete", json={"items": [{"id": one["id"]}]}), 202)
    clock.move(minutes=10)
    done, fresh = answer(technician.post(f"{URL}/grants", json={"ids": [one["id"], two["id"]]}))["grants"]
    assert done["problem"]["type"].endswith("/illegal-move")
    assert fresh["grant"]["expires_at"] == "2026-11-22T09:55:00Z"
    assert fresh["grant"]["url"] != two["grant"]["url"]


def test_abandoning_is_for_the_one_who_declared_and_for_administrators(
    technician: FlaskClient, physician: FlaskClient, client_for: ClientFor, patient: str
) -> None:
    [one, two] = declare(technician, batch_of(patient, {}, {}))
    assert slug(physician.delete(f"{URL}/{one['id']}"), 404) == "upload-not-found"
    assert answer(technician.delete(f"{URL}/{one['id']}"))["state"] == "expired"
    assert answer(client_for(Role.ADMIN).delete(f"{URL}/{two['id']}"))["state"] == "expired"
    assert answer(technician.delete(f"{URL}/{one['id']}"))["state"] == "expired"


def lose(parts: Parts, upload: str) -> None:
    """Let a declared file be refused, because something else arrived."""
    with parts.catalog.write() as tx:
        assert uploads.refuse(tx, upload, Rejection.SIZE, detail="", now=NOW)


def test_what_was_not_stored_is_listed_for_the_whole_clinic_until_somebody_settles_it(
    technician: FlaskClient, physician: FlaskClient, client_for: ClientFor, patient: str, parts: Parts
) -> None:
    [one, two] = declare(technician, batch_of(patient, {}, {}))
    lose(parts, one["id"])
    unsettled = f"{URL}?unsettled=true"
    [listed] = answer(physician.get(unsettled))["uploads"]
    assert (listed["id"], listed["safe"], listed["settled"]) == (one["id"], False, None)
    assert answer(physician.get(f"{unsettled}&mine=true"))["uploads"] == []
    assert slug(client_for(Role.ADMIN).get(unsettled), 403) == "not-allowed"
    said = {"id": new_id(NOW), "upload": one["id"], "how": "given_up", "reason": "The patient left."}
    settled = answer(physician.post(f"{URL}/settle", json=said))
    assert settled["settled"] == {
        "how": "given_up",
        "at": "2026-11-22T09:30:00Z",
        "by": "Phil Physician",
        "reason": "The patient left.",
        "upload": None,
    }
    assert answer(physician.post(f"{URL}/settle", json=said)) == settled
    assert slug(technician.post(f"{URL}/settle", json=said | {"id": new_id(NOW)}), 409) == "illegal-move"
    assert slug(technician.post(f"{URL}/settle", json=said | {"upload": two["id"]}), 404) == "upload-not-found"
    assert answer(physician.get(unsettled))["uploads"] == []


@pytest.mark.parametrize("how", ["before", "duplicate", "forgotten"])
def test_only_sent_again_and_given_up_can_be_said(technician: FlaskClient, patient: str, how: str) -> None:
    [one] = declare(technician, batch_of(patient))
    said = {"id": new_id(NOW), "upload": one["id"], "how": how, "reason": "x"}
    assert slug(technician.post(f"{URL}/settle", json=said), 422) == "invalid"


def test_a_duplicate_is_answered_as_safe_and_can_be_asked_for(
    technician: FlaskClient, patient: str, parts: Parts, stored: Callable[..., Scan]
) -> None:
    digest = sha256(b"1")
    [first] = declare(technician, batch_of(patient, {"digest": digest}))
    with parts.catalog.write() as tx:
        row = replace(uploads.find(tx, [first["id"]])[first["id"]], state=State.STORED)
        uploads.restore(tx, row)
    stored(upload_id=first["id"], patient_id=patient)
    body = batch_of(patient, {"digest": digest})
    [offer] = declare(technician, body)
    words = "Already stored and checked, identical to your file. You may clear it from the camera."
    assert (offer["state"], offer["reason"], offer["sentence"], offer["grant"]) == ("expired", "duplicate", words, None)
    assert offer["duplicate_of"] == first["id"]
    assert declare(technician, body) == [offer]
    told = answer(technician.get(f"{URL}/{offer['id']}"))
    assert (told["safe"], told["sentence"], told["duplicate_of"]) == (True, words, first["id"])
    assert answer(technician.get(f"{URL}?unsettled=true"))["uploads"] == []
    [asked] = declare(technician, batch_of(patient, {"digest": digest, "again": True}))
    assert (asked["state"], asked["duplicate_of"]) == ("pending", first["id"])
    assert asked["grant"]


def test_a_foreign_upload_answers_exactly_like_one_that_never_was(
    technician: FlaskClient, physician: FlaskClient, patient: str
) -> None:
    [offer] = declare(technician, batch_of(patient))

    def asked(upload: str) -> list[object]:
        calls = [
            physician.get(f"{URL}/{upload}"),
            physician.delete(f"{URL}/{upload}"),
            physician.post(f"{URL}/grants", json={"ids": [upload]}),
            physician.post(f"{URL}/complete", json={"items": [{"id": upload}]}),
        ]
        texts = [(call.status_code, call.get_data(as_text=True).replace(upload, "ID")) for call in calls]
        return [(status, text.partition('"request"')[0]) for status, text in texts]

    assert asked(offer["id"]) == asked(new_id(NOW))
    assert answer(technician.get(f"{URL}/{offer['id']}"))["state"] == "pending"


def test_the_list_is_filtered_and_paged(technician: FlaskClient, physician: FlaskClient, patient: str) -> None:
    big = batch_of(patient, *[{"digest": sha256(bytes([n % 256, n // 256]))} for n in range(210)])
    ids = [offer["id"] for offer in declare(technician, big)]
    declare(technician, batch_of(patient))
    first = answer(technician.get(f"{URL}?batch={big['batch']}"))
    second = answer(technician.get(f"{URL}?batch={big['batch']}&after={first['next']}"))
    assert len(first["uploads"]) == 200
    assert second["next"] is None
    assert sorted(upload["id"] for upload in first["uploads"] + second["uploads"]) == sorted(ids)
    chosen = answer(technician.get(f"{URL}?ids={ids[0]},{ids[5]}"))["uploads"]
    assert {upload["id"] for upload in chosen} == {ids[0], ids[5]}
    answer(technician.post(f"{URL}/complete", json={"items": [{"id": ids[7]}]}), 202)
    assert [upload["id"] for upload in answer(technician.get(f"{URL}?state=received,verifying"))["uploads"]] == [ids[7]]
    assert answer(physician.get(f"{URL}?mine=true"))["uploads"] == []
    assert len(answer(physician.get(URL))["uploads"]) == 1  # what is pending, only its sender sees


def test_an_upload_tells_all_that_the_panel_shows(technician: FlaskClient, patient: str) -> None:
    body = batch_of(patient, {"ref": "r", "filename": "Köln 右.jpg", "eye": "OD", "kind": "infrared"})
    body["files"][0]["captured_at"] = "2026-11-20T08:15"
    [offer] = declare(technician, body)
    assert answer(technician.get(f"{URL}/{offer['id']}")) == {
        "id": offer["id"],
        "ref": "r",
        "batch": body["batch"],
        "patient": patient,
        "filename": "Köln 右.jpg",
        "size": 1000,
        "eye": "OD",
        "kind": "infrared",
        "captured_at": "2026-11-20T08:15",
        "state": "pending",
        "reason": None,
        "sentence": "Waiting",
        "created_at": "2026-11-22T09:30:00Z",
        "stored_at": None,
        "scans": [],
        "digest": None,
        "safe": False,
        "duplicate_of": None,
        "settled": None,
    }


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (State.PENDING, None, "Waiting"),
        (State.RECEIVED, None, "Sent, being checked. Keep your file."),
        (State.VERIFYING, None, "Sent, being checked. Keep your file."),
        (State.STORED, None, "Stored and checked: identical to your file. You may clear it from the camera."),
        (State.REJECTED, "empty", "Not stored: the file is empty. Your file is still with you."),
        (State.REJECTED, "unheard of", "Not stored: it could not be checked. Your file is still with you."),
        (State.EXPIRED, "abandoned", "Given up before it was sent. Nothing of it was stored."),
        (State.EXPIRED, "overdue", "Never arrived. Send it again."),
        (State.EXPIRED, None, "Never arrived. Send it again."),
        (State.MISSING, "gone", "The storage lost it. Send it again and tell IT (gone)."),
        (State.MISSING, None, "The storage lost it. Send it again and tell IT (missing)."),
    ],
)
def test_staff_read_the_designs_words(state: State, reason: str | None, words: str) -> None:
    assert sentence(state, reason) == words


def test_every_state_has_words() -> None:
    assert all(sentence(state, None) for state in State)


def test_the_blocks_ids_are_what_the_grants_user_would_make(technician: FlaskClient) -> None:
    digest = hashlib.sha256(b"x").digest()
    assert block_id(1, digest) == base64.b64encode(b"\0\0\0\1" + digest).decode()
