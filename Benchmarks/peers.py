#!/usr/bin/env python3
"""Times PyTorch and ONNX Runtime on the shapes and models of `refrain-benchmark`, under the same names and modes.

    peers.py [--set speed|gru|ragged|programs] [--threads N] [--seconds S] [--only torch|ort]

Each line is a JSON object: peer, name, mode, threads, milliseconds (the median of as many runs as fit into S seconds
after three to warm up, and of five at least), gflops (null where the count says little). Machines drift: compare only
what was timed in turn, as the script `compare` does.

Needs torch, numpy, onnx and onnxruntime.
"""

import argparse
import json
import time

SHAPES = [  # name, T, B, I, H
    ("step", 1, 1, 128, 128),
    ("stream", 100, 1, 64, 128),
    ("small", 50, 32, 64, 128),
    ("medium", 100, 64, 128, 256),
    ("large", 50, 64, 512, 512),
    ("narrow", 100, 128, 10, 64),
    ("odd", 35, 20, 200, 200),
]


def median_milliseconds(body, seconds):
    for _ in range(3):
        body()
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e3


def emit(options, peer, name, mode, body, operations=None):
    """Times `body` and prints the line."""
    milliseconds = median_milliseconds(body, options.seconds)
    print(json.dumps({
        "peer": peer, "name": name, "mode": mode, "threads": options.threads, "milliseconds": round(milliseconds, 6),
        "gflops": None if operations is None else round(operations / milliseconds / 1e6, 1),
    }), flush=True)


def import_torch(options):
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    return torch


def torch_layers(options, kind, gates):
    """One layer in every shape, forward and training."""
    torch = import_torch(options)
    for name, T, B, I, H in SHAPES:
        layer, x = getattr(torch.nn, kind)(I, H), torch.randn(T, B, I)
        operations = 2 * T * B * gates * H * (I + H)

        def forward():
            with torch.inference_mode():
                layer(x)

        def train():
            y, _ = layer(x)
            y.sum().backward()
            layer.zero_grad(set_to_none=True)

        emit(options, "torch", name, f"{kind.lower()}-forward", forward, operations)
        emit(options, "torch", name, f"{kind.lower()}-train", train, 3 * operations)


def torch_ragged(options):
    """Training on sequences of different lengths, packed; 55 % of the steps are valid."""
    torch = import_torch(options)
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    T, B, I, H = 500, 16, 64, 128
    lengths = torch.linspace(50, T, B).long().flip(0)
    for kind in ("LSTM", "GRU"):
        layer, x = getattr(torch.nn, kind)(I, H, batch_first=True), torch.randn(B, T, I)

        def train():
            y, _ = layer(pack_padded_sequence(x, lengths, batch_first=True))
            pad_packed_sequence(y, batch_first=True)[0].sum().backward()
            layer.zero_grad(set_to_none=True)

        emit(options, "torch", "ragged", f"{kind.lower()}-train", train)


def torch_programs(options):
    """A whole training step of each model: forward, loss, backward, update."""
    torch = import_torch(options)
    from torch import nn

    programs = [  # name, B, T, I, hidden sizes, outputs, whether they are classes
        ("lstm50-dense1", 32, 10, 1, [50], 1, False),
        ("lstm64-lstm32-dense1", 32, 20, 10, [64, 32], 1, False),
        ("lstm128-softmax10", 32, 100, 64, [128], 10, True),
    ]
    for name, B, T, I, hidden, outputs, classify in programs:
        sizes = [I] + hidden
        layers = nn.ModuleList(nn.LSTM(i, h, batch_first=True) for i, h in zip(sizes, hidden))
        head = nn.Linear(hidden[-1], outputs)
        adam = torch.optim.Adam(list(layers.parameters()) + list(head.parameters()))
        x = torch.randn(B, T, I)
        y = torch.randint(0, outputs, (B,)) if classify else torch.randn(B, outputs)
        loss = nn.CrossEntropyLoss() if classify else nn.MSELoss()

        def step():
            h = x
            for layer in layers:
                h, _ = layer(h)
            adam.zero_grad()
            loss(head(h[:, -1]), y).backward()
            adam.step()

        emit(options, "torch", name, "program-step", step)

    # The small language model of Zaremba, Sutskever and Vinyals (2014).
    embedding, lstm, head = nn.Embedding(10_000, 200), nn.LSTM(200, 200, 2), nn.Linear(200, 10_000)
    parameters = [parameter for module in (embedding, lstm, head) for parameter in module.parameters()]
    sgd = torch.optim.SGD(parameters, 1.0)
    text = torch.randint(0, 10_000, (21, 20))

    def language_model():
        y, _ = lstm(embedding(text[:-1]))
        sgd.zero_grad()
        nn.functional.cross_entropy(head(y).flatten(0, 1), text[1:].flatten()).backward()
        nn.utils.clip_grad_norm_(parameters, 5)
        sgd.step()

    emit(options, "torch", "ptb-small", "program-step", language_model)


def ort_layers(options):
    """An LSTM layer in every shape, forward."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    for name, T, B, I, H in SHAPES:
        generator = np.random.default_rng(0)

        def normal(*shape):
            return (generator.normal(size=shape) * 0.1).astype(np.float32)

        graph = helper.make_graph(
            [helper.make_node("LSTM", ["X", "W", "R", "B"], ["Y"], hidden_size=H)], "layer",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, [T, B, I])],
            [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [T, 1, B, H])],
            [numpy_helper.from_array(normal(1, 4 * H, I), "W"), numpy_helper.from_array(normal(1, 4 * H, H), "R"),
             numpy_helper.from_array(normal(1, 8 * H), "B")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        x = normal(T, B, I)
        emit(options, "ort", name, "lstm-forward", lambda: session.run(None, {"X": x}), 2 * T * B * 4 * H * (I + H))


# What each peer can be timed on.
PEERS = {
    "torch": {
        "speed": lambda options: torch_layers(options, "LSTM", 4),
        "gru": lambda options: torch_layers(options, "GRU", 3),
        "ragged": torch_ragged,
        "programs": torch_programs,
    },
    "ort": {"speed": ort_layers},
}


def main():
    parser = argparse.ArgumentParser(description="Times PyTorch and ONNX Runtime, as JSON lines.")
    parser.add_argument("--set", choices=PEERS["torch"], default="speed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", choices=PEERS)
    options = parser.parse_args()
    for peer, sets in PEERS.items():
        if options.only in (None, peer) and options.set in sets:
            sets[options.set](options)


if __name__ == "__main__":
    main()
