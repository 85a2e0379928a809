"""The command line. Exit status: 0 done; 2 the arguments or the input are at fault, in one line; 1 we are."""

import argparse
import errno
import re
import sys
from pathlib import Path
from typing import NoReturn

from evaluation.contract import (
    BACKGROUNDS,
    CROP_MODES,
    EXIT_DONE,
    EXIT_INPUT_FAULT,
    EXIT_LACKING,
    EXIT_OUR_FAULT,
    FORWARDS,
    INTERPOLATIONS,
    PRECISIONS,
    ForwardMissing,
    InputFault,
)
from evaluation.engine import commands
from evaluation.engine.job import EngineTrouble, lack_room

LABELS = "CSV of `image,label`, several labels as rows or as a|b; of a PASCAL VOC folder also a split, such as test"

LONGEST_NUMBER = 18
NUMBERS = re.compile(r"-\.?\d")


class Parser(argparse.ArgumentParser):
    """Say what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        raise InputFault(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def main(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    options = argparse.Namespace()
    try:
        build_parser().parse_args(arguments, options)
        options.command(options)
    except InputFault as fault:
        return say(str(fault), EXIT_INPUT_FAULT)
    except EngineTrouble as trouble:
        return say(str(trouble), EXIT_OUR_FAULT)
    except ForwardMissing as missing:
        if options.gives_back:
            return say(str(missing), EXIT_LACKING)
        return say(f"{str(missing).removesuffix('.')}; use auto.", EXIT_INPUT_FAULT)
    except KeyboardInterrupt:
        return say("Stopped.", EXIT_OUR_FAULT)
    except BrokenPipeError:
        return EXIT_OUR_FAULT
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return say(str(lack_room()), EXIT_OUR_FAULT)
        if error.errno == errno.ENAMETOOLONG:
            name = Path(str(error.filename)).name[:60]
            long = InputFault(f"The file name {name}… is longer than a system takes; give a shorter one.")
            return say(str(long), EXIT_INPUT_FAULT)
        return say_failed(error)
    # The last resort: whatever went wrong is told in a line, never as a traceback.
    except Exception as error:
        return say_failed(error)
    return EXIT_DONE


def say_failed(error: Exception) -> int:
    return say(f"The engine failed, which is our fault: {type(error).__name__}: {error}", EXIT_OUR_FAULT)


def say(message: str, status: int) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return status


def build_parser() -> Parser:
    parser = Parser(prog="python -m evaluation.engine", description=__doc__)
    parser.set_defaults(gives_back=False)
    added = parser.add_subparsers(dest="name", required=True, parser_class=Parser)
    add_evaluate(added.add_parser("evaluate", help="evaluate weights on a folder of images"))
    add_run(added.add_parser("run", help="run a spec, exactly as a worker does"))
    add_merge(added.add_parser("merge", help="make one report of what runs of a spec's parts left as evidence"))
    command = added.add_parser("inspect", help="say what is in a weights file, or why it is refused")
    command.add_argument("file", metavar="FILE", type=read_path)
    command.add_argument("--architecture", help="also tell whether it fits this architecture")
    command.set_defaults(command=commands.inspect)
    command = added.add_parser("architectures", help="list architectures with parameters and input size")
    command.add_argument("pattern", metavar="PATTERN", nargs="?", default="")
    command.add_argument("--write-catalogue", action="store_true", help=argparse.SUPPRESS)
    command.set_defaults(command=commands.list_architectures)
    command = added.add_parser("compare", help="paired test of two evidence files")
    command.add_argument("first", metavar="EVIDENCE_A", type=read_path)
    command.add_argument("second", metavar="EVIDENCE_B", type=read_path)
    command.set_defaults(command=commands.compare)
    command = added.add_parser("ranks", help="rank intervals of many models from paired tests of all pairs")
    command.add_argument(
        "outcomes", metavar="OUTCOMES.json", help='{"outcomes": […]} as reports have them, or - to read'
    )
    command.set_defaults(command=commands.rank)
    command = added.add_parser("dataset", help="say what is in a dataset folder")
    command.add_argument("path", metavar="DIR", type=read_path)
    command.add_argument("--labels", metavar="FILE|SPLIT", help=LABELS)
    command.add_argument("--check", action="store_true", help="decode every image")
    command.set_defaults(command=commands.describe_dataset)
    command = added.add_parser("thumbnails", help="write a small image of each sample")
    command.add_argument("path", metavar="DIR", type=read_path)
    command.add_argument("folder", metavar="OUTPUT", type=read_path)
    command.add_argument("--labels", metavar="FILE|SPLIT", help=LABELS)
    command.set_defaults(command=commands.make_thumbnails)
    command = added.add_parser("predict", help=argparse.SUPPRESS)
    command.add_argument("--family", default="")
    command.set_defaults(command=commands.predict, gives_back=True)
    command = added.add_parser("spare", help=argparse.SUPPRESS)
    command.add_argument("--root", type=read_path, required=True)
    command.add_argument("box", nargs="*")
    command.set_defaults(command=commands.wait, parse=parser.parse_args, gives_back=True)
    return parser


def add_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dataset", required=True, type=read_name, metavar="DIR", help="image folder (class/…/image) or a tar of one"
    )
    command.add_argument("--labels", metavar="FILE|SPLIT", help=LABELS)
    command.add_argument(
        "--weights", required=True, type=read_name, metavar="FILE", help=".safetensors, .pth/.pt/.th state dict, .onnx"
    )
    command.add_argument("--architecture", metavar="NAME", help="such as torchvision/densenet121; not needed for ONNX")
    command.add_argument("--background", choices=BACKGROUNDS, default="none", help="an extra first output")
    command.add_argument("--protocol", metavar="FILE.json", type=read_path)
    command.add_argument("--resize", type=read_side, metavar="N|none", help="of the shorter side; see --crop-mode")
    command.add_argument("--crop", type=read_side, metavar="N|none", help="side of the centre square")
    command.add_argument("--interpolation", choices=INTERPOLATIONS)
    command.add_argument(
        "--crop-mode", choices=CROP_MODES, help="squash: resize both sides; border: resize the longer, fill with mean"
    )
    # Else what begins with a minus is taken for an option, save a single number.
    command._negative_number_matcher = NUMBERS
    command.add_argument("--mean", type=read_triple, metavar="a,b,c")
    command.add_argument("--std", type=read_triple, metavar="a,b,c")
    command.add_argument("--metrics", type=read_metrics, default=(), metavar="A,B", help="top1,top5 or map,map11")
    command.add_argument("--device", default="auto")
    command.add_argument("--precision", default="float32", choices=PRECISIONS)
    command.add_argument("--forward", default="auto", choices=FORWARDS, help="eager is the reference's, bit for bit")
    command.add_argument("--batch-size", type=read_batch_size, default=None, metavar="N|auto")
    command.add_argument("--output", type=read_path, metavar="REPORT.json")
    command.add_argument("--evidence", type=read_path, metavar="FILE")
    command.set_defaults(command=commands.evaluate)


def add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC.json", type=read_path)
    command.add_argument("--output", required=True, type=read_path, metavar="REPORT.json")
    command.add_argument("--evidence", type=read_path, metavar="FILE")
    command.add_argument("--work", type=read_path, metavar="DIR", help="kept between attempts, so that they go on")
    command.add_argument("--store", type=read_path, metavar="DIR", help="keeps decoded pixels between runs")
    add_giving_back(command)
    command.set_defaults(command=commands.run_spec)


def add_giving_back(command: argparse.ArgumentParser) -> None:
    """Let a worker tell a forward that was pinned and is not here from a spec that is at fault, by another status."""
    command.add_argument("--give-back", dest="gives_back", action="store_true", help=argparse.SUPPRESS)


def read_name(text: str) -> str:
    """Refuse no name at all, as an unset variable leaves it, which the system takes for the folder one is in."""
    if not text:
        raise argparse.ArgumentTypeError("a file's name is missing, as of a variable that is not set")
    return text


def read_path(text: str) -> Path:
    return Path(read_name(text))


def read_side(text: str) -> int | str:
    """Return a number of pixels, or the word that takes the published one away."""
    if text != "none" and not (text.removeprefix("-").isdecimal() and len(text) < LONGEST_NUMBER):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is neither a whole number of pixels nor none")
    return text if text == "none" else int(text)


def add_merge(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC.json", type=read_path)
    command.add_argument("parts", metavar="PART", type=read_path, nargs="+")
    command.add_argument("--output", required=True, type=read_path, metavar="REPORT.json")
    command.add_argument("--evidence", type=read_path, metavar="FILE")
    add_giving_back(command)
    command.set_defaults(command=commands.merge_parts)


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
    if not (text.isdecimal() and len(text) < LONGEST_NUMBER and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is neither a whole number above 0 nor auto")
    return int(text)
