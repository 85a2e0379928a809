"""Check an attestation offline, down to its scores.

`python -m evaluation.verify ATTESTATION --key KEY.pem --evidence FILE` needs cryptography and nothing else: the
evidence is read as the archive of plain columns that it is.
"""

import argparse
import ast
import hashlib
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

from evaluation.attestation import read_public_key, verify
from evaluation.contract import EXIT_DONE, EXIT_INPUT_FAULT, InputFault

MAGIC = b"\x93NUMPY"


def read_envelope(path: Path) -> Any:
    """Raises: InputFault."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InputFault(f"{path.name} holds no JSON; give an attestation.") from error


def read_ranks(path: Path) -> list[int]:
    """Return the rank of the correct class for each sample, from 0. Raises: InputFault where this is no evidence."""
    try:
        with zipfile.ZipFile(path) as archive:
            column = archive.read("rank.npy")
        head_length = struct.unpack_from("<H", column, len(MAGIC) + 2)[0]
        start = len(MAGIC) + 4 + head_length
        head = ast.literal_eval(column[len(MAGIC) + 4 : start].decode("latin-1"))
        if not column.startswith(MAGIC) or head["descr"] != "<u2" or len(head["shape"]) != 1:
            raise ValueError("another layout")
        return list(struct.unpack_from(f"<{head['shape'][0]}H", column, start))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, SyntaxError, struct.error) as error:
        raise InputFault(f"{path.name} is no evidence file; the submission's page hands it out.") from error


def check_evidence(predicate: dict[str, Any], evidence: Path) -> dict[str, int]:
    """Return each top-k count that the evidence gives; other metrics are no counts.

    Raises: InputFault where the evidence is not what was signed.
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
    ranks = read_ranks(evidence) if depths else []
    counts = {}
    for key, depth in depths.items():
        score = metrics[key]
        counts[key] = sum(rank < depth for rank in ranks)
        if (counts[key], len(ranks)) != (score["correct"], score["total"]):
            raise InputFault(
                f"The evidence gives {counts[key]} of {len(ranks)} for {key}, "
                f"the attestation states {score['correct']} of {score['total']}."
            )
    return counts


def describe(statement: dict[str, Any], counts: dict[str, int]) -> str:
    """Return what holds, as lines."""
    predicate, weights = statement["predicate"], statement["subject"][0]
    scores = ", ".join(f"{key} {score['value']:g}" for key, score in predicate["report"]["metrics"].items())
    lines = [
        f"Good signature: {predicate['model']} on {predicate['benchmark']}: {scores}",
        f"weights {weights['name']} sha256 {weights['digest']['sha256']}",
    ]
    if counts:
        recounted = ", ".join(f"{key} {count}" for key, count in counts.items())
        lines.append(f"The evidence is the signed one and gives the same counts: {recounted}")
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
