"""The command line. Exit status: 0 done; 2 the arguments or the input are at fault, in one line; 1 we are."""

import argparse
import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import numpy as np

from evaluation import catalogue, recognition
from evaluation.contract import (
    BACKGROUNDS,
    CROP_MODES,
    EXIT_DONE,
    EXIT_INPUT_FAULT,
    EXIT_OUR_FAULT,
    FORWARDS,
    INTERPOLATIONS,
    PRECISIONS,
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
from evaluation.engine.job import EngineTrouble
from evaluation.engine.merging import merge
from evaluation.engine.metrics import choose
from evaluation.engine.pipeline import Folders, find_protocol, run
from evaluation.engine.preprocessing import decode
from evaluation.engine.thumbnails import count_classes, write_thumbnails
from evaluation.engine.waiting import move_in, wait_for_run
from evaluation.static_check import check

LABELS = "CSV of `image,label`, several labels as rows or as a|b; of a PASCAL VOC folder also a split, such as test"


class Parser(argparse.ArgumentParser):
    """Say what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        raise InputFault(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    try:
        options = build_parser().parse_args(arguments)
        options.command(options)
    except InputFault as fault:
        return say(str(fault), EXIT_INPUT_FAULT)
    except EngineTrouble as trouble:
        return say(str(trouble), EXIT_OUR_FAULT)
    except KeyboardInterrupt:
        return say("Stopped.", EXIT_OUR_FAULT)
    except BrokenPipeError:
        return EXIT_OUR_FAULT
    # The last resort: whatever went wrong is told in a line, never as a traceback.
    except Exception as error:
        return say(f"The engine failed, which is our fault: {type(error).__name__}: {error}", EXIT_OUR_FAULT)
    return EXIT_DONE


def say(message: str, status: int) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return status


def build_parser() -> Parser:
    parser = Parser(prog="python -m evaluation.engine", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, parser_class=Parser)
    add_evaluate(commands.add_parser("evaluate", help="evaluate weights on a folder of images"))
    add_run(commands.add_parser("run", help="run a spec, exactly as a worker does"))
    add_merge(commands.add_parser("merge", help="make one report of what runs of a spec's parts left as evidence"))
    command = commands.add_parser("inspect", help="say what is in a weights file, or why it is refused")
    command.add_argument("file", metavar="FILE", type=Path)
    command.add_argument("--architecture", help="also tell whether it fits this architecture")
    command.set_defaults(command=inspect)
    command = commands.add_parser("architectures", help="list architectures with parameters and input size")
    command.add_argument("pattern", metavar="PATTERN", nargs="?", default="")
    command.add_argument("--write-catalogue", action="store_true", help=argparse.SUPPRESS)
    command.set_defaults(command=list_architectures)
    command = commands.add_parser("compare", help="paired test of two evidence files")
    command.add_argument("first", metavar="EVIDENCE_A", type=Path)
    command.add_argument("second", metavar="EVIDENCE_B", type=Path)
    command.set_defaults(command=compare)
    command = commands.add_parser("ranks", help="rank intervals of many models from paired tests of all pairs")
    command.add_argument(
        "outcomes", metavar="OUTCOMES.json", help='{"outcomes": […]} as reports have them, or - to read'
    )
    command.set_defaults(command=rank)
    command = commands.add_parser("dataset", help="say what is in a dataset folder")
    command.add_argument("path", metavar="DIR", type=Path)
    command.add_argument("--labels", metavar="FILE|SPLIT", help=LABELS)
    command.add_argument("--check", action="store_true", help="decode every image")
    command.set_defaults(command=describe_dataset)
    command = commands.add_parser("thumbnails", help="write a small image of each sample")
    command.add_argument("path", metavar="DIR", type=Path)
    command.add_argument("folder", metavar="OUTPUT", type=Path)
    command.add_argument("--labels", metavar="FILE|SPLIT", help=LABELS)
    command.set_defaults(command=make_thumbnails)
    command = commands.add_parser("predict", help=argparse.SUPPRESS)
    command.add_argument("--family", default="")
    command.set_defaults(command=predict)
    command = commands.add_parser("spare", help=argparse.SUPPRESS)
    command.add_argument("--root", type=Path, required=True)
    command.add_argument("box", nargs="*")
    command.set_defaults(command=wait)
    return parser


def add_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dataset", required=True, metavar="DIR", help="image folder (class/…/image) or a tar of one")
    command.add_argument("--labels", metavar="FILE|SPLIT", help=LABELS)
    command.add_argument(
        "--weights", required=True, metavar="FILE", help=".safetensors, .pth/.pt/.th state dict, .onnx"
    )
    command.add_argument("--architecture", metavar="NAME", help="such as torchvision/densenet121; not needed for ONNX")
    command.add_argument("--background", choices=BACKGROUNDS, default="none", help="an extra first output")
    command.add_argument("--protocol", metavar="FILE.json", type=Path)
    command.add_argument("--resize", type=read_side, metavar="N|none", help="of the shorter side; see --crop-mode")
    command.add_argument("--crop", type=read_side, metavar="N|none", help="side of the centre square")
    command.add_argument("--interpolation", choices=INTERPOLATIONS)
    command.add_argument(
        "--crop-mode", choices=CROP_MODES, help="squash: resize both sides; border: resize the longer, fill with mean"
    )
    command.add_argument("--mean", type=read_triple, metavar="a,b,c")
    command.add_argument("--std", type=read_triple, metavar="a,b,c")
    command.add_argument("--metrics", type=read_metrics, default=(), metavar="A,B", help="top1,top5 or map,map11")
    command.add_argument("--device", default="auto")
    command.add_argument("--precision", default="float32", choices=PRECISIONS)
    command.add_argument("--forward", default="auto", choices=FORWARDS, help="eager is the reference's, bit for bit")
    command.add_argument("--batch-size", type=read_batch_size, default=None, metavar="N|auto")
    command.add_argument("--output", type=Path, metavar="REPORT.json")
    command.add_argument("--evidence", type=Path, metavar="FILE")
    command.set_defaults(command=evaluate)


def add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC.json", type=Path)
    command.add_argument("--output", required=True, type=Path, metavar="REPORT.json")
    command.add_argument("--evidence", type=Path, metavar="FILE")
    command.add_argument("--work", type=Path, metavar="DIR", help="kept between attempts, so that they go on")
    command.add_argument("--store", type=Path, metavar="DIR", help="keeps decoded pixels between runs")
    command.set_defaults(command=run_spec)


def read_side(text: str) -> int | str:
    """Return a number of pixels, or the word that takes the published one away."""
    if text != "none" and not text.lstrip("-").isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number of pixels nor none")
    return text if text == "none" else int(text)


def add_merge(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC.json", type=Path)
    command.add_argument("parts", metavar="PART", type=Path, nargs="+")
    command.add_argument("--output", required=True, type=Path, metavar="REPORT.json")
    command.add_argument("--evidence", type=Path, metavar="FILE")
    command.set_defaults(command=merge_parts)


def read_triple(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers such as 0.485,0.456,0.406") from error
    return values


def read_metrics(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))


def read_batch_size(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number above 0 nor auto")
    return int(text)


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
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFault(f"{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(data, dict):
        raise InputFault(f"{path.name} holds no JSON object.")
    return data


def check_writable(path: Path | None) -> None:
    """Refuse before the work what would fail after it. Raises: InputFault."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InputFault(f"{path} cannot be written: give a file in a folder that exists.")


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
    check_writable(options.output)
    check_writable(options.evidence)
    with tempfile.TemporaryDirectory(prefix="veriboard-") as folder:
        report = run(spec, Folders(Path(folder) / "work", Path(folder) / "store"), show, options.evidence)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if options.output is None:
        print(report.to_json())
    else:
        options.output.write_text(report.to_json())
        summarise(report)


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
    try:
        return EvaluationSpec.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputFault(f"{path.name} cannot be read: {error}.") from error


def run_spec(options: argparse.Namespace) -> None:
    check_writable(options.output)
    spec = read_spec(options.spec)
    # A polite end unwinds, so that the child ends too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="veriboard-") as folder:
        folders = Folders(options.work or Path(folder) / "work", options.store or Path(folder) / "store")
        put_report(run(spec, folders, print_progress, options.evidence), options.output)


def wait(options: argparse.Namespace) -> None:
    """Run what is told later, in a box that has started by then."""

    def run_waiting(words: list[str], child: Child) -> None:
        told = build_parser().parse_args(words)
        move_in(options.root, told.work)
        folders = Folders(told.work, told.store, options.root)
        put_report(run(read_spec(told.spec), folders, print_progress, told.evidence, child), told.output)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wait_for_run(options.root, tuple(options.box), run_waiting)


def merge_parts(options: argparse.Namespace) -> None:
    check_writable(options.output)
    put_report(merge(read_spec(options.spec), options.parts, print_progress, options.evidence), options.output)


def print_progress(progress: Progress) -> None:
    print(progress.to_json(), flush=True)


def put_report(report: EvaluationReport, path: Path) -> None:
    """Put the report in place whole: who reads it finds all of it or none."""
    partial = path.with_suffix(".partial")
    partial.write_text(report.to_json())
    partial.rename(path)


def inspect(options: argparse.Namespace) -> None:
    if not options.file.is_file():
        raise InputFault(f"The weights file {options.file.name} does not exist.")
    verdict = check(options.file)
    facts = {"format": verdict.format, "bytes": verdict.size_bytes, "tensors": verdict.tensors}
    facts["parameters"] = verdict.parameters
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
    found = [name for name in catalogue.names() if options.pattern.lower() in name.lower()]
    if not found:
        near = ", ".join(catalogue.nearest(options.pattern))
        raise InputFault(f"No architecture matches {options.pattern!r}; the nearest are {near}.")
    for name in found:
        known = catalogue.load()[name]
        side = known.protocol.crop or "as is"
        print(f"{name:60} {side!s:>6} {known.parameters / 1e6:10.2f} M")


def compare(options: argparse.Namespace) -> None:
    print(json.dumps(asdict(evidence.compare(options.first, options.second)), indent=2))


def rank(options: argparse.Namespace) -> None:
    try:
        text = sys.stdin.read() if options.outcomes == "-" else Path(options.outcomes).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFault(f"{options.outcomes} cannot be read: {error}.") from error
    print(ranks.answer(text))


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
