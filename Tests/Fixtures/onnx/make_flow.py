"""If, Loop, ConvTranspose and quantized operators in the forms that exporters write, by ONNX Runtime: branches that take values from
outside, loops with trip counts and conditions, states that grow, collected outputs, and cells within them.
"""

import warnings

warnings.simplefilter("ignore")

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cases import case, save

F, I, B, I32, U8, I8 = (TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.INT32, TensorProto.UINT8,
                        TensorProto.INT8)
result = []


def ramp(shape, phase=0.0):
    return np.sin(phase + 1.7 * np.arange(np.prod(shape, dtype=int)) + 0.3).astype(np.float32).reshape(shape)


def port(name, type=F, shape=None):
    return helper.make_tensor_value_info(name, type, shape)


def graph(name, nodes, inputs, outputs, weights={}):
    return helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(np.asarray(value), key) for key, value in weights.items()])


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, [name if name != "-" else "" for name in inputs.split()], outputs.split(), **attributes)


def add(name, main, inputs, opset=17, rtol=1e-6, atol=1e-6, domains=()):
    sets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(main, opset_imports=sets, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))
    result.append(case(name, model, inputs, outputs, rtol, atol))


# If: branches with weights of their own and values from outside, within each other, and on a condition of the shape.
for condition in [True, False]:
    inner_yes = graph("yes2", [node("Add", "x W", "a2")], [], [port("a2")])
    inner_no = graph("no2", [node("Sub", "x own", "b2")], [], [port("b2")], {"own": ramp([3], 5)})
    yes = graph("yes", [node("Mul", "x W", "p"), node("If", "second", "a", then_branch=inner_yes, else_branch=inner_no)], [],
                [port("a"), port("p")])
    no = graph("no", [node("Neg", "x", "n"), node("Identity", "x", "c")], [], [port("n"), port("c")])
    main = graph("main", [node("Not", "flag", "second"), node("If", "flag", "y z", then_branch=yes, else_branch=no)],
                 [port("x", F, [2, 3]), port("flag", B, [])], [port("y"), port("z")], {"W": ramp([3], 2)})
    add(f"if {condition}", main, {"x": ramp([2, 3]), "flag": np.array(condition)})
    # As PyTorch writes squeeze: the rank of the result depends on the shape.
    rows = 1 if condition else 2
    yes = graph("yes", [node("Squeeze", "x axis", "s")], [], [port("s")])
    no = graph("no", [node("Identity", "x", "k")], [], [port("k")])
    main = graph("main", [node("Shape", "x", "shape"), node("Gather", "shape zero", "extent", axis=0), node("Equal", "extent one", "is"),
                          node("If", "is", "y", then_branch=yes, else_branch=no)],
                 [port("x", F, ["n", 3])], [port("y")],
                 {"zero": np.array(0), "one": np.array(1), "axis": np.array([0])})
    add(f"squeeze {rows}", main, {"x": ramp([rows, 3])})

# Loop: with a number of iterations, with a condition, with both, and without any iteration.
step = [node("MatMul", "h R", "r"), node("Gather", "x i", "x_t", axis=0), node("Add", "r x_t", "s"), node("Tanh", "s", "h_next"),
        node("Identity", "h_next", "y_t"), node("Identity", "go", "go_next")]


def body(extra=[]):
    return graph("body", step + extra, [port("i", I, []), port("go", B, []), port("h", F, [2, 3])],
                 [port("go_next", B, []), port("h_next", F, [2, 3]), port("y_t", F, [2, 3])])


for name, trips, condition in [("trips", 4, None), ("both", 4, True), ("none", 0, True), ("false", 4, False)]:
    inputs = {"x": ramp([5, 2, 3]), "h0": ramp([2, 3], 2), "trips": np.array(trips)}
    ports = [port("x", F, [5, 2, 3]), port("h0", F, [2, 3]), port("trips", I, [])]
    if condition is not None:
        inputs["begin"] = np.array(condition)
        ports.append(port("begin", B, []))
    loop = node("Loop", f"trips {'-' if condition is None else 'begin'} h0", "last all", body=body())
    add(f"loop {name}", graph("main", [loop], ports, [port("last"), port("all")], {"R": ramp([3, 3], 1)}), inputs)

# While the sum stays below a bound; the state becomes longer by each iteration.
nodes = [node("ReduceSum", "v", "sum", keepdims=0), node("Less", "sum bound", "go_next"), node("Add", "last_one one", "next_one"),
         node("Concat", "v next_one", "v_next", axis=0), node("Identity", "next_one", "n_next"), node("Cast", "i", "count", to=F)]
grow = graph("grow", nodes, [port("i", I, []), port("go", B, []), port("v", F, None), port("last_one", F, [1])],
             [port("go_next", B, []), port("v_next", F, None), port("n_next", F, [1]), port("count", F, [])])
main = graph("main", [node("Loop", "- yes v0 n0", "v n counts", body=grow)], [port("v0", F, ["k"]), port("n0", F, [1])],
             [port("v"), port("n"), port("counts")],
             {"one": np.array([1], np.float32), "bound": np.array(20, np.float32), "yes": np.array(True)})
add("loop while", main, {"v0": np.array([1, 2], np.float32), "n0": np.array([2], np.float32)})

# tf2onnx's way with Keras' layers: carried are the time, the state and an output that is written by ScatterND; the condition is
# computed in the body.
nodes = [node("Gather", "x i", "x_t", axis=0), node("MatMul", "x_t W", "wx"), node("MatMul", "h R", "rh"), node("Add", "wx rh", "s"),
         node("Sigmoid", "s", "h_next"), node("Add", "t one", "t_next"), node("Less", "t_next length", "below"),
         node("And", "below go", "go_next"), node("Identity", "h_next", "y_t")]
keras = graph("keras", nodes, [port("i", I, []), port("go", B, []), port("t", I32, []), port("h", F, [2, 3])],
              [port("go_next", B, []), port("t_next", I32, []), port("h_next", F, [2, 3]), port("y_t", F, [2, 3])])
main = graph("main", [node("Loop", "trips yes zero h0", "t last all", body=keras), node("Transpose", "all", "y", perm=[1, 0, 2])],
             [port("x", F, ["T", 2, 4]), port("h0", F, [2, 3])], [port("last"), port("y")],
             {"trips": np.array(100), "yes": np.array(True), "zero": np.array(0, np.int32), "one": np.array(1, np.int32),
              "length": np.array(5, np.int32), "W": ramp([4, 3], 1), "R": ramp([3, 3], 2)})
add("loop of keras", main, {"x": ramp([5, 2, 4]), "h0": ramp([2, 3], 3)})

# As PyTorch's exporter writes a loop that appends to a list: each step is put in, all are joined at the end.
empty = node("SequenceEmpty", "-", "list0")
empty.ClearField("input")
nodes = step + [node("SequenceInsert", "list h_next", "list_next")]
sequence = helper.make_tensor_sequence_value_info
appending = graph("appending", nodes, [port("i", I, []), port("go", B, []), port("h", F, [2, 3]), sequence("list", F, None)],
                  [port("go_next", B, []), port("h_next", F, [2, 3]), sequence("list_next", F, None)])
main = graph("main", [empty, node("Loop", "trips yes h0 list0", "last list_all", body=appending),
                      node("ConcatFromSequence", "list_all", "stacked", axis=1, new_axis=1),
                      node("ConcatFromSequence", "list_all", "joined", axis=0), node("SequenceLength", "list_all", "count"),
                      node("SequenceAt", "list_all minus", "before"), node("SequenceErase", "list_all minus", "fewer"),
                      node("SequenceLength", "fewer", "less"), node("SplitToSequence", "x two", "parts", axis=0),
                      node("SequenceAt", "parts minus", "part"), node("SplitToSequence", "x", "rows", axis=0, keepdims=0),
                      node("SequenceAt", "rows one", "row"), node("SequenceConstruct", "last before", "pair"),
                      node("SequenceInsert", "pair row minus", "three"), node("ConcatFromSequence", "three", "all_three", axis=0)],
             [port("x", F, [5, 2, 3]), port("h0", F, [2, 3]), port("trips", I, [])],
             [port("last"), port("stacked"), port("joined"), port("count", I), port("before"), port("less", I), port("part"), port("row"),
              port("all_three")],
             {"R": ramp([3, 3], 1), "yes": np.array(True), "minus": np.array(-2), "one": np.array(1), "two": np.array(2)})
add("loop with a list", main, {"x": ramp([5, 2, 3]), "h0": ramp([2, 3], 2), "trips": np.array(4)})

# Transposed convolutions under every two attributes.
for name, shape, weight, attributes in [
    ("1d", [2, 4, 5], [4, 3, 3], {}),
    ("1d strides", [2, 4, 5], [4, 3, 3], {"strides": [2], "pads": [1, 0], "output_padding": [1]}),
    ("1d dilations", [1, 4, 5], [4, 3, 2], {"strides": [3], "dilations": [2]}),
    ("1d groups", [2, 4, 5], [4, 3, 3], {"group": 2, "strides": [2]}),
    ("1d same upper", [1, 2, 4], [2, 3, 3], {"strides": [2], "auto_pad": "SAME_UPPER"}),
    ("1d same lower", [1, 2, 4], [2, 3, 3], {"strides": [2], "auto_pad": "SAME_LOWER"}),
    ("2d", [2, 4, 3, 5], [4, 2, 1, 3], {"strides": [1, 2], "pads": [0, 1, 0, 1], "group": 2}),
    ("2d output", [1, 2, 3, 4], [2, 2, 3, 3], {"strides": [2, 2], "output_shape": [7, 8]}),
    ("3d", [1, 2, 2, 3, 2], [2, 1, 2, 2, 2], {"strides": [1, 2, 1], "dilations": [1, 1, 2]}),
]:
    outputs = weight[1] * attributes.get("group", 1)
    for bias in [False, True]:
        main = graph("main", [node("ConvTranspose", "x w b" if bias else "x w", "y", **attributes)], [port("x", F, shape)], [port("y")],
                     {"w": ramp(weight, 1), "b": ramp([outputs], 2)} if bias else {"w": ramp(weight, 1)})
        add(f"transposed {name}{' with bias' if bias else ''}", main, {"x": ramp(shape)}, rtol=2e-6)

# Quantized: by tensor and by channel, both kinds of bytes, with and without zero points.
def byte(shape, signed=True, phase=0):
    values = (np.arange(np.prod(shape, dtype=int)) * 37 + phase) % 255
    return (values - 128).astype(np.int8).reshape(shape) if signed else values.astype(np.uint8).reshape(shape)


for signed in [False, True]:
    type, kind = (np.int8, I8) if signed else (np.uint8, U8)
    zero = np.array(-3 if signed else 120, type)
    x = ramp([2, 3, 4]) * 3
    main = graph("main", [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")], [port("x", F, [2, 3, 4])],
                 [port("q", kind), port("y")], {"s": np.array(0.02, np.float32), "z": zero})
    add(f"quantize {type.__name__}", main, {"x": x}, 13)
    scales, zeros = np.array([0.01, 0.02, 0.05], np.float32), np.array([1, 0, 5], type)
    main = graph("main", [node("QuantizeLinear", "x s z", "q", axis=1), node("DequantizeLinear", "q s z", "y", axis=-2)],
                 [port("x", F, [2, 3, 4])], [port("q", kind), port("y")], {"s": scales, "z": zeros})
    add(f"quantize channels {type.__name__}", main, {"x": x}, 13)
    weights = {"w": byte([4, 5], signed, 3), "wz": np.array(2, type)}
    main = graph("main", [node("DynamicQuantizeLinear", "x", "q qs qz"), node("MatMulInteger", "q w qz wz", "p"),
                          node("Cast", "p", "f", to=F), node("Mul", "f qs", "y")], [port("x", F, [2, 3, 4])], [port("p", I32), port("y")], weights)
    add(f"dynamic {type.__name__}", main, {"x": x}, 13)
    weights = {"as": np.array(0.03, np.float32), "az": np.array(7, np.uint8), "w": byte([4, 5], signed, 3),
               "ws": np.array(0.02, np.float32), "wz": np.array(1, type), "ys": np.array(0.9, np.float32), "yz": np.array(100, np.uint8)}
    main = graph("main", [node("QLinearMatMul", "a as az w ws wz ys yz", "y")], [port("a", U8, [3, 4])], [port("y", U8)], weights)
    add(f"qlinear product {type.__name__}", main, {"a": byte([3, 4], False, 9)}, 10)
    weights = {"as": np.array(0.03, np.float32), "az": np.array(7, np.uint8), "w": byte([4, 2, 3], signed, 3),
               "ws": np.array([0.02, 0.01, 0.03, 0.02], np.float32), "wz": np.array([1] * 4 if not signed else [0] * 4, type),
               "ys": np.array(0.9, np.float32), "yz": np.array(100, np.uint8), "b": np.array([1000, -2000, 0, 5], np.int32)}
    if signed:
        main = graph("main", [node("QLinearConv", "a as az w ws wz ys yz b", "y", pads=[1, 1], strides=[2])], [port("a", U8, [2, 2, 5])],
                     [port("y", U8)], weights)
        add("qlinear convolution", main, {"a": byte([2, 2, 5], False, 9)}, 10)
    main = graph("main", [node("ConvInteger", "a w az wz", "y", pads=[1, 0])], [port("a", U8, [2, 2, 5])], [port("y", I32)],
                 {"w": weights["w"], "az": weights["az"], "wz": np.array(2, type)})
    if not signed:
        add("integer convolution", main, {"a": byte([2, 2, 5], False, 9)}, 10)

save("flow", result)
