"""Attributions by Captum, and relevance by a loop in float64 after Arras et al. 2017: attributions.safetensors.

Two models, `lstm` and `gru`: one layer over T steps, and a linear map of the last hidden state to two scores, of which
the second is explained. Captum computes integrated gradients by 50 points of Gauss and Legendre's rule, input × gradient
and feature ablation of steps. The relevance is that of the paper's rules with ε = 0 and biases as neurons of their own;
it is checked to add up to the score.
"""

import numpy as np
import torch
from captum.attr import FeatureAblation, InputXGradient, IntegratedGradients

from common import Fixture, close, leaf, load_torch, normal, shapes, torch_module

STEPS, INPUTS, HIDDEN, SCORES, CHOSEN = 7, 3, 5, 2, 1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def linear(weight, bias, x, relevance):
    """Relevance of x and of the bias from that of weight x + bias, in proportion to the terms."""
    total = weight @ x + bias
    share = relevance / total
    return x * (weight.T @ share), (bias * share).sum()


def relevance_lstm(values, x):
    weight, recurrent, bias = values["weight_ih"], values["weight_hh"], values["bias_ih"]
    h, c, steps = np.zeros(HIDDEN), np.zeros(HIDDEN), []
    for t in range(STEPS):
        i, f, g, o = np.split(weight @ x[t] + recurrent @ h + bias, 4)
        before, state = h, c
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append((before, state, c, sigmoid(i) * np.tanh(g), sigmoid(f) * state))
    score = values["head.weight"] @ h + values["head.bias"]
    chosen = np.eye(SCORES)[CHOSEN] * score
    r_h, biases = linear(values["head.weight"], values["head.bias"], h, chosen)
    r_c = np.zeros(HIDDEN)
    result = np.zeros_like(x)
    rows = slice(2 * HIDDEN, 3 * HIDDEN)
    for t in reversed(range(STEPS)):
        before, state, c, new, kept = steps[t]
        r_c = r_c + r_h  # h = o ⊙ tanh(c): all to the signal
        r_new, r_kept = new / c * r_c, kept / c * r_c
        joined = np.concatenate([x[t], before])
        r, bias_part = linear(np.concatenate([weight[rows], recurrent[rows]], 1), bias[rows], joined, r_new)
        result[t], r_h, r_c = r[:INPUTS], r[INPUTS:], r_kept
        biases += bias_part
    return result, biases, score[CHOSEN], r_h.sum() + r_c.sum()


def relevance_gru(values, x):
    weight, recurrent, bias, inner = (values[name] for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hn"])
    h, steps = np.zeros(HIDDEN), []
    cut = [slice(k * HIDDEN, (k + 1) * HIDDEN) for k in range(3)]
    for t in range(STEPS):
        r = sigmoid(weight[cut[0]] @ x[t] + bias[cut[0]] + recurrent[cut[0]] @ h)
        z = sigmoid(weight[cut[1]] @ x[t] + bias[cut[1]] + recurrent[cut[1]] @ h)
        n = np.tanh(weight[cut[2]] @ x[t] + bias[cut[2]] + r * (recurrent[cut[2]] @ h + inner))
        steps.append((h, r, z, n))
        h = (1 - z) * n + z * h
    score = values["head.weight"] @ h + values["head.bias"]
    r_h, biases = linear(values["head.weight"], values["head.bias"], h, np.eye(SCORES)[CHOSEN] * score)
    result = np.zeros_like(x)
    for t in reversed(range(STEPS)):
        before, r, z, n = steps[t]
        after = (1 - z) * n + z * before
        r_n, r_kept = (1 - z) * n / after * r_h, z * before / after * r_h
        both = np.concatenate([weight[cut[2]], r[:, None] * recurrent[cut[2]]], 1)
        part, bias_part = linear(both, bias[cut[2]] + r * inner, np.concatenate([x[t], before]), r_n)
        result[t], r_h = part[:INPUTS], part[INPUTS:] + r_kept
        biases += bias_part
    return result, biases, score[CHOSEN], r_h.sum()


def make(cell, name, fixture):
    values = {"x": normal(f"attributions {name} x", STEPS, INPUTS),
              "baseline": normal(f"attributions {name} baseline", STEPS, INPUTS, scale=0.3),
              "head.weight": normal(f"attributions {name} head", SCORES, HIDDEN),
              "head.bias": normal(f"attributions {name} head bias", SCORES)}
    for part, shape in shapes(cell, INPUTS, HIDDEN).items():
        values[part] = normal(f"attributions {name} {part}", *shape, scale=0.9)
    module = torch_module(cell, INPUTS, HIDDEN)
    load_torch(module, cell, values, "", "_l0")
    head = torch.nn.Linear(HIDDEN, SCORES)
    head.weight.data, head.bias.data = torch.tensor(values["head.weight"]), torch.tensor(values["head.bias"])

    def forward(inputs):
        outputs, _ = module(inputs)
        return head(outputs[:, -1])

    x, baseline = torch.tensor(values["x"])[None], torch.tensor(values["baseline"])[None]
    result = {"score": forward(x)[0, CHOSEN].reshape(1)}
    result["integrated"] = IntegratedGradients(forward).attribute(
        x, baselines=baseline, target=CHOSEN, n_steps=50, method="gausslegendre")[0]
    result["gradient"] = InputXGradient(forward).attribute(x, target=CHOSEN)[0]
    steps = torch.arange(STEPS)[None, :, None].expand_as(x)
    result["occlusion"] = FeatureAblation(forward).attribute(
        x, baselines=baseline, target=CHOSEN, feature_mask=steps)[0, :, 0]
    relevance, biases, score, initial = {"lstm": relevance_lstm, "gru": relevance_gru}[name](values, values["x"])
    close(score, result["score"].item(), 1e-12, "score")
    close(relevance.sum() + biases, score, 1e-9, "conservation")
    close(initial + 1, 1.0, 1e-12, "initial state")
    result["relevance"], result["relevance.biases"] = relevance, np.array([biases])
    fixture.add_all(name, values)
    fixture.add_all(name, result)


fixture = Fixture("attributions.safetensors")
make("lstm", "lstm", fixture)
make("gru_after", "gru", fixture)
fixture.save()
