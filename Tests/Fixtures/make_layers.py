"""Layers and tensor operations by PyTorch, with every gradient: layers.safetensors.

Each case is the operation's operands (x, y …), its `output`, the `cotangent` of the output, and `grad.` of the
operands: the gradients of sum(output · cotangent). Indices and conditions are float32 like the rest.
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import Fixture, leaf, normal, single

fixture = Fixture("layers.safetensors")


def add(label, compute, constants={}, **operands):
    """`compute` takes the operands in order; constants are what it uses besides, saved with them."""
    leaves = [leaf(value) for value in operands.values()]
    output = compute(*leaves)
    cotangent = normal(f"layers {label}", *output.shape)
    (output * torch.tensor(cotangent)).sum().backward()
    fixture.add_all(label, constants | operands | {"output": output, "cotangent": cotangent})
    fixture.add_all(f"{label}.grad", {name: tensor.grad for name, tensor in zip(operands, leaves)})


def n(*shape, name="x", scale=1.0):
    return normal(f"layers {name} {shape}", *shape, scale=scale)


# Layers.
add("linear", F.linear, x=n(2, 4, 3), weight=n(5, 3, name="w"), bias=n(5))
indices = single([[4, 0, 4], [6, 4, 1]])
add("embedding", lambda weight: F.embedding(torch.tensor(indices).long(), weight), {"indices": indices}, weight=n(7, 3))
add("layer_norm", lambda x, w, b: F.layer_norm(x, (6,), w, b, 1e-5), x=n(2, 3, 6, scale=2), weight=n(6),
    bias=n(6, name="b"))
tight = n(2, 6, name="tight", scale=2e-3)  # so little variance that epsilon matters
add("layer_norm_tight", lambda x, w, b: F.layer_norm(x, (6,), w, b, 1e-5), x=tight, weight=n(6),
    bias=n(6, name="b"))

# Functions of one operand; -100 and 100 must give no infinity and no NaN.
values = single([-100, -20, -5, -1.5, -0.5, -1e-4, 1e-4, 0.3, 1, 2.5, 8, 30, 100])
for label, function in {
    "tanh": torch.tanh, "sigmoid": torch.sigmoid, "silu": F.silu, "softplus": F.softplus, "relu": torch.relu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "gelu_exact": F.gelu,
}.items():
    add(label, function, x=values)
add("exp", torch.exp, x=n(2, 3))
add("log", torch.log, x=np.abs(n(2, 3)) + 0.5)
add("sqrt", torch.sqrt, x=np.abs(n(2, 3)) + 0.5)
rows = n(3, 5, scale=2)
rows[1] = [100, -100, 99, 0, 98]
rows[2] = 1000  # all equal and large
add("softmax", lambda x: F.softmax(x, -1), x=rows)
add("log_softmax", lambda x: F.log_softmax(x, -1), x=rows)

# Broadcasting.
for label, first, second in [("rows", (2, 3, 4), (4,)), ("columns", (2, 3), (2, 1)), ("outer", (3, 1), (1, 4)),
                             ("middle", (2, 3, 4), (2, 1, 4)), ("scalar", (2, 3), (1,))]:
    x, y = n(*first), n(*second, name="y")
    y = single(np.where(np.abs(y) < 0.3, y + np.sign(y) * 0.5, y))  # a divisor
    if label in ["rows", "columns"]:
        add(f"add_{label}", torch.add, x=x, y=y)
        add(f"subtract_{label}", torch.subtract, x=x, y=y)
    add(f"multiply_{label}", torch.multiply, x=x, y=y)
    add(f"divide_{label}", torch.divide, x=x, y=y)
add("maximum", torch.maximum, x=n(2, 3), y=n(3, name="y"))

# Matrix products: x is [.., M, K], or [.., K, M] where it says transposed; likewise y.
M, K, N = 3, 4, 2
for batch in [(), (2,)]:
    for tx in [False, True]:
        for ty in [False, True]:
            label = "matmul" + ("_batched" if batch else "") + ("_x_transposed" if tx else "") + \
                ("_y_transposed" if ty else "")
            add(label, lambda x, y: torch.matmul(x.mT if tx else x, y.mT if ty else y),
                x=n(*batch, *((K, M) if tx else (M, K))), y=n(*batch, *((N, K) if ty else (K, N)), name="y"))
add("matmul_shared", torch.matmul, x=n(2, M, K), y=n(K, N, name="y"))  # one y for the whole batch

# Reductions.
add("sum_all", lambda x: x.sum(), x=n(2, 3, 4))
add("sum_last", lambda x: x.sum(-1), x=n(2, 3, 4))
add("mean_middle", lambda x: x.mean(1), x=n(2, 3, 4))
add("max_last", lambda x: x.amax(-1), x=n(2, 3, 4))

# Rearranging.
along = single([3, 1, 3, 0])
add("gather_rows", lambda x: x[torch.tensor(along).long()], {"indices": along}, x=n(5, 3))
picked = single([[2], [0], [2]])
add("gather_last", lambda x: x.gather(1, torch.tensor(picked).long()), {"indices": picked}, x=n(3, 4))
add("slice_middle", lambda x: x[:, 1:3], x=n(2, 4, 3))  # steps 1 and 2
add("slice_last_step", lambda x: x[:, -1], x=n(2, 4, 3))
add("concatenate_first", lambda x, y: torch.cat([x, y], 0), x=n(2, 3), y=n(1, 3, name="y"))
add("concatenate_last", lambda x, y, z: torch.cat([x, y, z], -1), x=n(2, 2, 3), y=n(2, 2, 1, name="y"),
    z=n(2, 2, 2, name="z"))
add("stack_middle", lambda x, y: torch.stack([x, y], 1), x=n(2, 3), y=n(2, 3, name="y"))
add("transpose", lambda x: x.mT, x=n(2, 3, 4))
add("permute_201", lambda x: x.permute(2, 0, 1), x=n(2, 3, 4))
condition = single([[1, 0, 1], [0, 0, 1]])
add("where", lambda x, y: torch.where(torch.tensor(condition) == 1, x, y), {"condition": condition},
    x=n(2, 3), y=n(2, 3, name="y"))
add("where_broadcast", lambda x, y: torch.where(torch.tensor(condition) == 1, x, y), {"condition": condition},
    x=n(2, 3), y=n(3, name="y"))

fixture.save()
