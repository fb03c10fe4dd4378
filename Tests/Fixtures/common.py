"""What every script here shares: reproducible numbers, the file they go into, and the layouts of the recurrent layers.

All inputs are rounded to float32 first; everything after that is computed in float64 and rounded once, when saved.
So a fixture holds the true value for its float32 inputs, not another program's rounding errors.
"""

import os
import zlib

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

FOLDER = os.path.dirname(os.path.abspath(__file__))


def single(array):
    """Rounds to float32 and returns the result in float64."""
    return np.asarray(array, dtype=np.float32).astype(np.float64)


def normal(name, *shape, scale=1.0):
    """Normals that depend on the name alone, so that adding a tensor changes no other one."""
    return single(scale * np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape))


def leaf(array):
    """A float64 tensor whose gradient is wanted."""
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


class Fixture:
    """Named tensors, saved as float32."""

    def __init__(self, file):
        self.file = file
        self.tensors = {}

    def add(self, name, value):
        assert name not in self.tensors, name
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        assert np.isfinite(value).all(), name
        self.tensors[name] = np.ascontiguousarray(value, dtype=np.float32)

    def add_all(self, prefix, values):
        for name, value in values.items():
            self.add(f"{prefix}.{name}", value)

    def save(self):
        path = os.path.join(FOLDER, self.file)
        save_file(self.tensors, path)
        print(f"{self.file}: {len(self.tensors)} tensors, {os.path.getsize(path)} bytes")


def close(actual, expected, tolerance, name):
    """Asserts that two independent computations of one array agree, relative to its largest element."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (name, actual.shape, expected.shape)
    worst = np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-30)
    assert worst <= tolerance, (name, worst)


# Recurrent layers. Cells are named lstm, gru_after, gru_before, rnn_tanh and rnn_relu. A parameter's name ends in a
# suffix such as _l1_reverse in a stack, and in nothing for a single layer.

GATES = {"lstm": 4, "gru_after": 3, "gru_before": 3, "rnn_tanh": 1, "rnn_relu": 1}


def states(cell):
    return ["hidden", "cell"] if cell == "lstm" else ["hidden"]


def shapes(cell, inputs, hidden, suffix=""):
    """Refrain's parameters of one layer and direction."""
    rows = GATES[cell] * hidden
    result = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden), "bias_ih": (rows,)}
    if cell == "gru_after":
        result["bias_hn"] = (hidden,)
    return {name + suffix: shape for name, shape in result.items()}


def suffixes(layers, directions):
    return [f"_l{layer}{reverse}" for layer in range(layers) for reverse in ["", "_reverse"][:directions]]


def torch_module(cell, inputs, hidden, layers=1, directions=1):
    options = dict(num_layers=layers, bidirectional=directions == 2, batch_first=True)
    if cell.startswith("rnn_"):
        return torch.nn.RNN(inputs, hidden, nonlinearity=cell[4:], **options)
    return {"lstm": torch.nn.LSTM, "gru_after": torch.nn.GRU}[cell](inputs, hidden, **options)


def load_torch(module, cell, parameters, ours, theirs):
    """Puts Refrain's parameters with the suffix `ours` into those of torch with the suffix `theirs`.

    Torch has two biases where Refrain has their sum; the sum is divided unequally, so that dropping one would be seen.
    """
    hidden = module.hidden_size
    bias = parameters["bias_ih" + ours]
    second = normal("second bias", *bias.shape, scale=0.3)
    first = bias - second
    if cell == "gru_after":
        first[2 * hidden:] = bias[2 * hidden:]
        second[2 * hidden:] = parameters["bias_hn" + ours]
    values = {"weight_ih": parameters["weight_ih" + ours], "weight_hh": parameters["weight_hh" + ours],
              "bias_ih": first, "bias_hh": second}
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, name + theirs).copy_(torch.tensor(value))


def gradients_from_torch(module, cell, ours, theirs):
    """Refrain's gradients by name, from those of torch's layer."""
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    grad = {name: getattr(module, name + theirs).grad.numpy() for name in names}
    shared = slice(0, 2 * module.hidden_size) if cell == "gru_after" else slice(None)
    close(grad["bias_ih"][shared], grad["bias_hh"][shared], 1e-6, "both biases have one gradient")
    second = grad.pop("bias_hh")
    if cell == "gru_after":
        grad["bias_hn"] = second[2 * module.hidden_size:]
    return {name + ours: value for name, value in grad.items()}


def run_torch(module, x, lengths, initial):
    """Outputs [B, T, D·H] (0 as padding) and final states [L·D, B, H]."""
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    outputs, final = module(packed, tuple(initial) if len(initial) == 2 else initial[0])
    outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])
    return outputs, list(final) if len(initial) == 2 else [final]


def from_keras(cell, kernel, recurrent, bias):
    """Refrain's parameters (or gradients) from those of Keras: transposed, and with GRU's z r h as r z n."""
    def blocks(array):
        if cell == "lstm":
            return array
        z, r, n = np.split(array, 3, axis=-1)
        return np.concatenate([r, z, n], axis=-1)

    kernel, recurrent, bias = blocks(kernel), blocks(recurrent), blocks(bias)
    result = {"weight_ih": kernel.T, "weight_hh": recurrent.T}
    if cell == "gru_after":  # [2, 3H]: the recurrent bias of r and z is 0 and has the gradient of the sum
        hidden = recurrent.shape[0]
        result["bias_ih"], result["bias_hn"] = bias[0], bias[1, 2 * hidden:]
    else:
        result["bias_ih"] = bias
    return result


def to_keras(cell, parameters):
    """Keras's kernel, recurrent kernel and bias; GRU's recurrent bias of r and z is 0."""
    def blocks(array):
        if cell == "lstm":
            return array
        r, z, n = np.split(array, 3, axis=-1)
        return np.concatenate([z, r, n], axis=-1)

    bias = parameters["bias_ih"]
    if cell == "gru_after":
        hidden = len(parameters["bias_hn"])
        bias = np.stack([bias, np.concatenate([np.zeros(2 * hidden), parameters["bias_hn"]])])
    return [blocks(parameters["weight_ih"].T), blocks(parameters["weight_hh"].T), blocks(bias)]
