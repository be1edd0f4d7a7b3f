"""No crash point is forgotten: each effect has a test that dies before it, after it, and loses its answer."""

from __future__ import annotations

from broker.ingest.crashpoint import Effect
from tests.unit.ingest.test_promote import PROMOTION
from tests.unit.ingest.test_rebuild import INDEXING, RECORDED
from tests.unit.ingest.test_seal import SEALING
from tests.unit.ingest.test_sweep import SWEEPING
from tests.unit.ops.test_erase import ERASING

#: Ends of a claim that have tests of their own in ``test_promote``.
ENDS = (Effect.REJECTED, Effect.MISSING, Effect.RELEASE)


def test_every_effect_is_covered_by_one_list() -> None:
    lists = (PROMOTION, SWEEPING, INDEXING, RECORDED, SEALING, ERASING, ENDS)
    assert sorted(effect for some in lists for effect in some) == sorted(Effect)
