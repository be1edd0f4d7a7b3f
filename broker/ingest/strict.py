"""Frozen dataclasses to JSON and back, strictly: every key known, every type exact, nothing converted by guess.

Known are str, int, float, bool, None, datetime (ISO 8601, aware), string enums, tuples, string-keyed dicts, and
dataclasses of these. What is read comes from the vault, which only the worker writes; a disk or a person may still
have changed it, so a document either fits or is refused whole.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


class Misfit(Exception):
    """The document does not fit; the text says where and why, and repeats none of its values."""


def dump(value: Any) -> bytes:
    """Write a dataclass as JSON, UTF-8, one line."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def load(kind: type[T], data: bytes) -> T:
    """Read a ``kind`` back.

    Raises:
        Misfit: it is no JSON, has an unknown, missing or repeated key, or a value of another type.
    """
    try:
        document = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"not JSON ({type(error).__name__})") from None
    made: T = _read(kind, document, "")
    return made


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value


def _read(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
        origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_read(inner, item, f"{where}[{index}]") for index, item in enumerate(_exact(list, value, where)))
    if origin is dict:
        key, inner = typing.get_args(kind)
        pairs = _exact(dict, value, where).items()
        return {_read(key, name, where): _read(inner, item, f"{where}.{name}") for name, item in pairs}
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, _exact(dict, value, where), where)
    if kind is datetime or issubclass(kind, StrEnum):
        return _read_text(kind, _exact(str, value, where), where)
    if kind is float and type(value) is int:
        return float(value)
    return _exact(kind, value, where)


def _read_dataclass(kind: Any, value: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    if value.keys() != hints.keys():
        raise Misfit(f"{where or 'document'}: keys differ: {sorted(value.keys() ^ hints.keys())[:3]}")
    return kind(**{name: _read(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})


def _read_text(kind: Any, value: str, where: str) -> Any:
    try:
        made = datetime.fromisoformat(value) if kind is datetime else kind(value)
    except ValueError:
        raise Misfit(f"{where}: not a {kind.__name__}") from None
    if isinstance(made, datetime):
        if made.tzinfo is None:
            raise Misfit(f"{where}: a time without an offset")
        return made.astimezone(UTC)
    return made


def _exact(kind: type[T], value: Any, where: str) -> T:
    if type(value) is not kind:
        raise Misfit(f"{where or 'document'}: not a {kind.__name__}")
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
