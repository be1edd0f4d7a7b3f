"""The vocabulary: legal moves are a closed table, and every rejection has its sentence."""

from __future__ import annotations

from itertools import product

import pytest

from broker.words import FINAL, MOVES, Rejection, State

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
