"""Read a file of settings exactly as ``docker run --env-file`` does, so that one file serves both ways to start."""

from __future__ import annotations

from pathlib import Path

from ..config import ConfigError


def read(path: Path) -> dict[str, str]:
    """Give the file's ``NAME=value`` lines. Values are literal: quotes and trailing comments are part of them.

    Raises:
        ConfigError: the file cannot be read, or a line is neither a setting, nor a comment, nor empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}. Start from the example: cp .env.example .env"]) from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.lstrip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name or any(letter.isspace() for letter in name):
            raise ConfigError([f"{path}, line {number}: it must read NAME=value"])
        found[name] = value
    return found
