"""Models that PyTorch exports to ONNX, by both of its exporters, for Refrain to find the layers in.

Writes an .onnx file a model, and layers.safetensors with `<model>.input` and `<model>.output`, which PyTorch computed (and
ONNX Runtime confirms). Batch and time are dynamic; the inputs have another batch and time than what was traced.
"""

import logging
import os
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import save_file
from torch import nn

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
torch.set_num_threads(1)
FOLDER = os.path.dirname(os.path.abspath(__file__))


class LastStep(nn.Module):
    """The tutorials' LSTM: the output at the last step, then a linear layer."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, dropout=0.2, batch_first=True)
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        outputs, _ = self.lstm(x)
        return self.linear(outputs[:, -1, :])


class LastHidden(nn.Module):
    """The final hidden state of a GRU, with a small perceptron on it."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.layers = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.1), nn.Linear(5, 2), nn.Softmax(-1))

    def forward(self, x):
        _, hidden = self.gru(x)
        return self.layers(hidden[-1])


class EveryStep(nn.Module):
    """Tokens to tags: embedding, two bidirectional layers, layer normalisation, linear."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 3)
        self.lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(8, eps=1e-3)
        self.linear = nn.Linear(8, 5)

    def forward(self, tokens):
        outputs, _ = self.lstm(self.embedding(tokens))
        return torch.tanh(self.linear(self.norm(outputs)))


class BothEnds(nn.Module):
    """Both final hidden states of a bidirectional GRU side by side."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(8, 2)

    def forward(self, x):
        _, hidden = self.gru(x)
        return self.linear(torch.cat([hidden[-2], hidden[-1]], dim=1))


class Plain(nn.Module):
    """Elman's network, without biases."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 4, nonlinearity="relu", bias=False, batch_first=True)
        self.linear = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        outputs, _ = self.rnn(x)
        return torch.nn.functional.silu(self.linear(outputs))


class Exact(nn.Module):
    """A GRU and a perceptron with GELU, which is the exact one."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.layers = nn.Sequential(nn.GELU(), nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 2))

    def forward(self, x):
        outputs, _ = self.gru(x)
        return self.layers(outputs)


class TimeFirst(nn.Module):
    """PyTorch's own order of axes."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4)
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        outputs, _ = self.lstm(x)
        return torch.sigmoid(self.linear(outputs))


class Stream(nn.Module):
    """An LSTM whose state comes and goes."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.linear = nn.Linear(4, 2)

    def forward(self, x, hidden, cell):
        outputs, (hidden, cell) = self.lstm(x, (hidden, cell))
        return self.linear(outputs), hidden, cell


class Residual(nn.Module):
    """No chain of layers: what goes in is added to what comes out."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 4, batch_first=True)

    def forward(self, x):
        return x + self.lstm(x)[0]


def values(name, *shape):
    seed = sum(name.encode())
    return torch.tensor(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def export(model, name, inputs, others):
    """Exports by both exporters; the models' dynamic axes are those in which `inputs` and `others` differ."""
    shapes = [{axis: f"size_{size}" for axis, size in enumerate(one.shape) if other.shape[axis] != size}
              for one, other in zip(inputs, others)]
    names = ["x", "hidden", "cell"][:len(inputs)]
    path = os.path.join(FOLDER, f"{name}_script.onnx")
    torch.onnx.export(model, inputs, path, dynamo=False, opset_version=17, input_names=names, output_names=["y"],
                      dynamic_axes=dict(zip(names, shapes)))
    yield path
    if isinstance(model, Plain):
        return  # the newer exporter writes an RNN step by step, for one number of steps
    path = os.path.join(FOLDER, f"{name}_dynamo.onnx")
    dynamic = tuple({axis: torch.export.Dim.AUTO for axis in shape} for shape in shapes)
    program = torch.onnx.export(model, inputs, dynamo=True, dynamic_shapes=dynamic, input_names=names,
                                output_names=["y"], verbose=False)
    message = program.model_proto
    # What the exporter notes about its own run: traces of the stack, with paths.
    for node in message.graph.node:
        del node.metadata_props[:]
    for value in list(message.graph.value_info) + list(message.graph.input) + list(message.graph.output):
        del value.metadata_props[:]
    del message.graph.metadata_props[:]
    del message.metadata_props[:]
    del message.graph.value_info[:]
    onnx.save(message, path)
    yield path


tensors = {}
for number, (model, name) in enumerate([
    (LastStep(), "last_step"), (LastHidden(), "last_hidden"), (EveryStep(), "every_step"), (BothEnds(), "both_ends"),
    (Plain(), "plain"), (TimeFirst(), "time_first"), (Stream(), "stream"), (Residual(), "residual"),
    (Exact(), "gelu"),
]):
    torch.manual_seed(number)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
    model.eval()

    def make(batch, time, which):
        if name == "every_step":
            return (torch.tensor(np.random.RandomState(batch).randint(0, 7, (batch, time))),)
        shape = (time, batch, 3) if name == "time_first" else (batch, time, 4 if name == "residual" else 3)
        states = [values(f"{name} {part} {which}", 1, batch, 4) for part in ["h", "c"]] if name == "stream" else []
        return (values(f"{name} {which}", *shape), *states)

    traced, given = make(2, 5, "traced"), make(3, 7, "given")
    with torch.no_grad():
        outputs = model(*given)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for path in export(model, name, traced, given):
        session = onnxruntime.InferenceSession(path)
        feeds = {port.name: value.numpy() for port, value in zip(session.get_inputs(), given)}
        for found, wanted in zip(session.run(None, feeds), outputs):
            assert np.abs(found - wanted.numpy()).max() < 1e-5, path
        print(os.path.basename(path), os.path.getsize(path))
    for key, value in zip(["input", "hidden", "cell"], given):
        tensors[f"{name}.{key}"] = value.numpy().astype(np.float32)
    for key, value in zip(["output", "final.hidden", "final.cell"], outputs):
        tensors[f"{name}.{key}"] = value.numpy()
save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, os.path.join(FOLDER, "layers.safetensors"))
