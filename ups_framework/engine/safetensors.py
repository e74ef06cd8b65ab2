"""Files of tensors that hold no code: eight bytes of length, a JSON header, then the bytes of all tensors.

Reference: https://huggingface.co/docs/safetensors (the format is that small that it needs no library).
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ups_framework.errors import RunError

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}
_ALIGNMENT = 8


def safetensors_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The file's content; tensors in the order of their names, as others write them too."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    pieces, end = [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name].detach().cpu().contiguous()
        pieces.append(tensor.flatten().view(torch.uint8).numpy().tobytes())
        begin, end = end, end + len(pieces[-1])
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + b"".join(pieces)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; RunError if the file is missing, damaged or something else."""
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        return {name: _tensor(item, content, 8 + length) for name, item in header.items()}, metadata
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise RunError(f"{path}: is damaged, or no file of safetensors ({error!r})") from error


def _tensor(item: Mapping[str, Any], content: bytes, start: int) -> Tensor:
    begin, end = item["data_offsets"]
    dtype, shape = _TYPES[item["dtype"]], item["shape"]
    if not 0 <= begin <= end <= len(content) - start or (end - begin) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"a tensor of shape {shape} cannot lie at {begin} to {end}")
    if begin == end:
        return torch.zeros(shape, dtype=dtype)
    return torch.frombuffer(bytearray(content[start + begin : start + end]), dtype=dtype).reshape(shape)
