"""The trial block: a clear yes or no counts, and nothing else does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.errors import StorageUnavailable
from broker.names import parse_intake
from broker.sas import probe
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer


class Store(HTTPServer):
    """Answers every PUT with ``answer`` and remembers what was asked."""

    answer = (201, "")
    path = ""


class Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        assert isinstance(self.server, Store)
        self.server.path = self.path
        self.rfile.read(int(self.headers["Content-Length"]))
        status, code = self.server.answer
        self.send_response(status)
        self.send_header("x-ms-error-code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the request line is a signed address."""


@pytest.fixture
def store() -> Iterator[Store]:
    server = Store(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def signer() -> Signer:
    # The address browsers use is another one than the address this process uses.
    keys = FixedKey(AccountKey("clinic", b"secret"))
    return Signer(keys=keys, base_url="https://images.example/x", rendition_cache=True, create_blocks=lambda _: False)


def measure(store: Store) -> bool:
    return probe.create_blocks(f"http://127.0.0.1:{store.server_address[1]}/clinic/")(signer())


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        ((201, ""), True),
        ((403, "AuthorizationPermissionMismatch"), False),
        ((403, "AuthorizationProtocolMismatch"), False),
    ],
)
def test_a_clear_answer_is_taken(store: Store, answer: tuple[int, str], enough: bool) -> None:
    store.answer = answer
    assert measure(store) is enough


@pytest.mark.parametrize(
    "answer",
    [(403, "AuthenticationFailed"), (404, "ContainerNotFound"), (500, "InternalError"), (503, "ServerBusy"), (200, "")],
)
def test_any_other_answer_leaves_the_question_open_and_quotes_no_signature(
    store: Store, answer: tuple[int, str]
) -> None:
    store.answer = answer
    with pytest.raises(StorageUnavailable) as caught:
        measure(store)
    assert "sig" not in str(caught.value)


def test_a_store_that_does_not_answer_leaves_the_question_open() -> None:
    with pytest.raises(StorageUnavailable):
        probe.create_blocks("http://127.0.0.1:9/clinic")(signer())


def test_the_trial_is_one_block_under_a_create_grant_and_a_name_of_its_own(store: Store) -> None:
    names = []
    for _ in range(2):
        measure(store)
        parts = urlsplit(store.path)
        query = parse_qs(parts.query)
        assert (query["sp"], query["comp"], query["blockid"]) == (["c"], ["block"], ["AAAA"])
        assert parts.path.startswith("/clinic/intake/")
        names.append(parts.path.removeprefix("/clinic/intake/"))
    assert names[0] != names[1]
    assert all(parse_intake(name) for name in names)
