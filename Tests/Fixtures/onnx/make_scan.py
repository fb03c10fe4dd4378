"""Scan in all its forms, by ONNX Runtime: several states, inputs and outputs, axes, directions, values from outside, weights in
the body, bodies within bodies, values of every type. (ONNX Runtime refuses to go through nothing.)
"""

import warnings

warnings.simplefilter("ignore")

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from cases import case, save

F, I, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
T, N, H = 4, 3, 2


def ramp(shape, phase=0.0):
    return np.sin(phase + 1.7 * np.arange(np.prod(shape, dtype=int)) + 0.3).astype(np.float32).reshape(shape)


def port(name, type=F, shape=None):
    return helper.make_tensor_value_info(name, type, shape)


def graph(name, nodes, inputs, outputs, weights={}):
    return helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(value, key) for key, value in weights.items()])


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


result = []


def name_axes(ports, arrays):
    """Gives ports as many axes as what goes through them."""
    for value in ports:
        type = value.type.tensor_type
        for axis in range(len(type.shape.dim), np.ndim(arrays[value.name])):
            type.shape.dim.add().dim_param = f"{value.name}_{axis}"
        type.shape.SetInParent()


def add(name, main, inputs, opset=17):
    model = helper.make_model(main, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    name_axes(model.graph.input, inputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    outputs = dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))
    name_axes(model.graph.output, outputs)
    onnx.checker.check_model(model, full_check=True)
    result.append(case(name, model, inputs, outputs, 1e-6, 1e-6))


def cell(inner="", weights={}):
    """h' = tanh(x W + h R) with W and R from outside or of the body."""
    nodes = [node("MatMul", f"{inner}x W", f"{inner}a"), node("MatMul", f"{inner}h R", f"{inner}b"),
             node("Add", f"{inner}a {inner}b", f"{inner}s"), node("Tanh", f"{inner}s", f"{inner}n"),
             node("Identity", f"{inner}n", f"{inner}y")]
    return graph("step", nodes, [port(f"{inner}h"), port(f"{inner}x")], [port(f"{inner}n"), port(f"{inner}y")], weights)


W = {"W": ramp([3, H], 0.5), "R": ramp([H, H], 1.5)}
for directions in [0, 1]:
    for axis in [0, 1, -2]:
        for output_axis, output_direction in [(0, 0), (2, 1), (-1, 0)]:
            x = ramp([N, T, 3] if axis else [T, N, 3])
            loop = node("Scan", "h0 x", "last y", body=cell("i"), num_scan_inputs=1, scan_input_axes=[axis],
                        scan_input_directions=[directions], scan_output_axes=[output_axis],
                        scan_output_directions=[output_direction])
            main = graph("main", [loop], [port("h0", shape=[N, H]), port("x", shape=x.shape)], [port("last"), port("y")], W)
            add(f"axis {axis} to {output_axis} directions {directions} {output_direction}", main, {"h0": ramp([N, H], 3), "x": x})

loop = node("Scan", "h0 x", "last y", body=cell("i", W), num_scan_inputs=1)
main = graph("main", [loop], [port("h0"), port("x")], [port("last"), port("y")])
add("weights in the body", main, {"h0": ramp([N, H], 3), "x": ramp([T, N, 3])}, 9)
second = node("Scan", "last x", "last2 y2", body=cell("j", {"W": ramp([3, H], 4), "R": ramp([H, H], 5)}), num_scan_inputs=1)
main = graph("main", [loop, second], [port("h0"), port("x")], [port("y"), port("last2"), port("y2")])
add("weights of one name in two bodies", main, {"h0": ramp([N, H], 3), "x": ramp([T, N, 3])}, 11)

# Two states of other types, three inputs, two outputs of which one is an input of the body and one comes from outside.
nodes = [node("Add", "count one", "next"), node("Where", "m x h", "new"), node("Identity", "x", "seen"),
         node("Mul", "outer k", "from_outside"), node("And", "all m", "every")]
body = graph("step", nodes, [port("count", I, []), port("all", B, [N, 1]), port("h", F, [N, 3]), port("x", F, [N, 3]),
                             port("m", B, [N, 1]), port("k", F, [])],
             [port("next", I, []), port("every", B, [N, 1]), port("new", F, [N, 3]), port("seen", F, [N, 3]),
              port("from_outside", F, [2]), port("next2", I, [])])
body.node.append(node("Identity", "next", "next2"))
loop = node("Scan", "count0 all0 h0 x mask k0", "count_last all_last h_last seen_all outside_all counts", body=body, num_scan_inputs=3)
shape = {"count0": [], "all0": [N, 1], "h0": [N, 3], "x": [T, N, 3], "mask": [T, N, 1], "k0": [T]}
types = {"count0": I, "all0": B, "mask": B}
main = graph("main", [node("Exp", "e", "outer"), loop],
             [port("e", F, [2])] + [port(name, types.get(name, F), size) for name, size in shape.items()],
             [port("count_last", I), port("all_last", B), port("h_last"), port("seen_all"), port("outside_all"), port("counts", I)],
             {"one": np.array(1, np.int64)})
mask = ramp([T, N, 1], 2) > -0.4
add("several states, inputs and outputs", main,
    {"e": ramp([2]), "count0": np.array(5, np.int64), "all0": np.ones([N, 1], bool), "h0": ramp([N, 3], 1), "x": ramp([T, N, 3]),
     "mask": mask, "k0": ramp([T], 4)})

# A grid: rows by the outer body, columns by the inner one, which takes values of both graphs around it.
inner = graph("inner", [node("MatMul", "left R", "lr"), node("Add", "lr up", "sum0"), node("Add", "sum0 shift", "sum1"),
                        node("Mul", "sum1 row_scale", "sum2"), node("Add", "sum2 v", "sum3"), node("Tanh", "sum3", "here"),
                        node("Identity", "here", "here_out")],
              [port("left"), port("v"), port("up")], [port("here"), port("here_out")], {"shift": ramp([H], 6)})
outer = graph("outer", [node("ReduceMax", "row", "row_scale", keepdims=0),
                        node("Scan", "edge row above", "row_end row_out", body=inner, num_scan_inputs=2),
                        node("Identity", "row_out", "row_copy"), node("Identity", "row_end", "end_copy")],
              [port("above"), port("row")], [port("row_out"), port("row_copy"), port("end_copy")])
main = graph("main", [node("Scan", "top x", "bottom all ends", body=outer, num_scan_inputs=1)],
             [port("top", F, [T, N, H]), port("x", F, [3, T, N, H]), port("edge", F, [N, H])],
             [port("bottom"), port("all"), port("ends")], {"R": W["R"]})
add("a body within a body", main, {"top": ramp([T, N, H], 1), "x": ramp([3, T, N, H]), "edge": ramp([N, H], 2)}, 13)

save("scan", result)
