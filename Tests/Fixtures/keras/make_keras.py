"""Keras 3 models, each as the .keras file that Keras saves, and what they make of an input.

`<case>.keras` is the model; `cases.h5` has `/cases/<case>/input`, `/output`, and for a model that masks steps and gives an
output for every step `/valid` [B, T], 1 where a step counts. Weights are normals, all different, biases as well.
`stack.weights.h5` are the weights of `stack.keras` alone.
"""

import os
import sys
import zlib

os.environ["KERAS_BACKEND"] = "torch"

import h5py
import keras
import numpy as np
from keras import layers as L

FOLDER = os.path.dirname(os.path.abspath(__file__))
T, I = 5, 3


def normal(name, *shape):
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)


def masked(*shape, value=0.0):
    """Sequences padded behind, with a gap, padded in front, whole, and without a step."""
    x = normal("masked", 5, *shape)
    x[0, 3:] = value
    x[1, 2] = value
    x[2, :2] = value
    x[4] = value
    x[3, 1, 0] = value  # One value alone masks nothing.
    return x


TOKENS = np.array([[4, 2, 1, 0, 0], [3, 0, 1, 2, 5], [0, 0, 2, 2, 6], [1, 2, 3, 4, 5], [0, 0, 0, 0, 0]], dtype=np.int32)


def sequential(*layers, shape=(T, I)):
    return keras.Sequential([keras.Input(shape), *layers])


def functional(*layers, shape=(T, I)):
    x = inputs = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def every(layer, units=4, **options):
    return layer(units, return_sequences=True, **options)


CASES = {
    "lstm": lambda: sequential(L.LSTM(4)),
    "lstm_every": lambda: sequential(every(L.LSTM), shape=(None, I)),
    "lstm_backwards": lambda: sequential(L.LSTM(4, go_backwards=True)),
    "lstm_no_bias": lambda: sequential(L.LSTM(4, use_bias=False)),
    "lstm_dropout": lambda: sequential(every(L.LSTM, dropout=0.25, recurrent_dropout=0.5), L.Dropout(0.1)),
    "gru": lambda: sequential(L.GRU(4)),
    "gru_every": lambda: sequential(every(L.GRU)),
    "gru_no_bias": lambda: sequential(L.GRU(4, use_bias=False)),
    "gru_before": lambda: sequential(every(L.GRU, reset_after=False)),
    "gru_before_backwards": lambda: sequential(L.GRU(4, reset_after=False, go_backwards=True, use_bias=False)),
    "rnn_tanh": lambda: sequential(every(L.SimpleRNN)),
    "rnn_relu": lambda: sequential(L.SimpleRNN(4, activation="relu")),
    "bidirectional_concat": lambda: sequential(L.Bidirectional(every(L.LSTM))),
    "bidirectional_sum": lambda: sequential(L.Bidirectional(every(L.GRU), merge_mode="sum")),
    "bidirectional_ave": lambda: sequential(L.Bidirectional(L.SimpleRNN(4), merge_mode="ave")),
    "bidirectional_mul": lambda: sequential(L.Bidirectional(L.LSTM(4, use_bias=False), merge_mode="mul")),
    "bidirectional_last": lambda: sequential(L.Bidirectional(L.GRU(4, reset_after=False))),
    "stack": lambda: sequential(
        every(L.LSTM, 6), every(L.GRU, 5), L.LSTM(4, name="my_own"), L.Dense(3, activation="relu"),
        L.Dense(2, use_bias=False)),
    "dense": lambda: sequential(
        L.Dense(4, activation="tanh"), L.Dense(4, activation="sigmoid"), L.Dense(4, activation="softplus"),
        L.Dense(4, activation="silu"), L.Dense(4, activation="softmax")),
    "gelu": lambda: sequential(L.Dense(4, activation="gelu"), L.Activation("gelu"), L.Conv1D(3, 2, activation="gelu")),
    "time_distributed": lambda: sequential(
        every(L.GRU), L.TimeDistributed(L.Dense(3, activation="tanh")), L.TimeDistributed(L.LayerNormalization()),
        L.TimeDistributed(L.Dense(2))),
    "layer_norm": lambda: sequential(
        L.LayerNormalization(), L.LayerNormalization(scale=False, epsilon=1e-5), L.LayerNormalization(center=False)),
    "shapes": lambda: sequential(
        L.Flatten(), L.Reshape((-1, 5)), L.SpatialDropout1D(0.3), L.Activation("tanh"), L.ReLU(), L.Softmax(),
        L.LSTM(2)),
    "conv_lstm_1d": lambda: sequential(L.ConvLSTM1D(3, 3, padding="same", return_sequences=True), shape=(4, 6, 2)),
    "conv_lstm_2d": lambda: sequential(
        L.ConvLSTM2D(3, (3, 2), strides=(2, 1)), L.Flatten(), L.Dense(2), shape=(3, 6, 5, 2)),
    "conv_lstm_3d": lambda: sequential(L.ConvLSTM3D(2, 2, padding="same", use_bias=False), shape=(3, 4, 3, 3, 1)),
    "convolution": lambda: sequential(
        L.Conv1D(4, 3, padding="same", activation="relu"), L.Conv1D(3, 2, padding="causal", strides=2, use_bias=False),
        L.Conv1D(2, 2), L.LSTM(2)),
    "embedding": lambda: sequential(L.Embedding(7, 3), L.LSTM(4), shape=(None,)),
    "embedding_mask": lambda: sequential(
        L.Embedding(7, 3, mask_zero=True), L.Bidirectional(every(L.LSTM)), every(L.GRU), L.Dense(2), shape=(None,)),
    "embedding_mask_last": lambda: sequential(
        L.Embedding(7, 3, mask_zero=True), every(L.SimpleRNN), L.LSTM(4), L.Flatten(), L.Dense(2), shape=(None,)),
    "masking": lambda: sequential(L.Masking(), every(L.LSTM)),
    "masking_last": lambda: sequential(L.Masking(), L.Dense(3), L.Bidirectional(L.GRU(4)), L.Dense(2)),
    "masking_value": lambda: sequential(
        L.Masking(-1.5), L.Dropout(0.2), L.LayerNormalization(), L.Bidirectional(every(L.GRU), merge_mode="ave"),
        L.TimeDistributed(L.Dense(2))),
    "functional": lambda: functional(L.Masking(), every(L.LSTM), L.GRU(3), L.Dense(2, activation="softmax")),
    "functional_embedding": lambda: functional(
        L.Embedding(7, 3, mask_zero=True), every(L.LSTM), L.Bidirectional(every(L.GRU)), shape=(None,)),
    "nested": lambda: sequential(L.Dense(4), sequential(every(L.LSTM), L.Dense(3), shape=(T, 4)), L.LSTM(2), L.Dense(2)),
}


def input_of(case):
    if "embedding" in case:
        return TOKENS
    if case.startswith("masking") or case == "functional":
        return masked(T, I, value=-1.5 if case == "masking_value" else 0.0)
    shapes = {"conv_lstm_1d": (4, 6, 2), "conv_lstm_2d": (3, 6, 5, 2), "conv_lstm_3d": (3, 4, 3, 3, 1)}
    return normal(case + ".input", 2, *shapes.get(case, (T, I)))


def valid_steps(case, x):
    if case in ["embedding_mask", "functional_embedding"]:
        return x != 0
    if case in ["masking", "masking_value"]:
        return (x != (-1.5 if case == "masking_value" else 0.0)).any(-1)
    return None


def main():
    with h5py.File(os.path.join(FOLDER, "cases.h5"), "w") as results:
        for case, make in CASES.items():
            model = make()
            for index, variable in enumerate(model.variables):
                if "seed" not in variable.path:
                    variable.assign(0.5 * normal(f"{case}.{index}", *variable.shape))
            x = input_of(case)
            y = model.predict(x, verbose=0)
            assert np.isfinite(y).all(), case
            model.save(os.path.join(FOLDER, case + ".keras"))
            if case == "stack":
                model.save_weights(os.path.join(FOLDER, case + ".weights.h5"))
            group = results.create_group(f"cases/{case}", track_order=False)
            group.create_dataset("input", data=x.astype(np.float32), track_times=False)
            group.create_dataset("output", data=y.astype(np.float32), track_times=False)
            valid = valid_steps(case, x)
            if valid is not None:
                group.create_dataset("valid", data=valid.astype(np.float32), track_times=False)
    print(f"{len(CASES)} cases by Keras {keras.__version__}")


if __name__ == "__main__":
    sys.exit(main())
