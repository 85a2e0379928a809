"""ONNX: a protobuf message, walked field by field. Only the parts that decide are read.

Source: the message definitions of onnx.proto3 (field numbers) and the protobuf wire format.
"""

import mmap
from math import prod
from typing import IO

from evaluation.contract import InputFault
from evaluation.static_check import graphs
from evaluation.static_check.graphs import Model
from evaluation.static_check.pieces import Unseen, Window
from evaluation.static_check.protobuf import Data, Field, fields, inside, read_packed, read_text, text
from evaluation.static_check.verdict import Verdict

# The exporting program's name and version; the version of an imported set of operators.
PRODUCER, OPSET_VERSION = (2, 3), 2
MAX_NODES = 200_000
# Old exports name each of their tensors among the inputs; no more than these are looked at.
MAX_VALUES = 20_000
MAX_ELEMENTS = 2**31
ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}

# What image classifiers are made of. No control flow, no operators that draw or that take a size from data.
OPERATOR_NAMES = """
    Abs Add ArgMax AveragePool BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv Div Dropout
    Elu Equal Erf Exp Expand Flatten Floor Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GroupNormalization
    HardSigmoid HardSwish Identity InstanceNormalization LRN LayerNormalization LeakyRelu Less Log LogSoftmax MatMul Max
    MaxPool Min Mish Mul Neg Not Or And PRelu Pad Pow Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceSum Relu
    Reshape Resize Selu Shape Sigmoid Sign Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh Tile
    Transpose Unsqueeze Where
"""
OPERATORS = frozenset(OPERATOR_NAMES.split())
CONTROL = frozenset(("If", "Loop", "Scan", "SequenceMap"))


def is_likely(head: bytes) -> bool:
    """A ModelProto begins with ir_version (field 1, a small varint) and a known field after it."""
    return (
        len(head) > 2
        and head[0] == 0x08
        and 1 <= head[1] <= 20
        and head[2] in (0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, 0x42)
    )


def check(file: IO[bytes], size: int) -> Verdict:
    """Raises: InputFault where the graph is not plain, complete and self-contained."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return check_model(data, read_model(data, size), size)


def check_pieces(data: Window, size: int) -> Verdict:
    """Check as much as the pieces hold. The tensors lie between nodes and inputs, and are mostly not among them."""
    try:
        model = read_model(data, size)
    except Unseen:
        return Verdict("onnx", size)
    try:
        return check_model(data, model, size)
    except Unseen:
        return Verdict("onnx", size, graph=graphs.describe_tail(data, model))


def check_model(data: Data, model: Model, size: int) -> Verdict:
    shapes, values = check_graph(data, model.graph)
    return Verdict("onnx", size, shapes, graphs.describe(data, model, values, shapes))


def read_model(data: Data, size: int) -> Model:
    """Return where the graph lies and what the model says of itself. Raises: InputFault."""
    found, opsets, producer = [], [0], ["", ""]
    for part in fields(data, 0, size):
        if part.number in PRODUCER:
            producer[part.number - PRODUCER[0]] = text(data, part)
        elif part.number == 7:
            found.append(part)
        elif part.number == 25:
            raise InputFault("This ONNX model defines functions of its own; export it with its operators inlined.")
        elif part.number == 8:
            check_domain(data, part)
            opsets += [each.value for each in inside(data, part, OPSET_VERSION)]
    if len(found) != 1:
        raise InputFault("This ONNX file holds no graph; export the model again.")
    return Model(found[0], max(opsets), " ".join(filter(None, producer)))


def check_domain(data: Data, part: Field) -> None:
    domain = read_text(data, part, 1)
    if domain not in ("", "ai.onnx"):
        raise InputFault(
            f"This ONNX model uses operators of {domain!r}; only the standard ones are run, export without."
        )


def check_graph(data: Data, graph: Field) -> tuple[dict[str, tuple[int, ...]], list[Field]]:
    """Return the shapes of the tensors, and where inputs and outputs are described. Raises: InputFault."""
    shapes: dict[str, tuple[int, ...]] = {}
    values: list[Field] = []
    nodes = 0
    for part in fields(data, graph.begin, graph.end):
        if part.number == 1:
            nodes += 1
            check_node(data, part)
        elif part.number == 5:
            name, shape = check_tensor(data, part)
            shapes[name] = shape
        elif part.number in (graphs.INPUT, graphs.OUTPUT) and len(values) < MAX_VALUES:
            values.append(part)
        elif part.number == 15:
            raise InputFault("This ONNX model holds sparse tensors, which are not evaluated; export dense ones.")
        if nodes > MAX_NODES:
            raise InputFault(f"This ONNX graph has more than {MAX_NODES:,} nodes; no classifier needs that.")
    if not nodes:
        raise InputFault("This ONNX graph is empty; export the model again.")
    return shapes, values


def check_node(data: Data, part: Field) -> None:
    """Raises: InputFault, naming the operator that is not run."""
    operator = domain = ""
    for each in fields(data, part.begin, part.end):
        if each.number == 4:
            operator = text(data, each)
        elif each.number == 7:
            domain = text(data, each)
        elif each.number == 5:
            check_attribute(data, each)
    if operator in CONTROL:
        raise InputFault(f"This ONNX graph has control flow ({operator}), which may never end; export a plain graph.")
    if domain not in ("", "ai.onnx") or operator not in OPERATORS:
        where = f" of {domain!r}" if domain not in ("", "ai.onnx") else ""
        raise InputFault(f"This ONNX graph uses the operator {operator[:60]!r}{where}, which is not run here.")


def check_attribute(data: Data, part: Field) -> None:
    for each in fields(data, part.begin, part.end):
        if each.number in (6, 11):
            raise InputFault("This ONNX graph has a graph inside a node (control flow); export a plain graph.")
        if each.number == 5:
            check_tensor(data, each)


def check_tensor(data: Data, part: Field) -> tuple[str, tuple[int, ...]]:
    """Return name and shape. Raises: InputFault where its data lie elsewhere or are not as many as declared."""
    name, kind, shape, raw = "", 0, [], None
    for each in fields(data, part.begin, part.end):
        if each.number == 1:
            shape += read_packed(data, each) if each.kind == 2 else [each.value]
        elif each.number == 2:
            kind = each.value
        elif each.number == 8:
            name = text(data, each)
        elif each.number == 9:
            raw = each.end - each.begin
        elif each.number == 13 or (each.number == 14 and each.value):
            raise InputFault("This ONNX model keeps its weights in a second file; export it with the weights inside.")
    if any(length >= 2**62 for length in shape) or prod(shape) > MAX_ELEMENTS:
        raise InputFault(f"The tensor {name!r} in this ONNX model has an impossible size.")
    if raw is not None and prod(shape) * ELEMENT_BYTES.get(kind, 1) != raw:
        raise InputFault(f"The tensor {name!r} in this ONNX model has other data than its shape says; it is damaged.")
    return name, tuple(shape)
