"""Writes one LSTM of 128 units twice: lstm.pt for Refrain, lstm_step.onnx for the peer (one step, states in and out).

Usage: make_model.py FOLDER [SIZE]
"""

import pathlib
import sys

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


def main():
    folder = pathlib.Path(sys.argv[1])
    size = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    layer = torch.nn.LSTM(size, size, batch_first=True)
    torch.save(layer.state_dict(), folder / "lstm.pt")

    def rows(name):
        # PyTorch has the gates as input, forget, cell, output; ONNX as input, output, forget, cell.
        i, f, g, o = numpy.split(layer.state_dict()[name].numpy(), 4)
        return numpy.concatenate([i, o, f, g])

    weights = {
        "W": rows("weight_ih_l0")[None],
        "R": rows("weight_hh_l0")[None],
        "B": numpy.concatenate([rows("bias_ih_l0"), rows("bias_hh_l0")])[None],
    }
    state = [1, 1, size]
    nodes = [
        helper.make_node("LSTM", ["x", "W", "R", "B", "", "h", "c"], ["", "h_next", "c_next"], hidden_size=size),
    ]
    graph = helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, state) for name in ("x", "h", "c")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, state) for name in ("h_next", "c_next")],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "lstm_step.onnx")


main()
