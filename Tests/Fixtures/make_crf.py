"""A linear-chain conditional random field by pytorch-crf, with every gradient, ragged: crf.safetensors.

Each case is checked against all paths, counted one by one: the likelihood, the best path, and the marginals, which
pytorch-crf has not.
"""

import itertools

import numpy as np
import torch
from torchcrf import CRF

from common import Fixture, close, leaf, normal

fixture = Fixture("crf.safetensors")


def score(path, e, a, start, end):
    total = start[path[0]] + end[path[-1]] + sum(e[t, y] for t, y in enumerate(path))
    return total + sum(a[i, j] for i, j in zip(path, path[1:]))


def add(label, B, T, K, lengths, scale):
    e = leaf(normal(label + " scores", B, T, K, scale=scale))
    field = CRF(K, batch_first=True)
    for name, parameter in [("start", field.start_transitions), ("end", field.end_transitions),
                            ("transitions", field.transitions)]:
        parameter.data = torch.tensor(normal(f"{label} {name}", *parameter.shape, scale=scale))
    tags = np.random.RandomState(len(label)).randint(0, K, (B, T))
    mask = torch.arange(T)[None] < torch.tensor(lengths)[:, None]
    losses = -field(e, torch.tensor(tags), mask=mask, reduction="none")
    weights = torch.tensor(normal(label + " weights", B))
    (losses * weights).sum().backward()
    best = field.decode(e, mask=mask)

    a, start, end = (p.detach().numpy() for p in (field.transitions, field.start_transitions, field.end_transitions))
    marginals, padded = np.zeros((B, T, K)), np.zeros((B, T))
    for b, length in enumerate(lengths):
        values = e.detach().numpy()[b]
        paths = list(itertools.product(range(K), repeat=length))
        scores = np.array([score(path, values, a, start, end) for path in paths])
        partition = np.logaddexp.reduce(scores)
        close(losses[b].detach().numpy(), partition - score(tags[b][:length], values, a, start, end), 1e-10, label)
        assert paths[scores.argmax()] == tuple(best[b]), label
        padded[b, :length] = best[b]
        for path, p in zip(paths, np.exp(scores - partition)):
            for t, y in enumerate(path):
                marginals[b, t, y] += p
    fixture.add_all(label, {
        "scores": e, "transitions": a, "start": start, "end": end, "tags": tags, "lengths": np.array(lengths),
        "weights": weights, "losses": losses, "best": padded, "marginals": marginals, "grad.scores": e.grad,
        "grad.transitions": field.transitions.grad, "grad.start": field.start_transitions.grad,
        "grad.end": field.end_transitions.grad,
    })


add("small", B=3, T=5, K=4, lengths=[5, 1, 3], scale=1)
add("wide", B=6, T=4, K=7, lengths=[4, 4, 2, 3, 1, 4], scale=3)
# Scores far apart, at which sums of plain exponentials lose everything.
add("far", B=2, T=4, K=3, lengths=[4, 2], scale=400)

fixture.save()
