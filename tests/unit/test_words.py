"""The vocabulary: legal moves are a closed table, and every rejection has its sentence."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.words import (
    BLOCKING,
    FINAL,
    MOVES,
    Attention,
    CaptureSource,
    Expiry,
    Rejection,
    Sent,
    Settled,
    State,
    is_safe,
    may_clear,
    sentence,
    what_to_do,
)

LEGAL = {
    (State.PENDING, State.RECEIVED),
    (State.PENDING, State.EXPIRED),
    (State.RECEIVED, State.VERIFYING),
    (State.RECEIVED, State.MISSING),
    (State.VERIFYING, State.RECEIVED),
    (State.VERIFYING, State.STORED),
    (State.VERIFYING, State.REJECTED),
    (State.VERIFYING, State.MISSING),
}


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_a_move_is_legal_if_and_only_if_the_table_says_so(old: State, new: State) -> None:
    assert (new in MOVES[old]) == ((old, new) in LEGAL)


def test_final_states_have_no_way_out() -> None:
    assert {State.STORED, State.REJECTED, State.EXPIRED, State.MISSING} == FINAL


@pytest.mark.parametrize("reason", Rejection)
def test_every_rejection_says_in_a_sentence_why(reason: Rejection) -> None:
    assert reason.sentence.endswith(".")
    assert reason.value not in ("", reason.sentence)


@pytest.mark.parametrize("code", Attention)
def test_every_reason_for_attention_says_in_a_sentence_why(code: Attention) -> None:
    assert code.sentence.endswith(".")


def test_only_another_patient_or_eye_stands_in_the_way_of_signing() -> None:
    assert {Attention.PATIENT, Attention.EYE} == BLOCKING


def test_every_source_of_a_time_is_named_in_words_of_its_own() -> None:
    words = [source.words for source in CaptureSource]
    assert len(set(words)) == len(words)
    assert not any(source.value in source.words for source in CaptureSource if source.value.startswith("dicom"))
    said = {CaptureSource.DECLARED, CaptureSource.CORRECTED, CaptureSource.UPLOAD}
    assert all(source.words.startswith("from the file") != (source in said) for source in CaptureSource)


@pytest.mark.parametrize("reason", Expiry)
def test_every_expiry_says_in_a_sentence_what_to_do(reason: Expiry) -> None:
    assert reason.sentence.endswith(".")
    assert sentence(State.EXPIRED, reason) == reason.sentence


def test_bytes_that_are_stored_already_are_never_to_be_sent_again() -> None:
    said = sentence(State.EXPIRED, Expiry.DUPLICATE)
    assert said == "Already stored and checked, identical to your file. You may clear it from the camera."
    assert "again" not in said


@pytest.mark.parametrize(("state", "reason"), [*product(State, [None, *Expiry])])
def test_safe_is_what_is_stored_and_what_was_stored_already(state: State, reason: str | None) -> None:
    duplicate = state is State.EXPIRED and reason == "duplicate"
    assert is_safe(state, reason) == (state is State.STORED or duplicate)
    assert is_safe(state, reason) == ("You may clear it from the camera." in sentence(state, reason))


@pytest.mark.parametrize(("state", "reason"), [*product(State, [None, *Expiry])])
@pytest.mark.parametrize("settled", [None, *Settled])
def test_what_ended_and_is_stored_as_another_upload_is_safe_and_never_to_be_sent_again(
    state: State, reason: str | None, settled: Settled | None
) -> None:
    safe = is_safe(state, reason, identical=True)
    assert safe == (state in FINAL)
    said = sentence(state, reason, settled=settled, identical=True)
    assert safe == ("You may clear it from the camera." in said)
    assert "again" not in said


@pytest.mark.parametrize("reason", Expiry)
@pytest.mark.parametrize("state", [State.EXPIRED, State.MISSING])
def test_what_was_settled_asks_nobody_to_send_it_again(state: State, reason: str | None) -> None:
    for how in Settled:
        assert "Send it again" not in sentence(state, reason, settled=how)
    given_up = "Given up before it was sent."
    assert given_up not in sentence(State.EXPIRED, Expiry.ABANDONED, settled=Settled.SENT_AGAIN)
    assert given_up in sentence(State.EXPIRED, Expiry.ABANDONED, settled=Settled.GIVEN_UP)


@pytest.mark.parametrize("reason", [None, "unheard of", *Rejection])
@pytest.mark.parametrize("state", State)
def test_whoever_reads_that_a_file_was_not_stored_reads_what_to_do(state: State, reason: str | None) -> None:
    assert what_to_do(state, reason).endswith(".")


def test_a_pending_file_that_is_silent_is_not_called_waiting() -> None:
    assert sentence(State.PENDING, None) == "Waiting"
    assert sentence(State.PENDING, None, silent=True).startswith("Has not arrived")


@pytest.mark.parametrize("how", Settled)
def test_every_way_to_settle_has_its_words(how: Settled) -> None:
    assert how.words


@pytest.mark.parametrize("case", json.loads((Path(__file__).parents[1] / "may_clear.json").read_text()), ids=str)
def test_whether_the_card_may_be_cleared_is_answered_in_one_sentence(case: dict[str, Any]) -> None:
    found = may_clear(Sent(**case["sent"]), today=case.get("today", False))
    assert found == (tuple(case["answer"]) if case["answer"] else None)


@given(st.builds(Sent, **{name: st.integers(0, 3) for name in Sent.__dataclass_fields__}), st.booleans())
def test_yes_is_never_said_while_one_file_is_not_safe(sent: Sent, today: bool) -> None:
    found = may_clear(sent, today=today)
    open_ones = sent.sending + sent.checking + sent.answers + sent.lost + sent.unseen
    assert (found is not None and found[0] == "yes") == (sent.safe > 0 and open_ones == 0)
    assert (found is not None and found[0] == "no") == (sent.lost + sent.unseen > 0)
