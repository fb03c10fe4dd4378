"""Losses by PyTorch, with the gradient of the prediction: losses.safetensors. Keras confirms those that it has.

Classes, masks and weights are float32 like the rest; classes are whole numbers.
"""

import numpy as np
import torch
import torch.nn.functional as F

from common import Fixture, close, leaf, normal, single
from keras64 import keras

fixture = Fixture("losses.safetensors")


def add(label, compute, prediction, confirm=None, **others):
    """Saves the inputs, the value and the gradient; `compute` and `confirm` take the prediction and the others."""
    p = leaf(prediction)
    value = compute(p, *[torch.tensor(other) for other in others.values()])
    value.backward()
    if confirm is not None:
        again = leaf(prediction)
        expected = confirm(again, *[torch.tensor(other) for other in others.values()])
        expected.backward()
        close(value.detach(), expected.detach(), 1e-6, label)  # Keras has constants in float32
        close(p.grad, again.grad, 1e-6, label)
    fixture.add_all(label, {"prediction": prediction, **others, "value": value, "grad.prediction": p.grad})


# Regression. Differences lie on both sides of delta, and none lies on a kink.
prediction, target = normal("prediction", 4, 3), normal("target", 4, 3)
for kink in [0, 0.5, 1.0]:
    assert np.abs(np.abs(prediction - target) - kink).min() > 1e-3
keras_losses = keras.losses
add("mse", F.mse_loss, prediction, lambda p, t: keras_losses.MeanSquaredError()(t, p), target=target)
add("l1", F.l1_loss, prediction, lambda p, t: keras_losses.MeanAbsoluteError()(t, p), target=target)
for label, delta in [("huber_1", 1.0), ("huber_half", 0.5)]:
    add(label, lambda p, t: F.huber_loss(p, t, delta=delta), prediction,
        lambda p, t: keras_losses.Huber(delta=delta)(t, p), target=target)
weights = single([0.5, 2.0, 0.0, 1.25])
add("mse_weighted", lambda p, t, w: (w[:, None] * (p - t) ** 2).sum() / (w.sum() * p.shape[1]), prediction,
    target=target, weights=weights)


def pinball(p, t, levels):
    """Quantile (pinball) loss: p [B, Q], t [B, 1], levels [Q]; the mean over all elements."""
    return torch.maximum(levels * (t - p), (levels - 1) * (t - p)).mean()


add("quantile", pinball, prediction, target=target[:, :1], levels=single([0.1, 0.5, 0.9]))

# Binary cross entropy on logits: targets between 0 and 1 and at both ends, large logits of right and wrong sign.
logits = normal("logits", 4, 3, scale=2)
logits[0] = [60, -60, 60]
logits[1, 0] = -60
targets = single([[1, 0, 0], [1, 0.25, 0], [0, 1, 0.8], [1, 1, 0]])
bce = F.binary_cross_entropy_with_logits
add("bce", bce, logits, targets=targets)
add("bce_weighted_over_count", lambda p, t, w: bce(p, t, weight=w[:, None].expand(p.shape)), logits, targets=targets,
    weights=weights)
add("bce_weighted_over_weights",
    lambda p, t, w: bce(p, t, weight=w[:, None].expand(p.shape), reduction="sum") / (w.sum() * p.shape[1]), logits,
    targets=targets, weights=weights)

# Cross entropy: 5 rows of 4 classes; one row has logits far apart.
logits = normal("class logits", 5, 4, scale=1.5)
logits[3] = [90, -90, 3, 0]
classes = single([2, 0, 3, 1, 2])
one_hot = np.eye(4)[classes.astype(int)]
probabilities = np.exp(normal("probabilities", 5, 4))
probabilities = single(probabilities / probabilities.sum(1, keepdims=True))
sparse = keras_losses.SparseCategoricalCrossentropy(from_logits=True)
dense = keras_losses.CategoricalCrossentropy(from_logits=True)
smooth = keras_losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
add("cross_entropy", lambda p, t: F.cross_entropy(p, t.long()), logits, lambda p, t: sparse(t, p), classes=classes)
add("cross_entropy_one_hot", F.cross_entropy, logits, lambda p, t: dense(t, p), targets=one_hot)
add("cross_entropy_probabilities", F.cross_entropy, logits, lambda p, t: dense(t, p), targets=probabilities)
add("cross_entropy_smoothed", lambda p, t: F.cross_entropy(p, t.long(), label_smoothing=0.1), logits,
    lambda p, t: smooth(F.one_hot(t.long(), 4), p), classes=classes)
add("cross_entropy_probabilities_smoothed", lambda p, t: F.cross_entropy(p, t, label_smoothing=0.1), logits,
    lambda p, t: smooth(t, p), targets=probabilities)
ignoring = single([2, -100, 3, 1, -100])
add("cross_entropy_ignoring", lambda p, t: F.cross_entropy(p, t.long(), ignore_index=-100), logits, classes=ignoring)
add("cross_entropy_ignoring_smoothed",
    lambda p, t: F.cross_entropy(p, t.long(), ignore_index=-100, label_smoothing=0.1), logits, classes=ignoring)
row_weights = single([0.5, 2.0, 0.0, 1.25, 3.0])
add("cross_entropy_weighted",
    lambda p, t, w: (w * F.cross_entropy(p, t.long(), reduction="none")).sum() / w.sum(), logits, classes=classes,
    weights=row_weights)

# Sequences [B, T, C]: the mean over the steps whose mask is 1 (and over their C features where there are such).
mask = single([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]])
sequence, sequence_target = normal("sequence", 3, 5, 4), normal("sequence target", 3, 5, 4)
sequence_classes = single(np.random.RandomState(5).randint(0, 4, (3, 5)))


def masked_mean(per_step, mask):
    return (per_step * mask).sum() / mask.sum()


add("masked_mse", lambda p, t, m: masked_mean(((p - t) ** 2).mean(-1), m), sequence, target=sequence_target, mask=mask)
add("masked_l1", lambda p, t, m: masked_mean((p - t).abs().mean(-1), m), sequence, target=sequence_target, mask=mask)
add("masked_huber", lambda p, t, m: masked_mean(F.huber_loss(p, t, reduction="none").mean(-1), m), sequence,
    target=sequence_target, mask=mask)
add("masked_cross_entropy",
    lambda p, t, m: masked_mean(F.cross_entropy(p.transpose(1, 2), t.long(), reduction="none"), m), sequence,
    classes=sequence_classes, mask=mask)
add("masked_bce",
    lambda p, t, m: masked_mean(bce(p, t, reduction="none").mean(-1), m), sequence,
    targets=single(1 / (1 + np.exp(-sequence_target))), mask=mask)

fixture.save()
