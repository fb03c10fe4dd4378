"""Connections between layers, with every gradient: depth.safetensors.

`residual`, `highway` and `depth_wise`: three LSTM layers of PyTorch, each reading what the connection makes of the layer
below. `depth_gated` (Yao et al. 2015): a loop from the formulas, equal to PyTorch's stack where the depth gate is shut.
"""

import torch

from common import Fixture, close, leaf, load_torch, normal, run_torch, shapes, single, torch_module

B, T, W, L = 3, 5, 4, 3
LENGTHS = [3, 5, 2]

fixture = Fixture("depth.safetensors")
mask = (torch.arange(T)[None] < torch.tensor(LENGTHS)[:, None])[..., None]
last = torch.tensor(LENGTHS) - 1


def save(case, parameters, x, outputs, leaves):
    """`leaves` are what is differentiated by, under Refrain's names."""
    outputs = outputs * mask
    cotangent = normal(f"depth {case} cotangent", *outputs.shape)
    (outputs * torch.tensor(cotangent)).sum().backward()
    fixture.add_all(case, parameters | {"x": x, "lengths": single(LENGTHS), "outputs": outputs,
                                        "last": outputs[torch.arange(B), last], "cotangent": cotangent})
    fixture.add_all(f"{case}.grad", {name: leaf.grad for name, leaf in leaves.items()})


def lstm(x, p, suffix, state=None):
    """One LSTM step, i f g o."""
    h, c = state
    i, f, g, o = (x @ p["weight_ih" + suffix].mT + h @ p["weight_hh" + suffix].mT + p["bias_ih" + suffix]).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def layer(x, p, level):
    """A level by a loop, padding left out of nothing: a state past the end is never used again."""
    state, outputs = (torch.zeros(B, W), torch.zeros(B, W)), []
    for t in range(T):
        state = lstm(x[:, t], p, f"_l{level}", state)
        outputs.append(state[0])
    return torch.stack(outputs, 1)


base = {}
for level in range(L):
    for name, shape in shapes("lstm", W, W, f"_l{level}").items():
        base[name] = normal(f"depth {name}", *shape, scale=0.6)
x = normal("depth x", B, T, W)

# The loop is PyTorch's layer.
module = torch_module("lstm", W, W)
load_torch(module, "lstm", base, "_l0", "_l0")
zeros = torch.zeros(1, B, W)
expected, _ = run_torch(module, torch.tensor(x), LENGTHS, [zeros, zeros])
found = layer(torch.tensor(x), {name: torch.tensor(value) for name, value in base.items()}, 0) * mask
close(found.detach(), expected.detach(), 1e-12, "the loop")

for case in ["residual", "highway", "depth_wise"]:
    parameters = dict(base)
    if case == "highway":
        for level in range(1, L):
            parameters[f"highway_l{level}.weight"] = normal(f"depth highway W {level}", W, W)
            parameters[f"highway_l{level}.bias"] = normal(f"depth highway b {level}", W)
    if case == "depth_wise":
        for name, shape in shapes("lstm", W, W).items():
            parameters["depth." + name] = normal(f"depth depth {name}", *shape, scale=0.6)
    leaves = {"x": leaf(x)} | {name: leaf(value) for name, value in parameters.items()}
    below, depth = leaves["x"], (torch.zeros(B, T, W), torch.zeros(B, T, W))
    for level in range(L):
        y = layer(below, leaves, level)
        if case == "depth_wise":
            depth = lstm(y, {name[6:]: value for name, value in leaves.items() if name.startswith("depth.")}, "", depth)
            below = depth[0]
        elif level == 0:
            below = y
        elif case == "residual":
            below = below + y
        else:
            t = (below @ leaves[f"highway_l{level}.weight"].mT + leaves[f"highway_l{level}.bias"]).sigmoid()
            below = t * y + (1 - t) * below
    save(case, parameters, x, below, leaves)


def depth_gated(x, p, shut=False):
    outputs = []
    states = [(torch.zeros(B, W), torch.zeros(B, W)) for _ in range(L)]
    for t in range(T):
        read, lower = x[:, t], None
        for level in range(L):
            name = f".{level}" if level else ""
            h, c = states[level]
            sums = read @ p["weight_ih" + name].mT + p["bias_ih" + name]
            i, f, g, o = (sums[:, :4 * W] + h @ p["weight_hh" + name].mT).chunk(4, -1)
            new = f.sigmoid() * c + i.sigmoid() * g.tanh()
            if level and not shut:
                own, below = p["weight_depth" + name]
                new = new + (sums[:, 4 * W:] + own * c + below * lower).sigmoid() * lower
            read, lower = o.sigmoid() * new.tanh(), new
            states[level] = read, new
        outputs.append(read)
    return torch.stack(outputs, 1)


I = 3
parameters = {}
for level in range(L):
    name, gates = (f".{level}", 5) if level else ("", 4)
    parameters["weight_ih" + name] = normal(f"depth gated W {level}", gates * W, W if level else I, scale=0.6)
    parameters["weight_hh" + name] = normal(f"depth gated R {level}", 4 * W, W, scale=0.6)
    parameters["bias_ih" + name] = normal(f"depth gated b {level}", gates * W, scale=0.6)
    if level:
        parameters["weight_depth" + name] = normal(f"depth gated p {level}", 2, W)
x = normal("depth gated x", B, T, I)
stack = torch_module("lstm", I, W, layers=L)
plain = {name: value if name.startswith("weight_hh") else value[:4 * W] for name, value in parameters.items()}
for level in range(L):
    load_torch(stack, "lstm", plain, f".{level}" if level else "", f"_l{level}")
zeros = torch.zeros(L, B, W)
expected, _ = run_torch(stack, torch.tensor(x), LENGTHS, [zeros, zeros])
found = depth_gated(torch.tensor(x), {name: torch.tensor(value) for name, value in parameters.items()}, shut=True) * mask
close(found.detach(), expected.detach(), 1e-12, "the depth gate shut")
leaves = {"x": leaf(x)} | {name: leaf(value) for name, value in parameters.items()}
save("depth_gated", parameters, x, depth_gated(leaves["x"], leaves), leaves)

fixture.save()
