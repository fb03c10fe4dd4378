"""Arrays by NumPy and by the safetensors package, in every type of element that Refrain reads."""

import io
import json
import os

import numpy as np
import torch
from safetensors.torch import save

FOLDER = os.path.dirname(os.path.abspath(__file__))


def put(name, data):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(data)
    print(f"{name}: {len(data)} bytes")


# Every number survives the way into its own type and, for floating-point ones, into float32.
FLOATS = [0.0, -0.0, 1.5, -2.25, 65504.0, 2.0**-24, float("inf"), float("-inf")]
WHOLE = {
    "b1": [0, 1, 1, 0, 1, 0],
    "i1": [-128, -1, 0, 1, 42, 127], "i2": [-32768, -1, 0, 1, 258, 32767],
    "i4": [-2**31, -1, 0, 1, 66051, 2**31 - 1], "i8": [-2**63, -1, 0, 1, 2**24 + 1, 2**63 - 1],
    "u1": [0, 1, 2, 127, 128, 255], "u2": [0, 1, 258, 32767, 32768, 65535],
    "u4": [0, 1, 66051, 2**31 - 1, 2**31, 2**32 - 1], "u8": [0, 1, 2, 3, 2**53 + 1, 2**63 - 1],
}
REAL = {"f2": FLOATS, "f4": FLOATS[:5] + [0.1, 2.0**-149, float("inf")], "f8": FLOATS[:5] + [0.1, 1e-50, 1e300]}

arrays, expected = {}, {}
for kind, values in (WHOLE | REAL).items():
    for order in "<>":
        for layout in "CF":
            # Integers first: a float64 cannot hold 2**63 - 1.
            array = np.array(values, dtype=bool if kind == "b1" else kind).reshape(2, -1)
            array = array.astype(array.dtype.newbyteorder(order), order=layout)
            arrays[f"{kind}_{'little' if order == '<' else 'big'}_{layout}"] = array
    with np.errstate(over="ignore"):  # 1e300 is infinite as a float32
        numbers = array.astype(np.float32) if kind in REAL else array.astype(np.int64)
    expected[kind] = numbers.astype(">f4").view(">u4").ravel().tolist() if kind in REAL else numbers.ravel().tolist()
cube = np.arange(24, dtype="<f4").reshape(2, 3, 4)
arrays |= {
    "cube_C": cube, "cube_F": np.asfortranarray(cube), "single": np.float32(7), "empty": np.zeros((3, 0), "<f8"),
    "line": np.arange(5), "column_F": np.asfortranarray(np.arange(6, dtype="<i2").reshape(3, 1, 2)),
}
for name, pack in {"arrays.npz": np.savez, "arrays_deflated.npz": np.savez_compressed}.items():
    pack(file := io.BytesIO(), **arrays)
    put(name, file.getvalue())
# Floats as the whole numbers that their bits spell, so that no reader of JSON rounds them.
put("arrays.json", json.dumps(expected, sort_keys=True).encode())

for version in [1, 2, 3]:
    np.lib.format.write_array(file := io.BytesIO(), cube, version=(version, 0))
    put(f"version{version}.npy", file.getvalue())
np.lib.format.write_array(file := io.BytesIO(), np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
put("objects.npy", file.getvalue())
np.lib.format.write_array(file := io.BytesIO(), np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
put("records.npy", file.getvalue())
np.lib.format.write_array(file := io.BytesIO(), np.array([2**63], dtype="<u8"))
put("huge.npy", file.getvalue())
np.lib.format.write_array(file := io.BytesIO(), np.array([1 + 2j]))
put("complex.npy", file.getvalue())

TORCH = {
    "BOOL": torch.bool, "U8": torch.uint8, "I32": torch.int32, "I64": torch.int64, "F16": torch.float16,
    "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64,
}
SOURCE = {"BOOL": "b1", "U8": "u1", "I32": "i4", "I64": "i8", "F16": "f2", "F32": "f4", "F64": "f8"}
tensors = {
    name: torch.tensor(FLOATS if name == "BF16" else (WHOLE | REAL)[SOURCE[name]], dtype=kind).reshape(2, -1)
    for name, kind in TORCH.items()
}
tensors["single"], tensors["empty"] = torch.tensor(7.0), torch.zeros(3, 0)
put("types.safetensors", save(tensors, metadata={"by": "safetensors"}))

# What torch rounds floats to: ties, values that overflow, that vanish, that are no numbers in either size.
generator = np.random.RandomState(7)
bits = np.concatenate([
    generator.randint(0, 2**32, 600, dtype=np.uint32),
    ((generator.randint(100, 145, 300) << 23) + (generator.randint(0, 2**10, 300) << 13) + 0x1000).astype(np.uint32),
    ((generator.randint(1, 254, 300) << 23) + (generator.randint(0, 2**7, 300) << 16) + 0x8000).astype(np.uint32),
    ((generator.randint(100, 114, 300) << 23) + generator.randint(0, 2**23, 300)).astype(np.uint32),
    np.array([0, 0x80000000, 1, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001,
              0x387FE000, 0x387FF000, 0x7F7F8000, 0x7F7F7FFF], dtype=np.uint32),
])
bits = bits[~np.isnan(bits.view(np.float32))]
values = torch.from_numpy(bits.view(np.float32).copy())
rounded = {"value": values, "half": values.half(), "bfloat16": values.bfloat16()}
put("rounding.safetensors", save(rounded))
halves = np.arange(2**16, dtype=np.uint16)
halves = halves[~np.isnan(halves.view(np.float16))][::7]
put("halves.safetensors", save({"half": torch.from_numpy(halves.view(np.float16).copy()),
                                "value": torch.from_numpy(halves.view(np.float16).astype(np.float32))}))
