"""What is not taken, told apart by its first bytes, with what to do instead."""

import struct
from pathlib import PurePath

from evaluation.contract import InputFault

# What a parser raises where bytes are not what they should be.
DAMAGE = (
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    EOFError,
    RecursionError,
    struct.error,
)
SAVE = "save one with torch.save(model.state_dict(), 'weights.pth') or safetensors.torch.save_file"

# First bytes, what it is, what to do.
KNOWN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "a Keras/HDF5 file", "convert the model to ONNX"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and submit the weights file inside"),
    (b"BZh", "a bzip2 archive", "unpack it and submit the weights file inside"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it and submit the weights file inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and submit the weights file inside"),
    (b"Rar!", "a RAR archive", "unpack it and submit the weights file inside"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it and submit the weights file inside"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file it points to", "fetch it with `git lfs pull` first"),
    (b"\x93NUMPY", "a NumPy array", f"submit a state dict: {SAVE}"),
    (b"\x89PNG", "a picture", f"submit a state dict: {SAVE}"),
    (b"\xff\xd8\xff", "a picture", f"submit a state dict: {SAVE}"),
    (b"%PDF", "a PDF", f"submit a state dict: {SAVE}"),
    (b"\x7fELF", "a program", f"submit a state dict: {SAVE}"),
    (b"MZ", "a program", f"submit a state dict: {SAVE}"),
    (b"MATLAB ", "a MATLAB file", "convert the model to ONNX"),
    (b"\x12\x01\0\0\0\0\0\0", "an MXNet file", "convert the model to ONNX"),
    (b"GGUF", "a GGUF language model", f"submit a state dict: {SAVE}"),
)
# Other libraries' files, of which the first bytes say too little, by the end of their names.
BY_NAME = {
    ".pb": "a TensorFlow graph",
    ".tflite": "a TensorFlow Lite model",
    ".ckpt": "a TensorFlow checkpoint",
    ".caffemodel": "a Caffe model",
    ".prototxt": "a Caffe model",
    ".params": "an MXNet file",
    ".mlmodel": "a Core ML model",
    ".pdparams": "a Paddle model",
    ".msgpack": "a Flax model",
}
HTML = (b"<!doctype html", b"<html", b"<?xml", b"<head")


def check_head(head: bytes, size: int, name: str) -> None:
    """Raises: InputFault where the first bytes are those of something that is not taken."""
    if size == 0:
        raise InputFault(f"{name} is empty; choose the weights file again.")
    start = head.lstrip()[:64].lower()
    if start.startswith(HTML):
        raise InputFault(f"{name} is a web page, not a weights file: the download went wrong, fetch the file itself.")
    for magic, what, mend in KNOWN:
        if head.startswith(magic):
            raise InputFault(f"{name} is {what}; {mend}.")
    if is_saved_model(head):
        raise convert(name, BY_NAME[".pb"])
    if head[257:262] == b"ustar":
        raise InputFault(f"{name} is a tar archive; unpack it and submit the weights file inside.")


def convert(name: str, what: str) -> InputFault:
    mend = "convert the model to ONNX"
    return InputFault(f"{name} is {what}; {mend}.")


def is_saved_model(head: bytes) -> bool:
    """It begins as an ONNX model of version 1, whose second field is a text where this has a message.

    Source: the message definitions of saved_model.proto, meta_graph.proto and onnx.proto3 (field numbers).
    """
    second = head[3:].lstrip(bytes(range(128, 256)))
    return head.startswith(b"\x08\x01\x12") and second[1:2] == b"\n"


def refuse_unknown(head: bytes, name: str) -> InputFault:
    """Return the refusal of a file that nothing recognises."""
    if what := BY_NAME.get(PurePath(name).suffix.lower()):
        return convert(name, what)
    text = head[:512]
    if all(byte in b"\t\n\r\f" or byte >= 32 for byte in text) and text.isascii():
        return InputFault(f"{name} is a text file, not a weights file; {SAVE}.")
    if head.startswith(b"\x80"):
        return InputFault(f"{name} is a plain pickle, which is never opened here; {SAVE}.")
    return InputFault(f"{name} is no weights file that is known here (state dict, safetensors, ONNX); {SAVE}.")
