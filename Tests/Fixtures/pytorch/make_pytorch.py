"""Files by torch.save, what PyTorch computes from them, and files that a reader must refuse."""

import collections
import io
import os
import zipfile

from modules import *

import numpy as np
from safetensors.torch import save_file

FOLDER = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(FOLDER, name)


# Every case: its state dictionary as a file, its input and outputs in one file of all cases.
numbers = {"lengths": torch.tensor(LENGTHS)}
for name in CASES:
    module, x = built(name), input_of(name)
    for key, value in outputs_of(name, module, x).items():
        numbers[f"{name}.{key}"] = value.float().contiguous()
    numbers[f"{name}.input"] = x if name in TOKENS else x.float()
    torch.save(module.to(TYPES.get(name, torch.float32)).state_dict(), path(f"{name}.pt"))
save_file(numbers, path("numbers.safetensors"))

# Whole files in other ways: what is around a state dictionary, and the other format.
tagger = built("tagger").float()
optimizer = torch.optim.Adam(tagger.parameters())
tagger.embedding(torch.tensor([1])).sum().backward()
optimizer.step()
tagger = built("tagger").float()
torch.save({"epoch": 3, "model": tagger.state_dict(), "best": 0.25, "optimizer": optimizer.state_dict(), "done": True,
            "device": torch.device("cpu"), "shape": torch.Size([2, 3]), "seed": 2**64 - 1, "names": ("a", ["b", None])},
           path("checkpoint.pt"))
torch.save({"a": built("linear").float().state_dict(), "b": built("lstm_cell").float().state_dict()}, path("two.pth"))
save_file(tagger.state_dict(), path("tagger.safetensors"))
for protocol in [2, 3, 4, 5]:
    torch.save(built("linear").float().state_dict(), path(f"protocol_{protocol}.pt"), pickle_protocol=protocol)

# Tensors of every type and layout, and the same values plainly in safetensors.
base = torch.tensor(normal("pytorch base", 4, 6)).float()
shared = torch.arange(12, dtype=torch.float32) / 7
layouts = collections.OrderedDict(
    plain=base, transposed=base.T, every_second=base[::2, 1::2], from_offset=base[1:3], permuted=torch.arange(24.0).float()
    .reshape(2, 3, 4).permute(2, 0, 1), first_view=shared, second_view=shared[4:].reshape(2, 4), repeated=shared[:3].expand(4, 3),
    scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), one_by_one=base[:1, :1], parameter=nn.Parameter(base.clone()),
    double=torch.tensor([1 / 3, -1e300, 1e-40], dtype=torch.float64).clamp(-1e30, 1e30),
    half=torch.tensor([1 / 3, -65504, 6e-8, float("inf"), 0], dtype=torch.float16),
    bfloat16=torch.tensor([1 / 3, -3e38, 1e-40, float("-inf")], dtype=torch.bfloat16),
    int64=torch.tensor([2**62 + 1, -5, 0]), int32=torch.tensor([2**31 - 1, -2**31], dtype=torch.int32),
    uint8=torch.tensor([0, 255, 7], dtype=torch.uint8), bool=torch.tensor([[True, False], [False, False]]))
torch.save(layouts, path("layouts.pt"))
save_file({name: value.detach().clone().contiguous() for name, value in layouts.items()}, path("layouts.safetensors"))


def rezipped(source, target, change):
    """The archive with each file changed by `change`, which is given its name without the folder and its bytes."""
    with zipfile.ZipFile(path(source)) as old, zipfile.ZipFile(path(target), "w") as new:
        for entry in old.infolist():
            folder, name = entry.filename.split("/", 1)
            new.writestr(zipfile.ZipInfo(f"{folder}/{name}"), change(name, old.read(entry)))


def big(name, content):
    if name == "byteorder":
        return b"big"
    return np.frombuffer(content, "<f4").astype(">f4").tobytes() if name.startswith("data/") else content


rezipped("linear.pt", "big_endian.pt", big)
swapped, plain = torch.load(path("big_endian.pt")), torch.load(path("linear.pt"))
assert all(torch.equal(swapped[key], plain[key]) for key in plain), "PyTorch itself reads the file so"

# What must be refused.
torch.save(built("linear").float().state_dict(), path("refused_old_format.pt"), _use_new_zipfile_serialization=False)
torch.save(built("linear").float(), path("refused_whole_module.pt"))
torch.save({"weight": torch.zeros(3, dtype=torch.int8)}, path("refused_int8.pt"))


class Calls:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


weights = built("linear").float().state_dict()
torch.save(collections.OrderedDict(weights, extra=Calls(os.system, "touch /tmp/refrain-was-here")), path("refused_system.pt"))
torch.save(collections.OrderedDict(weights, extra=Calls(eval, "1 + 1")), path("refused_eval.pt"))
torch.save(Calls(getattr, "text", "upper"), path("refused_getattr.pt"))
torch.save(Calls(exec, "pass"), path("refused_exec.pt"), pickle_protocol=4)

for file in sorted(os.listdir(FOLDER)):
    if not file.endswith(".py"):
        print(f"{file}: {os.path.getsize(path(file))} bytes")
