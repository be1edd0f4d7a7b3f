"""A declaration that is repeated after the catalog was lost and rebuilt is answered as before, as far as it can be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from broker.catalog import Catalog
from broker.declaration import Declaration, Limits
from broker.errors import Invalid
from broker.ids import new_id
from broker.names import IntakeBlob
from broker.ops.rebuild import index
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer
from broker.uploads import Uploads
from broker.words import Expiry, State
from tests import catalogs, people
from tests.lanes import KEEP, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def uploads_over(catalog: Catalog, rig: Rig) -> Uploads:
    """The use case over a catalog."""
    signer = Signer(
        keys=FixedKey(AccountKey("clinic", b"0123456789abcdef0123456789abcdef")),
        base_url="https://clinic.blob.core.windows.net",
        rendition_cache=True,
        create_blocks=lambda signer: True,
    )
    limits = Limits(file_bytes=1 << 30, pending_keep=KEEP.pending)
    return Uploads(catalog=catalog, intake=rig.intake, signer=signer, limits=limits, new_id=new_id)


def declared(rig: Rig) -> Declaration:
    """Three files, of which the first arrives."""
    files = [people.file(str(n), size=7, digest=people.sha256(b"file  %d" % n)) for n in range(3)]
    return people.declaration(rig.patient.id, *files)


def test_what_was_stored_keeps_its_id_and_what_was_not_is_waited_for_anew(rig: Rig, tmp_path: Path) -> None:
    by, declaration = people.actor(), declared(rig)
    before = uploads_over(rig.catalog, rig).declare(by, declaration, rig.clock())
    rig.store.arrive(IntakeBlob(before[0].upload.id), b"file  0")
    rig.sweeper.sweep()
    rig.run()
    rebuilt = catalogs.fresh(tmp_path / "rebuilt")
    index(rebuilt, rig.vault, lambda line: None)
    use = uploads_over(rebuilt, rig)
    after = use.declare(by, declaration, rig.clock())
    assert [offer.upload.ref for offer in after] == ["0", "1", "2"]
    assert [offer.upload.state for offer in after] == [State.STORED, State.PENDING, State.PENDING]
    assert after[0].upload.id == before[0].upload.id
    assert [offer.grant is not None for offer in after] == [False, True, True]
    again = use.declare(by, declaration, rig.clock())
    assert [offer.upload.id for offer in again] == [offer.upload.id for offer in after]
    with pytest.raises(Invalid):
        use.declare(by, replace(declaration, note="other"), rig.clock())
    with pytest.raises(Invalid):
        use.declare(people.actor(), declaration, rig.clock())


def test_a_duplicate_is_known_again_after_a_rebuild_for_the_vault_has_its_twin_and_not_itself(
    rig: Rig, tmp_path: Path
) -> None:
    by = people.actor()
    stored = rig.send(b"file  0")
    rig.run()
    declaration = people.declaration(rig.patient.id, people.file("0", size=7, digest=people.sha256(b"file  0")))
    before = uploads_over(rig.catalog, rig).declare(by, declaration, rig.clock())[0]
    rebuilt = catalogs.fresh(tmp_path / "rebuilt")
    index(rebuilt, rig.vault, lambda line: None)
    after = uploads_over(rebuilt, rig).declare(by, declaration, rig.clock())[0]
    for offer in (before, after):
        assert (offer.upload.state, offer.upload.reason, offer.duplicate_of, offer.grant) == (
            State.EXPIRED,
            Expiry.DUPLICATE,
            stored.id,
            None,
        )
