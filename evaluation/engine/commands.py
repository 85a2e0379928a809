"""What the commands of the command line do. Each takes the parsed arguments and prints what it finds."""

import argparse
import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from evaluation import catalogue, recognition
from evaluation.contract import (
    EXIT_DONE,
    DatasetSpec,
    EvaluationReport,
    EvaluationSpec,
    InputFault,
    Progress,
    Protocol,
    WeightsSpec,
)
from evaluation.engine import evidence, ranks
from evaluation.engine.child import Child
from evaluation.engine.dataset import check_images, index_dataset
from evaluation.engine.merging import merge
from evaluation.engine.metrics import choose
from evaluation.engine.pipeline import Folders, find_protocol, run
from evaluation.engine.preprocessing import decode
from evaluation.engine.thumbnails import count_classes, write_thumbnails
from evaluation.engine.waiting import move_in, wait_for_run
from evaluation.engine.whole import put_whole
from evaluation.static_check import check


def read_protocol(options: argparse.Namespace) -> Protocol | None:
    """Return the declared protocol; single options change the published one. Raises: InputFault."""
    names = ("resize", "crop", "interpolation", "mean", "std", "crop_mode")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    given = {name: None if value == "none" else value for name, value in given.items()}
    if options.protocol is not None:
        if given:
            raise InputFault("Give either --protocol or single options such as --resize, not both.")
        return Protocol.from_dict(read_json(options.protocol))
    if not given:
        return None
    published = find_protocol(WeightsSpec(options.weights, options.architecture))
    return Protocol.from_dict(asdict(published) | given)


def read_json(path: Path) -> dict[str, object]:
    """Raises: InputFault where there is no JSON object."""
    text = read_text(path)
    try:
        data = json.loads(text)
    # Also of a million brackets.
    except (ValueError, RecursionError) as error:
        raise InputFault(f"{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(data, dict):
        raise InputFault(f"{path.name} holds no JSON object.")
    return data


def read_text(path: Path) -> str:
    """Raises: InputFault where there is no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFault(f"{path.name} cannot be read: {getattr(error, 'strerror', error)}.") from error


def check_writable(path: Path | None) -> None:
    """Refuse before the work what would fail after it. Raises: InputFault."""
    if path is None:
        return
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise InputFault(f"{path} cannot be written: give a file in a folder that exists and can be written to.")


def check_apart(*paths: Path | None) -> None:
    """Refuse to write over what is read, or what is written. Raises: InputFault."""
    # A terminal, a pipe or /dev/null takes all that is given to it.
    files = [path.resolve() for path in paths if path is not None and (path.is_file() or not path.exists())]
    if len(set(files)) < len(files):
        raise InputFault("Give the report, the evidence and the weights a file each.")


def evaluate(options: argparse.Namespace) -> None:
    spec = EvaluationSpec(
        weights=WeightsSpec(options.weights, options.architecture, None, options.background),
        dataset=DatasetSpec(options.dataset, None, options.labels),
        protocol=read_protocol(options),
        metrics=options.metrics,
        device=options.device,
        precision=options.precision,
        forward=options.forward,
        batch_size=options.batch_size,
    )
    # What is told to go to - goes where it goes without the option.
    output = None if options.output == Path("-") else options.output
    check_writable(output)
    check_writable(options.evidence)
    check_readable(Path(options.weights))
    check_apart(output, options.evidence, Path(options.weights))
    unwind_when_ended()
    with tempfile.TemporaryDirectory(prefix="veriboard-") as folder:
        report = run(spec, Folders(Path(folder) / "work", Path(folder) / "store"), show, options.evidence)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if output is None:
        print(report.to_json())
    else:
        output.write_text(report.to_json())
        summarise(report)


def unwind_when_ended() -> None:
    """Take a polite end as Ctrl-C is taken, so that the child ends too and no folder is left."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def show(progress: Progress) -> None:
    """Keep one line on a terminal up to date."""
    if sys.stderr.isatty():
        count = f" {progress.done:,} of {progress.total:,}" if progress.total else ""
        print(f"\r\x1b[K{progress.stage}{count} {progress.message}", end="", file=sys.stderr, flush=True)


def summarise(report: EvaluationReport) -> None:
    for key, score in report.metrics.items():
        count = f", {score.correct:,} of {score.total:,}" if score.total else ""
        print(f"{key} {score.value:.3f} (95 % interval {score.low:.3f} to {score.high:.3f}{count})")
    print(f"{report.timing['images_per_second']:g} images/s on {report.environment['device']}")


def read_spec(path: Path) -> EvaluationSpec:
    """Raises: InputFault."""
    return EvaluationSpec.from_json(read_text(path))


def run_spec(options: argparse.Namespace) -> None:
    check_writable(options.output)
    check_writable(options.evidence)
    spec = read_spec(options.spec)
    check_apart(options.output, options.evidence, Path(spec.weights.path))
    unwind_when_ended()
    with tempfile.TemporaryDirectory(prefix="veriboard-") as folder:
        folders = Folders(options.work or Path(folder) / "work", options.store or Path(folder) / "store")
        put_report(run(spec, folders, print_progress, options.evidence), options.output)


def wait(options: argparse.Namespace) -> None:
    """Run what is told later, in a box that has started by then."""

    def run_waiting(words: list[str], child: Child) -> None:
        told = options.parse(words)
        move_in(options.root, told.work)
        # A box holds on to its folders under their old names; without one, all names are as they are.
        folders = Folders(told.work, told.store, options.root if options.box else None)
        put_report(run(read_spec(told.spec), folders, print_progress, told.evidence, child), told.output)

    unwind_when_ended()
    wait_for_run(options.root, tuple(options.box), run_waiting)


def merge_parts(options: argparse.Namespace) -> None:
    check_writable(options.output)
    put_report(merge(read_spec(options.spec), options.parts, print_progress, options.evidence), options.output)


def print_progress(progress: Progress) -> None:
    print(progress.to_json(), flush=True)


def put_report(report: EvaluationReport, path: Path) -> None:
    """Put the report in place whole: who reads it finds all of it or none."""
    # A terminal, a pipe or /dev/null stays what it is.
    if path.exists() and not path.is_file():
        path.write_text(report.to_json())
        return
    with put_whole(path) as partial:
        partial.write_text(report.to_json())


def check_readable(weights: Path) -> None:
    """Raises: InputFault where a command's weights file is not there, or not for us to read."""
    # Of a name that is longer than a system takes, it says no as well.
    if not os.access(weights, os.F_OK):
        raise InputFault(f"The weights file {weights.name[:100]} does not exist.")
    if not os.access(weights, os.R_OK):
        raise InputFault(f"The weights file {weights.name} may not be read; change its permissions, or give a copy.")


def inspect(options: argparse.Namespace) -> None:
    check_readable(options.file)
    verdict = check(options.file)
    facts: dict[str, object] = {"format": verdict.format, "bytes": verdict.size_bytes, "tensors": verdict.tensors}
    facts["parameters"] = verdict.parameters
    if verdict.graph:
        facts["graph"] = asdict(verdict.graph)
    else:
        facts["architectures"] = recognition.recognise(verdict.shapes)
    if options.architecture:
        # torch takes seconds to import and only this needs it.
        from evaluation.engine.formats import load

        find_protocol(WeightsSpec(str(options.file), options.architecture))
        loaded = load(options.file, options.architecture)
        facts |= {"architecture": options.architecture, "parameters": loaded.parameters}
        if loaded.layouts:
            facts["layouts"] = loaded.layouts
    print(json.dumps(facts, indent=2))


def list_architectures(options: argparse.Namespace) -> None:
    if options.write_catalogue:
        from evaluation.engine.architectures.listing import write_catalogue
        from evaluation.engine.architectures.tensors import write_tensors

        write_catalogue(catalogue.FILE)
        return write_tensors(recognition.FILE)
    found = [name for name in catalogue.names() if matches(name, options.pattern.lower())]
    if not found:
        near = ", ".join(catalogue.nearest(options.pattern))
        raise InputFault(f"No architecture matches {options.pattern!r}; the nearest are {near}.")
    for name in found:
        known = catalogue.load()[name]
        side = known.protocol.crop or "as is"
        print(f"{name:60} {side!s:>6} {known.parameters / 1e6:10.2f} M")


def matches(name: str, pattern: str) -> bool:
    """Tell whether a part of the name is the pattern, or with wildcards all of it, with or without its family."""
    if not any(sign in pattern for sign in "*?["):
        return pattern in name.lower()
    return any(fnmatchcase(each, pattern) for each in (name.lower(), name.lower().partition("/")[2]))


def compare(options: argparse.Namespace) -> None:
    print(json.dumps(asdict(evidence.compare(options.first, options.second)), indent=2))


def rank(options: argparse.Namespace) -> None:
    print(ranks.answer(sys.stdin.read() if options.outcomes == "-" else read_text(Path(options.outcomes))))


def describe_dataset(options: argparse.Namespace) -> None:
    dataset = index_dataset(options.path, options.labels)
    if options.check:
        check_images(dataset, decode)
    labels = np.array([sample.label for sample in dataset.samples], np.int32)
    facts = {
        "samples": len(dataset.samples),
        "classes": len(dataset.class_names),
        "class_names": dataset.class_names,
        "digest": dataset.digest,
        "metrics": choose(labels, ()).DEFAULTS,
    }
    print(json.dumps(facts))


def make_thumbnails(options: argparse.Namespace) -> None:
    if not options.folder.is_dir():
        raise InputFault(f"{options.folder} is no folder; give one that exists.")
    dataset = index_dataset(options.path, options.labels)
    write_thumbnails(dataset, options.folder)
    facts = {"digest": dataset.digest, "samples": len(dataset.samples), "class_counts": count_classes(dataset)}
    print(json.dumps(facts))


def predict(options: argparse.Namespace) -> None:
    print_progress(Progress("loading"))
    # Read when torch is loaded: threads that wait for each other spin for milliseconds else, and on a machine that is
    # busy with other work hold up the very thread they wait for. Costs a few percent on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from evaluation.engine.predict import main as predict_main

    predict_main(options.family)
    sys.stdout.flush()
    # All that it leaves is on the disk; to take the libraries down in order takes as long as a short evaluation.
    os._exit(EXIT_DONE)
