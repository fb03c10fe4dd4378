"""The modules whose files and outputs are here: what make_pytorch.py saves and check_written.py loads again.

Weights are float32 (or narrower) numbers that depend on the case and the tensor's name; outputs are computed from them in
float64, each sequence by PyTorch's own packing, or alone where PyTorch has no packing.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from common import normal

# check_written.py sets it: what Refrain writes has biases, zeros where a module had none.
BIAS = False

LENGTHS = [3, 5, 2]
B, T = len(LENGTHS), 5


def recurrent(module, x, lengths=LENGTHS):
    """All outputs, zero as padding, and what each sequence's last step shows: both directions' final states."""
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    outputs, final = module(packed)
    outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])
    final = final[0] if isinstance(final, tuple) else final
    directions = 2 if module.bidirectional else 1
    return outputs, torch.cat(list(final[-directions:]), dim=-1)


def each_alone(function, x, lengths=LENGTHS):
    """The outputs of sequences `[T, I]` one by one, padded with zeros; and those of the padded batch as it is, unmasked."""
    outputs = [function(x[row:row + 1, :length])[0] for row, length in enumerate(lengths)]
    return nn.utils.rnn.pad_sequence(outputs, batch_first=True), function(x)


def convolved(module, causal=False):
    def run(x):
        x = x.transpose(1, 2)
        kernel = module.kernel_size[0]
        if causal:
            x = nn.functional.pad(x, (kernel - 1, 0))
        if x.shape[2] < kernel and module.padding != "same":
            return torch.zeros(x.shape[0], 0, module.out_channels)
        return module(x).transpose(1, 2)
    return run


class CellLoop(nn.Module):
    """A cell stepped by hand."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        state, outputs = None, []
        for step in range(x.shape[1]):
            state = self.cell(x[:, step]) if state is None else self.cell(x[:, step], state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, 1)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.rnn = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(10)
        self.fc = nn.Linear(10, 3)

    def forward(self, x):
        return self.fc(self.norm(recurrent(self.rnn, self.embedding(x))[0]))


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleDict({"gru": nn.GRU(3, 6, batch_first=True)})
        self.head = nn.Sequential(nn.Linear(6, 5, bias=BIAS), nn.Linear(5, 2))

    def forward(self, x):
        return self.head(recurrent(self.encoder["gru"], x)[1])


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 2)
        self.rnn = nn.RNN(4, 5, nonlinearity="relu", batch_first=True)
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        frames, _ = each_alone(convolved(self.conv), x)
        return self.fc(recurrent(self.rnn, frames, [length - 1 for length in LENGTHS])[1])


def sequences(kind, **options):
    return kind(3, 4, batch_first=True, **options)


# For each case the module, and what makes the outputs from it: a dictionary of tensors.
def outputs_of_layer(module, x):
    outputs, last = recurrent(module, x)
    return {"outputs": outputs, "last": last}


def outputs_of_call(module, x):
    return {"outputs": module(x)}


def outputs_of_convolution(causal=False):
    def outputs(module, x):
        ragged, full = each_alone(convolved(module, causal), x)
        return {"outputs": ragged, "full": full}
    return outputs


RECURRENT = {
    "lstm": lambda: sequences(nn.LSTM),
    "lstm_bidirectional": lambda: sequences(nn.LSTM, bidirectional=True),
    "lstm_deep": lambda: sequences(nn.LSTM, num_layers=3),
    "lstm_deep_bidirectional": lambda: sequences(nn.LSTM, num_layers=2, bidirectional=True),
    "lstm_no_bias": lambda: sequences(nn.LSTM, num_layers=2, bias=BIAS),
    "lstm_projected": lambda: sequences(nn.LSTM, proj_size=2),
    "lstm_projected_deep": lambda: sequences(nn.LSTM, proj_size=3, num_layers=2, bidirectional=True),
    "lstm_double": lambda: sequences(nn.LSTM),
    "lstm_half": lambda: sequences(nn.LSTM),
    "lstm_bfloat16": lambda: sequences(nn.LSTM),
    "gru": lambda: sequences(nn.GRU),
    "gru_deep_bidirectional": lambda: sequences(nn.GRU, num_layers=2, bidirectional=True),
    "gru_no_bias": lambda: sequences(nn.GRU, bidirectional=True, bias=BIAS),
    "rnn_tanh": lambda: sequences(nn.RNN, num_layers=2, bidirectional=True),
    "rnn_relu": lambda: sequences(nn.RNN, nonlinearity="relu"),
    "rnn_no_bias": lambda: sequences(nn.RNN, bias=BIAS),
}
CASES = {name: (make, outputs_of_layer) for name, make in RECURRENT.items()}
CASES |= {
    "lstm_cell": (lambda: CellLoop(nn.LSTMCell(3, 4)), outputs_of_call),
    "gru_cell": (lambda: CellLoop(nn.GRUCell(3, 4)), outputs_of_call),
    "rnn_cell": (lambda: CellLoop(nn.RNNCell(3, 4, bias=BIAS)), outputs_of_call),
    "linear": (lambda: nn.Linear(3, 4), outputs_of_call),
    "linear_no_bias": (lambda: nn.Linear(3, 4, bias=BIAS), outputs_of_call),
    "layer_norm": (lambda: nn.LayerNorm(3), outputs_of_call),
    "layer_norm_no_bias": (lambda: nn.LayerNorm(3, bias=BIAS), outputs_of_call),
    "embedding": (lambda: nn.Embedding(7, 4), outputs_of_call),
    "conv_valid": (lambda: nn.Conv1d(3, 4, 3), outputs_of_convolution()),
    "conv_stride": (lambda: nn.Conv1d(3, 4, 2, stride=2), outputs_of_convolution()),
    "conv_same": (lambda: nn.Conv1d(3, 4, 4, padding="same"), outputs_of_convolution()),
    "conv_causal": (lambda: nn.Conv1d(3, 4, 3), outputs_of_convolution(causal=True)),
    "conv_causal_stride": (lambda: nn.Conv1d(3, 4, 3, stride=2, bias=BIAS), outputs_of_convolution(causal=True)),
    "tagger": (Tagger, outputs_of_call),
    "regressor": (Regressor, outputs_of_call),
    "listener": (Listener, outputs_of_call),
}
TOKENS = ["embedding", "tagger"]
TYPES = {"lstm_double": torch.float64, "lstm_half": torch.float16, "lstm_bfloat16": torch.bfloat16}


def built(name):
    """The module of a case in float64, its weights numbers of the case's type."""
    module = CASES[name][0]()
    kind = TYPES.get(name, torch.float32)
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            value = torch.tensor(normal(f"pytorch {name} {key}", *parameter.shape, scale=0.5))
            if name == "lstm_double":  # digits that no float has
                value = value + 1e-9 * value.sign()
            parameter.copy_(value.to(kind).double())
    return module.double()


def input_of(name):
    if name in TOKENS:
        return torch.tensor([[1, 4, 0, 0, 0], [6, 2, 2, 3, 5], [3, 0, 0, 0, 0]])
    return torch.tensor(normal(f"pytorch {name} x", B, T, 3))


def outputs_of(name, module, x):
    with torch.no_grad():
        return CASES[name][1](module, x)
