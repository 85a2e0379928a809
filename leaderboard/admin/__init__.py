"""The tables behind the pages, for admins. What the verification path writes is shown here and never written."""

from leaderboard.admin import catalogue, entries, people, work

__all__ = ["catalogue", "entries", "people", "work"]
