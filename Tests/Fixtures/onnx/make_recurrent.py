"""LSTM, GRU and RNN under every attribute, by ONNX Runtime.

The cases are drawn from all combinations of the attributes so that every two of their values meet. ONNX Runtime computes no
`layout=1`; such a case is the same one with its axes exchanged. Affine, ScaledTanh and ThresholdedRelu are always given their
alpha, and ScaledTanh its beta: what these are otherwise ONNX does not say, and ONNX Runtime takes 0.
"""

import itertools
import random
import warnings

warnings.simplefilter("ignore")

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from cases import case, save

T, B, I, H = 4, 3, 2, 3
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
FUNCTIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}
# Without alpha and beta, and with them; two directions take the list twice.
ACTIVATIONS = {
    "LSTM": [None, (["Sigmoid", "Tanh", "Tanh"], None, None), (["HardSigmoid", "ScaledTanh", "Softsign"], [0.2, 0.9], [0.5, 1.1]),
             (["HardSigmoid", "LeakyRelu", "Affine"], [0.3, 0.02, 0.7], [0.4, 0.1]), (["Sigmoid", "Relu", "Elu"], [0.8], None),
             (["Sigmoid", "ThresholdedRelu", "ScaledTanh"], [0.2, 1.2], [0.6]), (["sigmoid", "Softplus", "Tanh"], None, None)],
    "GRU": [None, (["HardSigmoid", "Relu"], None, None), (["HardSigmoid", "ScaledTanh"], [0.3, 1.1], [0.4, 0.8]),
            (["Sigmoid", "Elu"], [0.6], None), (["Sigmoid", "Softsign"], None, None), (["HardSigmoid", "Affine"], [0.25, 0.9], [0.5, 0.1])],
    "RNN": [None, (["Relu"], None, None), (["LeakyRelu"], [0.05], None), (["Affine"], [0.5], [0.2]), (["ScaledTanh"], [1.3], [0.7]),
            (["ThresholdedRelu"], [0.3], None), (["HardSigmoid"], None, None), (["Softplus"], None, None), (["Elu"], None, None),
            (["Sigmoid"], None, None), (["Softsign"], None, None)],
}
CHOICES = {
    "direction": ["forward", "reverse", "bidirectional"],
    "bias": [True, False],
    "initial": [True, False],
    "lengths": [None, [4, 1, 3], [2, 0, 4]],
    "clip": [None, None, 0.4],
    "layout": [0, 0, 1],
}
OWN = {"LSTM": {"input_forget": [0, 1], "peepholes": [False, True]}, "GRU": {"linear_before_reset": [0, 1]}, "RNN": {}}


def covering(operator):
    """Combinations in which every two values of two attributes occur together."""
    generator = random.Random(operator)
    choices = {**CHOICES, **OWN[operator], "activations": list(range(len(ACTIVATIONS[operator])))}
    names = list(choices)
    sizes = {name: len(values) for name, values in choices.items()}
    wanted = {(a, i, b, j) for a, b in itertools.combinations(names, 2) for i in range(sizes[a]) for j in range(sizes[b])}
    result = []
    while wanted:
        best = max(({name: generator.randrange(sizes[name]) for name in names} for _ in range(200)),
                   key=lambda row: sum((a, row[a], b, row[b]) in wanted for a, b in itertools.combinations(names, 2)))
        wanted -= {(a, best[a], b, best[b]) for a, b in itertools.combinations(names, 2)}
        result.append({name: choices[name][best[name]] for name in names})
    return result


def build(operator, options, opset, seed):
    """The node, and its inputs by name."""
    numbers = np.random.RandomState(seed)
    gates, directions = GATES[operator], 2 if options["direction"] == "bidirectional" else 1

    def normal(*shape):
        return (0.7 * numbers.standard_normal(shape)).astype(np.float32)

    inputs = {"X": normal(T, B, I), "W": normal(directions, gates * H, I), "R": normal(directions, gates * H, H)}
    if options["bias"]:
        inputs["B"] = normal(directions, 2 * gates * H)
    if options["lengths"]:
        inputs["lengths"] = np.array(options["lengths"], np.int32)
    if options["initial"]:
        inputs["h0"] = normal(directions, B, H)
        if operator == "LSTM":
            inputs["c0"] = normal(directions, B, H)
    if options.get("peepholes"):
        inputs["P"] = normal(directions, 3 * H)
    attributes = {"hidden_size": H, "direction": options["direction"]}
    for name in ["input_forget", "linear_before_reset"]:
        if options.get(name):
            attributes[name] = options[name]
    if options["clip"]:
        attributes["clip"] = options["clip"]
    chosen = ACTIVATIONS[operator][options["activations"]]
    if chosen:
        functions, alphas, betas = chosen
        attributes["activations"] = functions * directions
        if alphas:
            attributes["activation_alpha"] = alphas * directions
        if betas:
            attributes["activation_beta"] = betas * directions
    return attributes, inputs


def model(operator, attributes, inputs, opset):
    order = ["X", "W", "R", "B", "lengths", "h0"] + (["c0", "P"] if operator == "LSTM" else [])
    names = [name if name in inputs else "" for name in order]
    outputs = ["Y", "Y_h"] + (["Y_c"] if operator == "LSTM" else [])
    node = helper.make_node(operator, names, outputs, name=operator.lower(), **attributes)
    ports = [helper.make_tensor_value_info(name, TensorProto.INT32 if name == "lengths" else TensorProto.FLOAT, array.shape)
             for name, array in inputs.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * (4 if name == "Y" else 3)) for name in outputs]
    graph = helper.make_graph([node], "g", ports, results)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def batch_first(inputs, outputs):
    exchanged = {name: array.swapaxes(0, 1) if name in ["X", "h0", "c0"] else array for name, array in inputs.items()}
    return exchanged, {name: array.transpose(2, 0, 1, 3) if name == "Y" else array.swapaxes(0, 1)
                       for name, array in outputs.items()}


result = []
for operator in GATES:
    for index, options in enumerate(covering(operator)):
        opset = [7, 14, 22][index % 3]
        attributes, inputs = build(operator, options, opset, index)
        options_text = " ".join(f"{name}={value}" for name, value in options.items())
        name = f"{operator} {index}: {options_text}"
        plain = model(operator, attributes, inputs, opset)
        session = onnxruntime.InferenceSession(plain.SerializeToString(), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        outputs = dict(zip(names, session.run(None, inputs)))
        if options["layout"] == 1:
            inputs, outputs = batch_first(inputs, outputs)
            plain = model(operator, {**attributes, "layout": 1}, inputs, 14)
        result.append(case(name, plain, inputs, outputs, 1e-5, 2e-6))
    print(operator, index + 1, "cases")
save("recurrent", result)
