"""Whole models as PyTorch pickles them, files of before version 1.6, TorchScript programs, and state dictionaries that leave
functions open; with what PyTorch makes of an input.

`whole_<case>.pt`; `whole.safetensors` has `<case>.input` and `<case>.output`. The versions are those of
`../requirements.txt`.
"""

import collections
import os

import torch
from safetensors.numpy import save_file
from torch import nn

FOLDER = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(5)
numbers = {}


def path(name):
    return os.path.join(FOLDER, name)


class Tagger(nn.Module):
    """A head of which the file says the order."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(4, 5), nn.Dropout(0.2), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2), nn.LeakyReLU(0.3))

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


class Loose(nn.Module):
    """A function whose place only the code knows."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 4, nonlinearity="relu", batch_first=True)
        self.relu = nn.ReLU()
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc2(self.relu(self.fc1(out[:, -1])))


class Both(nn.Module):
    """The outputs at the last step of a bidirectional layer."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


def built(kind):
    model = kind()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.dtype == torch.float32:
                tensor.copy_(0.6 * torch.randn(tensor.shape))
        for name, tensor in model.named_buffers():
            if "var" in name:
                tensor.copy_(tensor.abs() + 0.5)
    return model.eval()


def record(name, model):
    x = torch.randn(3, 6, 3)
    numbers[f"{name}.input"], numbers[f"{name}.output"] = x.numpy(), model(x).detach().numpy()


tagger, loose, both = built(Tagger), built(Loose), built(Both)
record("tagger", tagger)
record("loose", loose)
record("both", both)
torch.save(tagger, path("whole_tagger.pt"))
torch.save(loose, path("whole_loose.pt"))



def without_source(*arguments):
    raise OSError("the source of PyTorch's classes is not to be in the file")


torch.serialization.get_source_lines_and_file = without_source
torch.save(tagger, path("whole_tagger_old.pt"), _use_new_zipfile_serialization=False)
torch.save(loose.state_dict(), path("whole_loose_state_old.pt"), _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "model_state_dict": both.state_dict(), "optimizer_state_dict": torch.optim.Adam(both.parameters()).state_dict(),
            "ema": collections.OrderedDict(x=torch.zeros(2))}, path("whole_both_checkpoint.pt"))
torch.jit.script(tagger).save(path("whole_tagger_script.pt"))
torch.jit.trace(loose, torch.randn(1, 6, 3)).save(path("whole_loose_trace.pt"))
odd = dict(both.state_dict(), mask=torch.zeros(3, dtype=torch.uint16), code=torch.zeros(2, dtype=torch.complex64))
torch.save(odd, path("whole_odd_types.pt"))
save_file(numbers, path("whole.safetensors"))
