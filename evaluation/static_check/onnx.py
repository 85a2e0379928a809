"""ONNX: a protobuf message, walked field by field. Only the parts that decide are read.

Source: the message definitions of onnx.proto3 (field numbers) and the protobuf wire format.
"""

import mmap
from dataclasses import dataclass, field
from math import prod
from typing import IO

from evaluation.contract import InputFault
from evaluation.static_check import graphs
from evaluation.static_check.extents import Numbers, check_sizes, check_window, read_constant, sign
from evaluation.static_check.graphs import Model
from evaluation.static_check.initialisers import MAX_DIMENSIONS, Initialiser, check_tensor
from evaluation.static_check.pieces import Unseen, Window
from evaluation.static_check.protobuf import Data, Field, Source, fields, inside, read_numbers, read_text, text
from evaluation.static_check.verdict import Verdict

# The exporting program's name and version; the version of an imported set of operators.
PRODUCER, OPSET_VERSION = (2, 3), 2
MAX_NODES = 20_000
# Old exports name each of their tensors among the inputs; no more than these are looked at.
MAX_VALUES = 20_000
MAX_INTS = 64

# What image classifiers are made of. No control flow, no operators that draw or that take a size from data.
OPERATOR_NAMES = """
    Abs Add And ArgMax Atan AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape
    Conv Cos CumSum DepthToSpace Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements
    GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GroupNormalization
    HardSigmoid HardSwish Identity InstanceNormalization LRN LayerNormalization LeakyRelu Less LessOrEqual Log
    LogSoftmax LpNormalization MatMul Max MaxPool Min Mish Mod Mul Neg Not Or PRelu Pad Pow RMSNormalization
    Range Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceProd ReduceSum ReduceSumSquare
    Relu Reshape Resize Round ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Slice Softmax Softplus
    Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile Transpose Trilu
    Unsqueeze Where
"""
OPERATORS = frozenset(OPERATOR_NAMES.split())
CONTROL = frozenset(("If", "Loop", "Scan", "SequenceMap"))
# Operators whose inputs can state a size.
SIZED = frozenset(("ConstantOfShape", "Expand", "Tile", "Pad", "Range", "Resize"))


@dataclass
class Found:
    """What was read of a graph. `constants`: the few numbers that may be somebody's size, by name."""

    nodes: int = 0
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    # Inputs and outputs.
    values: list[Field] = field(default_factory=list)
    constants: dict[str, Numbers] = field(default_factory=dict)
    # Operators with the names of their inputs, judged when all constants are known.
    calls: list[tuple[str, list[str]]] = field(default_factory=list)


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
    with Source(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
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
    found = check_graph(data, model.graph)
    return Verdict("onnx", size, found.shapes, graphs.describe(data, model, found.values, found.shapes))


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
        elif part.number == 20:
            raise InputFault("This ONNX model holds a training graph beside its own; export it for inference.")
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
            f"This ONNX model uses operators of {domain[:60]!r}; only the standard ones are run, export without."
        )


def check_graph(data: Data, whole: Field) -> Found:
    """Raises: InputFault."""
    found = Found()
    for part in fields(data, whole.begin, whole.end):
        if part.number == 1:
            check_node(data, part, found)
        elif part.number == 5:
            tensor = check_tensor(data, part)
            found.shapes[tensor.name] = tensor.shape
            keep_constant(data, part, tensor, tensor.name, found)
        elif part.number in (graphs.INPUT, graphs.OUTPUT) and len(found.values) < MAX_VALUES:
            found.values.append(part)
        elif part.number == 15:
            raise InputFault("This ONNX model holds sparse tensors, which are not evaluated; export dense ones.")
        if found.nodes > MAX_NODES:
            raise InputFault(f"This ONNX graph has more than {MAX_NODES:,} nodes; no classifier needs that.")
    if not found.nodes:
        raise InputFault("This ONNX graph is empty; export the model again.")
    for operator, inputs in found.calls:
        check_sizes(operator, [found.constants.get(name) for name in inputs])
    return found


def keep_constant(data: Data, part: Field, tensor: Initialiser, name: str, found: Found) -> None:
    if prod(tensor.shape) <= MAX_DIMENSIONS and (values := read_constant(data, part, tensor.kind)) is not None:
        found.constants[name] = values


def check_node(data: Data, part: Field, found: Found) -> None:
    """Raises: InputFault, naming the operator that is not run."""
    operator = domain = ""
    inputs, outputs, attributes = list[Field](), list[Field](), list[Field]()
    for each in fields(data, part.begin, part.end):
        if each.number == 1:
            inputs.append(each)
        elif each.number == 2:
            outputs.append(each)
        elif each.number == 4:
            operator = text(data, each)
        elif each.number == 7:
            domain = text(data, each)
        elif each.number == 5:
            attributes.append(each)
    found.nodes += 1
    check_operator(operator, domain)
    name = text(data, outputs[0]) if outputs else ""
    for each in attributes:
        check_attribute(data, each, name, found)
    if operator in SIZED:
        found.calls.append((operator, [text(data, each) for each in inputs[:4]]))


def check_operator(operator: str, domain: str) -> None:
    """Raises: InputFault."""
    if operator in CONTROL:
        raise InputFault(f"This ONNX graph has control flow ({operator}), which may never end; export a plain graph.")
    if domain not in ("", "ai.onnx") or operator not in OPERATORS:
        where = f" of {domain[:60]!r}" if domain not in ("", "ai.onnx") else ""
        raise InputFault(f"This ONNX graph uses the operator {operator[:60]!r}{where}, which is not run here.")


def check_attribute(data: Data, part: Field, output: str, found: Found) -> None:
    """`output`: the name under which the numbers of a constant are used. Raises: InputFault."""
    name, whole = "", list[int]()
    for each in fields(data, part.begin, part.end):
        if each.number == 1:
            name = text(data, each)
        elif each.number in (6, 11):
            raise InputFault("This ONNX graph has a graph inside a node (control flow); export a plain graph.")
        elif each.number in (22, 23):
            raise InputFault("This ONNX model holds sparse tensors, which are not evaluated; export dense ones.")
        elif each.number in (5, 10):
            keep_constant(data, each, check_tensor(data, each), output, found)
        elif each.number in (3, 8):
            whole += map(sign, read_numbers(data, each, MAX_INTS))
    check_window(name, whole)
    if name in ("value_ints", "value_int"):
        found.constants[output] = whole
