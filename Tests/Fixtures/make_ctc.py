"""Connectionist temporal classification by PyTorch: ctc.safetensors.

For each case the logits [B, T, V], the labels [B, U] with their lengths, the steps of each sequence, the losses [B] and
the gradient of their sum. What stands past a length is not zero, so that a loss that looks there is seen.
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import Fixture, leaf, normal

fixture = Fixture("ctc.safetensors")


def add(case, batch, time, symbols, labels, lengths, target_lengths, blank=0, scale=1.0):
    logits = leaf(normal(case, batch, time, symbols, scale=scale))
    losses = F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1), torch.tensor(labels), torch.tensor(lengths),
        torch.tensor(target_lengths), blank=blank, reduction="none")
    losses.sum().backward()
    fixture.add_all(case, {
        "logits": logits, "labels": np.array(labels), "lengths": np.array(lengths),
        "target_lengths": np.array(target_lengths), "losses": losses, "grad.logits": logits.grad})


add("plain", 2, 7, 5, [[1, 2, 3], [4, 1, 2]], [7, 7], [3, 3])
# Repeated labels, which need a blank between them; no label; as many steps as are needed.
add("ragged", 5, 9, 4, [[1, 1, 2, 2], [3, 9, 9, 9], [9, 9, 9, 9], [2, 2, 2, 9], [1, 2, 3, 1]], [9, 3, 5, 5, 4],
    [4, 1, 0, 3, 4])
add("last_blank", 3, 8, 6, [[0, 1, 1], [4, 3, 9], [2, 9, 9]], [8, 6, 2], [3, 2, 1], blank=5)
# Probabilities from nearly 1 down to 1e-30.
add("sharp", 2, 12, 6, [[1, 2, 3, 4, 5], [5, 5, 1, 9, 9]], [12, 11], [5, 3], scale=25.0)
rng = np.random.RandomState(7)
add("long", 2, 300, 8, rng.randint(1, 8, (2, 60)).tolist(), [300, 211], [60, 41], scale=2.0)
fixture.save()
