"""The vocabulary: legal moves are a closed table, and every rejection has its sentence."""

from __future__ import annotations

from itertools import product

import pytest

from broker.words import BLOCKING, FINAL, MOVES, Attention, CaptureSource, Rejection, State

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
