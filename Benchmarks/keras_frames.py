#!/usr/bin/env python3
"""Keras' ConvLSTM2D beside Refrain's: how fast it trains, and how well it foresees frames after as many seconds.

    keras_frames.py speed [--backend jax|tensorflow|torch] [--threads N] [--seconds S]
    keras_frames.py foresee TRAIN.npy TEST.npy --seconds S [--backend …] [--threads N] [--filters F] [--layers L]

`speed` times the gradient of the sum of a layer's outputs by its weights, in the shapes of `refrain-benchmark --set
frames`, in the same form: one JSON object a line. (Compare what was timed in turn: Benchmarks/frames does so.)

`foresee` trains the network of `refrain train frames` (its layers, its squares of 4 x 4, its loss, Adam and a one-cycle
rate) on clips [N, 20, rows, columns] for S seconds, without the time to compile, and prints the mean squared error of
frames 11 to 20 of the test clips from frames 1 to 10.

Needs keras and one of jax, tensorflow, torch.
"""

import argparse
import json
import math
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument("mode", choices=["speed", "foresee"])
parser.add_argument("files", nargs="*")
parser.add_argument("--backend", default="jax")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=5)
parser.add_argument("--filters", type=int, default=32)
parser.add_argument("--layers", type=int, default=2)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--rate", type=float, default=3e-3)
options = parser.parse_args()
os.environ["KERAS_BACKEND"] = options.backend
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if options.threads == 1 else 'true'}"
os.environ["OMP_NUM_THREADS"] = os.environ["TF_NUM_INTRAOP_THREADS"] = str(options.threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])

import keras
import numpy as np

if options.backend == "torch":
    import torch

    torch.set_num_threads(options.threads)
elif options.backend == "tensorflow":
    import tensorflow as tf

SHAPES = [  # name, B, T, rows, columns, C, F, kernel
    ("frames", 4, 10, 64, 64, 1, 16, 3),
    ("squares", 8, 10, 16, 16, 16, 64, 3),
    ("wide", 4, 10, 32, 32, 32, 32, 5),
]


def gradient_of(model, x, loss):
    """A function that computes the gradient of loss(outputs) by the weights, once it is called."""
    if options.backend == "tensorflow":
        @tf.function(jit_compile=False)
        def run(x):
            with tf.GradientTape() as tape:
                value = loss(model(x, training=True))
            return tape.gradient(value, model.trainable_weights)
        constant = tf.constant(x)
        return lambda: [g.numpy() for g in run(constant)]
    if options.backend == "torch":
        constant = torch.tensor(x)

        def run():
            for weight in model.trainable_weights:
                weight.value.grad = None
            loss(model(constant, training=True)).backward()
        return run
    import jax

    weights = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def value(weights, x):
        return loss(model.stateless_call(weights, others, x, training=True)[0])
    run, constant = jax.jit(jax.grad(value)), jax.numpy.asarray(x)
    return lambda: jax.block_until_ready(run(weights, constant))


def speed():
    for name, batch, steps, rows, columns, channels, filters, kernel in SHAPES:
        inputs = keras.Input((steps, rows, columns, channels), batch_size=batch)
        layer = keras.layers.ConvLSTM2D(filters, kernel, padding="same", return_sequences=True)
        model = keras.Model(inputs, layer(inputs))
        x = np.random.RandomState(0).standard_normal((batch, steps, rows, columns, channels)).astype("float32")
        body = gradient_of(model, x, keras.ops.sum)
        for _ in range(2):
            body()
        times, begin = [], time.perf_counter()
        while time.perf_counter() - begin < options.seconds or len(times) < 3:
            start = time.perf_counter()
            body()
            times.append(time.perf_counter() - start)
        milliseconds = sorted(times)[len(times) // 2] * 1e3
        operations = 6 * batch * steps * rows * columns * kernel * kernel * (channels + filters) * 4 * filters
        print(json.dumps({
            "peer": f"keras-{options.backend}", "name": name, "mode": "conv-lstm-train", "threads": options.threads,
            "milliseconds": round(milliseconds, 3), "gflops": round(operations / milliseconds / 1e6, 1)}), flush=True)


def squares(clips, side=4):
    """[N, T, rows, columns] -> [N, T, rows / 4, columns / 4, 16], from 0 to 1."""
    n, steps, rows, columns = clips.shape
    parts = clips.reshape(n, steps, rows // side, side, columns // side, side).transpose(0, 1, 2, 4, 3, 5)
    return np.ascontiguousarray(parts.reshape(n, steps, rows // side, columns // side, side * side))


def network(seen, follow, rows, columns, channels):
    """The layers of `refrain train frames`: some read, as many go on from where those end, one convolution shows."""
    frames = keras.Input((seen, rows, columns, channels))

    def layer():
        return keras.layers.ConvLSTM2D(
            options.filters, 3, padding="same", return_sequences=True, return_state=True)
    values, states = frames, []
    for _ in range(options.layers):
        values, *state = layer()(values)
        states.append(state)
    values = keras.ops.repeat(frames[:, -1:], follow, axis=1)
    shown = []
    for state in states:
        values, *_ = layer()(values, initial_state=state)
        shown.append(values)
    joined = keras.ops.concatenate(shown, axis=-1) if len(shown) > 1 else shown[0]
    return keras.Model(frames, keras.layers.Dense(channels, activation="sigmoid")(joined))


class Clock(keras.callbacks.Callback):
    """A one-cycle rate by the share of the seconds that are gone, and the end when they are."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds, self.start, self.steps = seconds, None, 0

    def on_train_batch_begin(self, batch, logs=None):
        # The first two steps compile.
        if self.steps == 2:
            self.start = time.perf_counter()
        share = 0 if self.start is None else min(1, (time.perf_counter() - self.start) / self.seconds)
        if share < 0.3:
            rate = options.rate * (0.04 + 0.96 * (1 - math.cos(math.pi * share / 0.3)) / 2)
        else:
            rate = options.rate * (1 + math.cos(math.pi * (share - 0.3) / 0.7)) / 2
        self.model.optimizer.learning_rate = max(rate, 1e-7)
        self.steps += 1
        if share >= 1:
            self.model.stop_training = True


def foresee():
    train, test = (squares(np.load(path).astype("float32") / 255) for path in options.files)
    seen = 10
    model = network(seen, train.shape[1] - seen, *train.shape[2:])
    model.compile(keras.optimizers.Adam(options.rate, clipnorm=1.0), loss="binary_crossentropy")
    clock = Clock(options.seconds)
    model.fit(train[:, :seen], train[:, seen:], batch_size=options.batch, epochs=10_000, verbose=0, callbacks=[clock])
    found = model.predict(test[:, :seen], batch_size=options.batch, verbose=0)
    last = np.repeat(test[:, seen - 1:seen], test.shape[1] - seen, axis=1)
    print(json.dumps({
        "peer": f"keras-{options.backend}", "seconds": options.seconds, "steps": clock.steps,
        "parameters": model.count_params(), "meanSquaredError": float(((found - test[:, seen:]) ** 2).mean()),
        "repeatLastFrame": float(((last - test[:, seen:]) ** 2).mean())}), flush=True)


speed() if options.mode == "speed" else foresee()
