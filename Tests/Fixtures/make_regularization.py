"""Regularization in float64: regularization.safetensors. Recurrent steps under given masks by loops from the formulas of
Gal and Ghahramani (2016) and Krueger et al. (2017), the penalties of Merity, McCann and Socher (2017), row norms by
torch.renorm. Gradients are PyTorch's. Without masks the loops are checked against PyTorch's layers.
"""

import numpy as np
import torch

from common import GATES, Fixture, close, leaf, load_torch, normal, run_torch, shapes, single, states, torch_module

fixture = Fixture("regularization.safetensors")
LENGTHS = [3, 5, 2]
B, T, I, H = 3, 5, 2, 4
ORDER = sorted(range(B), key=lambda row: -LENGTHS[row])
# Which packed row a sequence has at a step: step after step, the longest sequence first.
PACKED = {}
for step in range(T):
    for row in ORDER:
        if step < LENGTHS[row]:
            PACKED[row, step] = len(PACKED)


def step(cell, p, x, h, c, mask):
    """One step of one sequence; `mask` is on h where it enters the recurrent products and nowhere else."""
    seen = h * mask
    sums = p["weight_ih"] @ x + p["bias_ih"]
    if cell == "lstm":
        i, f, g, o = (sums + p["weight_hh"] @ seen).split(H)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
    if cell == "rnn_tanh":
        return (sums + p["weight_hh"] @ seen).tanh(), None
    (xr, xz, xn), (wr, wz, wn) = sums.split(H), p["weight_hh"].split(H)
    r, z = (xr + wr @ seen).sigmoid(), (xz + wz @ seen).sigmoid()
    if cell == "gru_after":
        n = (xn + r * (wn @ seen + p["bias_hn"])).tanh()
    else:
        n = (xn + wn @ (r * seen)).tanh()
    return (1 - z) * n + z * h, None


def scan(cell, p, x, initial, recurrent, kept):
    """Outputs [B, T, H] and final states; `kept` gives how much of a state is kept, by its name and packed row."""
    outputs = [[torch.zeros(H)] * T for _ in range(B)]
    final = {name: [None] * B for name in states(cell)}
    for row in range(B):
        now = {name: initial[name][row] for name in states(cell)}
        for t in range(LENGTHS[row]):
            h, c = step(cell, p, x[row, t], now["hidden"], now.get("cell"), recurrent[row])
            new = {"hidden": h, "cell": c}
            for name in now:
                z = kept(name, PACKED[row, t])
                now[name] = z * now[name] + (1 - z) * new[name]
            outputs[row][t] = now["hidden"]
        for name in now:
            final[name][row] = now[name]
    return torch.stack([torch.stack(row) for row in outputs]), {n: torch.stack(v) for n, v in final.items()}


def bits(name, probability, *shape):
    """1 with this probability."""
    return (np.random.RandomState(len(name)).uniform(size=shape) < probability).astype(np.float64)


for cell in ["lstm", "gru_after", "gru_before", "rnn_tanh"]:
    parameters = {name: normal(f"regularized {cell} {name}", *shape, scale=0.8)
                  for name, shape in shapes(cell, I, H).items()}
    x = normal(f"regularized {cell} x", B, T, I)
    initial = {name: normal(f"regularized {cell} {name}", B, H) for name in states(cell)}
    fixture.add_all(cell, {"x": x, "lengths": LENGTHS, **parameters})
    fixture.add_all(f"{cell}.initial", initial)
    masks = {"recurrent": single(bits("recurrent", 0.6, B, H) / 0.6), "hidden": bits("hidden", 0.4, len(PACKED), H),
             "cell": bits("cell ", 0.3, len(PACKED), H)}
    assert all(0 < mask.mean() < mask.max() for mask in masks.values())
    fixture.add_all(f"{cell}.masks", masks)
    drawn = {name: torch.tensor(mask) for name, mask in masks.items()}
    ones = torch.ones(B, H)
    if cell != "gru_before":
        module = torch_module(cell, I, H)
        load_torch(module, cell, parameters, "", "_l0")
        start = [torch.tensor(initial[name])[None] for name in states(cell)]
        expected, _ = run_torch(module, torch.tensor(x), LENGTHS, start)
        found, _ = scan(cell, {n: torch.tensor(v) for n, v in parameters.items()}, torch.tensor(x),
                        {n: torch.tensor(v) for n, v in initial.items()}, ones, lambda name, row: 0)
        close(found.detach(), expected.detach(), 1e-12, cell)
    for case, recurrent, kept in [
            ("recurrent", drawn["recurrent"], lambda name, row: 0),
            ("zoneout", ones, lambda name, row: drawn[name][row]),
            ("both", drawn["recurrent"], lambda name, row: drawn[name][row]),
            ("expected", ones, lambda name, row: {"hidden": 0.25, "cell": 0.125}[name])]:
        p = {name: leaf(value) for name, value in parameters.items()}
        leaves = {"x": leaf(x), **p, **{f"initial.{name}": leaf(value) for name, value in initial.items()}}
        outputs, final = scan(cell, p, leaves["x"], {n: leaves[f"initial.{n}"] for n in initial}, recurrent, kept)
        cotangents = {"outputs": normal("outputs", B, T, H)}
        loss = (outputs * torch.tensor(cotangents["outputs"])).sum()
        for name, value in final.items():
            cotangents[f"final.{name}"] = normal(f"final {name}", B, H)
            loss = loss + (value * torch.tensor(cotangents[f"final.{name}"])).sum()
        loss.backward()
        fixture.add_all(f"{cell}.{case}", {"outputs": outputs, **{f"final.{n}": v for n, v in final.items()}})
        fixture.add_all(f"{cell}.{case}.cotangent", cotangents)
        fixture.add_all(f"{cell}.{case}.grad", {name: value.grad for name, value in leaves.items()})

outputs = normal("penalized outputs", B, T, H)
fixture.add("penalty.outputs", outputs)
fixture.add("penalty.lengths", [5, 1, 3])
for case, lengths in [("full", [T] * B), ("ragged", [5, 1, 3])]:
    for name in ["activation", "temporal"]:
        h = leaf(outputs)
        rows = [h[row, :length] for row, length in enumerate(lengths)]
        if name == "temporal":
            rows = [row[1:] - row[:-1] for row in rows]
        value = torch.cat(rows).pow(2).mean()
        value.backward()
        fixture.add_all(f"penalty.{case}.{name}", {"value": value.reshape(1), "grad": h.grad})

weights = normal("rows", 5, 3)
norms = np.linalg.norm(weights, axis=1)
assert norms.min() < 1.2 < norms.max()
fixture.add_all("maximum_norm", {"before": weights, "after": torch.renorm(torch.tensor(weights), 2, 0, 1.2)})

fixture.save()
