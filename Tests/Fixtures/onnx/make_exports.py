"""Loops that Refrain exports, by ONNX Runtime, so that both ends of the way are held to a third program.

    REFRAIN_EXPORTS=FOLDER swift test --filter 'An exported model'
    python make_exports.py FOLDER
"""

import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

from cases import case, save

folder = sys.argv[1]
paths = sorted(glob.glob(os.path.join(folder, "*_both_everyStep_17.onnx")))
paths += [os.path.join(folder, name + ".onnx") for name in
          ["conv-lstm_backward_lastStep", "depthwise-lstm_forward_everyStep", "grid_17", "zoneout_both"]]
result = []
for path in paths:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    types = {port.name: np.int64 if "int64" in port.type else np.float32 for port in session.get_inputs()}
    tensors = load_file(path[:-5] + ".safetensors")
    # The run with empty sequences among others; without lengths there is one run.
    run = "2" if "lengths" in types else "0"
    inputs = {name: tensors[f"{run}.in.{name}"].astype(kind) for name, kind in types.items()}
    names = [port.name for port in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, inputs)))
    result.append(case(os.path.basename(path)[:-5], model, inputs, outputs, 1e-5, 1e-5))
save("exports", result)
