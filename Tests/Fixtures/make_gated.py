"""The other dense gated cells: cells_peephole, cells_odyssey, cells_gated and cells_linear. See README.md for the names.

Each cell is a loop over one row's steps, written gate by gate from its paper, in float64; the gradients are PyTorch's by
autograd. PyTorch's LSTM with `proj_size` computes the projected LSTM a second time, gradients as well. ONNX Runtime, in
float32, computes the outputs and final states of the diagonal peepholes, the coupled gates, the plain LSTM and both GRUs
again, and of those so gives this file's loop and `make_cells.py` a second witness.
"""

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper
from torch import relu, sigmoid, sqrt, tanh

from common import Fixture, close, leaf, normal
import reference

BATCH, STEPS, INPUTS, HIDDEN = 4, 6, 3, 5
CASES = {  # lengths, reverse
    "full": ([6, 6, 6, 6], False),
    "ragged": ([3, 6, 1, 5], False),
    "reverse": ([3, 6, 1, 5], True),
}


# A step takes the parameters p, x [I] and the state, and returns the next state, whose first element is the output.

def sums(p, order, letter, x, h):
    """W x + R h + b of one gate, whose blocks stand in the given order."""
    size = len(p["bias_ih"]) // len(order)
    rows = slice(order.index(letter) * size, (order.index(letter) + 1) * size)
    return p["weight_ih"][rows] @ x + p["weight_hh"][rows] @ h + p["bias_ih"][rows]


def peephole(p, x, state):
    h, c = state
    i = sigmoid(sums(p, "ifco", "i", x, h) + p["weight_ci"] * c)
    f = sigmoid(sums(p, "ifco", "f", x, h) + p["weight_cf"] * c)
    c = f * c + i * tanh(sums(p, "ifco", "c", x, h))
    o = sigmoid(sums(p, "ifco", "o", x, h) + p["weight_co"] * c)
    return [o * tanh(c), c]


def full_peephole(p, x, state):
    h, c = state
    i = sigmoid(sums(p, "ifco", "i", x, h) + p["weight_ci"] @ c)
    f = sigmoid(sums(p, "ifco", "f", x, h) + p["weight_cf"] @ c)
    o = sigmoid(sums(p, "ifco", "o", x, h) + p["weight_co"] @ c)
    c = f * c + i * tanh(sums(p, "ifco", "c", x, h))
    return [o * tanh(c), c]


def no_input_gate(p, x, state):
    h, c = state
    f = sigmoid(sums(p, "fco", "f", x, h) + p["weight_cf"] * c)
    c = f * c + tanh(sums(p, "fco", "c", x, h))
    o = sigmoid(sums(p, "fco", "o", x, h) + p["weight_co"] * c)
    return [o * tanh(c), c]


def no_forget_gate(p, x, state):
    h, c = state
    i = sigmoid(sums(p, "ico", "i", x, h) + p["weight_ci"] * c)
    c = c + i * tanh(sums(p, "ico", "c", x, h))
    o = sigmoid(sums(p, "ico", "o", x, h) + p["weight_co"] * c)
    return [o * tanh(c), c]


def no_output_gate(p, x, state):
    h, c = state
    i = sigmoid(sums(p, "ifc", "i", x, h) + p["weight_ci"] * c)
    f = sigmoid(sums(p, "ifc", "f", x, h) + p["weight_cf"] * c)
    c = f * c + i * tanh(sums(p, "ifc", "c", x, h))
    return [tanh(c), c]


def no_input_activation(p, x, state):
    h, c = state
    i = sigmoid(sums(p, "ifco", "i", x, h) + p["weight_ci"] * c)
    f = sigmoid(sums(p, "ifco", "f", x, h) + p["weight_cf"] * c)
    c = f * c + i * sums(p, "ifco", "c", x, h)
    o = sigmoid(sums(p, "ifco", "o", x, h) + p["weight_co"] * c)
    return [o * tanh(c), c]


def no_output_activation(p, x, state):
    h, c = peephole(p, x, state)
    o = sigmoid(sums(p, "ifco", "o", x, state[0]) + p["weight_co"] * c)
    return [o * c, c]


def coupled_gates(p, x, state):
    h, c = state
    i = sigmoid(sums(p, "ico", "i", x, h) + p["weight_ci"] * c)
    c = (1 - i) * c + i * tanh(sums(p, "ico", "c", x, h))
    o = sigmoid(sums(p, "ico", "o", x, h) + p["weight_co"] * c)
    return [o * tanh(c), c]


def full_gate_recurrence(p, x, state):
    h, c, gates = state
    last = gates.split(HIDDEN)  # i f o at t - 1
    matrices = [block.split(HIDDEN, dim=1) for block in p["weight_gg"].split(HIDDEN)]

    def seen(row):
        return sum(matrix @ gate for matrix, gate in zip(matrices[row], last))

    i = sigmoid(sums(p, "ifco", "i", x, h) + seen(0) + p["weight_ci"] * c)
    f = sigmoid(sums(p, "ifco", "f", x, h) + seen(1) + p["weight_cf"] * c)
    c = f * c + i * tanh(sums(p, "ifco", "c", x, h))
    o = sigmoid(sums(p, "ifco", "o", x, h) + seen(2) + p["weight_co"] * c)
    return [o * tanh(c), c, torch.cat([i, f, o])]


def projected(p, x, state):
    h, c = state
    i, f, o = (sigmoid(sums(p, "ifco", letter, x, h)) for letter in "ifo")
    c = f * c + i * tanh(sums(p, "ifco", "c", x, h))
    return [p["weight_hr"] @ (o * tanh(c)), c]


def normalized(x):
    mean = x.sum() / len(x)
    return (x - mean) / sqrt(((x - mean) ** 2).sum() / len(x) + 1e-5)


def layer_norm_lstm(p, x, state):
    h, c = state
    all_sums = (p["gain_ih"] * normalized(p["weight_ih"] @ x) + p["gain_hh"] * normalized(p["weight_hh"] @ h)
                + p["bias_ih"])
    i, f, g, o = all_sums.split(HIDDEN)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return [sigmoid(o) * tanh(p["gain_c"] * normalized(c) + p["bias_c"]), c]


def layer_norm_gru(p, x, state):
    h = state[0]
    split = 2 * HIDDEN
    w, u, gx, gh, b = (p[name] for name in ["weight_ih", "weight_hh", "gain_ih", "gain_hh", "bias_ih"])
    r, z = sigmoid(gx[:split] * normalized(w[:split] @ x) + gh[:split] * normalized(u[:split] @ h)
                   + b[:split]).split(HIDDEN)
    n = tanh(gx[split:] * normalized(w[split:] @ x) + b[split:]
             + r * (gh[split:] * normalized(u[split:] @ h) + p["bias_hn"]))
    return [(1 - z) * h + z * n]


def mgu(p, x, state):
    h = state[0]
    f = sigmoid(sums(p, "fn", "f", x, h))
    return [(1 - f) * h + f * tanh(sums(p, "fn", "n", x, f * h))]


def multiplicative(p, x, state):
    h, c = state
    m = (p["weight_ih"][4 * HIDDEN:] @ x) * (p["weight_hh"][4 * HIDDEN:] @ h)
    i, f, o = (sigmoid(sums(p, "ifco", letter, x, m)) for letter in "ifo")
    c = f * c + i * tanh(sums(p, "ifco", "c", x, m))
    return [o * tanh(c), c]


def fast_grnn(p, x, state):
    h = state[0]
    shared = p["weight_ih"] @ x + p["weight_hh"] @ h
    gate_bias, candidate_bias = p["bias_ih"].split(HIDDEN)
    z, candidate = sigmoid(shared + gate_bias), tanh(shared + candidate_bias)
    return [(sigmoid(p["zeta"]) * (1 - z) + sigmoid(p["nu"])) * candidate + z * h]


def indrnn(p, x, state):
    return [relu(p["weight_ih"] @ x + p["weight_hh"] * state[0] + p["bias_ih"])]


def sru(p, x, state):
    _, c = state
    candidate, f, r, *highway = (p["weight_ih"] @ x).split(HIDDEN)
    vf, vr = p["weight_c"].split(HIDDEN)
    bf, br = p["bias_ih"].split(HIDDEN)
    f, r = sigmoid(f + vf * c + bf), sigmoid(r + vr * c + br)
    c = f * c + (1 - f) * candidate
    return [r * c + (1 - r) * (highway[0] if highway else x), c]


def qrnn(p, x, state):
    _, c, earlier = state
    size = len(x)
    earlier = [earlier[k:k + size] for k in range(0, len(earlier), size)]
    weights = p["weight_ih"].split(size, dim=1)
    z, f, o = (sum(w @ v for w, v in zip(weights, earlier + [x])) + p["bias_ih"]).split(HIDDEN)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * tanh(z)
    return [sigmoid(o) * c, c, torch.cat(earlier[1:] + [x])]


def min_lstm(p, x, state):
    f, i, n = (p["weight_ih"] @ x + p["bias_ih"]).split(HIDDEN)
    f, i = sigmoid(f), sigmoid(i)
    return [f / (f + i) * state[0] + i / (f + i) * n]


def min_gru(p, x, state):
    z, n = (p["weight_ih"] @ x + p["bias_ih"]).split(HIDDEN)
    return [(1 - sigmoid(z)) * state[0] + sigmoid(z) * n]


class Cell:
    def __init__(self, file, step, gates, states=("hidden", "cell"), inputs=INPUTS, widths={}, **more):
        """`gates` blocks of rows in the weights and the bias; `widths` of states that are not H; `more` are parameters
        besides, or other shapes (None: not there)."""
        rows = gates * HIDDEN
        shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, HIDDEN), "bias_ih": (rows,)} | more
        self.file, self.step, self.inputs = file, step, inputs
        self.shapes = {name: shape for name, shape in shapes.items() if shape}
        self.states = {name: widths.get(name, HIDDEN) for name in states}


def peepholes(letters, *shape):
    return {f"weight_c{letter}": shape or (HIDDEN,) for letter in letters}


H = HIDDEN
CELLS = {
    "peephole": Cell("peephole", peephole, 4, **peepholes("ifo")),
    "full_peephole": Cell("peephole", full_peephole, 4, **peepholes("ifo", H, H)),
    "no_input_gate": Cell("odyssey", no_input_gate, 3, **peepholes("fo")),
    "no_forget_gate": Cell("odyssey", no_forget_gate, 3, **peepholes("io")),
    "no_output_gate": Cell("odyssey", no_output_gate, 3, **peepholes("if")),
    "no_input_activation": Cell("odyssey", no_input_activation, 4, **peepholes("ifo")),
    "no_output_activation": Cell("odyssey", no_output_activation, 4, **peepholes("ifo")),
    "coupled_gates": Cell("odyssey", coupled_gates, 3, **peepholes("io")),
    "full_gate_recurrence": Cell(
        "odyssey", full_gate_recurrence, 4, states=("hidden", "cell", "gates"), widths={"gates": 3 * H},
        weight_gg=(3 * H, 3 * H), **peepholes("ifo")),
    "projected": Cell("gated", projected, 8, widths={"cell": 2 * H}, weight_hr=(H, 2 * H)),
    "layer_norm_lstm": Cell(
        "gated", layer_norm_lstm, 4, gain_ih=(4 * H,), gain_hh=(4 * H,), gain_c=(H,), bias_c=(H,)),
    "layer_norm_gru": Cell(
        "gated", layer_norm_gru, 3, states=("hidden",), bias_hn=(H,), gain_ih=(3 * H,), gain_hh=(3 * H,)),
    "mgu": Cell("gated", mgu, 2, states=("hidden",)),
    "multiplicative": Cell("gated", multiplicative, 5, bias_ih=(4 * H,)),
    "fast_grnn": Cell("gated", fast_grnn, 1, states=("hidden",), bias_ih=(2 * H,), zeta=(1,), nu=(1,)),
    "indrnn": Cell("linear", indrnn, 1, states=("hidden",), weight_hh=(H,)),
    "sru": Cell("linear", sru, 4, weight_hh=None, weight_c=(2 * H,), bias_ih=(2 * H,)),
    "sru_square": Cell("linear", sru, 3, inputs=H, weight_hh=None, weight_c=(2 * H,), bias_ih=(2 * H,)),
    "qrnn": Cell(
        "linear", qrnn, 3, states=("hidden", "cell", "inputs"), widths={"inputs": INPUTS}, weight_hh=None,
        weight_ih=(3 * H, 2 * INPUTS)),
    "min_lstm": Cell("linear", min_lstm, 3, states=("hidden",), weight_hh=None),
    "min_gru": Cell("linear", min_gru, 2, states=("hidden",), weight_hh=None),
}


def inputs_of(name, cell, case, lengths):
    """Everything a case starts from. x and the cotangent are not 0 in the padding: neither may have an effect there."""
    values = {"x": normal(f"{name} {case} x", BATCH, STEPS, cell.inputs), "lengths": np.array(lengths, dtype=float)}
    for parameter, shape in cell.shapes.items():
        values[parameter] = normal(f"{name} {case} {parameter}", *shape, scale=0.6)
    for state, width in cell.states.items():
        values[f"initial.{state}"] = normal(f"{name} {case} initial {state}", BATCH, width, scale=0.7)
        values[f"cotangent.final.{state}"] = normal(f"{name} {case} cotangent {state}", BATCH, width)
    values["cotangent.outputs"] = normal(f"{name} {case} cotangent", BATCH, STEPS, HIDDEN)
    return values


def with_loop(cell, values, lengths, reverse):
    """Outputs, final states and gradients, a row at a time."""
    p = {name: leaf(values[name]) for name in cell.shapes}
    x = leaf(values["x"])
    initial = {name: leaf(values[f"initial.{name}"]) for name in cell.states}
    rows, last = [], []
    for row, length in enumerate(lengths):
        state = [value[row] for value in initial.values()]
        outputs = [torch.zeros(HIDDEN)] * STEPS
        for t in reversed(range(length)) if reverse else range(length):
            state = cell.step(p, x[row, t], state)
            outputs[t] = state[0]
        rows.append(torch.stack(outputs))
        last.append(state)
    outputs = torch.stack(rows)
    final = {name: torch.stack([state[k] for state in last]) for k, name in enumerate(cell.states)}
    loss = (outputs * torch.tensor(values["cotangent.outputs"])).sum()
    for name, value in final.items():
        loss = loss + (value * torch.tensor(values[f"cotangent.final.{name}"])).sum()
    loss.backward()

    def gradient(leaf):  # what has no influence, such as h in an SRU, has none
        return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()

    result = {"outputs": outputs.detach().numpy(), "grad.x": gradient(x)}
    for name, value in final.items():
        result[f"final.{name}"] = value.detach().numpy()
        result[f"grad.initial.{name}"] = gradient(initial[name])
    return result | {f"grad.{name}": gradient(value) for name, value in p.items()}


def with_torch(values, lengths, reverse):
    """PyTorch's LSTM with proj_size, as in make_cells.py: the reverse case is the second half of two directions."""
    directions = 2 if reverse else 1
    module = torch.nn.LSTM(INPUTS, 2 * HIDDEN, proj_size=HIDDEN, batch_first=True, bidirectional=reverse)
    suffix = "_l0_reverse" if reverse else "_l0"
    ours = ["weight_ih", "weight_hh", "bias_ih", "weight_hr"]
    with torch.no_grad():
        for name in ours:
            getattr(module, name + suffix).copy_(torch.tensor(values[name]))
        getattr(module, "bias_hh" + suffix).zero_()
    x, h, c = (leaf(values[name]) for name in ["x", "initial.hidden", "initial.cell"])
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    start = [torch.stack([torch.zeros_like(s)] * (directions - 1) + [s]) for s in (h, c)]
    outputs, final = module(packed, tuple(start))
    outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=STEPS)
    outputs, final = outputs[:, :, -HIDDEN:], [state[-1] for state in final]
    loss = (outputs * torch.tensor(values["cotangent.outputs"])).sum()
    for name, state in zip(["hidden", "cell"], final):
        loss = loss + (state * torch.tensor(values[f"cotangent.final.{name}"])).sum()
    loss.backward()
    result = {"outputs": outputs.detach().numpy(), "final.hidden": final[0].detach().numpy(),
              "final.cell": final[1].detach().numpy(), "grad.x": x.grad.numpy(), "grad.initial.hidden": h.grad.numpy(),
              "grad.initial.cell": c.grad.numpy()}
    return result | {f"grad.{name}": getattr(module, name + suffix).grad.numpy() for name in ours}


# ONNX Runtime: blocks of an LSTM stand in the order i o f c, of a GRU z r h.

def onnx_blocks(array, ours, theirs):
    blocks = dict(zip(ours, np.split(array, len(ours))))
    return np.concatenate([blocks[letter] for letter in theirs])


def with_onnx(kind, values, lengths, reverse, ours, peepholes=(), **attributes):
    """Outputs and final states in float32, by one operator. `ours` names our blocks with ONNX's letters."""
    theirs = "iofc" if kind == "LSTM" else "zrh"
    hidden = values["initial.hidden"].shape[1]
    count = len(theirs) * hidden
    bias, second = onnx_blocks(values["bias_ih"], ours, theirs), np.zeros(count)
    if "bias_hn" in values:
        second[-hidden:] = values["bias_hn"]
    feeds = {"X": values["x"].transpose(1, 0, 2), "W": onnx_blocks(values["weight_ih"], ours, theirs)[None],
             "R": onnx_blocks(values["weight_hh"], ours, theirs)[None], "B": np.concatenate([bias, second])[None],
             "lens": np.array(lengths, dtype=np.int32), "h0": values["initial.hidden"][None]}
    outputs = ["Y", "Yh"]
    if kind == "LSTM":
        feeds["c0"] = values["initial.cell"][None]
        outputs.append("Yc")
        if peepholes:
            feeds["P"] = np.concatenate([values[f"weight_c{letter}"] for letter in peepholes])[None]
    feeds = {name: array.astype(np.int32 if name == "lens" else np.float32) for name, array in feeds.items()}
    node = helper.make_node(kind, list(feeds), outputs, hidden_size=hidden,
                            direction="reverse" if reverse else "forward", **attributes)
    graph = helper.make_graph(
        [node], "cell",
        [helper.make_tensor_value_info(name, TensorProto.INT32 if name == "lens" else TensorProto.FLOAT, array.shape)
         for name, array in feeds.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    y, *final = session.run(None, feeds)
    result = {"outputs": y[:, 0].transpose(1, 0, 2)}
    return result | {f"final.{name}": state[0] for name, state in zip(["hidden", "cell"], final)}


def check_by_onnx(label, result, again):
    for name, value in again.items():
        close(value, result[name], 2e-6, f"ONNX Runtime's {label}.{name}")


def witness(name, case, values, result, lengths, reverse):
    """The second computation of what another program has."""
    label = f"{name}.{case}"
    if name == "projected":
        again = with_torch(values, lengths, reverse)
        assert set(again) == set(result), label
        for key, value in again.items():
            close(value, result[key], 1e-12, f"PyTorch's {label}.{key}")
    elif name == "peephole":
        check_by_onnx(label, result, with_onnx("LSTM", values, lengths, reverse, "ifco", peepholes="iof"))
    elif name == "coupled_gates":
        # The operator wants a forget gate even where it does not use it: one of other numbers must change nothing.
        more = {key: np.concatenate([block[:HIDDEN], 0.5 - block[:HIDDEN], block[HIDDEN:]])
                for key, block in values.items() if key in ["weight_ih", "weight_hh", "bias_ih"]}
        more["weight_cf"] = -values["weight_ci"]
        check_by_onnx(label, result, with_onnx(
            "LSTM", values | more, lengths, reverse, "ifco", peepholes="iof", input_forget=1))


def witness_of_plain_cells():
    """ONNX Runtime against reference.py, which make_cells.py holds PyTorch and Keras to."""
    for name, kind, blocks, attributes in [("lstm", "LSTM", "ifco", {}), ("gru_before", "GRU", "rzh", {}),
                                           ("gru_after", "GRU", "rzh", {"linear_before_reset": 1})]:
        states = ("hidden", "cell") if kind == "LSTM" else ("hidden",)
        more = {"bias_hn": (HIDDEN,)} if name == "gru_after" else {}
        cell = Cell("", None, len(blocks), states=states, **more)
        for case, (lengths, reverse) in CASES.items():
            values = inputs_of(name, cell, case, lengths)
            outputs, final = reference.scan(
                name, values, "", values["x"], lengths, [values[f"initial.{state}"] for state in states], reverse)
            result = {"outputs": outputs} | {f"final.{state}": value for state, value in zip(states, final)}
            check_by_onnx(f"{name}.{case}", result, with_onnx(kind, values, lengths, reverse, blocks, **attributes))


fixtures = {cell.file: Fixture(f"cells_{cell.file}.safetensors") for cell in CELLS.values()}
for name, cell in CELLS.items():
    for case, (lengths, reverse) in CASES.items():
        values = inputs_of(name, cell, case, lengths)
        result = with_loop(cell, values, lengths, reverse)
        witness(name, case, values, result, lengths, reverse)
        fixtures[cell.file].add_all(f"{name}.{case}", values | result)
witness_of_plain_cells()
for fixture in fixtures.values():
    fixture.save()
