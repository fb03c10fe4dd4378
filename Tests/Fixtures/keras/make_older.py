"""Keras models as each age of Keras writes them, and what they make of an input.

`older/<case>.h5` is the model in one HDF5 file; `older.h5` has `/cases/<case>/input` and `/output`. Of each model there is
what Keras 3 itself saves (`k3_…`), the form of tf.keras 2 (`k2_…`), that of Keras 2.2 and before (`k22_…`: configs that
are lists, texts of fixed length), and where Keras 1 had the layers its form (`k1_…`: other names of options, three arrays
for each gate). The forms of Keras 1 and 2 are written here by hand, as those versions wrote them; the numbers are all
Keras 3's, whose `hard_sigmoid` is replaced by that of the older ones. `older/<case>.keras` are Keras 3's archives, one with
names as Windows writes them.
"""

import io
import json
import os
import zipfile
import zlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy as np
from keras import layers as L
from keras import ops

FOLDER = os.path.dirname(os.path.abspath(__file__))
T, I = 6, 3


def hard(x):
    """hard_sigmoid as it was before Keras 3."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def normal(name, *shape):
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)


def sequential(*layers, shape=(T, I)):
    return keras.Sequential([keras.Input(shape), *layers])


def functional(*layers, shape=(T, I)):
    x = inputs = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


# Each case: how the model is made, and the ages whose form it is written in.
CASES = {
    "lstm": (lambda: sequential(L.LSTM(4, return_sequences=True), L.Dropout(0.2), L.LSTM(3), L.Dense(2)), "3 2 22 1"),
    "lstm_hard": (lambda: sequential(L.LSTM(4, recurrent_activation=hard, activation="softsign"), L.Dense(1)), "2 22 1"),
    "lstm_hard3": (lambda: sequential(L.LSTM(4, recurrent_activation="hard_sigmoid", activation="relu"), L.Dense(1)), "3"),
    "lstm_stateful": (lambda: sequential(L.LSTM(4, return_sequences=True), L.LSTM(4)), "2"),
    "lstm_reversed": (lambda: sequential(L.LSTM(4, go_backwards=True, return_sequences=True), L.LSTM(3)), "3 2"),
    "gru": (lambda: sequential(L.GRU(4, reset_after=False, recurrent_activation=hard), L.Dense(2, activation="elu")), "22 1"),
    "gru_after": (lambda: sequential(L.GRU(4, activation="selu", return_sequences=True), L.GRU(3)), "3 2"),
    "rnn": (lambda: sequential(L.SimpleRNN(4, activation="sigmoid", return_sequences=True), L.SimpleRNN(3)), "3 2 22 1"),
    "no_bias": (lambda: sequential(L.LSTM(4, use_bias=False), L.Dense(2, use_bias=False)), "3 2"),
    "bidirectional": (
        lambda: sequential(
            L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.LSTM(3, activation="relu"), merge_mode="mul"), L.Dense(1)),
        "3 2 22"),
    "bidirectional1": (
        lambda: sequential(L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="ave"), L.SimpleRNN(2)), "1"),
    "cells": (
        lambda: sequential(
            L.RNN([L.LSTMCell(4), L.LSTMCell(3, activation="sigmoid")], return_sequences=True), L.RNN(L.GRUCell(2)), L.Dense(1)),
        "3 2"),
    "convolution": (
        lambda: sequential(
            L.Conv1D(5, 2, padding="causal", activation="relu"), L.MaxPooling1D(2), L.BatchNormalization(), L.LSTM(4, return_sequences=True),
            L.AveragePooling1D(2, strides=1, padding="same"), L.GlobalAveragePooling1D(), L.Dense(1)),
        "3 2"),
    "convolution1": (lambda: sequential(L.Conv1D(5, 2, activation="relu"), L.MaxPooling1D(2), L.BatchNormalization(), L.LSTM(4)), "22 1"),
    "each_step": (
        lambda: sequential(
            L.TimeDistributed(L.Conv1D(3, 2, activation="relu")), L.TimeDistributed(L.MaxPooling1D(2)), L.TimeDistributed(L.Flatten()),
            L.LSTM(4), L.RepeatVector(3), L.LSTM(3, return_sequences=True), L.TimeDistributed(L.Dense(2)), shape=(4, 5, 3)),
        "3 2"),
    "functions": (
        lambda: sequential(
            L.LSTM(4, return_sequences=True), L.LeakyReLU(0.3), L.Permute((2, 1)), L.Dense(4, activation="softplus"), L.PReLU(), L.ELU(0.5),
            L.BatchNormalization(scale=False), L.ReLU(6.0), L.GaussianNoise(0.1), L.GlobalMaxPooling1D(), L.Dense(3), L.Softmax()),
        "3 2"),
    "embedding": (lambda: sequential(L.Embedding(7, 3), L.SpatialDropout1D(0.2), L.LSTM(4), L.Dense(1, activation="sigmoid"), shape=(T,)), "3 2 22 1"),
    "functional": (lambda: functional(L.GRU(4, return_sequences=True), L.Flatten(), L.Dense(2)), "3 2 22"),
    "nested": (
        lambda: sequential(sequential(L.LSTM(4, return_sequences=True), L.BatchNormalization()), functional(L.LSTM(3), shape=(T, 4)), L.Dense(1)),
        "3 2"),
    "cudnn": (lambda: sequential(L.LSTM(4, return_sequences=True), L.GRU(3), L.Dense(1)), "cudnn"),
}


def values(model, name):
    for number, weight in enumerate(model.weights):
        if "seed" in weight.path:
            continue
        value = 0.5 * normal(f"{name}/{number}", *weight.shape)
        if "variance" in weight.path:
            value = np.abs(value) + 0.5
        weight.assign(value)


# --- The configs of older versions.


def function(layer, name):
    value = getattr(layer, name)
    return "hard_sigmoid" if value is hard else keras.activations.serialize(value)


OLD = {"kernel_initializer", "recurrent_initializer", "bias_initializer"}


def old_config(layer, age, first=None):
    """A layer as Keras 2, or Keras 1, describes it."""
    kind = type(layer).__name__
    if isinstance(layer, keras.Sequential):
        layers = [old_config(inner, age, first if n == 0 else None) for n, inner in enumerate(layer.layers)]
        return {"class_name": "Sequential", "config": layers if age != 2 else {"name": layer.name, "layers": layers}}
    if isinstance(layer, keras.Model):
        inner, before = [], None
        for each in layer.layers:
            entry = old_config(each, age, None)
            if isinstance(each, keras.layers.InputLayer):
                entry["config"] = {"batch_input_shape": [None, *each.batch_shape[1:]], "dtype": "float32", "sparse": False, "name": each.name}
            entry["name"] = each.name
            entry["inbound_nodes"] = [] if before is None else [[[before, 0, 0, {}]]]
            inner.append(entry)
            before = each.name
        ends = {"input_layers": [[layer.layers[0].name, 0, 0]], "output_layers": [[before, 0, 0]]}
        return {"class_name": "Functional" if age == 2 else "Model", "config": {"name": layer.name, "layers": inner, **ends}}
    config = {key: value for key, value in layer.get_config().items() if key not in ("build_config", "dtype", "seed", "noise_shape")}
    config["dtype"] = "float32"
    for key in ("activation", "recurrent_activation"):
        if hasattr(layer, key) and key in config:
            config[key] = function(layer, key)
    if kind == "Bidirectional":
        config = {"name": layer.name, "trainable": True, "merge_mode": layer.merge_mode, "layer": old_config(layer.forward_layer, age)}
        config["layer"]["config"]["name"] = "lstm_inner"
    if kind == "TimeDistributed":
        config = {"name": layer.name, "trainable": True, "layer": old_config(layer.layer, age)}
    if kind == "RNN":
        cells = layer.cell.cells if hasattr(layer.cell, "cells") else None
        inner = [old_config(cell, age) for cell in cells] if cells else None
        config["cell"] = {"class_name": "StackedRNNCells", "config": {"cells": inner}} if cells else old_config(layer.cell, age)
    if kind == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    if kind == "BatchNormalization":
        config["axis"] = [len(layer.input.shape) - 1] if age == 2 else -1
    if kind in ("LSTM", "GRU", "SimpleRNN"):
        config["implementation"], config["time_major"] = 2, False
    for key in OLD & set(config):
        config[key] = {"class_name": "GlorotUniform", "config": {"seed": None}}
    if first is not None:
        config["batch_input_shape"] = [None, *first]
    if age == 1:
        kind, config = keras1(kind, config)
    return {"class_name": kind, "config": config}


def keras1(kind, config):
    names = {
        "LSTM": {"units": "output_dim", "recurrent_activation": "inner_activation", "dropout": "dropout_W", "recurrent_dropout": "dropout_U"},
        "Dense": {"units": "output_dim", "use_bias": "bias"}, "Dropout": {"rate": "p"}, "SpatialDropout1D": {"rate": "p"},
        "Conv1D": {"filters": "nb_filter", "padding": "border_mode", "use_bias": "bias"}, "MaxPooling1D": {"padding": "border_mode"},
    }
    names["GRU"] = names["SimpleRNN"] = names["LSTM"]
    config = {names.get(kind, {}).get(key, key): value for key, value in config.items()}
    config.pop("reset_after", None)
    if kind == "Conv1D":
        config["filter_length"], config["subsample_length"] = config.pop("kernel_size")[0], config.pop("strides")[0]
        config.pop("dilation_rate"), config.pop("groups")
        kind = "Convolution1D"
    if kind == "MaxPooling1D":
        config["pool_length"], config["stride"] = config.pop("pool_size")[0], config.pop("strides")[0]
    if kind in ("LSTM", "GRU", "SimpleRNN"):
        config["consume_less"] = "cpu"
    return kind, config


def old_weights(layer, age):
    """A layer's arrays with their names in Keras 2, or Keras 1."""
    kind = type(layer).__name__
    if isinstance(layer, keras.Model):
        found = [entry for inner in layer.layers for entry in old_weights(inner, age)]
        return [e for e in found if "moving" not in e[0]] + [e for e in found if "moving" in e[0]]
    if kind == "Bidirectional":
        parts = [("forward", layer.forward_layer), ("backward", layer.backward_layer)]
        return [
            (f"{layer.name}/{part}_lstm/{name.split('/', 1)[1]}", value) for part, inner in parts for name, value in old_weights(inner, age)]
    arrays = [(w.path, np.array(w)) for w in layer.weights if "seed" not in w.path]
    if age == 1 and kind in ("LSTM", "GRU"):
        gates = "ifco" if kind == "LSTM" else "zrh"
        parts = [dict(zip(gates, np.split(array, len(gates), axis=-1))) for _, array in arrays]
        order = "icfo" if kind == "LSTM" else "zrh"
        return [(f"{layer.name}/{n}_{gate}", part[gate]) for gate in order for n, part in zip("WUb", parts)]
    if age == 1:
        if kind == "Conv1D":
            arrays[0] = (arrays[0][0], arrays[0][1][:, None])
        return [(f"{layer.name}/{path.split('/')[-1][0].upper()}_{n}", array) for n, (path, array) in enumerate(arrays)]
    inner = f"{layer.name}/{kind.lower()}_cell" if age == 2 and kind in ("LSTM", "GRU", "SimpleRNN") else layer.name
    if kind == "RNN":
        return [(f"{layer.name}/{'/'.join(path.split('/')[-2:])}:0", array) for path, array in arrays]
    return [(f"{inner}/{path.split('/')[-1]}:0", array) for path, array in arrays]


def write_old(path, model, age):
    versions = {2: "2.10.0", 22: "2.1.6", 1: "1.2.2"}
    config = old_config(model, age, model.input_shape[1:])
    with h5py.File(path, "w") as file:
        encoded = json.dumps(config)
        file.attrs["keras_version"] = versions[age] if age == 2 else np.bytes_(versions[age])
        file.attrs["backend"] = "tensorflow" if age == 2 else np.bytes_("tensorflow")
        file.attrs["model_config"] = encoded if age != 1 else np.bytes_(encoded)
        group = file.create_group("model_weights")
        layers = [layer for layer in model.layers if age != 2 or not isinstance(layer, keras.layers.InputLayer)]
        names = [layer.name for layer in layers]
        group.attrs["layer_names"] = names if age == 2 else np.array([n.encode() for n in names])
        for layer in layers:
            inner = group.create_group(layer.name)
            entries = old_weights(layer, age)
            names = [name for name, _ in entries]
            inner.attrs["weight_names"] = names if age == 2 else np.array([n.encode() for n in names])
            for name, array in entries:
                inner.create_dataset(name, data=array, track_times=False)
        # What is passed over.
        file.create_group("optimizer_weights").create_dataset("Adam/iterations", data=np.int64(3), track_times=False)


def write_cudnn(path, model):
    """The model with layers for cuDNN, which stood for these before tf.keras 2."""
    write_old(path, model, 22)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer, description in zip(model.layers, config["config"]):
            kind = description["class_name"]
            if kind not in ("LSTM", "GRU"):
                continue
            description["class_name"] = "CuDNN" + kind
            for key in ("activation", "recurrent_activation", "use_bias", "implementation", "reset_after", "time_major"):
                description["config"].pop(key, None)
            gates = 4 if kind == "LSTM" else 3
            group = file["model_weights"][layer.name]
            kernel, recurrent, bias = [np.array(w) for w in layer.weights if "seed" not in w.path]
            # The inverse of what Keras does when it reads such a file: blocks in the order of memory.
            kernel = np.hstack([k.ravel(order="F").reshape(k.shape, order="C") for k in np.hsplit(kernel, gates)])
            recurrent = np.hstack([k.T for k in np.hsplit(recurrent, gates)])
            if kind == "LSTM":
                first = 0.25 * bias
                bias = np.concatenate([first, bias - first])
            else:
                bias = bias.reshape(-1)
            for name, array in zip(group.attrs["weight_names"], (kernel, recurrent, bias)):
                del group[name.decode()]
                group.create_dataset(name.decode(), data=array, track_times=False)
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)


def main():
    os.makedirs(os.path.join(FOLDER, "older"), exist_ok=True)
    with h5py.File(os.path.join(FOLDER, "older.h5"), "w") as cases:
        for name, (make, ages) in CASES.items():
            keras.utils.clear_session()
            np.random.seed(1)
            shape = {"each_step": (4, 5, 3), "embedding": (T,)}.get(name, (T, I))
            model = make()
            values(model, name)
            x = np.abs(np.round(3 * normal(name, 3, *shape))) % 7 if name == "embedding" else normal(name, 3, *shape)
            y = np.array(model(x.astype(np.float32), training=False).detach())
            for key, value in (("input", x), ("output", y)):
                cases.create_dataset(f"cases/{name}/{key}", data=value.astype(np.float32), track_times=False)
            for age in ages.split():
                path = os.path.join(FOLDER, "older", f"k{age}_{name}.h5") if age != "cudnn" else os.path.join(FOLDER, "older", "k22_cudnn.h5")
                if age == "3":
                    model.save(path)
                    model.save(path.replace(".h5", ".keras"))
                elif age == "cudnn":
                    write_cudnn(path, model)
                else:
                    write_old(path, model, int(age))
    windows()


def windows():
    """An archive whose arrays have the names that Keras 2.13 to 2.15 give on Windows: one group for each path."""
    source = os.path.join(FOLDER, "older", "k3_lstm.keras")
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    before = h5py.File(io.BytesIO(entries["model.weights.h5"]))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:

        def copy(name, value):
            if isinstance(value, h5py.Dataset):
                group, last = name.rsplit("/", 1)
                file.require_group(group.replace("/", "\\")).create_dataset(last, data=value[()], track_times=False)

        before.visititems(copy)
    entries["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(os.path.join(FOLDER, "older", "windows_lstm.keras"), "w") as archive:
        for name, value in entries.items():
            archive.writestr(name, value)


main()
