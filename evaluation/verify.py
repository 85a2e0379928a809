"""Check an attestation offline, down to its scores.

`python -m evaluation.verify ATTESTATION --key KEY.pem --evidence FILE` needs cryptography and nothing else: the
evidence is read as the archive of plain columns that it is.
"""

import argparse
import ast
import hashlib
import itertools
import json
import math
import operator
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

from evaluation.attestation import read_public_key, verify
from evaluation.contract import EXIT_DONE, EXIT_INPUT_FAULT, InputFault

MAGIC = b"\x93NUMPY"
# The types of whole numbers in which the engine writes its tables, in the words of `struct`.
KINDS = {"<u2": "H", "<u4": "I", "|i1": "b", "|u1": "B"}


def read_envelope(path: Path) -> Any:
    """Raises: InputFault."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InputFault(f"{path.name} holds no JSON; give an attestation.") from error


def read_columns(path: Path, name: str) -> list[list[int]]:
    """Return the columns of one of the archive's tables of whole numbers. Raises: InputFault where it has none."""
    try:
        with zipfile.ZipFile(path) as archive:
            table = archive.read(f"{name}.npy")
        head_length = struct.unpack_from("<H", table, len(MAGIC) + 2)[0]
        start = len(MAGIC) + 4 + head_length
        head = ast.literal_eval(table[len(MAGIC) + 4 : start].decode("latin-1"))
        rows, *wide = head["shape"]
        columns = wide[0] if wide else 1
        if not table.startswith(MAGIC) or len(wide) > 1:
            raise ValueError("another layout")
        values = struct.unpack_from(f"<{rows * columns}{KINDS[head['descr']]}", table, start)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, SyntaxError, struct.error, TypeError) as error:
        raise InputFault(f"{path.name} is no evidence file; the submission's page hands it out.") from error
    if head["fortran_order"] or columns == 1:
        return [list(values[rows * column : rows * (column + 1)]) for column in range(columns)]
    return [list(values[column::columns]) for column in range(columns)]


def check_evidence(predicate: dict[str, Any], evidence: Path) -> dict[str, float]:
    """Return each score that the evidence gives: how many are right, or the mean average precision in percent.

    Raises: InputFault where the evidence is not what was signed, or gives another score.
    """
    with evidence.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    signed = (predicate.get("evidence") or {}).get("sha256")
    if digest != signed:
        raise InputFault(
            f"The evidence's sha256 is {digest[:12]}…, the attestation names {str(signed)[:12]}…: it is another file."
        )
    metrics = predicate["report"]["metrics"]
    depths = {key: int(depth) for key in metrics if (depth := key.removeprefix("top")).isdigit()}
    return recount(metrics, depths, evidence) | recompute(metrics, evidence)


def recount(metrics: dict[str, Any], depths: dict[str, int], evidence: Path) -> dict[str, float]:
    """Return each top-k count. Raises: InputFault where it is not the signed one."""
    ranks = read_columns(evidence, "rank")[0] if depths else []
    counts = dict[str, float]()
    for key, depth in depths.items():
        score = metrics[key]
        counts[key] = sum(rank < depth for rank in ranks)
        if (counts[key], len(ranks)) != (score["correct"], score["total"]):
            raise InputFault(
                f"The evidence gives {counts[key]} of {len(ranks)} for {key}, "
                f"the attestation states {score['correct']} of {score['total']}."
            )
    return counts


def recompute(metrics: dict[str, Any], evidence: Path) -> dict[str, float]:
    """Return each mean average precision in percent. Raises: InputFault where it is not the signed one."""
    wanted = {key: definition for key, definition in AVERAGES.items() if key in metrics}
    if not wanted:
        return {}
    tables = (read_columns(evidence, name) for name in ("place", "label"))
    curves = [curve for columns in zip(*tables, strict=True) if (curve := trace(*columns))]
    found = dict[str, float]()
    for key, average in wanted.items():
        found[key] = 100 * sum(map(average, curves)) / len(curves) if curves else math.nan
        if not math.isclose(found[key], metrics[key]["value"], abs_tol=1e-9):
            raise InputFault(
                f"The evidence gives {found[key]:.6f} for {key}, the attestation states {metrics[key]['value']:.6f}."
            )
    return found


Curve = list[tuple[int, float]]


def trace(places: list[int], labels: list[int]) -> Curve:
    """Return the hits after each step of a class's ranking and the best precision from there on.

    Images of equal place are one step; those with difficult objects only (label 0) are left out.
    """
    hits, seen, steps = 0, 0, list[tuple[int, float]]()
    ranked = sorted((place, label) for place, label in zip(places, labels, strict=True) if label)
    for _, step in itertools.groupby(ranked, key=operator.itemgetter(0)):
        marks = [label for _, label in step]
        hits, seen = hits + marks.count(1), seen + len(marks)
        steps.append((hits, hits / seen))
    best = list(itertools.accumulate((precision for _, precision in reversed(steps)), max))[::-1]
    return [(reached, precision) for (reached, _), precision in zip(steps, best, strict=True)] if hits else []


def average_all_points(curve: Curve) -> float:
    """Return the area under a curve: PASCAL VOC from 2010 on."""
    gains = (after - before for (before, _), (after, _) in itertools.pairwise([(0, 0.0), *curve]))
    return sum(gain * precision for gain, (_, precision) in zip(gains, curve, strict=True)) / curve[-1][0]


def average_eleven_points(curve: Curve) -> float:
    """Return the mean of the best precisions at recall 0, 0.1 … 1: PASCAL VOC until 2009."""
    total = curve[-1][0]
    tenths = (next(precision for hits, precision in curve if 10 * hits >= tenth * total) for tenth in range(11))
    return sum(tenths) / 11


AVERAGES = {"map": average_all_points, "map11": average_eleven_points}


def describe(statement: dict[str, Any], counts: dict[str, float]) -> str:
    """Return what holds, as lines."""
    predicate, weights = statement["predicate"], statement["subject"][0]
    scores = ", ".join(f"{key} {score['value']:g}" for key, score in predicate["report"]["metrics"].items())
    lines = [
        f"Good signature: {predicate['model']} on {predicate['benchmark']}: {scores}",
        f"weights {weights['name']} sha256 {weights['digest']['sha256']}",
    ]
    if counts:
        recounted = ", ".join(f"{key} {count:.10g}" for key, count in counts.items())
        lines.append(f"The evidence is the signed one and gives the same scores: {recounted}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evaluation.verify", description="Check an attestation offline.")
    parser.add_argument("file", type=Path, metavar="ATTESTATION")
    parser.add_argument("--key", type=Path, required=True, help="the portal's public key, from /attestation-key.pem")
    parser.add_argument("--evidence", type=Path, help="recount the scores from it")
    options = parser.parse_args(arguments)
    try:
        statement = verify(read_envelope(options.file), read_public_key(options.key.read_bytes()))
        counts = check_evidence(statement["predicate"], options.evidence) if options.evidence else {}
    except InputFault as fault:
        print(fault, file=sys.stderr)
        return EXIT_INPUT_FAULT
    except OSError as error:
        print(f"{error.filename} cannot be read: {error.strerror}.", file=sys.stderr)
        return EXIT_INPUT_FAULT
    print(describe(statement, counts))
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
