"""The block protocol: plans, ids, digests, and which blocks count as arrived."""

from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from broker.blocks import (
    MIB,
    MOST_BLOCKS,
    SINGLE_LIMIT,
    BlockPlan,
    arrange,
    block_id,
    blocks_digest,
    fits,
    parse_block_id,
    plan_for,
    single_digest,
)

SHA = st.binary(min_size=32, max_size=32)


@given(st.integers(1, SINGLE_LIMIT))
def test_a_file_up_to_the_limit_is_sent_in_one_piece(total: int) -> None:
    assert plan_for(total) is None


@given(st.integers(SINGLE_LIMIT + 1, 3 << 40))
def test_a_plan_covers_the_file_exactly_within_the_services_limits(total: int) -> None:
    plan = plan_for(total)
    assert plan is not None
    assert plan.size % MIB == 0
    assert 8 * MIB <= plan.size <= 64 * MIB
    assert plan.count <= MOST_BLOCKS
    assert 0 < plan.length(plan.count - 1) <= plan.size
    assert (plan.count - 1) * plan.size + plan.length(plan.count - 1) == total


def test_the_block_size_grows_only_past_two_thousand_blocks() -> None:
    assert plan_for(SINGLE_LIMIT + 1) == BlockPlan(SINGLE_LIMIT + 1, 8 * MIB)
    assert plan_for(2000 * 8 * MIB) == BlockPlan(2000 * 8 * MIB, 8 * MIB)
    assert plan_for(2000 * 8 * MIB + 1) == BlockPlan(2000 * 8 * MIB + 1, 9 * MIB)
    assert plan_for(1 << 40) == BlockPlan(1 << 40, 64 * MIB)


@given(st.integers(0, MOST_BLOCKS), SHA)
def test_a_block_id_is_read_back_and_always_has_the_same_length(index: int, digest: bytes) -> None:
    name = block_id(index, digest)
    assert len(name) == 48
    assert parse_block_id(name) == (index, digest)


@given(st.text(max_size=60))
def test_a_foreign_block_id_is_none_of_ours(text: str) -> None:
    parsed = parse_block_id(text)
    assert parsed is None or block_id(*parsed) == text or len(base64.b64decode(text)) == 36


@given(st.lists(SHA, min_size=1, max_size=20))
def test_the_digest_of_blocks_is_the_sha_256_of_their_digests(digests: list[bytes]) -> None:
    plan = BlockPlan(len(digests) * 8 * MIB, 8 * MIB)
    digest = blocks_digest(plan, digests)
    assert digest == f"sha256-blocks-{8 * MIB}:{hashlib.sha256(b''.join(digests)).hexdigest()}"
    assert fits(digest, plan)
    assert not fits(digest, None)
    assert not fits(digest, BlockPlan(plan.total, 9 * MIB))


def test_a_digest_fits_only_in_its_exact_form() -> None:
    good = single_digest(hashlib.sha256(b"x").digest())
    assert fits(good, None)
    for bad in ("", good[:-1], good + "0", good.upper(), "md5:" + good[7:], good.replace("a", "g", 1) + "", "sha256:"):
        assert bad == good or not fits(bad, None)


@given(st.lists(SHA, min_size=2, max_size=12), st.randoms())
def test_all_blocks_in_any_order_are_arranged_by_index(digests: list[bytes], random: object) -> None:
    plan = BlockPlan(len(digests) * 10 - 3, 10)
    ids = [block_id(index, digest) for index, digest in enumerate(digests)]
    arrived = [(name, plan.length(index)) for index, name in enumerate(ids)]
    random.shuffle(arrived)  # type: ignore[attr-defined]
    assert arrange(plan, arrived, None) == ids
    assert arrange(plan, arrived, [digest.hex() for digest in digests]) == ids


def test_a_block_of_the_wrong_size_or_beyond_the_plan_has_not_arrived() -> None:
    plan = BlockPlan(25, 10)
    ids = [block_id(index, bytes([index]) * 32) for index in range(4)]
    arrived = [(ids[0], 10), (ids[1], 9), (ids[2], 10), (ids[3], 5), ("foreign", 10)]
    assert arrange(plan, arrived, None) == [ids[0], None, None]


def test_of_two_different_blocks_at_one_index_only_the_told_one_counts() -> None:
    plan = BlockPlan(20, 10)
    old, new, last = block_id(0, b"a" * 32), block_id(0, b"b" * 32), block_id(1, b"c" * 32)
    arrived = [(old, 10), (new, 10), (last, 10)]
    assert arrange(plan, arrived, None) == [None, last]
    assert arrange(plan, arrived, [(b"b" * 32).hex(), (b"c" * 32).hex()]) == [new, last]
    assert arrange(plan, arrived, [(b"x" * 32).hex(), (b"c" * 32).hex()]) == [None, last]
