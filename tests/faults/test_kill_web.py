"""The web process dies at any moment, again and again, while a client sends files: nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import random
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.storage.blob import ContainerClient

from tests.sending import Source, declaration, send
from tests.stack import Api, Stack

BATCHES, FILES = 8, 4
PICTURE = Path(__file__).parents[2] / "assets" / "samples" / "microaneurysms.png"


def test_kill_9_of_the_web_process_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    luck = random.Random(7)
    with Stack(tmp_path) as stack:
        api = stack.api()
        patient = insist(lambda: api.post("/patients", {"mrn": "1", "name": "Ada", "birth_date": "1957-03-21"}))["id"]
        done = threading.Event()
        killer = threading.Thread(target=kill_again_and_again, args=(stack, luck, done))
        killer.start()
        try:
            sent = [send_batch(api, patient, number) for number in range(BATCHES)]
        finally:
            done.set()
            killer.join()
        stack.wait_ready()

        ids = [upload for batch in sent for upload in batch]
        assert len(set(ids)) == BATCHES * FILES
        wait_until_checked(api, ids)
        scans = pages_of_scans(api)
        assert sorted(scan["upload"] for scan in scans) == sorted(ids)
        kept = {blob.name for blob in vault(stack) if blob.name.endswith("/original")}
        assert kept == {f"uploads/{upload[-2:]}/{upload}/original" for upload in ids}


def kill_again_and_again(stack: Stack, luck: random.Random, done: threading.Event) -> None:
    """Kill, start, and mostly let it come up before the next blow: on a slow machine nothing would ever be answered."""
    while not done.wait(luck.uniform(0.05, 0.8)):
        stack.web.kill()
        stack.web.start()
        if luck.random() < 0.75:
            stack.wait_ready()


def send_batch(api: Api, patient: str, number: int) -> list[str]:
    """Declare, send and complete one batch, repeating each call until it is answered, as the panel does."""
    # One byte in a text chunk makes every file another one; the picture stays the same.
    files = [(f"{number}-{place}.png", picture(number * FILES + place)) for place in range(FILES)]
    body = declaration(str(uuid4()), patient, *files)
    offers = insist(lambda: api.post("/uploads", body))["uploads"]
    for offer, (_, source) in zip(offers, files, strict=True):
        send(offer["grant"], source)
    items = [{"id": offer["id"]} for offer in offers]
    answered = insist(lambda: api.post("/uploads/complete", {"items": items}))["uploads"]
    assert [item["id"] for item in answered] == [offer["id"] for offer in offers]
    return [str(offer["id"]) for offer in offers]


def picture(number: int) -> Source:
    """The sample PNG with a text chunk of its own, so that no two files have one digest."""
    data = PICTURE.read_bytes()
    text = f"Comment\0{number}".encode()
    chunk = b"tEXt" + text
    # Chunk layout and CRC as in the PNG specification, section 5.3.
    made = len(text).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    end_of_header = 8 + 25
    whole = data[:end_of_header] + made + data[end_of_header:]
    return Source(len(whole), whole)


def insist(call: Callable[[], Any]) -> Any:
    """Repeat a call until it is answered: refused connections and 503 pass by themselves."""
    end = time.monotonic() + 60
    while True:
        try:
            return call()
        except (OSError, http.client.HTTPException, AssertionError) as error:
            if time.monotonic() > end:
                raise AssertionError("no answer within a minute") from error
            time.sleep(0.1)


def wait_until_checked(api: Api, ids: list[str]) -> None:
    end = time.monotonic() + 60
    while True:
        states = {item["state"] for item in insist(lambda: api.get("/uploads?ids=" + ",".join(ids)))["uploads"]}
        if states == {"stored"}:
            return
        assert states <= {"received", "verifying", "stored"}, states
        assert time.monotonic() < end, states
        time.sleep(0.2)


def pages_of_scans(api: Api) -> list[dict[str, Any]]:
    scans: list[dict[str, Any]] = []
    after = ""
    while True:
        page = api.get("/scans?limit=10" + (f"&after={after}" if after else ""))
        scans += page["scans"]
        after = page["next"]
        if not after:
            return scans


def vault(stack: Stack) -> list[Any]:
    text = stack.azurite.connection_string
    with ContainerClient.from_connection_string(text, "vault", api_version="2026-06-06") as container:
        return list(container.list_blobs())
