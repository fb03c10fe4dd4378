"""Cells that no library has, each as a loop of a few lines over one sequence: cells_special; ConvLSTM by Keras: conv_lstm;
the grid LSTM place by place: grid_lstm. See README.md for the names.

Gradients are PyTorch's, of the loops in float64.
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import Fixture, close, leaf, normal
from keras64 import keras

BATCH, STEPS, INPUTS, HIDDEN, HEADS = 4, 6, 4, 6, 3  # HEADS: the greatest divisor of 6 up to 4
VALUES, SIZE = INPUTS - 1, HIDDEN // HEADS
CASES = {  # lengths, reverse
    "full": ([6, 6, 6, 6], False),
    "ragged": ([3, 6, 1, 5], False),
    "reverse": ([3, 6, 1, 5], True),
}
sigmoid, tanh, exp = torch.sigmoid, torch.tanh, torch.exp


def lstm(p, x, h, c):
    i, f, g, o = (p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ h).split(HIDDEN)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def slstm(p, x, s, forget=sigmoid):
    """Without the stabiliser: c and n themselves are what is saved times e^m."""
    def recurrent(gate):
        heads = [R[gate * SIZE:(gate + 1) * SIZE] @ h for R, h in zip(p["weight_hh"], s["hidden"].split(SIZE))]
        return torch.cat(heads)

    i, f, z, o = [a + recurrent(gate) for gate, a in enumerate((p["weight_ih"] @ x + p["bias_ih"]).split(HIDDEN))]
    m = torch.maximum(torch.log(forget(f)) + s["stabilizer"], i)
    c = forget(f) * s["cell"] * exp(s["stabilizer"]) + exp(i) * tanh(z)
    n = forget(f) * s["normalizer"] * exp(s["stabilizer"]) + exp(i)
    return {"hidden": sigmoid(o) * c / n, "cell": c * exp(-m), "normalizer": n * exp(-m), "stabilizer": m}


def mlstm(p, x, s):
    """Without the stabiliser, as slstm."""
    q, k, v, o = (p["weight_ih"] @ x + p["bias_ih"]).split(HIDDEN)
    i, f = (p["gates.weight"] @ x + p["gates.bias"]).split(HEADS)
    m = torch.maximum(torch.log(sigmoid(f)) + s["stabilizer"], i)
    shown, memories, normalizers = [], [], []
    for head in range(HEADS):
        part = slice(head * SIZE, (head + 1) * SIZE)
        scale, key = exp(s["stabilizer"][head]), k[part] / SIZE ** 0.5
        C = sigmoid(f[head]) * s["memory"][head] * scale + exp(i[head]) * torch.outer(v[part], key)
        n = sigmoid(f[head]) * s["normalizer"][head] * scale + exp(i[head]) * key
        shown.append(C @ q[part] / torch.clamp(torch.abs(n @ q[part]), min=1))
        memories.append(C * exp(-m[head]))
        normalizers.append(n * exp(-m[head]))
    return {"hidden": sigmoid(o) * torch.cat(shown), "memory": torch.stack(memories),
            "normalizer": torch.stack(normalizers), "stabilizer": m}


def t_lstm(p, x, s):
    short = tanh(p["weight_decay"] @ s["cell"] + p["bias_decay"])
    decay = 1 / torch.log(np.e + x[-1])
    h, c = lstm(p, x[:-1], s["hidden"], s["cell"] - short + short * decay)
    return {"hidden": h, "cell": c}


def phased_lstm(p, x, s, leak=0.001):
    time = s["time"] + x[-1]
    period, ratio = exp(p["log_period"]), sigmoid(p["ratio_logit"])
    phase = torch.remainder(time - p["shift"], period) / period
    gate = torch.where(phase < ratio / 2, 2 * phase / ratio,
                       torch.where(phase < ratio, 2 - 2 * phase / ratio, leak * phase))
    h, c = lstm(p, x[:-1], s["hidden"], s["cell"])
    return {"hidden": gate * h + (1 - gate) * s["hidden"], "cell": gate * c + (1 - gate) * s["cell"], "time": time}


def gru_d(p, x, s, missing):
    delta = s["since"] + x[-1]
    values, m = x[:-1], 1 - missing
    last = p["mean"] + s["deviation"]
    decay = exp(-F.relu(p["input_decay.weight"] * delta + p["input_decay.bias"]))
    filled = m * values + (1 - m) * (decay * last + (1 - decay) * p["mean"])
    h = exp(-F.relu(p["hidden_decay.weight"] @ delta + p["hidden_decay.bias"])) * s["hidden"]
    r, z, n = (p["weight_ih"] @ filled + p["weight_mask"] @ m + p["bias_ih"]).split(HIDDEN)
    ur, uz, un = p["weight_hh"].split(HIDDEN)
    r, z = sigmoid(r + ur @ h), sigmoid(z + uz @ h)
    n = tanh(n + un @ (r * h))
    return {"hidden": (1 - z) * h + z * n, "deviation": m * values + (1 - m) * last - p["mean"],
            "since": (1 - m) * delta}


def augru(p, x, s):
    r, u, n = (p["weight_ih"] @ x[:-1] + p["bias_ih"]).split(HIDDEN)
    ur, uu, un = p["weight_hh"].split(HIDDEN)
    h = s["hidden"]
    r, u = sigmoid(r + ur @ h), x[-1] * sigmoid(u + uu @ h)
    return {"hidden": (1 - u) * h + u * tanh(n + r * (un @ h))}


LSTM_SHAPES = {"weight_ih": (4 * HIDDEN, VALUES), "weight_hh": (4 * HIDDEN, HIDDEN), "bias_ih": (4 * HIDDEN,)}
SLSTM_SHAPES = {"weight_ih": (4 * HIDDEN, INPUTS), "weight_hh": (HEADS, 4 * SIZE, SIZE), "bias_ih": (4 * HIDDEN,)}
SLSTM_STATES = {name: (HIDDEN,) for name in ["hidden", "cell", "normalizer", "stabilizer"]}
CELLS = {  # step, parameters, states
    "slstm": (slstm, SLSTM_SHAPES, SLSTM_STATES),
    "slstm_exponential": (lambda p, x, s: slstm(p, x, s, forget=exp), SLSTM_SHAPES, SLSTM_STATES),
    "mlstm": (mlstm, {"weight_ih": (4 * HIDDEN, INPUTS), "gates.weight": (2 * HEADS, INPUTS),
                      "bias_ih": (4 * HIDDEN,), "gates.bias": (2 * HEADS,)},
              {"hidden": (HIDDEN,), "memory": (HEADS, SIZE, SIZE), "normalizer": (HEADS, SIZE),
               "stabilizer": (HEADS,)}),
    "t-lstm": (t_lstm, LSTM_SHAPES | {"weight_decay": (HIDDEN, HIDDEN), "bias_decay": (HIDDEN,)},
               {"hidden": (HIDDEN,), "cell": (HIDDEN,)}),
    "phased-lstm": (phased_lstm, LSTM_SHAPES | {name: (HIDDEN,) for name in ["log_period", "shift", "ratio_logit"]},
                    {"hidden": (HIDDEN,), "cell": (HIDDEN,), "time": (1,)}),
    "gru-d": (gru_d, {"weight_ih": (3 * HIDDEN, VALUES), "weight_hh": (3 * HIDDEN, HIDDEN),
                      "weight_mask": (3 * HIDDEN, VALUES), "bias_ih": (3 * HIDDEN,), "input_decay.weight": (VALUES,),
                      "input_decay.bias": (VALUES,), "hidden_decay.weight": (HIDDEN, VALUES),
                      "hidden_decay.bias": (HIDDEN,), "mean": (VALUES,)},
              {"hidden": (HIDDEN,), "deviation": (VALUES,), "since": (VALUES,)}),
    "augru": (augru, {"weight_ih": (3 * HIDDEN, VALUES), "weight_hh": (3 * HIDDEN, HIDDEN),
                      "bias_ih": (3 * HIDDEN,)}, {"hidden": (HIDDEN,)}),
}
NOT_NEGATIVE = ["initial.normalizer", "initial.since", "initial.time"]


def inputs_of(cell, case, lengths, shapes, states):
    values = {"x": normal(f"{cell} {case} x", BATCH, STEPS, INPUTS), "lengths": np.array(lengths, dtype=float)}
    if cell not in ["slstm", "slstm_exponential", "mlstm"]:  # elapsed times, scores
        values["x"][:, :, -1] = np.abs(values["x"][:, :, -1])
    if cell == "gru-d":
        values["missing"] = (normal(f"{cell} {case} missing", BATCH, STEPS, VALUES) > 0.2).astype(float)
        values["x"][:, :, :-1][values["missing"] == 1] = 0  # NaN in the test
    for name, shape in shapes.items():
        values[name] = normal(f"{cell} {case} {name}", *shape, scale=0.6)
    for name, shape in states.items():
        values[f"initial.{name}"] = normal(f"{cell} {case} initial {name}", BATCH, *shape, scale=0.7)
        values[f"cotangent.final.{name}"] = normal(f"{cell} {case} cotangent {name}", BATCH, *shape)
    for name in NOT_NEGATIVE:
        if name in values and not (cell == "mlstm"):
            values[name] = np.abs(values[name]) + 0.5
    values["cotangent.outputs"] = normal(f"{cell} {case} cotangent", BATCH, STEPS, HIDDEN)
    return values


def results(values, outputs, final, leaves):
    loss = (outputs * torch.tensor(values["cotangent.outputs"])).sum()
    for name, state in final.items():
        loss = loss + (state * torch.tensor(values[f"cotangent.final.{name}"])).sum()
    loss.backward()
    result = {"outputs": outputs} | {f"final.{name}": state for name, state in final.items()}
    return result | {f"grad.{name}": torch.zeros_like(x) if x.grad is None else x.grad for name, x in leaves.items()}


def add_case(fixture, cell, case, lengths, reverse):
    step, shapes, states = CELLS[cell]
    values = inputs_of(cell, case, lengths, shapes, states)
    leaves = {name: leaf(values[name]) for name in ["x", *shapes, *(f"initial.{name}" for name in states)]}
    parameters = {name: leaves[name] for name in shapes}
    rows, last = [], []
    for row, length in enumerate(lengths):
        state = {name: leaves[f"initial.{name}"][row] for name in states}
        outputs = [torch.zeros(HIDDEN)] * STEPS
        for t in reversed(range(length)) if reverse else range(length):
            extra = [torch.tensor(values["missing"][row, t])] if cell == "gru-d" else []
            state = step(parameters, leaves["x"][row, t], state, *extra)
            outputs[t] = state["hidden"]
        rows.append(torch.stack(outputs))
        last.append(state)
    final = {name: torch.stack([state[name] for state in last]) for name in states}
    fixture.add_all(f"{cell}.{case}", values)
    fixture.add_all(f"{cell}.{case}", results(values, torch.stack(rows), final, leaves))


fixture = Fixture("cells_special.safetensors")
for cell in CELLS:
    for case, (lengths, reverse) in CASES.items():
        add_case(fixture, cell, case, lengths, reverse)
fixture.save()


# Convolutional cells: case, sizes, kernel, strides, padding.
CONVOLUTIONS = [
    ("1d_same", (5,), (3,), (1,), "same"), ("1d_valid", (7,), (3,), (2,), "valid"),
    ("2d_same", (4, 3), (3, 3), (1, 1), "same"), ("2d_valid", (5, 4), (2, 3), (1, 1), "valid"),
    ("2d_strides", (5, 4), (2, 3), (2, 2), "same"), ("3d_same", (2, 3, 2), (2, 3, 2), (1, 1, 1), "same"),
    ("3d_valid", (3, 2, 3), (2, 1, 2), (1, 1, 2), "valid"),
]
SAMPLES, TIME, CHANNELS, FILTERS = 2, 3, 2, 2


def same_padding(sizes, kernel, strides):
    """Zeros before and after each axis, the last axis first, as torch's pad has them."""
    pads = []
    for size, k, stride in reversed(list(zip(sizes, kernel, strides))):
        total = max(0, (-(-size // stride) - 1) * stride + k - size)
        pads += [total // 2, total - total // 2]
    return pads


def convolve(x, weight, strides, padding, groups=1):
    """x [N, size…, C], weight [O, kernel…, C / groups] -> [N, size′…, O], by torch's own convolution."""
    axes = len(strides)
    x, weight = torch.movedim(x, -1, 1), torch.movedim(weight, -1, 1)
    if padding == "same":
        x = F.pad(x, same_padding(x.shape[2:], weight.shape[2:], strides))
    return torch.movedim([F.conv1d, F.conv2d, F.conv3d][axes - 1](x, weight, stride=strides, groups=groups), 1, -1)


def separable(x, p, name, strides, padding):
    depthwise = torch.movedim(p[f"{name}.depthwise"], -1, 0).unsqueeze(-1)
    return convolve(x, depthwise, strides, padding, groups=x.shape[-1]) @ p[f"{name}.pointwise"].T


def full(x, p, name, strides, padding):
    return convolve(x, p[name], strides, padding)


def convolutional(kind, p, x, hidden, cell, strides, padding):
    ones, outputs = (1,) * len(strides), []
    for t in range(x.shape[1]):
        sums = kind(x[:, t], p, "weight_ih", strides, padding) + kind(hidden, p, "weight_hh", ones, "same") + p["bias_ih"]
        i, f, g, o = sums.split(FILTERS, dim=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)
        hidden = sigmoid(o) * tanh(cell)
        outputs.append(hidden)
    return torch.stack(outputs, dim=1), {"hidden": hidden, "cell": cell}


def with_keras(values, shape, strides, padding):
    """Keras's weights are [kernel…, C, 4F]."""
    axes = len(strides)
    layer = getattr(keras.layers, f"ConvLSTM{axes}D")(
        FILTERS, values["weight_ih"].shape[1:-1], strides=strides, padding=padding, return_sequences=True,
        return_state=True)
    x = leaf(values["x"])
    initial = [leaf(values["initial.hidden"]), leaf(values["initial.cell"])]
    layer.build(x.shape)
    layer.set_weights([np.moveaxis(values["weight_ih"], 0, -1), np.moveaxis(values["weight_hh"], 0, -1),
                       values["bias_ih"]])
    outputs, hidden, cell = layer(x, initial_state=initial)
    found = results(values, outputs, {"hidden": hidden, "cell": cell}, {"x": x, "initial.hidden": initial[0],
                                                                       "initial.cell": initial[1]})
    for name, weight in zip(["weight_ih", "weight_hh", "bias_ih"], layer.weights):
        found[f"grad.{name}"] = np.moveaxis(weight.value.grad.numpy(), -1, 0)
    return found


fixture = Fixture("conv_lstm.safetensors")
for kind, label in [(full, "conv-lstm"), (separable, "depthwise-lstm")]:
    for case, sizes, kernel, strides, padding in CONVOLUTIONS:
        name = f"{label} {case}"
        values = {"x": normal(f"{name} x", SAMPLES, TIME, *sizes, CHANNELS), "kernel": kernel, "strides": strides}
        if kind is full:
            values["weight_ih"] = normal(f"{name} ih", 4 * FILTERS, *kernel, CHANNELS, scale=0.5)
            values["weight_hh"] = normal(f"{name} hh", 4 * FILTERS, *kernel, FILTERS, scale=0.5)
        else:
            for map, channels in [("weight_ih", CHANNELS), ("weight_hh", FILTERS)]:
                values[f"{map}.depthwise"] = normal(f"{name} {map} d", *kernel, channels)
                values[f"{map}.pointwise"] = normal(f"{name} {map} p", 4 * FILTERS, channels)
        values["bias_ih"] = normal(f"{name} b", 4 * FILTERS)
        output = [-(-s // d) if padding == "same" else (s - k) // d + 1 for s, k, d in zip(sizes, kernel, strides)]
        for state in ["hidden", "cell"]:
            values[f"initial.{state}"] = normal(f"{name} initial {state}", SAMPLES, *output, FILTERS, scale=0.7)
            values[f"cotangent.final.{state}"] = normal(f"{name} cotangent {state}", SAMPLES, *output, FILTERS)
        values["cotangent.outputs"] = normal(f"{name} cotangent", SAMPLES, TIME, *output, FILTERS)
        constants = ["kernel", "strides", "cotangent.outputs", "cotangent.final.hidden", "cotangent.final.cell"]
        leaves = {key: leaf(value) for key, value in values.items() if key not in constants}
        outputs, final = convolutional(kind, leaves, leaves["x"], leaves["initial.hidden"], leaves["initial.cell"],
                                       strides, padding)
        result = results(values, outputs, final, leaves)
        if kind is full:
            again = with_keras(values, sizes, strides, padding)
            for key in result:
                one, other = [a.detach().numpy() if isinstance(a, torch.Tensor) else a for a in [again[key], result[key]]]
                close(one, other, 1e-12, f"Keras's {name} {key}")
        fixture.add_all(f"{label}.{case}", values | result)
fixture.save()


# The grid LSTM: every place in its order.
fixture = Fixture("grid_lstm.safetensors")
for case, rows, columns in [("wide", 2, 4), ("high", 3, 1), ("line", 1, 3)]:
    size, inputs, batch = 3, 2, 2
    values = {"x": normal(f"grid {case} x", batch, rows, columns, inputs)}
    for name, shape in {"weight_ih": (8 * size, inputs), "weight_hh": (8 * size, 2 * size), "bias_ih": (8 * size,)}.items():
        values[name] = normal(f"grid {case} {name}", *shape, scale=0.6)
    p = leaves = {name: leaf(value) for name, value in values.items()}
    values["cotangent.outputs"] = normal(f"grid {case} cotangent", batch, rows, columns, 2 * size)
    zero, down, right = torch.zeros(batch, size), {}, {}
    for r in range(rows):
        for c in range(columns):
            (h1, c1), (h2, c2) = down.get((r - 1, c), (zero, zero)), right.get((r, c - 1), (zero, zero))
            sums = p["x"][:, r, c] @ p["weight_ih"].T + p["bias_ih"] + torch.cat([h1, h2], 1) @ p["weight_hh"].T
            for front, memory, part in [(down, c1, sums[:, :4 * size]), (right, c2, sums[:, 4 * size:])]:
                i, f, g, o = part.split(size, dim=1)
                new = sigmoid(f) * memory + sigmoid(i) * tanh(g)
                front[r, c] = sigmoid(o) * tanh(new), new
    outputs = torch.stack([torch.stack([torch.cat([down[r, c][0], right[r, c][0]], 1) for c in range(columns)], 1)
                           for r in range(rows)], 1)
    fixture.add_all(case, values | results(values, outputs, {}, leaves))
fixture.save()
