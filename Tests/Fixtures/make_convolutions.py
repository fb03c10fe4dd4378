"""Convolutions and pooling over images by PyTorch, with every gradient, and the structural similarity of frames by
scikit-image: convolutions.safetensors.

Images are [N, rows, columns, C], kernels [O, rows, columns, C], as Refrain has them. Padding 'same' is TensorFlow's: of an
odd number of zeros the greater half stands at the end; a pooling window does not count what lies outside.
"""

import numpy as np
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

from common import Fixture, leaf, normal, single

fixture = Fixture("convolutions.safetensors")


def borders(sizes, window, strides, padding):
    """The places before and after each axis."""
    if padding == "valid":
        return [(0, 0), (0, 0)]
    result = []
    for size, side, stride in zip(sizes, window, strides):
        total = max(0, ((size + stride - 1) // stride - 1) * stride + side - size)
        result.append((total // 2, total - total // 2))
    return result


def padded(x, window, strides, padding, value):
    (top, bottom), (left, right) = borders(x.shape[2:], window, strides, padding)
    return F.pad(x, (left, right, top, bottom), value=value)


def convolve(x, weight, bias, strides, padding):
    x, weight = x.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2)
    x = padded(x, weight.shape[2:], strides, padding, 0)
    return F.conv2d(x, weight, bias, stride=strides).permute(0, 2, 3, 1)


def pool(x, function, size, strides, padding):
    x = x.permute(0, 3, 1, 2)
    if function == "maximum":
        y = F.max_pool2d(padded(x, size, strides, padding, -torch.inf), size, strides)
    else:
        there = padded(torch.ones_like(x), size, strides, padding, 0)
        total = F.avg_pool2d(padded(x, size, strides, padding, 0), size, strides)
        y = total / F.avg_pool2d(there, size, strides)
    return y.permute(0, 2, 3, 1)


def add(label, compute, settings, **operands):
    leaves = [leaf(value) for value in operands.values()]
    output = compute(*leaves)
    cotangent = normal(f"convolutions {label}", *output.shape)
    (output * torch.tensor(cotangent)).sum().backward()
    fixture.add_all(label, settings | operands | {"output": output, "cotangent": cotangent})
    fixture.add_all(f"{label}.grad", {name: tensor.grad for name, tensor in zip(operands, leaves)})


def n(name, *shape):
    return normal(f"convolutions {name} {shape}", *shape)


for label, sizes, kernel, strides, channels, outputs, padding in [
    ("small", (5, 7), (3, 3), (1, 1), 1, 1, "same"),
    ("wide", (4, 19), (3, 5), (1, 1), 3, 70, "same"),
    ("even", (6, 5), (2, 4), (1, 1), 5, 17, "same"),
    ("valid", (7, 6), (3, 2), (1, 1), 4, 16, "valid"),
    ("points", (3, 4), (1, 1), (1, 1), 6, 5, "same"),
    ("strides", (8, 7), (3, 3), (2, 3), 2, 9, "same"),
    ("apart", (9, 8), (2, 3), (3, 2), 3, 4, "valid"),
]:
    add(f"conv.{label}", lambda x, w, b: convolve(x, w, b, strides, padding),
        {"strides": single(strides), "valid": single([padding == "valid"])},
        x=n("x", 2, *sizes, channels), weight=n("w", outputs, *kernel, channels), bias=n("b", outputs))

for label, size, strides, padding in [
    ("halves", (2, 2), (2, 2), "valid"), ("overlapping", (3, 2), (1, 1), "valid"), ("same", (3, 3), (2, 2), "same"),
    ("wide", (2, 4), (2, 3), "same"),
]:
    for function in ["maximum", "average"]:
        add(f"pool.{function}.{label}", lambda x: pool(x, function, size, strides, padding),
            {"size": single(size), "strides": single(strides), "valid": single([padding == "valid"])},
            x=n("pool", 2, 6, 7, 3))

for label, rows, columns, channels in [("gray", 16, 21, 1), ("colored", 13, 12, 3), ("low", 6, 30, 1)]:
    a = single(np.clip(0.5 + 0.25 * n(label, rows, columns, channels), 0, 1))
    b = single(np.clip(a + 0.1 * n(label + " other", rows, columns, channels), 0, 1))
    if min(rows, columns) >= 11:
        similarity = structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, channel_axis=2)
        fixture.add_all(f"ssim.{label}", {"a": a, "b": b, "similarity": single([similarity])})

fixture.save()
