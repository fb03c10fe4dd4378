"""A sequence of 1,000 steps through one LSTM by PyTorch: long.safetensors. Input and cotangent are formulas in float64.


    x[b, t, i]                 = sin(0.1 · t + b + 0.7 · i)         rounded to float32
    cotangent.outputs[b, t, h] = cos(0.37 · t + 1.3 · b + 0.7 · h)  rounded to float32

The bias of the forget gates is raised by 3, so that the state remembers and gradients reach far back.
"""

import numpy as np
import torch

import reference
from common import Fixture, close, gradients_from_torch, load_torch, normal, run_torch, shapes, single, torch_module

BATCH, STEPS, INPUTS, HIDDEN = 2, 1000, 3, 4
STATES = ["hidden", "cell"]

b, t, i, h = (np.arange(n, dtype=float) for n in [BATCH, STEPS, INPUTS, HIDDEN])
x = single(np.sin(0.1 * t[None, :, None] + b[:, None, None] + 0.7 * i))
cotangent = single(np.cos(0.37 * t[None, :, None] + 1.3 * b[:, None, None] + 0.7 * h))

values = {name: normal(f"long {name}", *shape, scale=0.5) for name, shape in shapes("lstm", INPUTS, HIDDEN).items()}
values["bias_ih"][HIDDEN:2 * HIDDEN] += 3
values["bias_ih"] = single(values["bias_ih"])
for name in STATES:
    values[f"initial.{name}"] = normal(f"long initial {name}", BATCH, HIDDEN)
    values[f"cotangent.final.{name}"] = normal(f"long cotangent {name}", BATCH, HIDDEN)


def run(dtype):
    module = torch_module("lstm", INPUTS, HIDDEN)
    load_torch(module, "lstm", values, "", "_l0")
    module = module.to(dtype)
    inputs = torch.tensor(x, dtype=dtype, requires_grad=True)
    initial = [torch.tensor(values[f"initial.{name}"][None], dtype=dtype, requires_grad=True) for name in STATES]
    outputs, final = run_torch(module, inputs, [STEPS] * BATCH, initial)
    loss = (outputs * torch.tensor(cotangent, dtype=dtype)).sum()
    for name, state in zip(STATES, final):
        loss = loss + (state[0] * torch.tensor(values[f"cotangent.final.{name}"], dtype=dtype)).sum()
    loss.backward()
    result = {"loss": loss.detach().numpy(), "outputs.every_100th": outputs[:, 99::100].detach().numpy(),
              "grad.x.first_10": inputs.grad[:, :10].numpy()}
    for name, state, start in zip(STATES, final, initial):
        result[f"final.{name}"] = state[0].detach().numpy()
        result[f"grad.initial.{name}"] = start.grad[0].numpy()
    return result | {f"grad.{name}": g for name, g in gradients_from_torch(module, "lstm", "", "_l0").items()}


def check(result):
    copies = {name: value.copy() for name, value in values.items()}

    def forward():
        return reference.scan("lstm", copies, "", x, [STEPS] * BATCH, [copies[f"initial.{name}"] for name in STATES])

    def loss():
        outputs, final = forward()
        ends = sum((state * values[f"cotangent.final.{name}"]).sum() for name, state in zip(STATES, final))
        return (outputs * cotangent).sum() + ends

    outputs, final = forward()
    close(result["loss"], loss(), 1e-12, "loss")
    close(result["outputs.every_100th"], outputs[:, 99::100], 1e-12, "outputs")
    for name, state in zip(STATES, final):
        close(result[f"final.{name}"], state, 1e-12, name)
    some = {name: copies[name] for name in ["bias_ih", "weight_hh", "initial.hidden", "initial.cell"]}
    for name, gradient in reference.numerical_gradient(loss, some).items():
        close(result[f"grad.{name}"], gradient, 1e-7, name)


fixture = Fixture("long.safetensors")
result = run(torch.float64)
check(result)
fixture.add_all("lstm", values)
fixture.add_all("lstm", result)
fixture.save()

for name, inexact in run(torch.float32).items():
    worst = np.abs(inexact - result[name]).max() / np.abs(result[name]).max()
    print(f"  PyTorch's own float32 differs in {name} by {worst:.1e} of the largest element")
