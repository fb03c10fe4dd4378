"""Attention by PyTorch, with every gradient: attention.safetensors.

The scores of Bahdanau et al. 2015 (additive) and Luong et al. 2015 (dot, general, concat), and pooling as in Yang et al.
2016. Each case is checked against numpy, sequence by sequence and without padding.
"""

import numpy as np
import torch

from common import Fixture, close, leaf, normal, single

B, N, T, Q, K, A = 3, 2, 5, 4, 4, 3
LENGTHS = [5, 2, 3]

fixture = Fixture("attention.safetensors")
mask = torch.arange(T)[None] < torch.tensor(LENGTHS)[:, None]


def perceptron(a, b, v):
    return torch.tanh(a[:, :, None] + b[:, None]) @ v[0]


def concat(q, k, w, v):
    n, t = q.shape[1], k.shape[1]
    both = torch.cat([q[:, :, None].expand(-1, -1, t, -1), k[:, None].expand(-1, n, -1, -1)], -1)
    return torch.tanh(both @ w.mT) @ v[0]


SCORES = {
    "additive": (lambda q, k, w, u, v: perceptron(q @ w.mT, k @ u.mT, v),
                 {"weight_query": (A, Q), "weight_key": (A, K), "weight_score": (1, A)}),
    "dot": (lambda q, k: q @ k.mT, {}),
    "general": (lambda q, k, w: q @ w @ k.mT, {"weight_query": (Q, K)}),
    "concat": (concat, {"weight_query": (A, Q + K), "weight_score": (1, A)}),
}


def numpy_scores(label, q, k, w):
    """One query and one sequence without padding."""
    if label == "dot":
        return k @ q
    if label == "general":
        return k @ (w["weight_query"].T @ q)
    if label == "additive":
        return np.array([w["weight_score"][0] @ np.tanh(w["weight_query"] @ q + w["weight_key"] @ key) for key in k])
    return np.array([w["weight_score"][0] @ np.tanh(w["weight_query"] @ np.concatenate([q, key])) for key in k])


def mean(scores, k):
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    return weights @ k, weights


for label, (score, shapes) in SCORES.items():
    weights = {name: normal(f"attention {label} {name}", *shape) for name, shape in shapes.items()}
    operands = {"queries": normal("attention queries", B, N, Q), "keys": normal("attention keys", B, T, K)} | weights
    leaves = {name: leaf(value) for name, value in operands.items()}
    scores = score(*leaves.values()).masked_fill(~mask[:, None], -torch.inf)
    attention = scores.softmax(-1)
    context = attention @ leaves["keys"]
    for b, length in enumerate(LENGTHS):
        for n in range(N):
            k = operands["keys"][b, :length]
            expected = mean(numpy_scores(label, operands["queries"][b, n], k, weights), k)
            close(context[b, n].detach(), expected[0], 1e-12, label)
            close(attention[b, n, :length].detach(), expected[1], 1e-12, label)
    cotangents = {name: normal(f"attention cotangent {name}", *t.shape)
                  for name, t in {"context": context, "weights": attention}.items()}
    (context * torch.tensor(cotangents["context"])).sum().backward(retain_graph=True)
    (attention * torch.tensor(cotangents["weights"])).sum().backward()
    fixture.add_all(label, operands | {"lengths": single(LENGTHS), "context": context, "weights": attention})
    fixture.add_all(f"{label}.cotangent", cotangents)
    fixture.add_all(f"{label}.grad", {name: tensor.grad for name, tensor in leaves.items()})

operands = {"x": normal("attention pooling x", B, T, K), "weight": normal("attention pooling W", A, K),
            "bias": normal("attention pooling b", A), "weight_score": normal("attention pooling v", 1, A)}
x, w, b, v = leaves = [leaf(value) for value in operands.values()]
attention = (torch.tanh(x @ w.mT + b) @ v[0]).masked_fill(~mask, -torch.inf).softmax(-1)
output = (attention[..., None] * x).sum(1)
for row, length in enumerate(LENGTHS):
    k = operands["x"][row, :length]
    scores = np.array([operands["weight_score"][0] @ np.tanh(operands["weight"] @ key + operands["bias"]) for key in k])
    close(output[row].detach(), mean(scores, k)[0], 1e-12, "pooling")
cotangent = normal("attention pooling cotangent", B, K)
(output * torch.tensor(cotangent)).sum().backward()
fixture.add_all("pooling", operands | {"lengths": single(LENGTHS), "output": output, "weights": attention,
                                       "cotangent": cotangent})
fixture.add_all("pooling.grad", {name: tensor.grad for name, tensor in zip(operands, leaves)})

fixture.save()
