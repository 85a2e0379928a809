"""How images are prepared: proposed from the architecture or the graph, read from the form's fields or from JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from evaluation import catalogue
from evaluation.contract import InputFault, Protocol
from evaluation.static_check import Verdict, graphs
from leaderboard.models import Benchmark
from leaderboard.sentences import say
from leaderboard.services.refusals import Refusals

FIELDS = ("resize", "crop", "interpolation", "crop_mode", "mean", "std")
PREFIX = "protocol_"
NAMES = tuple(PREFIX + name for name in FIELDS)
# What the fields were filled in with, and the side of the images that an ONNX graph takes: both come back in the form.
FILLED, GRAPH_SIDE = "protocol_filled", "graph_side"
# The command line's own word for a step that is left out; an empty field means "as published".
NONE = "none"
Texts = dict[str, str]


@dataclass(frozen=True)
class Proposal:
    """What the fields of the protocol show. `fixed` is the benchmark's own, which nobody changes."""

    fixed: Protocol | None
    source: str
    values: Texts

    @property
    def filled(self) -> str:
        return self.values[FILLED]


def propose_protocol(values: Mapping[str, str], benchmark: Benchmark | None) -> Proposal:
    """Fill in what is published. What somebody has typed over an earlier proposal stays."""
    fixed = benchmark.protocol.preprocessing if benchmark else None
    typed = {name: values.get(name, "").strip() for name in NAMES}
    source, published = find_source(values)
    proposed = write_fields(published) if published else dict.fromkeys(NAMES, "")
    is_ours = not any(typed.values()) or dump(typed) == values.get(FILLED, "")
    shown = proposed if is_ours else typed
    known = {FILLED: dump(proposed), GRAPH_SIDE: values.get(GRAPH_SIDE, "")[:5]}
    return Proposal(Protocol.from_dict(fixed) if fixed else None, source, shown | known)


def find_source(values: Mapping[str, str]) -> tuple[str, Protocol | None]:
    """Return whose protocol is proposed, and that protocol."""
    name, side = values.get("architecture", "").strip(), values.get(GRAPH_SIDE, "")
    if known := catalogue.find(name):
        return name, known.protocol
    if not name and side.isdecimal() and len(side) < 5 and 1 <= int(side) <= 4096:
        return "ONNX", graphs.make_protocol(int(side))
    return "", None


def write_fields(protocol: Protocol) -> Texts:
    """Return the protocol as the form's fields have it."""
    return {PREFIX + name: write(getattr(protocol, name)) for name in FIELDS}


def write(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(repr, value))
    return NONE if value is None else str(value)


def dump(fields: Mapping[str, str]) -> str:
    return json.dumps([fields[name] for name in NAMES])


def find_published(architecture: str, verdict: Verdict | None) -> Protocol | None:
    """Return what the engine takes where nothing is declared, None where only the engine can tell."""
    if known := catalogue.find(architecture):
        return known.protocol
    return graphs.find_protocol(verdict.graph.image) if verdict and verdict.graph else None


def read_protocol(
    values: Mapping[str, str], benchmark: Benchmark | None, published: Protocol | None, refusals: Refusals
) -> dict[str, object] | None:
    """Return the declared preprocessing, None for the benchmark's own and for the published one."""
    if text := values.get("protocol", ""):
        return read_json(text, refusals)
    typed = {name: values.get(PREFIX + name, "") for name in FIELDS}
    is_fixed = benchmark is not None and benchmark.protocol.preprocessing
    # What was filled in for an architecture that is no longer the one given was typed by nobody.
    is_ours = dump({PREFIX + name: text for name, text in typed.items()}) == values.get(FILLED, "")
    if is_fixed or is_ours or not any(typed.values()):
        return None
    # What is left empty is as published.
    given = vars(published or Protocol()) | {name: read_field(name, text) for name, text in typed.items() if text}
    try:
        protocol = Protocol.from_dict(given)
    except InputFault as fault:
        # The sentence begins with the name of the field that is off.
        name = str(fault).partition(" ")[0]
        refusals.add(PREFIX + (name if name in FIELDS else FIELDS[0]), say(str(fault)))
        return None
    return None if protocol == published else {**vars(protocol)}


def read_field(name: str, text: str) -> object:
    """Return the field's value; text that is none is left to the contract, which says what is wrong with it."""
    if name in ("resize", "crop"):
        return None if text.lower() == NONE else int(text) if text.isdecimal() and len(text) < 9 else text[:40]
    if name in ("mean", "std"):
        return read_numbers(text)
    return text[:40]


def read_numbers(text: str) -> Sequence[object]:
    parts = text.replace(",", " ").split()
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        return tuple(parts)


def read_json(text: str, refusals: Refusals) -> dict[str, object] | None:
    try:
        return {**vars(Protocol.from_dict(json.loads(text)))}
    except InputFault as fault:
        refusals.add("protocol", say(str(fault)))
    except (ValueError, TypeError, AttributeError):
        refusals.add("protocol", _('The protocol is a JSON object such as {"resize": 256, "crop": 224}.'))
    return None
