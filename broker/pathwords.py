"""Whom a path or file name names: record numbers and names of people, as folders and cameras write them.

``00123_Meyer-Anna_OD.jpg`` names the record number 00123 and the person Meyer, Anna. Only whole words count, and a
record number only from ``SHORTEST`` characters on: shorter ones stand in every file name by chance. The browser has
the same rules in ``web/src/lib/path-words.ts``, and both are tested by the same cases.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

#: Different words that are looked up at once; whoever asks for more splits the question.
MOST_WORDS = 50
#: Characters of a record number that a path can be said to hold.
SHORTEST = 4
#: Words of a name that is looked up.
_LONGEST_NAME = 4

_GAPS = re.compile(r"[\s_,;:()\[\]{}+=&@#~'\"/\\]+")
_ENDING = re.compile(r"\.[a-z0-9]{1,8}$", re.IGNORECASE)


def words(text: str) -> list[str]:
    """The words of a path in their order, case-folded: letters and digits only, split everywhere else."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return "".join(letter if letter.isalnum() else " " for letter in folded).split()


def numbers(text: str) -> set[str]:
    """What in a path may be a record number, case-folded: words, also with the dots and hyphens within them."""
    found = set(words(text))
    for part in _GAPS.split(unicodedata.normalize("NFC", text).casefold()):
        found |= {part, _ENDING.sub("", part)}
    return {one for one in found if len(one) >= SHORTEST}


def names_number(path: str, mrn: str) -> bool:
    """Say whether the path holds this record number."""
    return mrn.casefold() in numbers(path)


def names_person(path: str, name: str) -> bool:
    """Say whether the words of this name, two at least, stand side by side in the path, in any order."""
    wanted, found = sorted(words(name)), words(path)
    return len(wanted) > 1 and any(
        sorted(found[at : at + len(wanted)]) == wanted for at in range(len(found) - len(wanted) + 1)
    )


def distinct(paths: Iterable[str]) -> set[str]:
    """All different words of several paths."""
    return {word for path in paths for word in words(path)}


def name_keys(path: str) -> Iterator[str]:
    """Case-folded names as the catalog keeps them, for every run of words that may be one."""
    found = words(path)
    for length in range(2, _LONGEST_NAME + 1):
        for at in range(len(found) - length + 1):
            run = found[at : at + length]
            if not any(word.isdecimal() for word in run):
                yield from _written(run)


def _written(run: list[str]) -> Iterator[str]:
    """The ways to write a name of these words: the family comes first or last, perhaps with a hyphen or apostrophe."""
    for cut in range(1, len(run)):
        for family in {joint.join(run[:cut]) for joint in " -'"}:
            for given in {joint.join(run[cut:]) for joint in " -"}:
                yield from (f"{family}, {given}", f"{given}, {family}", f"{family} {given}", f"{given} {family}")
