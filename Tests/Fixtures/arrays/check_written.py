"""Reads with NumPy, PyTorch, zipfile and the safetensors package what Refrain wrote, and compares.

    REFRAIN_WRITE=FOLDER swift test --filter Written && python check_written.py FOLDER
"""

import os
import sys
import zipfile

import numpy as np
from safetensors import safe_open

folder = sys.argv[1]
EXPECTED = {
    "cube": np.arange(24, dtype="f4").reshape(2, 3, 4), "single": np.float32(7), "empty": np.zeros((3, 0), "f4"),
    "bool": np.array([[True, False, True]]), "uint8": np.array([0, 128, 255], "u1"),
    "int32": np.array([-2**31, 0, 2**31 - 1], "i4"), "int64": np.array([-2**63, 0, 2**63 - 1], "i8"),
    "float16": np.array([1.5, 65504, 2.0**-24], "f2"), "float64": np.array([1.5, -np.inf], "f8"),
    "größe": np.zeros(5000, "f4"),
}


def same(actual, name):
    expected = np.asarray(EXPECTED[name])
    assert actual.dtype == expected.dtype and actual.shape == expected.shape, (name, actual.dtype, actual.shape)
    assert actual.tobytes() == expected.tobytes(), name


for file in ["stored.npz", "deflated.npz"]:
    path = os.path.join(folder, file)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    with np.load(path, allow_pickle=False) as arrays:
        assert list(arrays) == list(EXPECTED), list(arrays)
        for name in arrays:
            same(arrays[name], name)
assert os.path.getsize(os.path.join(folder, "deflated.npz")) < os.path.getsize(os.path.join(folder, "stored.npz"))
same(np.load(os.path.join(folder, "cube.npy"), allow_pickle=False), "cube")

for file in ["plain.zip", "zip64.zip"]:
    with zipfile.ZipFile(os.path.join(folder, file)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["ramp", "folder/größe 😀", "empty"]
        assert archive.read("ramp") == bytes(range(256)) * 4 and archive.read("folder/größe 😀") == b"text" * 100

with safe_open(os.path.join(folder, "types.safetensors"), "np") as file:
    assert set(file.keys()) == set(EXPECTED)
    for name in file.keys():
        same(file.get_tensor(name), name)
with safe_open(os.path.join(folder, "bfloat16.safetensors"), "pt") as file:
    assert file.metadata() == {"note": "größe\n\"1\""}
    tensor = file.get_tensor("bfloat16")
    assert str(tensor.dtype) == "torch.bfloat16" and tensor.tolist() == [1.5, -2.0, float("inf")]
print("all that was written is read")
