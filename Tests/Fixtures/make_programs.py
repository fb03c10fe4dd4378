"""Two training runs, to be repeated step for step: programs.safetensors.

`torch`: the program of the PyTorch tutorials. An LSTM 10 → 16, a Linear 16 → 1 on its last step, mean squared error,
Adam with learning rate 0.001, batch 8, 5 steps, 20 updates on the same batch. PyTorch's LSTM has two biases and Adam
moves both, so their sum moves twice as far as one would; here bias_hh is 0 and stays so.

`keras`: Sequential [LSTM(8, return_sequences=True), LSTM(4), Dense(1)], mean squared error, Keras's Adam with learning
rate 0.001, batch 6, 5 steps, 10 updates. Keras adds epsilon (1e-7) before its correction of the bias of v, PyTorch adds
it (1e-8) after; `keras.` is Keras's own run and `keras.torch_adam.` that of the same program with PyTorch's Adam, whose
final weights differ by up to 0.24 % of the largest.

Losses are those before each update.
"""

import numpy as np
import torch

from common import Fixture, close, from_keras, load_torch, normal, shapes, to_keras, torch_module
from keras64 import keras

fixture = Fixture("programs.safetensors")


class Program(torch.nn.Module):
    """LSTM layers in turn, then a Linear on the last step. Parameters come from Refrain's names, as do the results."""

    def __init__(self, parameters, widths):
        super().__init__()
        self.lstms = torch.nn.ModuleList()
        for index, (inputs, hidden) in enumerate(zip(widths, widths[1:-1])):
            layer = torch_module("lstm", inputs, hidden)
            p = {name: parameters[f"lstm_{index + 1}.{name}"] for name in shapes("lstm", inputs, hidden)}
            load_torch(layer, "lstm", p, "", "_l0")
            layer.bias_ih_l0.data += layer.bias_hh_l0.data
            layer.bias_hh_l0.data.zero_()
            layer.bias_hh_l0.requires_grad = False
            self.lstms.append(layer)
        self.dense = torch.nn.Linear(widths[-2], widths[-1])
        self.dense.weight.data.copy_(torch.tensor(parameters["dense.weight"]))
        self.dense.bias.data.copy_(torch.tensor(parameters["dense.bias"]))

    def forward(self, x):
        for lstm in self.lstms:
            x, _ = lstm(x)
        return self.dense(x[:, -1])

    def values(self):
        result = {"dense.weight": self.dense.weight, "dense.bias": self.dense.bias}
        for index, lstm in enumerate(self.lstms):
            for name in ["weight_ih", "weight_hh", "bias_ih"]:
                result[f"lstm_{index + 1}.{name}"] = getattr(lstm, name + "_l0")
        return {name: value.detach().numpy().copy() for name, value in result.items()}


def initial_parameters(label, widths):
    result = {"dense.weight": normal(f"{label} dense", widths[-1], widths[-2], scale=0.5),
              "dense.bias": normal(f"{label} dense bias", widths[-1], scale=0.2)}
    for index, (inputs, hidden) in enumerate(zip(widths, widths[1:-1])):
        for name, shape in shapes("lstm", inputs, hidden).items():
            result[f"lstm_{index + 1}.{name}"] = normal(f"{label} {index} {name}", *shape, scale=0.3)
    return result


def train(parameters, widths, x, y, updates, dtype=torch.float64, keras_epsilon=None):
    program = Program(parameters, widths).to(dtype)
    x, y = torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)
    optimizer = torch.optim.Adam([p for p in program.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for update in range(updates):
        if keras_epsilon is not None:  # what Keras's epsilon amounts to in PyTorch's formula
            optimizer.param_groups[0]["eps"] = keras_epsilon / np.sqrt(1 - 0.999 ** (update + 1))
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(program(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses), program.values(), program(x).detach().numpy()


def worst(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


# The program of the PyTorch tutorials.
widths, batch, steps, updates = [10, 16, 1], 8, 5, 20
parameters = initial_parameters("torch", widths)
x, y = normal("torch x", batch, steps, widths[0]), normal("torch y", batch, 1)
losses, final, predictions = train(parameters, widths, x, y, updates)
fixture.add_all("torch", {"x": x, "y": y, "losses": losses, "predictions": predictions})
fixture.add_all("torch.initial", parameters)
fixture.add_all("torch.final", final)
inexact, inexact_final, _ = train(parameters, widths, x, y, updates, dtype=torch.float32)
notes = [f"torch: float32 losses differ by {worst(inexact, losses):.1e}, final weights by "
         f"{max(worst(inexact_final[name], final[name]) for name in final):.1e}"]

# The Keras program.
widths, batch, steps, updates = [3, 8, 4, 1], 6, 5, 10
parameters = initial_parameters("keras", widths)
x, y = normal("keras x", batch, steps, widths[0]), normal("keras y", batch, 1)
model = keras.Sequential([
    keras.Input((steps, widths[0])),
    keras.layers.LSTM(8, return_sequences=True),
    keras.layers.LSTM(4),
    keras.layers.Dense(1),
])
model.compile(loss="mse", optimizer="adam")
for index, layer in enumerate(model.layers[:2]):
    layer.set_weights(to_keras("lstm", {name: parameters[f"lstm_{index + 1}.{name}"]
                                        for name in ["weight_ih", "weight_hh", "bias_ih"]}))
model.layers[2].set_weights([parameters["dense.weight"].T, parameters["dense.bias"]])
losses = []
for update in range(updates):
    model.reset_metrics()  # or train_on_batch returns the mean of all losses so far
    losses.append(float(model.train_on_batch(x, y)))
kernel, bias = model.layers[2].get_weights()
final = {"dense.weight": kernel.T, "dense.bias": bias}
for index, layer in enumerate(model.layers[:2]):
    final |= {f"lstm_{index + 1}.{name}": value for name, value in from_keras("lstm", *layer.get_weights()).items()}
predictions = model.predict_on_batch(x)

again, final_again, predictions_again = train(parameters, widths, x, y, updates, keras_epsilon=1e-7)
close(losses, again, 1e-6, "Keras's losses by PyTorch")
close(predictions, predictions_again, 1e-6, "Keras's predictions by PyTorch")
for name in final:
    close(final[name], final_again[name], 1e-6, name)
other, other_final, other_predictions = train(parameters, widths, x, y, updates)
notes.append(f"keras: PyTorch's Adam makes losses that differ by {worst(other, np.array(losses)):.1e}, "
             f"final weights by {max(worst(other_final[name], final[name]) for name in final):.1e}; "
             f"with Keras's epsilon by {worst(again, np.array(losses)):.1e}")
fixture.add_all("keras", {"x": x, "y": y, "losses": losses, "predictions": predictions})
fixture.add_all("keras.initial", parameters)
fixture.add_all("keras.torch_adam", {"losses": other, "predictions": other_predictions})
fixture.add_all("keras.torch_adam.final", other_final)

fixture.save()
for note in notes:
    print("  " + note)
