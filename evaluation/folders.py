"""Where a worker keeps what it works on, a folder a submission, and what of it is removed when."""

import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings

from leaderboard.models import Part, Run
from leaderboard.states import RUN_TRANSITIONS

# In bytes; of less even what a worker says of its failure cannot be written.
LEAST_ROOM = 64 * 2**20
UNFINISHED = tuple(state for state, ends in RUN_TRANSITIONS.items() if ends)


def find_root() -> Path:
    root: Path = settings.WORK_DIR / "submissions"
    return root


def has_room() -> bool:
    """Tell whether there is room enough on the worker's disk to begin anything at all."""
    try:
        return shutil.disk_usage(settings.WORK_DIR).free >= LEAST_ROOM
    # What else is wrong with it, the work says.
    except OSError:
        return True


def find_folder(submission_id: UUID) -> Path:
    return find_root() / str(submission_id)


def clear_work(work: Run | Part) -> None:
    """Remove the work folder of what waits for nothing more: a finished part, a settled submission."""
    run = work.run if isinstance(work, Part) else work
    folder = find_folder(run.submission_id)
    if not Run.objects.filter(submission=run.submission_id, state__in=UNFINISHED).exists():
        shutil.rmtree(folder, ignore_errors=True)
    elif isinstance(work, Part) and Part.objects.filter(pk=work.pk, state="finished").exists():
        shutil.rmtree(folder / f"part-{work.number}", ignore_errors=True)


def sweep() -> int:
    """Remove what is left on this machine of runs that ended elsewhere, or whose worker died here; return how much."""
    left = {folder.name: folder for folder in find_root().glob("*-*-*-*-*") if is_submission(folder.name)}
    if not left:
        return 0
    needed = Run.objects.filter(submission__in=list(left), state__in=UNFINISHED).values_list("submission", flat=True)
    abandoned = left.keys() - {str(submission) for submission in needed}
    for name in abandoned:
        shutil.rmtree(left[name], ignore_errors=True)
    return len(abandoned)


def is_submission(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
