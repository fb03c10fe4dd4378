"""Models exported by PyTorch (both exporters) and by Keras, with the outputs of the frameworks themselves; and training
runs of PyTorch that begin at such a model.

Batch and time are dynamic where the exporter can, and such a model is run with other sizes than it was exported with. PyTorch's
newer exporter takes nn.RNN apart into its steps, and Keras (with PyTorch) every layer: the time is fixed there. A case of
`training` has the inputs `x` and `y`, and the outputs `losses` [20] and `predictions`; its name says the optimizer.
"""

import io
import logging
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from cases import case, save

torch.set_num_threads(1)
B, T, I, H = 2, 5, 3, 4


class Last(nn.Module):
    """A recurrent layer or stack, and a dense layer on the last step."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = getattr(nn, kind)(I, H, batch_first=True, **options)
        self.head = nn.Linear(H * (2 if options.get("bidirectional") else 1), 2)

    def forward(self, x):
        outputs, _ = self.layer(x)
        return self.head(outputs[:, -1])


class Everything(nn.Module):
    """Embedding, convolution, two LSTM layers in both directions with dropout, normalization, activations, softmax."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, I)
        self.convolution = nn.Conv1d(I, 6, 3, padding=1)
        self.layer = nn.LSTM(6, H, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3)
        self.norm = nn.LayerNorm(2 * H)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * H, 3)

    def forward(self, tokens):
        x = self.embedding(tokens).transpose(1, 2)
        x = torch.relu(self.convolution(x)).transpose(1, 2)
        x, _ = self.layer(x)
        x = self.dropout(nn.functional.gelu(self.norm(x)))
        return torch.log_softmax(self.head(x), dim=-1)


class States(nn.Module):
    """An LSTM with the states in the caller's hands, time first."""

    def __init__(self):
        super().__init__()
        self.layer = nn.LSTM(I, H, num_layers=2)

    def forward(self, x, hidden, cell):
        outputs, (hidden, cell) = self.layer(x, (hidden, cell))
        return outputs, hidden, cell


class Pooled(nn.Module):
    """Attention over the steps of a GRU, with a mask of what is padding."""

    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(I, H, batch_first=True)
        self.score = nn.Linear(H, 1, bias=False)
        self.batch_norm = nn.BatchNorm1d(H)
        self.head = nn.Linear(H, 2)

    def forward(self, x, mask):
        outputs, _ = self.layer(x)
        scores = self.score(torch.tanh(outputs)).squeeze(-1).masked_fill(~mask, -1e9)
        weights = torch.softmax(scores, dim=1).unsqueeze(-1)
        pooled = (outputs * weights).sum(dim=1)
        return torch.clamp(self.head(self.batch_norm(pooled)), -2.0, 2.0)


def export(model, inputs, names, outputs, dynamic, opset, dynamo):
    """The bytes of the exported model."""
    model.eval()
    stream = io.BytesIO()
    if dynamo:
        shapes = {name: {axis: torch.export.Dim(text) for axis, text in axes.items()} for name, axes in dynamic.items()}
        program = torch.onnx.export(
            model, inputs, input_names=names, output_names=outputs, opset_version=opset, dynamo=True,
            dynamic_shapes=tuple(shapes.get(name) for name in names), verbose=False)
        program.save(stream)
    else:
        torch.onnx.export(
            model, inputs, stream, input_names=names, output_names=outputs, opset_version=opset, dynamo=False,
            dynamic_axes=dynamic)
    return stream.getvalue()


def agrees(name, content, inputs, outputs):
    """Whether ONNX Runtime computes what the framework does: exporters have faults of their own."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for output, expected in zip(session.run(list(outputs), inputs), outputs.values()):
        if output.shape != expected.shape or np.abs(output - expected).max() > 1e-5:
            print("exported wrong:", name)
            return False
    return True


def quiet(body):
    """Runs without the exporters' talk."""
    kept = sys.stdout
    sys.stdout = io.StringIO()
    try:
        return body()
    finally:
        sys.stdout = kept


def torch_case(name, model, example, other, names, outputs, dynamic, opset, dynamo):
    """A case at other sizes than the model was exported with."""
    content = quiet(lambda: export(model, example, names, outputs, dynamic, opset, dynamo))
    with torch.no_grad():
        results = model(*other)
    results = results if isinstance(results, tuple) else (results,)
    full = f"{name}, {'dynamo' if dynamo else 'torchscript'}, opset {opset}"
    inputs = {n: v.numpy() for n, v in zip(names, other)}
    expected = {n: v.numpy() for n, v in zip(outputs, results)}
    return [case(full, content, inputs, expected, 1e-5, 1e-6)] if agrees(full, content, inputs, expected) else []


def torch_cases():
    result, failed = [], []
    x, longer = torch.randn(B, T, I), torch.randn(3, 7, I)
    tokens, more = torch.randint(0, 11, (B, T)), torch.randint(0, 11, (3, 7))
    mask = torch.arange(7)[None] < torch.tensor([7, 4, 2])[:, None]
    batch_time = {0: "batch", 1: "time"}
    plain = {"x": batch_time}
    specs = []
    for kind in ["LSTM", "GRU", "RNN"]:
        specs.append((f"{kind} and Linear", lambda kind=kind: Last(kind), (x,), (longer,), ["x"], ["y"], plain))
        specs.append((f"two bidirectional layers of {kind}", lambda kind=kind: Last(kind, num_layers=2, bidirectional=True),
                      (x,), (longer,), ["x"], ["y"], plain))
    specs.append(("RNN with relu", lambda: Last("RNN", nonlinearity="relu"), (x,), (longer,), ["x"], ["y"], plain))
    specs.append(("tokens to scores", Everything, (tokens,), (more,), ["tokens"], ["scores"], {"tokens": batch_time}))
    state, other = (torch.randn(2, B, H), torch.randn(2, B, H)), (torch.randn(2, 3, H), torch.randn(2, 3, H))
    specs.append(("states", States, (x.transpose(0, 1), *state), (longer.transpose(0, 1), *other), ["x", "h", "c"],
                  ["y", "h_out", "c_out"],
                  {"x": {0: "time", 1: "batch"}, "h": {1: "batch"}, "c": {1: "batch"}}))
    specs.append(("masked pooling", Pooled, (x, mask[:B, :T]), (longer, mask), ["x", "mask"], ["y"],
                  {"x": batch_time, "mask": batch_time}))
    for name, make, example, different, names, outputs, dynamic in specs:
        torch.manual_seed(7)
        model = make()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        model.eval()
        for opset, dynamo in [(13, False), (17, False), (20, False), (18, True), (20, True), (23, True)]:
            if opset in (17, 20) and not dynamo and name not in ("LSTM and Linear", "tokens to scores", "masked pooling"):
                continue
            if opset == 20 and dynamo:
                continue
            if dynamo and "RNN" in name:
                dynamic, different = {}, example
            try:
                result += (torch_case(name, model, example, different, names, outputs, dynamic, opset, dynamo))
            except Exception as error:
                failed.append((name, opset, dynamo, str(error).splitlines()[0][:150]))
    for failure in failed:
        print("not exported:", failure)
    return result


def keras_cases():
    import keras
    from keras import layers

    def bidirectional():
        return keras.Sequential([keras.Input((7, I)), layers.Bidirectional(layers.LSTM(H, return_sequences=True)),
                                 layers.GRU(H), layers.Dropout(0.2), layers.Dense(2, activation="softmax")])

    def text():
        return keras.Sequential([keras.Input((7,), dtype="int32"), layers.Embedding(11, I),
                                 layers.LSTM(H, return_sequences=True), layers.LSTM(H), layers.Dense(1, activation="sigmoid")])

    def simple(kind, **options):
        return keras.Sequential([keras.Input((7, I)), getattr(layers, kind)(H, **options), layers.Dense(2)])

    result = []
    for name, make in [("Bidirectional LSTM and GRU", bidirectional), ("tokens", text), ("LSTM", lambda: simple("LSTM")),
                       ("GRU", lambda: simple("GRU")), ("GRU, reset before", lambda: simple("GRU", reset_after=False)),
                       ("SimpleRNN", lambda: simple("SimpleRNN"))]:
        keras.utils.set_random_seed(5)
        model = make()
        is_text = name == "tokens"
        numbers = np.random.RandomState(3)
        shape = [3, 7] + ([] if is_text else [I])
        x = numbers.randint(0, 11, shape).astype(np.int32) if is_text else numbers.standard_normal(shape).astype(np.float32)
        expected = model(x).detach().cpu().numpy()
        path = os.path.join(tempfile.mkdtemp(), "model.onnx")
        try:
            quiet(lambda: model.export(path, format="onnx", verbose=False))
        except Exception as error:
            print("not exported by Keras:", name, str(error).splitlines()[0][:200])
            continue
        content = onnx.load(path)
        port, out = content.graph.input[0], content.graph.output[0].name
        sizes = [d.dim_value for d in port.type.tensor_type.shape.dim]
        print("Keras", name, sizes, sorted({node.op_type for node in content.graph.node}))
        expected = model(x).detach().cpu().numpy()
        if agrees(name, content.SerializeToString(), {port.name: x}, {out: expected}):
            result.append(case(f"Keras: {name}", content, {port.name: x}, {out: expected}, 1e-5, 1e-6))
    return result


def training_cases():
    result = []
    for kind, make in [("LSTM", lambda: Last("LSTM")), ("two bidirectional layers of GRU", lambda: Last("GRU", num_layers=2, bidirectional=True)),
                       ("RNN", lambda: Last("RNN"))]:
        for dynamo in [False, True]:
            for optimizer in ["SGD", "Adam"]:
                torch.manual_seed(11)
                model = make()
                x, y = torch.randn(6, T, I), torch.randn(6, 2)
                content = quiet(lambda: export(model, (x,), ["x"], ["y"], {"x": {0: "batch", 1: "time"}}, 18, dynamo))
                model.train()
                steps = torch.optim.SGD(model.parameters(), lr=0.1) if optimizer == "SGD" else torch.optim.Adam(model.parameters(), lr=0.01)
                losses = []
                for _ in range(20):
                    steps.zero_grad()
                    loss = nn.functional.mse_loss(model(x), y)
                    loss.backward()
                    losses.append(loss.item())
                    steps.step()
                with torch.no_grad():
                    predictions = model(x).numpy()
                name = f"{optimizer}: {kind}, {'dynamo' if dynamo else 'torchscript'}"
                result.append(case(name, content, {"x": x.numpy(), "y": y.numpy()},
                                   {"losses": np.array(losses, np.float32), "predictions": predictions}))
    return result


if __name__ == "__main__":
    save("torch", torch_cases())
    save("training", training_cases())
    save("keras", keras_cases())
