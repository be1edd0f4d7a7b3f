"""What clinicians say about scans: reviews, addenda, corrections, withdrawals, answers, and acts that are taken back.

Appended, never changed, never lost. Each act makes one record for each scan it concerns. ``keeper`` keeps them, and
each other module holds the acts of one kind.
"""

from __future__ import annotations

from .additions import Additions
from .answers import Answers
from .corrections import Corrections
from .history import history, public, standing
from .retractions import Retractions
from .reviews import Reviews
from .ticks import Ticks
from .withdrawals import Withdrawals

__all__ = ["Records", "history", "public", "standing"]


class Records(Reviews, Additions, Corrections, Withdrawals, Answers, Retractions, Ticks):
    """All the acts. ``zone`` is the clinic's: it decides which day a corrected time is on."""

    __slots__ = ()
