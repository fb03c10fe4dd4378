"""The recurrent layers once more, in plain numpy and float64, to check the fixtures by.

The gradients come from central differences, so nothing here shares code or method with the programs it checks.
"""

import numpy as np

from common import suffixes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(cell, p, suffix, x, state):
    """One step: x [B, I], state a list of [B, H]; returns the next state, whose first element is the output."""
    w, u, b = (p[name + suffix] for name in ["weight_ih", "weight_hh", "bias_ih"])
    h = state[0]
    size = h.shape[1]
    if cell == "lstm":
        i, f, g, o = np.split(x @ w.T + h @ u.T + b, 4, axis=1)
        c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(c), c]
    if cell == "gru_after":
        r, z, n = np.split(x @ w.T + b, 3, axis=1)
        ur, uz, un = np.split(h @ u.T, 3, axis=1)
        r, z = sigmoid(r + ur), sigmoid(z + uz)
        n = np.tanh(n + r * (un + p["bias_hn" + suffix]))
        return [(1 - z) * n + z * h]
    if cell == "gru_before":
        r, z, n = np.split(x @ w.T + b, 3, axis=1)
        r, z = sigmoid(r + h @ u[:size].T), sigmoid(z + h @ u[size:2 * size].T)
        n = np.tanh(n + (r * h) @ u[2 * size:].T)
        return [(1 - z) * n + z * h]
    a = x @ w.T + h @ u.T + b
    return [np.tanh(a) if cell == "rnn_tanh" else np.maximum(a, 0)]


def scan(cell, p, suffix, x, lengths, initial, reverse=False):
    """Outputs [B, T, H], 0 beyond each length, and the state after the last valid step (reverse: after step 0)."""
    steps = x.shape[1]
    outputs = np.zeros(x.shape[:2] + initial[0].shape[1:])
    state = [s.copy() for s in initial]
    for t in reversed(range(steps)) if reverse else range(steps):
        valid = (t < np.asarray(lengths))[:, None]
        after = step(cell, p, suffix, x[:, t], state)
        state = [np.where(valid, a, s) for a, s in zip(after, state)]
        outputs[:, t] = np.where(valid, state[0], 0)
    return outputs, state


def stack(cell, p, x, lengths, initial, layers, directions):
    """Initial and final states are [L·D, B, H]."""
    final = []
    for layer in range(layers):
        halves = []
        for direction in range(directions):
            index = layer * directions + direction
            y, last = scan(cell, p, suffixes(layers, directions)[index], x, lengths, [s[index] for s in initial],
                           reverse=direction == 1)
            halves.append(y)
            final.append(last)
        x = np.concatenate(halves, axis=2)
    return x, [np.stack([last[k] for last in final]) for k in range(len(initial))]


def numerical_gradient(loss, arrays, difference=1e-5):
    """Central differences of `loss()` by every element of every array, which are changed in place and put back."""
    result = {}
    for name, array in arrays.items():
        grad = np.zeros(array.shape)
        for index in np.ndindex(*array.shape):
            kept = array[index]
            array[index] = kept + difference
            above = loss()
            array[index] = kept - difference
            below = loss()
            array[index] = kept
            grad[index] = (above - below) / (2 * difference)
        result[name] = grad
    return result
