"""Which settings a command runs with: the environment's, or those of the demo that runs from this folder.

The demo writes ``DATA/demo.json`` (owner only): ``{"pid", "started", "settings"}``, where ``settings`` is the
environment to read a ``Config`` from. So ``python -m broker tokens ...`` finds the demo without being told.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..config import Config, ConfigError

_STORE = ("AZURE_STORAGE_ACCOUNT_URL", "AZURE_STORAGE_CONNECTION_STRING")


def load_config(environ: Mapping[str, str]) -> Config:
    """Read the settings from ``environ``, or from the demo's state file where ``environ`` names no store at all.

    Raises:
        ConfigError: naming every fault.
    """
    if not names_a_store(environ):
        settings = demo_settings(demo_folder(environ))
        if settings is not None:
            return replace(Config.from_env(settings), demo=True)
    return Config.from_env(environ)


def names_a_store(environ: Mapping[str, str]) -> bool:
    """Say whether ``environ`` says, in any form, where the pictures are kept."""
    return any(environ.get(name + ending, "").strip() for name in _STORE for ending in ("", "_FILE"))


def demo_folder(environ: Mapping[str, str]) -> Path:
    """The demo's folder: ``DATA``, by default ``.data`` in the current one. Always absolute."""
    return Path(environ.get("DATA", "").strip() or ".data").resolve()


def demo_settings(folder: Path) -> dict[str, str] | None:
    """What the demo in ``folder`` runs with, or None if there never was one.

    Raises:
        ConfigError: the state file belongs to somebody else, or is not what the demo writes.
    """
    path = folder / "demo.json"
    try:
        with path.open(encoding="utf-8") as file:
            # Whoever may write this file chooses the store that patients' files go to.
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                raise ConfigError(
                    [f"{path}: it belongs to another user, so it is not used. Start the demo in a folder of your own."]
                )
            settings = dict(json.load(file)["settings"].items())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            [f"{path}: it cannot be read as the demo's state ({type(error).__name__}). Start `make run` again."]
        ) from error
    return {str(name): str(value) for name, value in settings.items()}
