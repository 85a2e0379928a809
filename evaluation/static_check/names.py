"""The globals that a checkpoint may name. None of them is ever imported: a name is all that is read of it.

A file that names anything else is refused, as whoever opens it elsewhere would run that.
"""

import re

from evaluation.contract import InputFault

MAX_GLOBAL = 512
ITEM_BYTES = {
    "FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1,
}  # fmt: skip
REBUILD = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
PARAMETER = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter",
)
# A tensor with attributes of its own: the function that makes it, its class, that function's arguments, the attributes.
FROM_TYPE = "torch._tensor._rebuild_from_type_v2"
DICT_NAMES = """
    dict collections.OrderedDict collections.Counter collections.defaultdict easydict.EasyDict addict.addict.Dict
    munch.Munch attrdict.AttrDict attrdict.dictionary.AttrDict yacs.config.CfgNode fvcore.common.config.CfgNode
    detectron2.config.config.CfgNode mmcv.utils.config.ConfigDict mmengine.config.config.ConfigDict
    pytorch_lightning.utilities.parsing.AttributeDict lightning_fabric.utilities.data.AttributeDict
    lightning.fabric.utilities.data.AttributeDict
"""
DICTS = frozenset(DICT_NAMES.split())
SIZE = "torch.Size"
# What training scripts leave beside the weights. It is passed over: what it holds does not matter here.
NAMES_BESIDE = """
    object int float bool str list tuple set frozenset bytes bytearray complex slice range long unicode xrange
    argparse.Namespace types.SimpleNamespace collections.deque _codecs.encode copyreg._reconstructor
    copy_reg._reconstructor typing.Any uuid.UUID decimal.Decimal fractions.Fraction
    datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone
    numpy.ndarray numpy.dtype torch.device torch.dtype torch.Tensor torch.layout torch.memory_format
    omegaconf.base.ContainerMetadata omegaconf.base.Metadata omegaconf.base.Box omegaconf.dictconfig.DictConfig
    omegaconf.listconfig.ListConfig omegaconf.nodes.AnyNode omegaconf.nodes.StringNode omegaconf.nodes.IntegerNode
    omegaconf.nodes.FloatNode omegaconf.nodes.BooleanNode mmengine.logging.history_buffer.HistoryBuffer
    ml_collections.config_dict.config_dict.ConfigDict
"""
BESIDE = frozenset(NAMES_BESIDE.split())
FAMILIES = re.compile(
    r"pathlib(\._local)?\.(Pure)?(Posix|Windows)?Path"
    r"|numpy\._?core\.multiarray\.(scalar|_reconstruct)|numpy\._?core\.numeric\._frombuffer|numpy\.dtypes\.\w+DType"
    r"|numpy\.(bool_?|u?int(8|16|32|64)|float(16|32|64))"
    r"|torch\.(float|bfloat|complex|u?int)\d+|torch\.(bool|float|double|half|long|int|strided|channels_last)"
    r"|torch\.optim(\.\w+)*\.[A-Z]\w*|torch\.(cuda\.)?amp\.grad_scaler\.GradScaler"
    # Older Lightning keeps the state of a callback under its class.
    r"|(pytorch_lightning|lightning\.pytorch)\.callbacks(\.\w+)*\.[A-Z]\w*"
)
SPECIAL = {
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_qtensor": "quantised tensors",
    "torch._utils._rebuild_meta_tensor_no_storage": "tensors without data (meta)",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
    "torch._utils._rebuild_tensor_v3": "tensors of a type that only newer PyTorch stores, such as float8",
    "torch.ComplexFloatStorage": "complex numbers",
    "torch.ComplexDoubleStorage": "complex numbers",
}


def read_storage_kind(name: str) -> str | None:
    """Return the kind of storage that is named so, None where it is something else."""
    kind = name.rpartition(".")[2]
    return kind if name in (f"torch.{kind}", f"torch.storage.{kind}") and kind in ITEM_BYTES else None


def is_beside(name: str) -> bool:
    return name in BESIDE or FAMILIES.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raises: InputFault, naming what a state dict does not need and how to leave it out."""
    if name in DICTS or name in REBUILD or name in PARAMETER or name in (SIZE, FROM_TYPE):
        return
    if read_storage_kind(name) or is_beside(name):
        return
    if name in SPECIAL:
        raise InputFault(f"The file holds {SPECIAL[name]}, which are not evaluated; save dense float32 tensors.")
    if name.startswith(("torch.Q", "torch.q")):
        raise InputFault("The file holds quantised tensors, which are not evaluated; save dense float32 tensors.")
    raise InputFault(
        f"The file holds an object of {name[:120]}, which is never opened here. Save a clean one: "
        'checkpoint = torch.load(FILE, weights_only=False); torch.save(checkpoint["state_dict"], "clean.pth") '
        "(for a whole model: torch.save(model.state_dict(), ...))."
    )
