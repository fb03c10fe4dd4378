"""The file format of the ONNX fixtures: models, what goes into them, and what must come out.

A file is a list of cases, one after another; a case is its name, the tolerances (two float32: relative and absolute), the
bytes of a model, the inputs and the outputs. A text or a run of bytes is preceded by its length, and a list by its count,
as little-endian 32-bit integers. Inputs and outputs are `TensorProto` messages under their names.
"""

import os
import struct

import numpy as np
import onnx
from onnx import numpy_helper

FOLDER = os.path.dirname(os.path.abspath(__file__))
LARGEST = 100_000


def _bytes(content):
    return struct.pack("<I", len(content)) + content


def strip(model):
    """Takes out what no program computes with, and some exporters fill files with."""
    model.ClearField("metadata_props")
    for field in ["value_info", "doc_string", "metadata_props"]:
        model.graph.ClearField(field)
    for message in list(model.graph.node) + list(model.graph.input) + list(model.graph.output) + list(model.graph.initializer):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")


def case(name, model, inputs, outputs, rtol=1e-5, atol=1e-6):
    """One case; `inputs` and `outputs` are arrays by name."""
    def tensors(arrays):
        content = [_bytes(numpy_helper.from_array(np.asarray(array), name).SerializeToString())
                   for name, array in arrays.items()]
        return struct.pack("<I", len(content)) + b"".join(content)

    model = onnx.load_from_string(model) if isinstance(model, bytes) else model
    strip(model)
    return (_bytes(name.encode()) + struct.pack("<ff", rtol, atol) + _bytes(model.SerializeToString()) + tensors(inputs) + tensors(outputs))


def save(file, cases):
    """Writes cases to a file, and to file_2, file_3 … when they are many."""
    parts, size = [[]], 0
    for content in cases:
        assert len(content) < LARGEST, len(content)
        if size + len(content) > LARGEST:
            parts.append([])
            size = 0
        parts[-1].append(content)
        size += len(content)
    for index, part in enumerate(parts):
        name = f"{file}{'' if index == 0 else f'_{index + 1}'}.cases"
        with open(os.path.join(FOLDER, name), "wb") as stream:
            stream.write(struct.pack("<I", len(part)) + b"".join(part))
        print(f"{name}: {len(part)} cases, {os.path.getsize(os.path.join(FOLDER, name))} bytes")
