"""Strangers' files: each hostile one is refused in one sentence, quickly, and nothing in it is run."""

import builtins
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.static_check import check
from tests.safety import files
from tests.safety.files import Call, checkpoint, legacy, name_global, node, onnx, part, safetensors, span, state_dict
from tests.safety.work import refuse

# Each pickle would run something, or name something that no state dict needs.
PICKLES: dict[str, Callable[[str], bytes]] = {
    "os.system": lambda mark: dump(Call(os.system, f"touch {mark}")),
    "eval": lambda mark: dump(Call(builtins.eval, f"open({mark!r}, 'w')")),
    "exec": lambda mark: dump(Call(builtins.exec, f"open({mark!r}, 'w')")),
    "open": lambda mark: dump(Call(builtins.open, mark, "w")),
    "subprocess": lambda mark: dump(Call(subprocess.check_call, ["touch", mark])),
    "in a value": lambda mark: dump({"w": Call(os.system, f"touch {mark}")}),
    "in a list": lambda mark: dump([[Call(os.system, f"touch {mark}")]]),
    "getattr": lambda mark: name_global("builtins", "getattr", "os", "system"),
    "torch.load": lambda mark: name_global("torch", "load", mark),
    "torch.hub": lambda mark: name_global("torch.hub", "load_state_dict_from_url", mark),
    "runpy": lambda mark: name_global("runpy", "run_path", mark),
    "importlib": lambda mark: name_global("importlib", "import_module", "os"),
    "whole module": lambda mark: name_global("torchvision.models.resnet", "ResNet"),
    "numpy loads": lambda mark: name_global("numpy", "load", mark),
    "dotted name": lambda mark: name_global("torch", "nn.Module.__init__", mark),
    "stack global": lambda mark: b"\x80\x04\x8c\x02os\x8c\x06system\x93(X\x04\x00\x00\x00true" + b"tR.",
    "inst": lambda mark: b"(S'true'\nios\nsystem\n.",
    "obj": lambda mark: b"(cos\nsystem\nS'true'\no.",
    "extension": lambda mark: b"\x80\x02\x82\x01.",
    "persistent text": lambda mark: b"Pstorage\n.",
    "buffer": lambda mark: b"\x80\x05\x97.",
    "sparse tensor": lambda mark: name_global("torch._utils", "_rebuild_sparse_tensor"),
    "meta tensor": lambda mark: name_global("torch._utils", "_rebuild_meta_tensor_no_storage"),
    "quantised tensor": lambda mark: name_global("torch._utils", "_rebuild_qtensor"),
    "nested a million deep": lambda mark: b"\x80\x02)" + b"\x85" * 1_000_000 + b".",
    "deep key": lambda mark: b"\x80\x02})" + b"\x85" * 1_000_000 + b"Ns.",
    "tuple key": lambda mark: state_dict(b"N", b"(K\x01K\x02t"),
    "empty stack": lambda mark: b"\x80\x020000.",
    "no end": lambda mark: b"\x80\x02}",
    "no opcode": lambda mark: b"\x80\x02\xff\xff.",
    "memo of nothing": lambda mark: b"\x80\x02h\x07.",
    "lying length": lambda mark: b"\x80\x02X\xff\xff\xff\x7fab.",
    "huge number": lambda mark: b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "endless stack": lambda mark: b"\x80\x02" + b"N" * 2_000_000 + b".",
    "bare number": lambda mark: b"\x80\x02K\x01.",
    "no tensors": lambda mark: b"\x80\x02}X\x01\x00\x00\x00aK\x01s.",
}

BOMB = bytes(20 * 2**20)
FILES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\x80",
    "text": lambda: b"hello, weights\n" * 9,
    "html": lambda: b"\n <!DOCTYPE html><html><body>Sign in</body></html>",
    "xml": lambda: b"<?xml version='1.0'?><Error>AccessDenied</Error>",
    "lfs pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "gzip": files.gzipped,
    "tar": files.tarred,
    "picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(99),
    "program": lambda: b"\x7fELF" + bytes(99),
    "keras": lambda: b"\x89HDF\r\n\x1a\n" + bytes(99),
    "numpy": lambda: b"\x93NUMPY" + bytes(99),
    "noise": lambda: bytes(range(128, 256)) * 9,
    "plain pickle": lambda: dump({"w": 1}),
    "zip bomb": lambda: files.zipped({"archive/data.pkl": BOMB}, zipfile.ZIP_DEFLATED),
    "lzma bomb": lambda: files.zipped({"archive/data.pkl": BOMB}, zipfile.ZIP_LZMA),
    "zip without pickle": lambda: files.zipped({"readme.txt": b"hello"}),
    "empty zip": lambda: files.zipped({}),
    "zip path upward": lambda: checkpoint(state_dict(files.tensor()), **{"archive/../../evil": b"x"}),
    "zip absolute path": lambda: checkpoint(state_dict(files.tensor()), **{"/etc/passwd": b"x"}),
    "zip cut short": lambda: files.weights()[:-30],
    "zip cut in half": lambda: files.weights()[:100],
    "zip directory alone": lambda: b"PK\x03\x04" + bytes(60) + b"PK\x05\x06" + bytes(18),
    "torchscript": lambda: checkpoint(b"N.", **{"archive/code/m.py": b"x", "archive/constants.pkl": b"."}),
    "exported program": lambda: files.zipped({"m/archive_format": b"pt2", "m/models/model.json": b"{}"}),
    "numpy archive": lambda: files.zipped({"w.npy": b"x"}),
    "storage missing": lambda: files.weights(files.tensor("7")),
    "storage short": lambda: files.weights(files.tensor(items=400, shape=(400,))),
    "tensor beyond storage": lambda: files.weights(files.tensor(shape=(5,))),
    "tensor of terabytes": lambda: files.weights(files.tensor(shape=(2**20, 2**20), stride=(0, 0))),
    "stride far away": lambda: files.weights(files.tensor(shape=(2,), stride=(2**40,))),
    "negative shape": lambda: files.weights(files.tensor(shape=(-4,))),
    "negative stride": lambda: files.weights(files.tensor(stride=(-1,))),
    "header longer than file": lambda: b"\xff\xff\xff\xff\xff\xff\xff\x7f{" + bytes(9),
    "header of 17 MiB": lambda: safetensors(b"{" + b" " * (17 * 2**20) + b"}"),
    "header no json": lambda: safetensors(b"{not json at all}"),
    "header nested": lambda: safetensors(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "header empty": lambda: safetensors({}),
    "name twice": lambda: safetensors(b'{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":1}'),
    "overlapping": lambda: safetensors({"a": span(0, 8, [2]), "b": span(4, 12, [2])}, bytes(12)),
    "gap": lambda: safetensors({"a": span(0, 4, [1]), "b": span(8, 12, [1])}, bytes(12)),
    "bytes missing": lambda: safetensors({"a": span(0, 400, [100])}, bytes(12)),
    "bytes left over": lambda: safetensors({"a": span(0, 4, [1])}, bytes(12)),
    "offsets backward": lambda: safetensors({"a": span(4, 0, [1])}, bytes(4)),
    "offsets negative": lambda: safetensors({"a": span(-4, 0, [1])}, bytes(4)),
    "offsets overflow": lambda: safetensors({"a": span(0, 2**64, [2**62])}, bytes(4)),
    "shape overflow": lambda: safetensors({"a": span(0, 4, [2**32, 2**32, 1])}, bytes(4)),
    "shape of text": lambda: safetensors({"a": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}}, bytes(4)),
    "entry no object": lambda: safetensors({"a": [1, 2]}, bytes(4)),
    "type unknown": lambda: safetensors({"a": span(0, 4, [1], "F4")}, bytes(4)),
    "100,001 tensors": lambda: safetensors({str(n): span(0, 0, [0]) for n in range(100_001)}),
    "onnx external data": lambda: onnx(node("Relu"), files.tensor_proto(part(14, 1), part(13, part(1, b"location")))),
    "onnx external part": lambda: onnx(node("Relu"), files.tensor_proto(part(13, part(1, b"../../etc/passwd")))),
    "onnx custom domain": lambda: onnx(node("Relu", "com.evil"), opset=""),
    "onnx custom opset": lambda: onnx(node("Relu"), opset="com.evil"),
    "onnx custom operator": lambda: onnx(node("RunShell")),
    "onnx loop": lambda: onnx(node("Loop")),
    "onnx if": lambda: onnx(node("If")),
    "onnx hidden graph": lambda: onnx(node("Relu", attribute=part(1, b"body") + part(6, b""))),
    "onnx functions": lambda: onnx(node("Relu"), more=part(25, b"f")),
    "onnx sparse": lambda: onnx(node("Relu"), part(15, b"")),
    "onnx lying size": lambda: onnx(node("Relu"), files.tensor_proto(part(1, 4), part(2, 1), part(9, bytes(3)))),
    "onnx huge constant": lambda: onnx(node("Constant", attribute=part(5, part(1, 2**40) + part(2, 1)))),
    "onnx empty graph": lambda: onnx(),
    "onnx no graph": lambda: part(1, 8) + part(2, b"test"),
    "onnx cut short": lambda: onnx(node("Relu"), files.tensor_proto(part(9, bytes(99))))[:-60],
}  # fmt: skip


def dump(value: object) -> bytes:
    return pickle.dumps(value, protocol=2)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def assert_one_sentence(sentence: str) -> None:
    assert sentence.endswith((".", "save_file."))
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize("container", [checkpoint, legacy], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", PICKLES)
def test_hostile_pickle_is_refused_and_never_run(
    tmp_path: Path, name: str, container: Callable[[bytes], bytes]
) -> None:
    mark = tmp_path / "ran"
    sentence = refuse(write(tmp_path / "weights.pth", container(PICKLES[name](str(mark)))))
    assert_one_sentence(sentence)
    assert not mark.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]


@pytest.mark.parametrize("name", ["os.system", "eval", "whole module", "torch.load"])
def test_refusal_names_what_was_found(tmp_path: Path, name: str) -> None:
    sentence = refuse(write(tmp_path / "weights.pth", checkpoint(PICKLES[name]("x"))))
    found = {"os.system": "system", "eval": "eval", "whole module": "ResNet", "torch.load": "torch.load"}
    assert found[name] in sentence


@pytest.mark.parametrize("name", FILES)
def test_hostile_or_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    assert_one_sentence(refuse(write(tmp_path / "weights.bin", FILES[name]())))
    assert [path.name for path in tmp_path.iterdir()] == ["weights.bin"]


@pytest.mark.parametrize(
    ("content", "format", "shape"),
    [
        (files.weights(), "state_dict", (4,)),
        (safetensors({"w": span(0, 16, [4])}, bytes(16)), "safetensors", (4,)),
        (onnx(node("Relu"), files.tensor_proto(part(1, 4), part(2, 1), part(9, bytes(16)))), "onnx", (4,)),
    ],
    ids=["zip", "safetensors", "onnx"],
)
def test_the_same_builders_make_honest_files(tmp_path: Path, content: bytes, format: str, shape: tuple[int]) -> None:
    """Without this a refusal above could be of the builder's own mistakes."""
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    verdict = check(path)
    assert (verdict.format, verdict.shapes) == (format, {"w": shape})


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("net.pb", b"\x0a\x20\x0a\x05input\x12\x0bPlaceholder" + bytes(20), "a TensorFlow graph"),
        ("saved_model.pb", b"\x08\x01\x12\x9b\x02\x0a\x08\x32\x05serve" + bytes(50), "a TensorFlow graph"),
        ("net.TFLITE", b"\x1c\0\0\0TFL3" + bytes(20), "a TensorFlow Lite model"),
        ("net.caffemodel", b"\x0a\x09CaffeNet_" + bytes(20), "a Caffe model"),
        ("net.bin", b"\x12\x01" + bytes(30), "an MXNet file"),
        ("net.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file"),
    ],
)
def test_other_libraries_files_are_named(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refuse(path) == f"{name} is {what}; convert the model to ONNX."


def test_files_are_told_by_their_bytes_and_not_by_their_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(files.weights())
    assert check(path, filename="model.safetensors").format == "state_dict"
