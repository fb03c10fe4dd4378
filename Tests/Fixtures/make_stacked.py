"""Two bidirectional layers of LSTM and GRU by PyTorch, with ragged lengths: stacked.safetensors.

Parameters are named as in PyTorch; states are [layer · 2 + direction, B, H]. Checked against numpy (reference.py).
"""

import numpy as np
import torch

import reference
from common import (Fixture, close, gradients_from_torch, leaf, load_torch, normal, run_torch, shapes, states, suffixes,
                    torch_module)

BATCH, STEPS, INPUTS, HIDDEN, LAYERS, DIRECTIONS = 3, 5, 4, 3, 2, 2
LENGTHS = [3, 5, 2]


def loss_of(values, outputs, final, cell, convert=lambda array: array):
    loss = (outputs * convert(values["cotangent.outputs"])).sum()
    for name, state in zip(states(cell), final):
        loss = loss + (state * convert(values[f"cotangent.final.{name}"])).sum()
    return loss


def make(cell, fixture):
    values = {"x": normal(f"stacked {cell} x", BATCH, STEPS, INPUTS), "lengths": np.array(LENGTHS, dtype=float),
              "cotangent.outputs": normal(f"stacked {cell} cotangent", BATCH, STEPS, DIRECTIONS * HIDDEN)}
    names = []
    for index, suffix in enumerate(suffixes(LAYERS, DIRECTIONS)):
        width = INPUTS if index < DIRECTIONS else DIRECTIONS * HIDDEN
        for name, shape in shapes(cell, width, HIDDEN, suffix).items():
            values[name] = normal(f"stacked {cell} {name}", *shape, scale=0.7)
            names.append(name)
    for name in states(cell):
        shape = (LAYERS * DIRECTIONS, BATCH, HIDDEN)
        values[f"initial.{name}"] = normal(f"stacked {cell} initial {name}", *shape, scale=0.7)
        values[f"cotangent.final.{name}"] = normal(f"stacked {cell} cotangent {name}", *shape)

    module = torch_module(cell, INPUTS, HIDDEN, LAYERS, DIRECTIONS)
    for suffix in suffixes(LAYERS, DIRECTIONS):
        load_torch(module, cell, values, suffix, suffix)
    x, initial = leaf(values["x"]), [leaf(values[f"initial.{name}"]) for name in states(cell)]
    outputs, final = run_torch(module, x, LENGTHS, initial)
    loss_of(values, outputs, final, cell, convert=torch.tensor).backward()

    result = {"outputs": outputs.detach().numpy(), "grad.x": x.grad.numpy()}
    for name, state, start in zip(states(cell), final, initial):
        result[f"final.{name}"] = state.detach().numpy()
        result[f"grad.initial.{name}"] = start.grad.numpy()
    for suffix in suffixes(LAYERS, DIRECTIONS):
        result |= {f"grad.{name}": g for name, g in gradients_from_torch(module, cell, suffix, suffix).items()}

    check(cell, values, result, ["x"] + names + [f"initial.{name}" for name in states(cell)])
    fixture.add_all(cell, values)
    fixture.add_all(cell, result)


def check(cell, values, result, differentiated):
    copies = {name: value.copy() for name, value in values.items()}

    def forward():
        initial = [copies[f"initial.{name}"] for name in states(cell)]
        return reference.stack(cell, copies, copies["x"], LENGTHS, initial, LAYERS, DIRECTIONS)

    outputs, final = forward()
    close(result["outputs"], outputs, 1e-12, cell)
    for name, state in zip(states(cell), final):
        close(result[f"final.{name}"], state, 1e-12, cell)
    numerical = reference.numerical_gradient(
        lambda: loss_of(values, *forward(), cell), {name: copies[name] for name in differentiated})
    for name, gradient in numerical.items():
        close(result[f"grad.{name}"], gradient, 1e-8, f"{cell}.{name}")


fixture = Fixture("stacked.safetensors")
make("lstm", fixture)
make("gru_after", fixture)
fixture.save()
