"""Text from outside: what cannot be seen is refused, or dropped; letters of every script stay."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import text

TURNING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
OTHERS = [0x2028, 0x2029, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, 0xE0000, 0xE0041, 0xE007F, 0xD800, 0xDFFF]


@pytest.mark.parametrize("code", [*TURNING, *CONTROLS, *OTHERS], ids="U+{:04X}".format)
def test_what_cannot_be_seen_is_refused_in_a_name(code: int) -> None:
    assert text.refusal(f"Ada{chr(code)}Example")
    assert text.plain(f"Ada{chr(code)}Example").replace(" ", "") == "AdaExample"


@pytest.mark.parametrize("code", [*TURNING, *OTHERS, *(set(CONTROLS) - {9, 10})], ids="U+{:04X}".format)
def test_a_note_may_have_lines_and_tabs_and_no_other_control(code: int) -> None:
    assert text.refusal(f"clear\n\tmedia{chr(code)}", lines=True)
    assert text.refusal("clear\n\tmedia", lines=True) is None


@pytest.mark.parametrize(
    "name",
    [
        "Müller-Lüdenscheidt, Änne",
        "O’Brien",
        "علی\u200cرضا",  # Persian: the joiner that does not join
        "ක්\u200dෂණික",  # Sinhala: the joiner that does
        "יעל כהן",
        "右眼 🙂",
        "👩\u200d⚕️",
    ],
)
def test_names_of_every_script_are_taken_as_they_are(name: str) -> None:
    assert text.refusal(name) is None
    assert text.plain(name) == name


@pytest.mark.parametrize("code", [0xAD, 0x200B, 0x2060, 0x180E], ids="U+{:04X}".format)
def test_what_leaves_no_trace_makes_no_second_name_of_one_and_comes_with_pasted_notes(code: int) -> None:
    assert text.refusal(f"A{chr(code)}da")
    assert text.plain(f"A{chr(code)}da") == "Ada"
    assert text.refusal(f"A{chr(code)}da", lines=True) is None


@given(st.text(st.characters()))
def test_a_plain_text_is_never_refused_and_plain_once_is_plain_for_good(value: str) -> None:
    made = text.plain(value)
    assert text.refusal(made) is None
    assert text.refusal(made, lines=True) is None
    assert text.plain(made) == made
    # Nothing that turns the direction of the words around it is left.
    assert not [
        one
        for one in made
        if unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ]


@given(st.text(st.characters()))
def test_what_is_taken_as_a_name_is_taken_as_a_note(value: str) -> None:
    if text.refusal(value) is None:
        assert text.refusal(value, lines=True) is None
        assert text.plain(value) == value
        value.encode()
