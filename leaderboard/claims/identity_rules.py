"""Claim lint: rows that are the same one, and addresses that are no weights. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlunsplit

from leaderboard.claims.table import (
    Action,
    Change,
    ClaimRow,
    ClaimTable,
    Finding,
    Severity,
    StatedWeights,
    gettext_noop,
)

SOURCE_SUFFIXES = frozenset((".py", ".ipynb", ".md", ".html", ".lua", ".prototxt", ".yaml", ".yml", ".json", ".pdf"))
CODE_HOSTS = frozenset(("github.com", "www.github.com", "gitlab.com", "bitbucket.org"))
CHECKPOINT_SUFFIXES = frozenset((".pt", ".pth", ".th", ".safetensors", ".onnx", ".h5", ".ckpt"))
FEWEST_SIBLINGS = 2
LARGEST_COINCIDENCE = 0.1
FEWEST_ROWS_TO_JUDGE = 20


def find_repeated_rows(table: ClaimTable) -> Iterator[Finding]:
    """Find rows with the same scores throughout."""
    groups: dict[tuple[tuple[str, float], ...], list[ClaimRow]] = defaultdict(list)
    for row in table.rows:
        if len(row.scores) > 1:
            groups[freeze_scores(row)].append(row)
    repeated = [rows for rows in groups.values() if len(rows) > 1]
    # Where many rows coincide, the digits are too few for it to mean anything.
    is_coarse = sum(map(len, repeated)) > LARGEST_COINCIDENCE * len(table.rows)
    for rows in repeated:
        if is_same_row(rows) or not is_coarse or len(table.rows) < FEWEST_ROWS_TO_JUDGE:
            yield describe_repetition(rows)


def freeze_scores(row: ClaimRow) -> tuple[tuple[str, float], ...]:
    return tuple(sorted((key, score.value) for key, score in row.scores.items()))


def is_same_row(rows: list[ClaimRow]) -> bool:
    return len({(row.name, row.setting, row.weights) for row in rows}) == 1


def describe_repetition(rows: list[ClaimRow]) -> Finding:
    is_same = is_same_row(rows)
    return Finding(
        rule="same_row_twice" if is_same else "same_scores",
        severity=Severity.ERROR if is_same else Severity.NOTE,
        rows=tuple(row.key for row in rows),
        sentence=gettext_noop("%(name)s stands here %(count)d times with the same weights and scores.")
        if is_same
        else gettext_noop("%(names)s state exactly the same scores; one may have been copied from the other."),
        parameters={"name": rows[0].name, "names": list_names(rows), "count": len(rows)},
        repair=tuple(Change(Action.DROP_ROW, row.key, before=row.name) for row in rows[1:]) if is_same else (),
    )


def list_names(rows: list[ClaimRow]) -> str:
    return ", ".join(dict.fromkeys(row.name for row in rows))


def find_shared_weights(table: ClaimTable) -> Iterator[Finding]:
    """Find one weights address under several rows of one setting that state different scores."""
    owners: dict[tuple[str, str], list[ClaimRow]] = defaultdict(list)
    for row in table.rows:
        for weights in row.weights:
            owners[weights.url, row.setting].append(row)
    for (url, _), rows in owners.items():
        if len({freeze_scores(row) for row in rows}) > 1:
            yield Finding(
                rule="same_weights",
                severity=Severity.WARNING,
                rows=tuple(row.key for row in rows),
                sentence=gettext_noop(
                    "%(names)s state different scores for one weights file, %(url)s; one file has one score."
                ),
                parameters={"names": list_names(rows), "url": url, "count": len(rows)},
            )


def find_code_as_weights(table: ClaimTable) -> Iterator[Finding]:
    """Find weights addresses that lead to source code or a project's page."""
    for row in table.rows:
        for weights in row.weights:
            if leads_to_code(weights) or weights.url in row.code_urls:
                yield Finding(
                    rule="code_as_weights",
                    severity=Severity.ERROR,
                    rows=(row.key,),
                    sentence=gettext_noop("The weights of %(name)s lead to source code, not to a file: %(url)s"),
                    parameters={"name": row.name, "url": weights.url},
                    repair=(Change(Action.DROP_WEIGHTS, row.key, before=weights.url),),
                )


def leads_to_code(weights: StatedWeights) -> bool:
    address = weights.address
    if address is None:
        return False
    path = PurePosixPath(address.path)
    is_project_page = address.netloc.lower() in CODE_HOSTS and len(path.parts) <= 3
    return is_project_page or path.suffix.lower() in SOURCE_SUFFIXES


def find_odd_suffixes(table: ClaimTable) -> Iterator[Finding]:
    """Find a file whose name ends otherwise than those beside it in the same folder, as `.pt` among `.pth`."""
    folders: dict[tuple[str, str], list[tuple[ClaimRow, StatedWeights]]] = defaultdict(list)
    for row in table.rows:
        for weights in row.weights:
            if (address := weights.address) and PurePosixPath(address.path).suffix in CHECKPOINT_SUFFIXES:
                folders[address.netloc, str(PurePosixPath(address.path).parent)].append((row, weights))
    for files in folders.values():
        yield from compare_siblings(files)


def compare_siblings(files: list[tuple[ClaimRow, StatedWeights]]) -> Iterator[Finding]:
    suffixes = Counter(read_suffix(weights) for _, weights in files)
    usual, count = suffixes.most_common(1)[0]
    for row, weights in files:
        suffix = read_suffix(weights)
        if suffix == usual or count < FEWEST_SIBLINGS or suffixes[suffix] * 3 > count:
            continue
        meant = replace_suffix(weights, usual)
        yield Finding(
            rule="odd_suffix",
            severity=Severity.WARNING,
            rows=(row.key,),
            sentence=gettext_noop(
                "The weights address of %(name)s ends in %(suffix)s while the %(count)d beside it end in %(usual)s; "
                "%(meant)s is probably meant."
            ),
            parameters={"name": row.name, "suffix": suffix, "usual": usual, "count": count, "meant": meant},
            repair=(Change(Action.REPLACE_WEIGHTS, row.key, before=weights.url, after=meant),),
        )


def read_suffix(weights: StatedWeights) -> str:
    address = weights.address
    return PurePosixPath(address.path).suffix if address else ""


def replace_suffix(weights: StatedWeights, suffix: str) -> str:
    address = weights.address
    assert address is not None
    return urlunsplit(address._replace(path=str(PurePosixPath(address.path).with_suffix(suffix))))
