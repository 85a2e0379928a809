"""Reads: what pages and API show, as plain dataclasses, with a constant number of queries whatever the size."""

from leaderboard.queries.board import PAGE_SIZE, Board, read_findings
from leaderboard.queries.catalogue import BoardSummary, summarise_boards
from leaderboard.queries.changes import Changes, read_changes
from leaderboard.queries.charted import CHARTED, ChartRow, read_chart_rows
from leaderboard.queries.comparison import compare_classes, compare_pairs, find_apart, read_known
from leaderboard.queries.filters import BadQuery, BoardFilters, read_filters, read_number
from leaderboard.queries.heads import Head, benchmark_metrics
from leaderboard.queries.history import read_board
from leaderboard.queries.ledger import LedgerLine, read_ledger
from leaderboard.queries.pairs import compare_entries
from leaderboard.queries.progress import SubmissionProgress, read_progress, with_outcomes
from leaderboard.queries.rows import BoardRow, ScoreCell, WeightsLink, read_rows
from leaderboard.queries.samples import Sample, Strip, draw_sheet, show_samples
from leaderboard.queries.search import FoundPage, search

__all__ = [
    "CHARTED",
    "PAGE_SIZE",
    "BadQuery",
    "Board",
    "BoardFilters",
    "BoardRow",
    "BoardSummary",
    "Changes",
    "ChartRow",
    "FoundPage",
    "Head",
    "LedgerLine",
    "Sample",
    "ScoreCell",
    "Strip",
    "SubmissionProgress",
    "WeightsLink",
    "benchmark_metrics",
    "compare_classes",
    "compare_entries",
    "compare_pairs",
    "draw_sheet",
    "find_apart",
    "read_board",
    "read_changes",
    "read_chart_rows",
    "read_filters",
    "read_findings",
    "read_known",
    "read_ledger",
    "read_number",
    "read_progress",
    "read_rows",
    "search",
    "show_samples",
    "summarise_boards",
    "with_outcomes",
]
