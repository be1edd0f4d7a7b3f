"""gunicorn's settings and the access log."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from gunicorn.config import Config as GunicornConfig

from broker.config import Config
from broker.ops import arrivals, serve

CONFIG = Config.from_env(
    {
        "AZURE_STORAGE_ACCOUNT_URL": "https://clinic.blob.core.windows.net",
        "PUBLIC_URL": "https://images.clinic.example",
        "PORT": "8123",
    }
)


def settled() -> GunicornConfig:
    """gunicorn's own settings object with ours in it."""
    settings = GunicornConfig()  # type: ignore[no-untyped-call]
    for name, value in serve.options(CONFIG).items():
        settings.set(name, value)  # type: ignore[no-untyped-call]
    return settings


def test_gunicorn_takes_every_option() -> None:
    settings = settled()
    assert settings.address == [("0.0.0.0", 8123)]  # noqa: S104
    assert settings.worker_class is arrivals.Worker
    assert (settings.workers, settings.threads) == (2, 8)
    assert settings.control_socket_disable is True
    assert settings.graceful_timeout < 30


def test_what_stays_for_good_is_left_out_of_the_garbage_collectors_rounds() -> None:
    before = gc.get_freeze_count()
    try:
        serve.settle()
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()


def test_no_proxy_header_is_believed() -> None:
    options = serve.options(CONFIG)
    assert (options["forwarded_allow_ips"], options["secure_scheme_headers"]) == ("", {})


def test_the_demo_listens_on_this_machine_only() -> None:
    options = serve.options(replace(CONFIG, demo=True))
    assert (options["bind"], options["workers"]) == (["127.0.0.1:8123"], 1)


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/gallery?patient=x&q=Abara", "/gallery"),
        ("/invite/zL1kq0pVYd2m3nWc4rTb5x6s7u8v9w0y", "/invite/..."),
        ("/scans/0193f5d2-7c1e-7a44-9d3b-1f2e3d4c5b6a", "/scans/0193f5d2-7c1e-7a44-9d3b-1f2e3d4c5b6a"),
        ("/static/gallery-LHIQJFNZ.js", "/static/gallery-LHIQJFNZ.js"),
        ("/", "/"),
    ],
)
def test_logged_paths_hold_no_query_and_no_secret(path: str, logged: str) -> None:
    assert serve.logged_path(path) == logged


def test_a_request_is_one_line_of_facts_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    log = serve._Log(settled())  # type: ignore[no-untyped-call]
    request = SimpleNamespace(method="GET", path="/gallery?sig=x", uri="/gallery?sig=x")
    with caplog.at_level(logging.DEBUG):
        log.access(SimpleNamespace(status_code=200, sent=12), request, {}, timedelta(milliseconds=3))
    record = caplog.records[-1]
    facts = {name: getattr(record, name) for name in ("method", "path", "status", "ms", "bytes")}
    assert facts == {"method": "GET", "path": "/gallery", "status": 200, "ms": 3.0, "bytes": 12}
    assert "sig=" not in str(vars(record))
