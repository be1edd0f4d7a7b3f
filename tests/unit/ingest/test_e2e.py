"""Heidelberg .E2E: chunks found without a directory, several series, and lengths that lie."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from broker.ingest.formats import e2e
from broker.ingest.formats.seam import Bounds, NoPreview, Refused, Scan
from broker.words import Eye, Kind, Rejection
from tests import heidelberg
from tests.heidelberg import b_scan, chunk, laterality, patient, slo_chunk
from tests.opened import BOUNDS, Opened

VALUES = heidelberg.reflectivity(count=4, height=20, width=32)
OTHER = (11, 22, 34)


def scans(*chunks: bytes, tail: bytes = b"", bounds: Bounds = BOUNDS) -> list[Scan]:
    return list(e2e.scans(Opened(heidelberg.e2e(*chunks) + tail), bounds))


def only(*chunks: bytes) -> Scan:
    (found,) = scans(*chunks)
    return found


def refusal(*chunks: bytes, cut: int = 0) -> Rejection:
    data = heidelberg.e2e(*chunks)
    with pytest.raises(Refused) as refused:
        list(e2e.scans(Opened(data[: len(data) - cut]), BOUNDS))
    return refused.value.rejection


def test_b_scans_are_put_in_the_order_of_their_numbers() -> None:
    found = only(*(b_scan(VALUES[index], index) for index in (2, 0, 3, 1)))
    assert found.stack is not None
    assert (found.stack.count, found.stack.size, found.stack.between_mm) == (4, (32, 20), None)
    for index in range(4):
        frame = np.asarray(found.stack.frame(index))
        assert int(frame.mean(axis=1).argmax()) == index * 2 + 3
        assert np.abs(frame - VALUES[index] ** 0.25 * 255).max() <= 1


def test_16_bit_floats_are_read_as_documented() -> None:
    # Exponent 63 is 2 to the 0: one; each less is half as much. The mantissa adds to it. 0 is black.
    raw = np.array([[0, 63 << 10, 62 << 10, (62 << 10) | 512, 59 << 10, 0xFFFF] * 3] * 16, "<u2")
    data = struct.pack("<5I", 20 + raw.nbytes, 0x02200201, raw.nbytes, 16, 18) + raw.tobytes()
    frame = np.asarray(only(chunk(0x40000000, data)).image)
    expected = [0, 255, 255 * 0.5**0.25, 255 * 0.75**0.25, 255 * 0.5, 255]
    assert np.abs(frame[0, :6].astype(float) - expected).max() <= 0.5


def test_several_series_are_several_scans_each_with_its_eye_and_localizer() -> None:
    slo = heidelberg.slo()
    right, left = scans(
        laterality(b"R"),
        b_scan(VALUES[0]),
        slo_chunk(slo),
        laterality(b"L", OTHER),
        b_scan(VALUES[1], 0, OTHER),
        b_scan(VALUES[2], 1, OTHER),
    )
    assert (right.facts.eye, right.frames, left.facts.eye, left.frames) == (Eye.OD, 1, Eye.OS, 2)
    assert right.stack is not None
    assert left.stack is not None
    assert right.stack.localizer is not None
    assert np.array_equal(np.asarray(right.stack.localizer), slo)
    assert left.stack.localizer is None
    assert right.facts.kind is left.facts.kind is Kind.OCT


def test_a_series_of_one_picture_only_is_a_picture_of_no_stated_kind() -> None:
    found = only(slo_chunk(heidelberg.slo()))
    assert (found.stack, found.frames, found.full, found.facts.kind) == (None, 1, True, None)


def test_contradicting_eyes_are_no_eye() -> None:
    assert only(laterality(b"R"), laterality(b"L"), b_scan(VALUES[0])).facts.eye is None
    assert only(laterality(b"?"), b_scan(VALUES[0])).facts.eye is None
    assert only(laterality(b"L", OTHER), b_scan(VALUES[0])).facts.eye is None
    assert only(laterality(b"L"), laterality(b"L"), b_scan(VALUES[0])).facts.eye is Eye.OS


def test_two_eyes_in_one_series_contradict_each_other_and_two_series_do_not() -> None:
    assert only(laterality(b"R"), laterality(b"L"), b_scan(VALUES[0])).facts.eye_contradicts
    assert not only(laterality(b"R"), laterality(b"R"), b_scan(VALUES[0])).facts.eye_contradicts
    two = scans(laterality(b"R"), b_scan(VALUES[0]), laterality(b"L", OTHER), b_scan(VALUES[1], 0, OTHER))
    assert not any(scan.facts.eye_contradicts for scan in two)
    with pytest.raises(NoPreview) as kept:
        scans(laterality(b"R"), laterality(b"L"))
    assert kept.value.facts is not None
    assert kept.value.facts.eye_contradicts
    with pytest.raises(NoPreview) as kept:
        scans(laterality(b"R"), laterality(b"L", OTHER))
    assert kept.value.facts is not None
    assert not kept.value.facts.eye_contradicts


def test_the_patient_is_named_and_database_keys_are_not() -> None:
    about = only(patient(b"Anna", b"M\xfcller", b"00123"), b_scan(VALUES[0])).facts
    assert about.patient_hint == {"id": "00123", "name": "Müller^Anna", "sex": "F"}
    assert only(b_scan(VALUES[0])).facts.patient_hint is None
    assert (about.captured_at, about.captured_source) == (None, None)


def test_two_different_patients_under_one_key_are_no_hint() -> None:
    hint = only(patient(b"A", b"B", b"1"), patient(b"C", b"D", b"2"), b_scan(VALUES[0])).facts.patient_hint
    assert hint is None


def test_a_stub_where_a_picture_was_is_passed_over() -> None:
    # It announces a large picture, but what follows is 2 x 3 pixels, then the next chunk.
    stub = slo_chunk(np.zeros((2, 3), np.uint8), size=589_844)
    found = only(stub, b_scan(VALUES[0]))
    assert found.stack is not None
    assert (found.stack.localizer, found.stack.count) == (None, 1)


def test_a_picture_larger_than_its_chunk_is_passed_over() -> None:
    with pytest.raises(NoPreview):
        scans(b_scan(VALUES[0], height=25))


def test_chunks_are_found_behind_foreign_bytes_and_across_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for window in (8, 9, 64, 100):
        monkeypatch.setattr(e2e, "_WINDOW", window)
        assert only(b"garbage", laterality(b"R"), b"MDb", b"MDbDa", b_scan(VALUES[0])).facts.eye is Eye.OD


@pytest.mark.parametrize("chunks", [(), (laterality(b"R"),), (patient(b"A", b"B", b"1"),), (chunk(7, b"x" * 90),)])
def test_a_file_without_a_picture_is_kept_with_the_reason(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(NoPreview, match="No picture"):
        scans(*chunks)


def test_a_file_without_a_picture_still_names_patient_and_eye() -> None:
    named = patient(b"Anna", b"Example", b"00123")
    with pytest.raises(NoPreview) as kept:
        scans(named, named, laterality(b"R"))
    assert kept.value.facts is not None
    assert kept.value.facts.eye is Eye.OD
    assert kept.value.facts.patient_hint == {"id": "00123", "name": "Example^Anna", "sex": "F"}
    with pytest.raises(NoPreview) as kept:
        scans(named, patient(b"Carl", b"Other", b"7"), laterality(b"R"), laterality(b"L", OTHER))
    assert kept.value.facts is not None
    assert (kept.value.facts.eye, kept.value.facts.patient_hint) == (None, None)


def test_a_picture_cut_short_is_refused() -> None:
    whole = b_scan(VALUES[0])
    for cut in (1, 100, len(whole) - 100):
        assert refusal(whole, cut=cut) is Rejection.TRUNCATED
    # Cut so early that no picture is left: nothing to see, nothing to refuse.
    assert refusal(b_scan(VALUES[0]), b_scan(VALUES[1], 1), cut=9) is Rejection.TRUNCATED


def test_sizes_beyond_measure_are_refused() -> None:
    for side in (60_000, 2**32 - 1):
        assert refusal(b_scan(VALUES[0], size=2**32 - 1, width=side, height=side)) is Rejection.PIXELS


def test_a_series_of_too_many_samples_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        scans(b_scan(VALUES[0]), b_scan(VALUES[1], 1), bounds=Bounds(pixels=640, samples=1279))
    assert refused.value.rejection is Rejection.PIXELS


def test_too_many_chunks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e2e, "MAX_CHUNKS", 20)
    assert refusal(*[chunk(7, b"")] * 20) is Rejection.UNPACKED


def test_too_many_series_are_kept_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e2e, "MAX_SERIES", 2)
    with pytest.raises(NoPreview, match="more than 2 series"):
        scans(*(b_scan(VALUES[0], 0, (1, 1, number)) for number in range(3)))


def test_the_first_of_two_slices_of_one_number_counts() -> None:
    found = only(b_scan(VALUES[0], 5), b_scan(VALUES[1], 5))
    assert found.frames == 1
    assert int(np.asarray(found.image).mean(axis=1).argmax()) == 3


def test_any_damage_ends_in_scans_a_reason_or_a_refusal() -> None:
    rng = np.random.default_rng(8)
    data = heidelberg.e2e(patient(b"A", b"B", b"1"), laterality(b"R"), slo_chunk(heidelberg.slo()), b_scan(VALUES[0]))
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(0, 500, 4):
            damaged[at] = rng.integers(256)
        try:
            list(e2e.scans(Opened(bytes(damaged)), BOUNDS))
        except (Refused, NoPreview):
            continue
