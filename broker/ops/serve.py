"""``web`` and ``serve``: gunicorn in this process, and web and worker side by side under one parent."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from ..config import Config
from . import check, logs, setup
from .probe import answers
from .processes import Family, Stopped, own

WORKERS, THREADS = 2, 8
_READY_SECONDS = 60.0
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONG = re.compile(r"[A-Za-z0-9_~-]{24,}")


def web(config: Config) -> None:
    """Serve pages and API until a signal comes. Does not return: gunicorn ends the process."""
    logs.configure(config.log_level, readable=config.demo)
    _Server(config).run()  # type: ignore[no-untyped-call]


def serve(config: Config, say: Callable[[str], None], environ: Mapping[str, str]) -> int:
    """Run web and worker under this process and say, in five lines, how things stand. Returns the exit code.

    A store or catalog that does not answer yet is waited for a while, then said; web starts nevertheless, and its
    health tells the same.
    """
    logs.configure(config.log_level, readable=False)
    with Family(say) as family:
        try:
            prepared = setup.prepare(config, patience=30.0)
            for line in check.lines(config, prepared, invite=True):
                say(line)
            web = family.add(own("web", environ))
            family.add(own("worker", environ))
            say(check.ready_line(config, answers(config, _READY_SECONDS, lives=lambda: web.running)))
            return family.watch()
        except Stopped:
            return 0


def settle() -> None:
    """Take what is there once and for all out of the garbage collector's rounds.

    A page makes thousands of short-lived objects, which sets off a full round every few pages; walking the whole
    application each time takes longer than a page's queries.
    """
    gc.collect()
    gc.freeze()


def options(config: Config) -> dict[str, Any]:
    """gunicorn's settings.

    ``timeout`` is a heartbeat of threaded workers, not a limit on requests: ``arrivals`` bounds what clients take, the
    store's and the database's own timeouts the rest. No control socket: it would write under the home directory of a
    read-only container.
    """
    several = not config.demo
    return {
        # The demo is for this machine only, whatever the firewall lets through.
        "bind": [f"{'127.0.0.1' if config.demo else '0.0.0.0'}:{config.port}"],  # noqa: S104
        "worker_class": "broker.ops.arrivals.Worker",
        "workers": WORKERS if several else 1,
        "threads": THREADS,
        "timeout": 60,
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        "graceful_timeout": 25,
        "keepalive": 20,
        "max_requests": 20_000 if several else 0,
        "max_requests_jitter": 2_000 if several else 0,
        "control_socket_disable": True,
        "worker_tmp_dir": _memory_folder(),
        # PUBLIC_URL says how people reach us; no header of a proxy is believed.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "accesslog": "-",
        "logger_class": _Log,
        "loglevel": config.log_level.lower(),
        "proc_name": "broker",
    }


def logged_path(path: str) -> str:
    """A path as the access log may know it: without query, and without segments that could be one-time secrets."""
    return "/".join(
        _LONG.sub("...", part) if not _UUID.fullmatch(part) else part for part in path.split("?")[0].split("/")
    )


class _Server(BaseApplication):
    """gunicorn with our settings and our application."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        for name, value in options(self._config).items():
            self.cfg.set(name, value)  # type: ignore[union-attr]
        # Loaded once, before the fork: the workers start faster and share the memory. Connections come after it.
        importlib.import_module("broker.parts")

    def load(self) -> Any:
        from .. import create_app

        app = create_app(self._config)
        settle()
        return app


class _Log(Logger):
    """gunicorn's log lines through the root handler, like everything else."""

    def setup(self, cfg: Any) -> None:
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
            log.setLevel(logging.NOTSET)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        path = logged_path(req.path)
        level = logging.DEBUG if path == "/livez" else logging.INFO
        facts = {
            "method": req.method,
            "path": path,
            "status": resp.status_code,
            "ms": round(request_time.total_seconds() * 1000, 1),
            "bytes": getattr(resp, "sent", None),
        }
        self.access_log.log(level, "request", extra=facts)


def _memory_folder() -> str:
    shared = "/dev/shm"  # noqa: S108
    return shared if os.access(shared, os.W_OK) else tempfile.gettempdir()
