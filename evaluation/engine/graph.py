"""What the trusted side reads of an ONNX graph: the shape of its input. Standard library only, nothing is run.

Source: the message definitions of onnx.proto3 (field numbers).
"""

import hashlib
import mmap
from pathlib import Path

from evaluation.contract import InputFault, Protocol
from evaluation.static_check import graphs
from evaluation.static_check.graphs import INITIALIZER, INPUT, NAME, TENSOR_NAME
from evaluation.static_check.protobuf import Field, Source, fields, inside, read_text
from evaluation.static_check.verdict import Shape

GRAPH, TENSOR_DOCUMENTATION = 7, 12


def find_protocol(path: Path) -> Protocol:
    """Return the protocol that the graph's input size asks for, 224 pixels where it leaves the size open."""
    protocol = graphs.find_protocol(read_input_shape(path))
    if protocol is None:
        raise InputFault(f"{path.name} takes no square images of at most 4096 pixels; export it for square ones.")
    return protocol


def digest_content(path: Path) -> str:
    """Return the digest of all that the graph's tensors hold, whatever they are called and wherever they stand."""
    with path.open("rb") as file, Source(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        model = Field(0, 2, 0, 0, len(data))
        tensors = [part for graph in inside(data, model, GRAPH) for part in inside(data, graph, INITIALIZER)]
        digests = sorted(digest_tensor(data, part) for part in tensors)
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else ""


def digest_tensor(data: Source, part: Field) -> bytes:
    """Return the digest of every field but name and documentation: dimensions, type, numbers in whatever encoding."""
    content = hashlib.sha256()
    for each in fields(data, part.begin, part.end):
        if each.number not in (TENSOR_NAME, TENSOR_DOCUMENTATION):
            content.update(b"%d %d %d " % (each.number, each.value, each.end - each.begin))
            content.update(memoryview(data)[each.begin : each.end])
    return content.digest()


def read_input_shape(path: Path) -> Shape:
    """Return the input's dimensions, None where one is open. Raises: InputFault where there is not just one input."""
    with path.open("rb") as file, Source(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        model = Field(0, 2, 0, 0, len(data))
        graph = next(inside(data, model, GRAPH))
        # Old exports list the weights among the inputs.
        weights = {read_text(data, part, TENSOR_NAME) for part in inside(data, graph, INITIALIZER)}
        inputs = [part for part in inside(data, graph, INPUT) if read_text(data, part, NAME) not in weights]
        if len(inputs) != 1:
            raise InputFault(f"{path.name} takes {len(inputs)} inputs; export it with the images as its only one.")
        return graphs.read_shape(data, inputs[0])
