"""Training through PyTorch's BatchNorm1d, ragged: batch_norm.safetensors.

BatchNorm1d(3), Linear 3 → 2, mean squared error over the steps that are there, SGD with learning rate 0.1, momentum 0.9 and
weight decay 0.02, six batches of four sequences, for two momenta of the statistics. Saved are the batches, the weights before
and after, the statistics after each batch, the losses before each update, and what the trained model makes of the first batch.
"""

import numpy as np
import torch

from common import Fixture, close, normal, single

fixture = Fixture("batch_norm.safetensors")
STEPS, BATCH, TIME, INPUTS, OUTPUTS = 6, 4, 5, 3, 2

for label, momentum in {"usual": 0.1, "fast": 0.4}.items():
    norm, linear = torch.nn.BatchNorm1d(INPUTS, momentum=momentum), torch.nn.Linear(INPUTS, OUTPUTS)
    parameters = {"0.weight": norm.weight, "0.bias": norm.bias, "1.weight": linear.weight, "1.bias": linear.bias}
    for name, parameter in parameters.items():
        parameter.data.copy_(torch.tensor(normal(f"batch norm {name}", *parameter.shape, scale=0.5)))
        fixture.add(f"{label}.before.{name}", parameter)
    optimizer = torch.optim.SGD(list(norm.parameters()) + list(linear.parameters()), 0.1, 0.9, weight_decay=0.02)
    losses, mean, variance = [], np.zeros(INPUTS), np.ones(INPUTS)
    for step in range(STEPS):
        x = single(normal(f"batch norm {label} x {step}", BATCH, TIME, INPUTS, scale=1.5) + [1, -2, 0.5 * step])
        target = normal(f"batch norm {label} y {step}", BATCH, TIME, OUTPUTS)
        lengths = [TIME, 3, 1 + step % 3, 0]
        rows = [(b, t) for b in range(BATCH) for t in range(lengths[b])]
        picked = np.stack([x[b, t] for b, t in rows])
        loss = ((linear(norm(torch.tensor(picked))) - torch.tensor(np.stack([target[b, t] for b, t in rows]))) ** 2).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean = (1 - momentum) * mean + momentum * picked.mean(0)
        variance = (1 - momentum) * variance + momentum * picked.var(0, ddof=1)
        close(norm.running_mean.numpy(), mean, 1e-12, "running mean")
        close(norm.running_var.numpy(), variance, 1e-12, "running variance")
        fixture.add_all(f"{label}.{step}", {
            "x": x, "y": target, "lengths": lengths, "mean": norm.running_mean, "variance": norm.running_var})
    fixture.add(f"{label}.losses", losses)
    for name, parameter in parameters.items():
        fixture.add(f"{label}.after.{name}", parameter)
    norm.eval()
    first = torch.tensor(fixture.tensors[f"{label}.0.x"].astype(np.float64)).reshape(-1, INPUTS)
    fixture.add(f"{label}.output", linear(norm(first)).reshape(BATCH, TIME, OUTPUTS))

fixture.save()
