"""Logging: one line an event, and no secret in it, whoever logs it and however."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from broker.ops import logs

SIGNATURE = "AbC%2B123%2Fxyz%3D"
URL = f"https://clinic.blob.core.windows.net/intake/ab/x?sv=2026-06-06&sp=c&sig={SIGNATURE}"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give the test run its own logging back."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    structlog.reset_defaults()


def written(*, readable: bool = False, level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, readable=readable, stream=stream)
    return stream


@pytest.mark.parametrize("readable", [False, True])
def test_a_signature_is_removed_from_every_part_of_an_event(readable: bool) -> None:
    stream = written(readable=readable)
    log = logging.getLogger("some.library")
    log.warning("GET %s", URL)
    log.warning("made", extra={"url": URL})
    structlog.get_logger("ours").warning(URL, url=URL, nested={"deep": [URL]})
    try:
        raise ValueError(URL)
    except ValueError as error:
        log.exception("failed")
        structlog.get_logger("ours").error("failed", exc_info=error)
    text = stream.getvalue()
    assert text.count("sig=[removed]") >= 7
    assert SIGNATURE not in text
    assert "ValueError" in text


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: SharedKey clinic:k3y/k3y+k3y=",
        "AccountName=clinic;AccountKey=k3y/k3y+k3y==;EndpointSuffix=x",
        "Authorization: Bearer k3y.k3y-k3y",
        "postgresql+psycopg://broker:k3y@db/ophthalmic",
        "GET /invite?token=k3yk3yk3y",
        "a%3Fsig%3Dk3yk3y",
        "SIG=k3y",
        r"x\u0026sig=k3y",
        "&amp;sig=k3y",
        f"ois_{'k3y' * 14}x",
    ],
)
def test_keys_tokens_and_passwords_are_removed(secret: str) -> None:
    assert "k3y" not in logs.redact(secret)
    assert "[removed]" in logs.redact(secret)


@pytest.mark.parametrize("text", ["design=3", "assigned", "sig", "a signature", "postgresql://db/ophthalmic"])
def test_words_that_only_look_like_secrets_stay(text: str) -> None:
    assert logs.redact(text) == text


def test_production_writes_one_json_object_a_line_with_time_level_and_facts() -> None:
    stream = written()
    logging.getLogger("broker.worker").info("stored", extra={"upload": "u1", "ms": 12})
    structlog.get_logger("broker").info("request", status=200)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("stored", "info", "broker.worker")
    assert (first["upload"], first["ms"]) == ("u1", 12)
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["status"]) == ("request", 200)


def test_what_is_bound_to_a_request_stands_on_its_lines() -> None:
    stream = written()
    with structlog.contextvars.bound_contextvars(request="r1"):
        logging.getLogger("x").info("one")
    assert json.loads(stream.getvalue())["request"] == "r1"


def test_lines_below_the_level_are_not_written_and_azure_does_not_narrate() -> None:
    stream = written(level="INFO")
    logging.getLogger("x").debug("no")
    structlog.get_logger("x").debug("no")
    logging.getLogger("azure.core.pipeline.policies").info("Request URL: no")
    assert stream.getvalue() == ""


def test_an_uncaught_exception_is_a_log_line_too_also_in_a_thread() -> None:
    stream = written()

    def fail() -> None:
        raise ValueError(URL)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    sys.excepthook(ValueError, ValueError(URL), None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["uncaught exception"] * 2
    assert "sig=[removed]" in lines[0]["exception"]
    assert SIGNATURE not in stream.getvalue()


def test_tracebacks_do_not_show_local_variables() -> None:
    for readable in (False, True):
        stream = written(readable=readable)
        name = "Abara, " + "Ngozi"
        try:
            raise ValueError(len(name))
        except ValueError:
            logging.getLogger("x").exception("failed")
        assert "Ngozi" not in stream.getvalue().replace('"Ngozi"', "")
