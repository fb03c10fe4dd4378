"""Operators in the forms that they had in older operator sets, with attributes where later there are inputs, by ONNX Runtime."""

import warnings

warnings.simplefilter("ignore")

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from cases import case, save

x = np.random.RandomState(1).standard_normal((2, 3, 4)).astype(np.float32)
CASES = [
    ("Softmax", 7, {}, [x]), ("Softmax", 11, {"axis": 0}, [x]), ("Softmax", 12, {"axis": 2}, [x]), ("Softmax", 12, {"axis": -2}, [x]),
    ("LogSoftmax", 11, {"axis": 1}, [x]), ("Hardmax", 12, {"axis": 1}, [x]), ("Softmax", 13, {"axis": 1}, [x]),
    ("LogSoftmax", 13, {"axis": 0}, [x]),
    ("Squeeze", 11, {"axes": [0, 2]}, [x[:1, :, :1]]), ("Squeeze", 11, {}, [x[:1]]), ("Unsqueeze", 11, {"axes": [0, 3]}, [x]),
    ("Slice", 9, {"starts": [0, -3], "ends": [1, 100], "axes": [0, 2]}, [x]), ("Slice", 7, {"starts": [1], "ends": [-1]}, [x]),
    ("Split", 11, {"axis": 1, "split": [1, 2]}, [x]), ("Split", 9, {"axis": 2}, [x]),
    ("Pad", 9, {"pads": [0, 1, 0, 1, 0, 2], "value": 1.5}, [x]), ("Pad", 7, {"mode": "reflect", "pads": [0, 2, 1, 0, 1, 3]}, [x]),
    ("Pad", 8, {"mode": "edge", "pads": [1, 0, 0, 0, -1, 2]}, [x]),
    ("Clip", 7, {"min": -0.5, "max": 0.25}, [x]), ("Clip", 10, {"max": 0.1}, [x]), ("Dropout", 9, {"ratio": 0.4}, [x]),
    ("ReduceSum", 11, {"axes": [0, -1], "keepdims": 0}, [x]), ("ReduceMean", 13, {"axes": [1]}, [x]), ("ReduceMax", 7, {}, [x]),
    ("ReduceLogSumExp", 11, {"axes": [2]}, [x]), ("ReduceL2", 13, {"axes": [0], "keepdims": 0}, [x]),
    ("BatchNormalization", 8, {"epsilon": 0.01}, [x] + [np.abs(x[0, :, index]) for index in range(4)]),
    ("Flatten", 7, {"axis": 2}, [x]), ("Gemm", 7, {"transA": 1, "alpha": 0.5, "beta": 2.0}, [x[0], x[1], x[0, 0]]),
    ("Sum", 8, {}, [x, x[0], x[:, :1]]), ("Max", 8, {}, [x, x[0]]), ("Cast", 9, {"to": int(TensorProto.INT32)}, [x * 3]),
]

result = []
for operator, opset, attributes, inputs in CASES:
    names = [f"input_{index}" for index in range(len(inputs))]
    outputs = ["y", "z"] if operator == "Split" else ["y"]
    node = helper.make_node(operator, names, outputs, **attributes)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in zip(names, inputs)]
    kind = attributes.get("to", TensorProto.FLOAT)
    results = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    model = helper.make_model(helper.make_graph([node], "g", ports, results), opset_imports=[helper.make_opsetid("", opset)],
                              ir_version=7)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {name: np.ascontiguousarray(array) for name, array in zip(names, inputs)}
    expected = dict(zip(outputs, session.run(outputs, given)))
    result.append(case(f"{operator}, opset {opset}, {attributes}", model, given, expected, 2e-6, 1e-6))
save("old", result)
