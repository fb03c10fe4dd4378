"""Single recurrent layers: cells_lstm, cells_gru_after, cells_gru_before and cells_rnn. See README.md for the names.

PyTorch computes LSTM, GRU (reset after the product) and RNN. Keras computes GRU with the reset before the product, and
LSTM and the other GRU a second time, with a mask. Each case is checked against numpy (reference.py).
"""

import numpy as np
import torch

from common import (GATES, Fixture, close, from_keras, gradients_from_torch, leaf, load_torch, normal, run_torch,
                    shapes, states, to_keras, torch_module)
from keras64 import keras
import reference

BATCH, STEPS, INPUTS, HIDDEN = 4, 6, 3, 5
CASES = {  # lengths, reverse
    "full": ([6, 6, 6, 6], False),
    "ragged": ([3, 6, 1, 5], False),
    "reverse": ([3, 6, 1, 5], True),
}
KERAS_LENGTHS = [4, 2, 6, 3]


def inputs_of(cell, case, lengths):
    """Everything a case starts from. x and the cotangent are not 0 in the padding: neither may have an effect there."""
    values = {"x": normal(f"{cell} {case} x", BATCH, STEPS, INPUTS), "lengths": np.array(lengths, dtype=float)}
    for name, shape in shapes(cell, INPUTS, HIDDEN).items():
        values[name] = normal(f"{cell} {case} {name}", *shape, scale=0.4 if cell == "rnn_relu" else 0.6)
    for name in states(cell):
        values[f"initial.{name}"] = normal(f"{cell} {case} initial {name}", BATCH, HIDDEN, scale=0.7)
        values[f"cotangent.final.{name}"] = normal(f"{cell} {case} cotangent {name}", BATCH, HIDDEN)
    values["cotangent.outputs"] = normal(f"{cell} {case} cotangent", BATCH, STEPS, HIDDEN)
    return values


def loss_of(values, outputs, final, cell):
    """Works on torch tensors and on numpy arrays alike."""
    def weights(name):
        weight = values[f"cotangent.{name}"]
        return torch.tensor(weight) if isinstance(outputs, torch.Tensor) else weight

    loss = (outputs * weights("outputs")).sum()
    for name, state in zip(states(cell), final):
        loss = loss + (state * weights(f"final.{name}")).sum()
    return loss


def results(values, outputs, final, cell, x, initial, gradients):
    result = {"outputs": outputs.detach().numpy(), "grad.x": x.grad.numpy()}
    for name, state, start in zip(states(cell), final, initial):
        result[f"final.{name}"] = state.detach().numpy()
        result[f"grad.initial.{name}"] = start.grad.numpy()
    result |= {f"grad.{name}": gradient for name, gradient in gradients.items()}
    return result


def leaves(values, cell):
    return leaf(values["x"]), [leaf(values[f"initial.{name}"]) for name in states(cell)]


def with_torch(cell, values, lengths, reverse):
    """The reverse case is the second half of a bidirectional layer; the first half takes no part in the loss."""
    x, initial = leaves(values, cell)
    directions = 2 if reverse else 1
    theirs = "_l0_reverse" if reverse else "_l0"
    module = torch_module(cell, INPUTS, HIDDEN, directions=directions)
    load_torch(module, cell, values, "", theirs)
    start = [torch.stack([torch.zeros_like(s), s] if reverse else [s]) for s in initial]
    outputs, final = run_torch(module, x, lengths, start)
    outputs, final = outputs[:, :, -HIDDEN:], [s[-1] for s in final]
    loss_of(values, outputs, final, cell).backward()
    return results(values, outputs, final, cell, x, initial, gradients_from_torch(module, cell, "", theirs))


def with_keras(cell, values, lengths):
    """Right padding: the steps are masked by a Masking layer, which must find them to be 0 in x.

    The mask is passed by hand: Keras 3.15 silently ignores the one on x when a layer is given an initial state.
    """
    x, initial = leaves(values, cell)
    options = dict(return_sequences=True, return_state=True)
    if cell == "lstm":
        layer = keras.layers.LSTM(HIDDEN, **options)
    else:
        layer = keras.layers.GRU(HIDDEN, reset_after=cell == "gru_after", **options)
    layer.build(x.shape)
    layer.set_weights(to_keras(cell, values))
    mask = keras.layers.Masking(0.0).compute_mask(x)
    outputs, *final = layer(x, mask=mask, initial_state=initial)
    outputs = outputs * mask[:, :, None]  # Keras repeats the last output in the padding
    loss_of(values, outputs, final, cell).backward()
    gradients = from_keras(cell, *[w.value.grad.numpy() for w in layer.weights])
    return results(values, outputs, final, cell, x, initial, gradients)


def with_loop(cell, values, lengths, reverse):
    """GRU with the reset before the product as a plain loop with autograd; Keras confirms it on the full case."""
    x, initial = leaves(values, cell)
    p = {name: leaf(values[name]) for name in shapes(cell, INPUTS, HIDDEN)}
    ur, uz, un = p["weight_hh"].split(HIDDEN)
    rows, last = [], []
    for row, length in enumerate(lengths):
        h = initial[0][row]
        outputs = [torch.zeros(HIDDEN)] * STEPS
        for t in reversed(range(length)) if reverse else range(length):
            r, z, n = (p["weight_ih"] @ x[row, t] + p["bias_ih"]).split(HIDDEN)
            r, z = torch.sigmoid(r + ur @ h), torch.sigmoid(z + uz @ h)
            n = torch.tanh(n + un @ (r * h))
            h = (1 - z) * n + z * h
            outputs[t] = h
        rows.append(torch.stack(outputs))
        last.append(h)
    outputs, final = torch.stack(rows), [torch.stack(last)]
    loss_of(values, outputs, final, cell).backward()
    return results(values, outputs, final, cell, x, initial, {name: w.grad.numpy() for name, w in p.items()})


def check(label, cell, values, result, lengths, reverse):
    """Outputs and states against numpy's loop, gradients against its central differences."""
    differentiated = ["x"] + list(shapes(cell, INPUTS, HIDDEN)) + [f"initial.{name}" for name in states(cell)]
    copies = {name: value.copy() for name, value in values.items()}

    def forward():
        initial = [copies[f"initial.{name}"] for name in states(cell)]
        return reference.scan(cell, copies, "", copies["x"], lengths, initial, reverse)

    outputs, final = forward()
    close(result["outputs"], outputs, 1e-12, label)
    for name, state in zip(states(cell), final):
        close(result[f"final.{name}"], state, 1e-12, label)
    numerical = reference.numerical_gradient(
        lambda: loss_of(values, *forward(), cell), {name: copies[name] for name in differentiated})
    for name, gradient in numerical.items():
        close(result[f"grad.{name}"], gradient, 1e-8, f"{label}.{name}")


def add_case(fixture, cell, case, lengths, reverse, compute):
    label = f"{cell}.{case}"
    values = inputs_of(cell, case, lengths)
    if case == "keras":
        for row, length in enumerate(lengths):
            values["x"][row, length:] = 0
    result = compute(values)
    check(label, cell, values, result, lengths, reverse)
    fixture.add_all(label, values)
    fixture.add_all(label, result)
    return values, result


fixtures = {cell: Fixture(f"cells_{cell}.safetensors") for cell in ["lstm", "gru_after", "gru_before"]}
fixtures["rnn_tanh"] = fixtures["rnn_relu"] = Fixture("cells_rnn.safetensors")

for cell in GATES:
    for case, (lengths, reverse) in CASES.items():
        compute = with_loop if cell == "gru_before" else with_torch
        values, result = add_case(fixtures[cell], cell, case, lengths, reverse,
                                  lambda values: compute(cell, values, lengths, reverse))
        if cell == "gru_before" and case == "full":
            again = with_keras(cell, values, lengths)
            for name in result:
                close(again[name], result[name], 1e-12, f"Keras's {cell}.{case}.{name}")
    if cell in ["lstm", "gru_after"]:
        add_case(fixtures[cell], cell, "keras", KERAS_LENGTHS, False,
                 lambda values: with_keras(cell, values, KERAS_LENGTHS))

for fixture in dict.fromkeys(fixtures.values()):
    fixture.save()
