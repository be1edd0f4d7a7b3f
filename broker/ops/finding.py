"""What the doctor finds: one plain line each, with what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """``title`` says what was looked at; not ``good`` means that somebody has something to do: ``remedy``."""

    good: bool
    title: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" To do: {self.remedy}." if self.remedy else ""
        return f"{self.title:<10} {'' if self.good else 'PROBLEM: '}{self.text}.{remedy}"


def good(title: str, text: str) -> Finding:
    """All is well."""
    return Finding(True, title, text)


def bad(title: str, text: str, remedy: str) -> Finding:
    """Something is not."""
    return Finding(False, title, text, remedy)
