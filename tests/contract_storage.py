"""The contract of the two containers: every store passes these tests, the fake and the real one.

A subclass gives two fixtures: ``store``, and ``browser``, which does what somebody with a grant can do.
"""

from __future__ import annotations

import base64
import gzip
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from broker.errors import FileTooLarge
from broker.ids import new_id
from broker.names import IntakeBlob, VaultBlob, manifest, original
from broker.storage.containers import (
    BlobChanged,
    BlobExists,
    BlobGone,
    BlobUnreadable,
    Block,
    BlockList,
    BlocksRefused,
    Intake,
    Listed,
    Vault,
)

MIB = 1 << 20


class Store(Protocol):
    """What the service gets from the assembly."""

    @property
    def intake(self) -> Intake: ...
    @property
    def vault(self) -> Vault: ...
    def ready(self) -> None: ...
    def server_time(self) -> datetime: ...


class Browser(Protocol):
    """What somebody with a grant can do to the intake."""

    def put(self, blob: IntakeBlob, data: bytes, *, encoding: str | None = None) -> str:
        """Put a whole file, over whatever is there, and give its ETag."""

    def stage(self, blob: IntakeBlob, block_id: str, data: bytes) -> None:
        """Put one block."""

    def append(self, blob: IntakeBlob) -> None:
        """Make an append blob."""

    def archive(self, blob: IntakeBlob) -> None:
        """Set the tier Archive."""

    def lease(self, blob: IntakeBlob) -> None:
        """Take a lease without end."""

    def snapshot(self, blob: IntakeBlob) -> None:
        """Make a snapshot."""


def upload() -> str:
    """An upload id of its own."""
    return new_id(datetime.now(UTC))


def block_id(index: int) -> str:
    """A block id as the browser makes it: 36 raw bytes, most of them no UTF-8."""
    return base64.b64encode(index.to_bytes(4, "big") + secrets.token_bytes(32)).decode()


class StorageContract:
    """Subclass it, give the fixtures, and every test here is collected."""

    @pytest.fixture
    def intake(self, store: Store) -> Intake:
        return store.intake

    @pytest.fixture
    def vault(self, store: Store) -> Vault:
        return store.vault

    @pytest.fixture
    def blob(self) -> IntakeBlob:
        return IntakeBlob(upload())

    # the account

    def test_a_store_that_is_set_up_is_ready(self, store: Store) -> None:
        store.ready()

    def test_server_time_is_utc_and_near_ours(self, store: Store) -> None:
        assert abs(store.server_time() - datetime.now(UTC)) < timedelta(seconds=30)

    # intake: head

    def test_head_of_nothing_is_none(self, intake: Intake, blob: IntakeBlob) -> None:
        assert intake.head(blob) is None

    def test_head_tells_size_etag_and_time(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        etag = browser.put(blob, b"12345")
        arrived = intake.head(blob)
        assert arrived is not None
        assert (arrived.size, arrived.etag, arrived.block_blob) == (5, etag, True)
        assert etag.startswith('"')
        assert abs(arrived.modified - datetime.now(UTC)) < timedelta(seconds=30)

    def test_head_does_not_see_staged_blocks(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        browser.stage(blob, block_id(0), b"abc")
        assert intake.head(blob) is None

    def test_head_tells_an_append_blob_from_a_block_blob(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        browser.append(blob)
        arrived = intake.head(blob)
        assert arrived is not None
        assert not arrived.block_blob
        assert intake.blocks(blob) == BlockList((), ())

    # intake: blocks

    def test_blocks_of_nothing_are_empty(self, intake: Intake, blob: IntakeBlob) -> None:
        assert intake.blocks(blob) == BlockList((), ())

    def test_block_ids_come_back_as_on_the_wire(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        # The first is no UTF-8, the second is: neither may be taken for text.
        ids = [block_id(0), base64.b64encode(b"0123456789abcdefghijklmnopqrstuvwxyz").decode()]
        for name, data in zip(ids, (b"abc", b"defgh"), strict=True):
            browser.stage(blob, name, data)
        found = intake.blocks(blob)
        assert set(found.uncommitted) == {Block(ids[0], 3), Block(ids[1], 5)}
        assert found.committed == ()

    def test_a_block_sent_again_replaces_the_first(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        name = block_id(0)
        browser.stage(blob, name, b"abc")
        browser.stage(blob, name, b"abcdef")
        assert intake.blocks(blob).uncommitted == (Block(name, 6),)

    # intake: commit

    def test_commit_joins_the_blocks_in_the_order_given(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        ids = [block_id(index) for index in range(3)]
        for name, data in zip(reversed(ids), (b"C", b"B", b"A"), strict=True):
            browser.stage(blob, name, data)
        etag = intake.commit(blob, ids)
        assert b"".join(intake.read(blob, etag)) == b"ABC"
        assert [block.id for block in intake.blocks(blob).committed] == ids
        arrived = intake.head(blob)
        assert arrived is not None
        assert arrived.etag == etag

    def test_commit_leaves_out_blocks_not_named(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        wanted, other = block_id(0), block_id(0)
        browser.stage(blob, wanted, b"wanted")
        browser.stage(blob, other, b"other")
        assert b"".join(intake.read(blob, intake.commit(blob, [wanted]))) == b"wanted"
        assert intake.blocks(blob).uncommitted == ()

    def test_a_second_commit_is_told_that_the_blob_exists(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        name = block_id(0)
        browser.stage(blob, name, b"abc")
        etag = intake.commit(blob, [name])
        with pytest.raises(BlobExists):
            intake.commit(blob, [name])
        assert b"".join(intake.read(blob, etag)) == b"abc"

    def test_commit_of_a_block_that_never_came_is_refused(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        browser.stage(blob, block_id(0), b"abc")
        with pytest.raises(BlocksRefused):
            intake.commit(blob, [block_id(1)])
        assert intake.head(blob) is None
        assert len(intake.blocks(blob).uncommitted) == 1

    def test_of_eight_commits_at_once_one_wins(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        name = block_id(0)
        browser.stage(blob, name, b"abc")
        outcomes = at_once(8, lambda _: intake.commit(blob, [name]))
        assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, BlobExists) for outcome in outcomes) == 7

    # intake: read

    def test_read_gives_the_bytes_in_pieces(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        data = secrets.token_bytes(9 * MIB + 1)
        pieces = list(intake.read(blob, browser.put(blob, data)))
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= 4 * MIB

    @pytest.mark.parametrize("size", [0, 1, 4 * MIB, 4 * MIB + 1])
    def test_read_is_exact_at_the_edges(self, intake: Intake, browser: Browser, blob: IntakeBlob, size: int) -> None:
        data = secrets.token_bytes(size)
        assert b"".join(intake.read(blob, browser.put(blob, data))) == data

    def test_read_takes_an_etag_without_quotes(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        etag = browser.put(blob, b"abc")
        assert b"".join(intake.read(blob, etag.strip('"'))) == b"abc"

    def test_read_of_nothing_raises_gone(self, intake: Intake, blob: IntakeBlob) -> None:
        with pytest.raises(BlobGone):
            list(intake.read(blob, '"0x1"'))

    @pytest.mark.parametrize("etag", ['"0x1"', "*", "", 'a"b', "a\r\nx: y"])
    def test_read_under_another_etag_raises_changed(
        self, intake: Intake, browser: Browser, blob: IntakeBlob, etag: str
    ) -> None:
        browser.put(blob, b"abc")
        with pytest.raises(BlobChanged):
            list(intake.read(blob, etag))

    def test_a_blob_changed_while_it_is_read_is_noticed(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        pieces = intake.read(blob, browser.put(blob, bytes(12 * MIB)))
        next(pieces)
        browser.put(blob, b"\1" * 12 * MIB)
        with pytest.raises(BlobChanged):
            list(pieces)

    def test_a_blob_deleted_while_it_is_read_is_noticed(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        pieces = intake.read(blob, browser.put(blob, bytes(12 * MIB)))
        next(pieces)
        assert intake.delete(blob, None)
        with pytest.raises(BlobGone):
            list(pieces)

    @pytest.mark.parametrize("size", [100, 9 * MIB])
    def test_a_content_encoding_is_not_obeyed(
        self, intake: Intake, browser: Browser, blob: IntakeBlob, size: int
    ) -> None:
        data = gzip.compress(secrets.token_bytes(size), compresslevel=1)
        assert b"".join(intake.read(blob, browser.put(blob, data, encoding="gzip"))) == data

    def test_a_false_content_encoding_is_not_obeyed(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        assert b"".join(intake.read(blob, browser.put(blob, b"no gzip at all", encoding="gzip"))) == b"no gzip at all"

    def test_an_archived_blob_is_unreadable(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        browser.put(blob, b"abc")
        browser.archive(blob)
        arrived = intake.head(blob)
        assert arrived is not None
        with pytest.raises(BlobUnreadable):
            list(intake.read(blob, arrived.etag))

    # intake: delete

    def test_delete_under_the_etag_removes_the_blob(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        assert intake.delete(blob, browser.put(blob, b"abc"))
        assert intake.head(blob) is None

    def test_delete_under_another_etag_keeps_the_blob(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        etag = browser.put(blob, b"old")
        browser.put(blob, b"new")
        with pytest.raises(BlobChanged):
            intake.delete(blob, etag)
        assert intake.head(blob) is not None

    def test_delete_of_nothing_is_false(self, intake: Intake, blob: IntakeBlob) -> None:
        assert not intake.delete(blob, None)
        assert not intake.delete(blob, '"0x1"')

    def test_a_second_delete_is_false(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        etag = browser.put(blob, b"abc")
        assert intake.delete(blob, etag)
        assert not intake.delete(blob, etag)

    def test_a_lease_does_not_keep_a_blob(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        etag = browser.put(blob, b"abc")
        browser.lease(blob)
        assert intake.delete(blob, etag)
        assert intake.head(blob) is None

    def test_a_leased_blob_with_another_etag_is_kept(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        browser.put(blob, b"abc")
        browser.lease(blob)
        with pytest.raises(BlobChanged):
            intake.delete(blob, '"0x1"')
        assert intake.head(blob) is not None

    def test_snapshots_do_not_keep_a_blob(self, intake: Intake, browser: Browser, blob: IntakeBlob) -> None:
        etag = browser.put(blob, b"abc")
        browser.snapshot(blob)
        assert intake.delete(blob, etag)
        assert intake.head(blob) is None

    def test_a_name_that_holds_only_staged_blocks_can_be_deleted(
        self, intake: Intake, browser: Browser, blob: IntakeBlob
    ) -> None:
        browser.stage(blob, block_id(0), b"abc")
        assert intake.delete(blob, None)
        assert intake.blocks(blob) == BlockList((), ())
        assert blob.name not in {listed.name for listed in intake.list(uncommitted=True)}

    # intake: list

    def test_list_shows_staged_names_only_when_asked(self, intake: Intake, browser: Browser) -> None:
        whole, empty, staged = IntakeBlob(upload()), IntakeBlob(upload()), IntakeBlob(upload())
        etag = browser.put(whole, b"abc")
        browser.put(empty, b"")
        browser.stage(staged, block_id(0), b"abc")
        found = named(intake.list(uncommitted=True))
        assert (found[whole.name].size, found[whole.name].etag, found[whole.name].committed) == (3, etag, True)
        assert (found[empty.name].size, found[empty.name].committed) == (0, True)
        assert (found[staged.name].size, found[staged.name].committed) == (0, False)
        assert all(
            abs(found[blob.name].modified - datetime.now(UTC)) < timedelta(minutes=1) for blob in (whole, staged)
        )
        assert set(named(intake.list(uncommitted=False))) >= {whole.name, empty.name}
        assert staged.name not in named(intake.list(uncommitted=False))

    # vault

    def test_put_creates_what_get_gives(self, vault: Vault) -> None:
        blob = manifest(upload())
        assert vault.put(blob, b"{}", "application/json")
        assert vault.get(blob, 10) == b"{}"
        arrived = vault.head(blob)
        assert arrived is not None
        assert (arrived.size, arrived.block_blob) == (2, True)

    def test_put_never_overwrites(self, vault: Vault) -> None:
        blob = manifest(upload())
        assert vault.put(blob, b"first", "application/json")
        assert not vault.put(blob, b"second", "application/json")
        assert vault.get(blob, 10) == b"first"

    def test_put_takes_a_file(self, vault: Vault, tmp_path: Path) -> None:
        blob, data = original(upload()), secrets.token_bytes(5 * MIB)
        (tmp_path / "spool").write_bytes(data)
        assert vault.put(blob, tmp_path / "spool", "application/octet-stream")
        assert b"".join(vault.read(blob)) == data

    def test_put_takes_an_empty_file(self, vault: Vault, tmp_path: Path) -> None:
        blob = original(upload())
        (tmp_path / "spool").touch()
        assert vault.put(blob, tmp_path / "spool", "application/octet-stream")
        assert vault.get(blob, 0) == b""

    def test_of_eight_puts_at_once_one_wins(self, vault: Vault) -> None:
        blob = manifest(upload())
        contents = [bytes([number]) * 50_000 for number in range(8)]
        outcomes = at_once(8, lambda number: vault.put(blob, contents[number], "application/json"))
        assert sorted(map(repr, outcomes)) == ["False"] * 7 + ["True"]
        assert vault.get(blob, 50_000) == contents[outcomes.index(True)]

    def test_get_over_the_limit_is_refused(self, vault: Vault) -> None:
        blob = manifest(upload())
        vault.put(blob, b"12345", "application/json")
        assert vault.get(blob, 5) == b"12345"
        with pytest.raises(FileTooLarge):
            vault.get(blob, 4)

    def test_what_is_not_in_the_vault_is_gone(self, vault: Vault) -> None:
        blob = manifest(upload())
        assert vault.head(blob) is None
        with pytest.raises(BlobGone):
            vault.get(blob, 10)
        with pytest.raises(BlobGone):
            list(vault.read(blob))

    def test_what_is_deleted_from_the_vault_is_gone_and_its_name_is_free(self, vault: Vault) -> None:
        blob, other = original(upload()), original(upload())
        for one in (blob, other):
            vault.put(one, b"12345", "application/octet-stream")
        assert vault.delete(blob)
        assert vault.head(blob) is None
        assert not vault.delete(blob), "said again it changes nothing"
        assert vault.head(other) is not None
        assert vault.put(blob, b"123", "application/octet-stream")

    def test_list_takes_a_prefix(self, vault: Vault) -> None:
        mine, other = upload(), upload()
        for blob in (original(mine), manifest(mine), manifest(other)):
            vault.put(blob, b"12", "application/json")
        found = named(vault.list(original(mine).name.removesuffix("original")))
        assert set(found) == {original(mine).name, manifest(mine).name}
        assert all(listed.committed and listed.size == 2 for listed in found.values())
        assert all(VaultBlob(name) for name in found)


def named(listing: Iterator[Listed]) -> dict[str, Listed]:
    """A listing by name."""
    return {listed.name: listed for listed in listing}


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Do ``act(0)`` to ``act(count - 1)`` in as many threads; give what each returned or raised."""

    def caught(number: int) -> Any:
        try:
            return act(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(caught, range(count)))
