"""Keep a picture of each board for links that are shared: drawn after a change, in the background, by the engine."""

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import translation

from evaluation.cards import can_draw, draw_card
from leaderboard.figures import write_score
from leaderboard.models import BoardFacts
from leaderboard.queries import BoardFilters, BoardRow, read_board
from leaderboard.queries.board import Board
from leaderboard.queries.heads import read_head
from leaderboard.services.storage import drop

ROWS = 5
# So many a turn: another turn follows soon, and workers have better things to do.
BOARDS_A_TURN = 3
FONT = settings.BASE_DIR / "static" / "fonts" / "inter-latin-wght-normal.woff2"


def draw_due() -> int:
    """Draw the boards that have changed since they were drawn, a few of them, and return how many these were."""
    if not can_draw():
        return 0
    due = BoardFacts.objects.filter(is_stale=False, entries__gt=0).exclude(card_version=F("version"))
    chosen = list(due.defer("findings").select_related("benchmark").order_by("version")[:BOARDS_A_TURN])
    return sum(draw(facts) for facts in chosen)


def draw(facts: BoardFacts) -> bool:
    """Store the board's card under its version, in place of the one before."""
    head = read_head(facts.benchmark.slug)
    if head is None:
        return False
    with translation.override("en"):
        board = read_board(head, BoardFilters(), page_size=ROWS)
        picture = draw_card(describe(board, facts))
    if picture is None:
        return False
    before = facts.card
    name = default_storage.save(f"cards/{facts.benchmark.slug}-{facts.version}.png", ContentFile(picture))
    # Whoever changes the board meanwhile gives it another version, and it is drawn once more.
    BoardFacts.objects.filter(pk=facts.pk).update(card=name, card_version=facts.version)
    drop([before] if before else [])
    return True


def describe(board: Board, facts: BoardFacts) -> dict[str, object]:
    """Return what the card says."""
    split = board.head.benchmark.split
    counts = f"{facts.verified:,} verified · {facts.mismatch:,} below their claim · {facts.entries:,} entries"
    return {
        "title": f"{split.dataset.name} {split.name}",
        "note": f"{board.head.benchmark.protocol.name} · {board.metric.label}",
        "counts": counts,
        "rows": [describe_row(row, board) for row in board.rows],
        "font": str(FONT),
    }


def describe_row(row: BoardRow, board: Board) -> dict[str, object]:
    cell = row.scores[board.metric.key]
    return {
        "rank": row.rank,
        "name": row.model_name,
        "score": "–" if cell.shown is None else write_score(cell.shown, min(board.metric.decimals, 2)),
        "verified": cell.verified,
        "low": cell.low,
        "high": cell.high,
        "claimed": cell.claimed,
        "is_below": row.status == "mismatch",
    }
