"""Configuration: one frozen value, read from the environment once, with every fault reported at once.

The table ``SETTINGS`` is the single list of what can be set; ``.env.example`` and the README are tested against it.
Empty means unset. A secret may come as ``NAME_FILE``, the path of a file that holds it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: The storage service version that every client names: the newest one the emulator knows, and enough for our grants.
SERVICE_VERSION = "2026-06-06"

#: The worker puts an original into the vault by one Put Blob, the only way for an identity that may add names and
#: not write over them; the service takes 5,000 MiB that way (REST, Put Blob).
MOST_UPLOAD_BYTES = 5000 << 20
#: Azurite's well-known account. Its key is public, so it is taken for a loopback or private address only.
EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the settings table: its name, what it is, an example, and whether its value is a secret."""

    name: str
    meaning: str
    example: str
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "AZURE_STORAGE_ACCOUNT_URL",
        "The storage account's blob address; signs in with azure-identity. This or the connection string.",
        "https://myclinic.blob.core.windows.net",
    ),
    Setting(
        "AZURE_STORAGE_CONNECTION_STRING",
        "The account with its key: for a try-out or the emulator.",
        "DefaultEndpointsProtocol=https;AccountName=myclinic;AccountKey=...;EndpointSuffix=core.windows.net",
        secret=True,
    ),
    Setting(
        "PUBLIC_URL", "The address people open in the browser; http only on this very machine.", "http://localhost:8080"
    ),
    Setting(
        "BLOB_PUBLIC_URL",
        "The store's address as browsers reach it, if it is another one.",
        "https://images.myclinic.example",
    ),
    Setting(
        "DATABASE_URL",
        "PostgreSQL; without it SQLite under DATA_DIR.",
        "postgresql://user:password@host/ophthalmic",
        secret=True,
    ),
    Setting("DATA_DIR", "Where SQLite and the spool live; a real disk, no network share.", "/data"),
    Setting("WORK_DIR", "Where the worker spools files while it checks them.", "/data/work"),
    Setting("TIME_ZONE", "The clinic's time zone: it decides which day a visit is on.", "Europe/Berlin"),
    Setting("CLINIC_NAME", "Shown at the top of every page.", "Eye Clinic North"),
    Setting("MRN_ISSUER", "Who issues the record numbers, unless a patient says otherwise.", "clinic"),
    Setting(
        "OIDC_ISSUER",
        "The clinic's own sign-in (OpenID Connect), exactly as it names itself; with it the next two.",
        "https://login.microsoftonline.com/TENANT/v2.0",
    ),
    Setting("OIDC_CLIENT_ID", "This service's id there.", "6f1c2a7e-0c0f-4a53-9a3b-2f0d1f6f8a11"),
    Setting("OIDC_CLIENT_SECRET", "This service's secret there.", "a-long-random-text", secret=True),
    Setting(
        "OIDC_ROLES_CLAIM", "The claim that lists the roles: technician, physician, admin; dots go deeper.", "roles"
    ),
    Setting("MAX_UPLOAD_BYTES", "The largest file taken, in bytes; at most 5242880000.", "4294967296"),
    Setting("PENDING_KEEP_DAYS", "How long a file that was announced may take to arrive, 1 to 6 days.", "6"),
    Setting(
        "REJECTED_KEEP_DAYS",
        "How long a file that was not stored stays in the landing place after somebody has settled it, 0 to 90 days.",
        "7",
    ),
    Setting("IDLE_MINUTES", "Minutes without a key or pointer after which a session locks, 1 to 720.", "15"),
    Setting("REQUESTS_PER_MINUTE", "Requests that one account may send to one web process, 60 to 60000.", "3000"),
    Setting("RENDITION_CACHE", "hour: browsers may keep pictures for an hour; off: for shared computers.", "hour"),
    Setting("PORT", "The port the web process listens on.", "8080"),
    Setting("LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR.", "INFO"),
)


@dataclass(frozen=True, slots=True)
class Oidc:
    """The clinic's identity provider, and who we are there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    roles_claim: str = "roles"
    scope: str = "openid profile email"


class ConfigError(Exception):
    """The settings cannot be used. ``faults`` lists every one of them, a sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a process needs to know. ``account_key`` None means: sign in through azure-identity."""

    blob_url: str
    account: str
    account_key: str | None = field(repr=False)
    public_url: str
    blob_public_url: str
    database_url: str = field(repr=False)
    data_dir: Path
    work_dir: Path
    time_zone: ZoneInfo
    clinic_name: str = "Eye clinic"
    mrn_issuer: str = "clinic"
    max_upload_bytes: int = 4 << 30
    pending_keep: timedelta = timedelta(days=6)
    rejected_keep: timedelta = timedelta(days=7)
    idle: timedelta = timedelta(minutes=15)
    requests_per_minute: int = 3000
    rendition_cache: bool = True
    oidc: Oidc | None = None
    port: int = 8080
    log_level: str = "INFO"
    #: Only the demo sets this; no variable does.
    demo: bool = False

    @property
    def https(self) -> bool:
        """Whether people reach the pages over https; cookies and HSTS follow from it."""
        return self.public_url.startswith("https://")

    @property
    def blob_origin(self) -> str:
        """The store's origin as browsers see it, for the Content-Security-Policy."""
        parts = urlsplit(self.blob_public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Config:
        """Read the settings table from ``environ``.

        Raises:
            ConfigError: naming every fault, not only the first.
        """
        return _Reader(environ).config()


class _Reader:
    """Reads settings one by one and remembers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []

    def config(self) -> Config:
        blob_url, account, key = self._store()
        data_dir = Path(self._text("DATA_DIR", "/data"))
        public_url = self._url("PUBLIC_URL", required=True, loopback_http_only=True)
        blob_public_url = self._url("BLOB_PUBLIC_URL", required=False) or blob_url
        if blob_public_url.startswith("http://") and not is_loopback(urlsplit(blob_public_url).hostname or ""):
            # Links are keys: they travel over https, or not beyond this machine.
            what = "browsers reach the store by https, or on this very machine"
            self._fault("BLOB_PUBLIC_URL", what, _example("BLOB_PUBLIC_URL"))
        values = {
            "database_url": self._database(data_dir),
            "time_zone": self._zone(),
            "max_upload_bytes": self._number("MAX_UPLOAD_BYTES", 4 << 30, 1, MOST_UPLOAD_BYTES),
            "pending_keep": timedelta(days=self._number("PENDING_KEEP_DAYS", 6, 1, 6)),
            "rejected_keep": timedelta(days=self._number("REJECTED_KEEP_DAYS", 7, 0, 90)),
            "idle": timedelta(minutes=self._number("IDLE_MINUTES", 15, 1, 720)),
            "oidc": self._oidc(),
            "requests_per_minute": self._number("REQUESTS_PER_MINUTE", 3000, 60, 60_000),
            "rendition_cache": self._choice("RENDITION_CACHE", "hour", ("hour", "off")) == "hour",
            "port": self._number("PORT", 8080, 1, 65535),
            "log_level": self._choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        }
        clinic_name = self._text("CLINIC_NAME", "Eye clinic")
        mrn_issuer = self._text("MRN_ISSUER", "clinic")
        work_dir = Path(self._text("WORK_DIR", "") or data_dir / "work")
        if self.faults:
            raise ConfigError(self.faults)
        return Config(
            blob_url=blob_url,
            account=account,
            account_key=key,
            public_url=public_url,
            blob_public_url=blob_public_url,
            data_dir=data_dir,
            work_dir=work_dir,
            clinic_name=clinic_name,
            mrn_issuer=mrn_issuer,
            **values,  # type: ignore[arg-type]
        )

    def _store(self) -> tuple[str, str, str | None]:
        url = self._text("AZURE_STORAGE_ACCOUNT_URL", "").rstrip("/")
        text = self._text("AZURE_STORAGE_CONNECTION_STRING", "")
        if bool(url) == bool(text):
            which = "both are set" if url else "neither is set"
            self._fault(
                "AZURE_STORAGE_ACCOUNT_URL or AZURE_STORAGE_CONNECTION_STRING",
                f"exactly one of them says where the pictures are kept, and {which}",
                _example("AZURE_STORAGE_ACCOUNT_URL"),
            )
            return "", "", None
        if url:
            return url, self._account_of(url), None
        return self._connection_string(text)

    def _account_of(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query:
            self._fault(
                "AZURE_STORAGE_ACCOUNT_URL",
                "it must be an address without a query",
                _example("AZURE_STORAGE_ACCOUNT_URL"),
            )
            return ""
        if parts.scheme == "http" and not is_near(parts.hostname):
            self._fault(
                "AZURE_STORAGE_ACCOUNT_URL",
                "http is for an emulator nearby only",
                _example("AZURE_STORAGE_ACCOUNT_URL"),
            )
        # Azure puts the account into the host name; the emulator, whose host is an address, into the path.
        return parts.path.strip("/").split("/")[0] or parts.hostname.split(".")[0]

    def _connection_string(self, text: str) -> tuple[str, str, str | None]:
        name = "AZURE_STORAGE_CONNECTION_STRING"
        if text.lower().rstrip(";") == "usedevelopmentstorage=true":
            return "http://127.0.0.1:10000/devstoreaccount1", "devstoreaccount1", EMULATOR_KEY
        parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
        account, key = parts.get("AccountName", ""), parts.get("AccountKey", "")
        if not account or not key:
            self._fault(name, "it must name AccountName and AccountKey", _example(name))
            return "", "", None
        scheme = parts.get("DefaultEndpointsProtocol", "https")
        url = (
            parts.get("BlobEndpoint") or f"{scheme}://{account}.blob.{parts.get('EndpointSuffix', 'core.windows.net')}"
        )
        host = urlsplit(url).hostname or ""
        if not url.startswith("https://") and not is_near(host):
            self._fault(name, "http towards a store is for an emulator nearby only", _example(name))
        if key == EMULATOR_KEY and not is_near(host):
            self._fault(name, "this key is the emulator's, which everybody knows", _example(name))
        return url.rstrip("/"), account, key

    def _database(self, data_dir: Path) -> str:
        text = self._text("DATABASE_URL", "")
        if not text:
            return f"sqlite+pysqlite:///{data_dir / 'catalog.sqlite'}"
        for scheme in ("postgresql://", "postgres://"):
            if text.startswith(scheme):
                return "postgresql+psycopg://" + text.removeprefix(scheme)
        if text.startswith(("postgresql+psycopg://", "sqlite+pysqlite:///")):
            return text
        self._fault("DATABASE_URL", "only PostgreSQL is taken here", _example("DATABASE_URL"))
        return ""

    def _oidc(self) -> Oidc | None:
        names = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
        issuer, client, secret = (self._text(name, "") for name in names)
        claim = self._text("OIDC_ROLES_CLAIM", "roles")
        if not (issuer or client or secret):
            return None
        for name, value in zip(names, (issuer, client, secret), strict=True):
            if not value:
                self._fault(name, "it is not set, and the other settings of the sign-in are", _example(name))
        if issuer:
            self._issuer(issuer)
        return Oidc(issuer, client, secret, claim)

    def _issuer(self, text: str) -> None:
        parts = urlsplit(text)
        local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or local):
            self._fault("OIDC_ISSUER", "it must be an https address without a query", _example("OIDC_ISSUER"))
        elif "{" in text or set(parts.path.split("/")) & {"common", "organizations", "consumers"}:
            # Whoever has any account anywhere would be vouched for.
            self._fault("OIDC_ISSUER", "it must name one tenant, not all of them", _example("OIDC_ISSUER"))

    def _url(self, name: str, *, required: bool, loopback_http_only: bool = False) -> str:
        text = self._text(name, "").rstrip("/")
        if not text:
            if required:
                self._fault(name, "it is not set", _example(name))
            return ""
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            self._fault(name, "it must be an http or https address", _example(name))
        elif loopback_http_only and parts.path:
            self._fault(name, "it must be the bare address, without a path", _example(name))
        elif loopback_http_only and parts.scheme == "http" and not is_loopback(parts.hostname):
            self._fault(
                name,
                "http is for this very machine only; elsewhere browsers need https",
                "https://images.myclinic.example",
            )
        return text

    def _zone(self) -> ZoneInfo:
        text = self._text("TIME_ZONE", "UTC")
        try:
            return ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._fault("TIME_ZONE", "no such time zone is known", _example("TIME_ZONE"))
            return ZoneInfo("UTC")

    def _number(self, name: str, default: int, low: int, high: int) -> int:
        text = self._text(name, str(default))
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        self._fault(name, f"it must be a whole number from {low} to {high}", _example(name))
        return default

    def _choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self._text(name, default)
        if text not in choices:
            self._fault(name, f"it must be one of {', '.join(choices)}", _example(name))
        return text

    def _text(self, name: str, default: str) -> str:
        text = self.environ.get(name, "").strip()
        path = self.environ.get(f"{name}_FILE", "").strip() if _SECRET[name] else ""
        if path and text:
            self._fault(name, f"set it or {name}_FILE, not both", f"{name}_FILE=/run/secrets/{name.lower()}")
        elif path:
            try:
                text = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                self._fault(
                    f"{name}_FILE", f"the file cannot be read ({error.strerror})", f"/run/secrets/{name.lower()}"
                )
        if text[:1] in ("'", '"') or text[-1:] in ("'", '"'):
            # docker run --env-file keeps quotes as part of the value: say so instead of failing later.
            self._fault(
                name, "the value has quotes around it; --env-file keeps them literally, leave them out", _example(name)
            )
            text = text.strip("'\"")
        return text or default

    def _fault(self, name: str, what: str, example: str) -> None:
        self.faults.append(f"{name}: {what}. Example: {example}")


def is_loopback(host: str) -> bool:
    """Say whether ``host`` is this machine: localhost or a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_near(host: str) -> bool:
    """Say whether ``host`` is loopback, a private address, or a single-label name as container networks give."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return is_loopback(host) or "." not in host


_SECRET = {setting.name: setting.secret for setting in SETTINGS}


def _example(name: str) -> str:
    return next(setting.example for setting in SETTINGS if setting.name == name)
