"""The clean process that decodes: it imports the decoders once, then forks one walled-in child for each file.

Its own part, the zygote, never looks at a byte of a file. It is started with no environment but settings of malloc, one
socket to the worker and nothing else, and goes when the worker goes. The forked child gets three descriptors: the file,
an empty file for the renditions' bytes, and a pipe for its report; then the walls close (``jail.py``).

Protocol, on the socket: a JSON line each way. First the zygote says how strong its walls are; then for each request
``{ending, memory, cpu_seconds, file_bytes, pixels, samples}`` (with the three descriptors) it answers
``{status, peak}`` when the child has ended: its wait status and peak memory in bytes.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ..names import Rendition
from . import formats, render
from .jail import Jail

REQUEST_BYTES = 4096
#: Exit code of a child that failed in a way that is no verdict on the file.
FAULT = 70


def main(descriptor: int) -> None:
    """Serve requests on the socket ``descriptor`` until the worker closes its end."""
    control = socket.socket(fileno=descriptor)
    formats.preload()
    jail = Jail()
    jail.settle()
    # What is loaded now is shared with every child for as long as nobody writes to it.
    gc.collect()
    gc.freeze()
    _say(control, asdict(jail.measure()))
    while True:
        line, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 3)
        if not line:
            return
        _say(control, _run(control, jail, json.loads(line), descriptors))


def _run(control: socket.socket, jail: Jail, order: Mapping[str, Any], descriptors: list[int]) -> dict[str, int]:
    # The child holds the writing end of this pipe until it dies, which tells its end without signal handling.
    life, death = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(control, jail, order, descriptors, life)
    for descriptor in (*descriptors, death):
        os.close(descriptor)
    ready, _, _ = select.select([control.fileno(), life], [], [])
    if control.fileno() in ready and life not in ready:
        # The worker sends nothing while it waits: it is gone.
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    os.close(life)
    return {"status": status, "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)}


def _child(control: socket.socket, jail: Jail, order: Mapping[str, Any], descriptors: list[int], life: int) -> None:
    """Examine one file and end the process; this never returns."""
    code = FAULT
    try:
        control.close()
        os.close(life)
        spool, pack, report = descriptors
        jail.enter(memory=order["memory"], cpu_seconds=order["cpu_seconds"], file_bytes=order["file_bytes"])
        try:
            answer = examine(spool, pack, order)
        except BaseException as fault:
            # No message: it could quote the file.
            answer = {"fault": type(fault).__name__}
        _write(report, json.dumps(answer).encode())
        code = 0
    finally:
        os._exit(code)


def examine(spool: int, pack: int, order: Mapping[str, Any]) -> dict[str, Any]:
    """Identify, check, decode and render the file behind ``spool``; the report, as ``verdict.py`` reads it."""
    source = formats.Source(spool, order["ending"])
    bounds = formats.Bounds(order["pixels"], order["samples"])
    answer: dict[str, Any] = {"format": None, "rejection": None, "detail": "", "no_preview": None, "scans": []}
    try:
        answer["format"] = formats.identify(source)
        writer = _Pack(pack)
        for scan in formats.scans(answer["format"], source, bounds):
            answer["scans"].append(_scan(scan, writer))
    except formats.Refused as refused:
        answer |= {"rejection": refused.rejection, "detail": refused.detail, "scans": []}
    except formats.NoPreview as reason:
        answer |= {"no_preview": str(reason), "scans": [asdict(reason.facts)] if reason.facts else []}
    return answer


def _scan(scan: formats.Scan, writer: _Pack) -> dict[str, Any]:
    writer.files = []
    try:
        rendered = render.render(scan, writer.keep)
    except formats.NoPreview as reason:
        raise formats.NoPreview(str(reason), scan.facts) from None
    return asdict(rendered) | asdict(scan.facts) | {"frames": scan.frames, "renditions": writer.files}


class _Pack:
    """The renditions' bytes, one behind the other in one file, and where each lies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._offset = 0
        self.files: list[dict[str, Any]] = []

    def keep(self, name: Rendition, media_type: str, size: tuple[int, int], data: Iterable[bytes]) -> None:
        """Append one rendition, given in pieces."""
        start = self._offset
        for piece in data:
            _write(self._descriptor, piece)
            self._offset += len(piece)
        place = {"offset": start, "bytes": self._offset - start, "width": size[0], "height": size[1]}
        self.files.append({"name": name, "media_type": media_type} | place)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _say(control: socket.socket, answer: Mapping[str, object]) -> None:
    control.sendall(json.dumps(answer).encode() + b"\n")
