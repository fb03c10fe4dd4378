"""Compares exported models with ONNX Runtime.

    REFRAIN_EXPORTS=FOLDER swift test --filter 'An exported model'
    python check_exports.py FOLDER

Every file must pass ONNX's checker, and give what Refrain computed, within 1e-5 of the largest element.
"""

import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-5
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3

worst, runs, failed = 0, 0, []
paths = sorted(glob.glob(os.path.join(sys.argv[1], "*.onnx")))
assert paths, "no exported model is there"
for path in paths:
    name = os.path.basename(path)[:-5]
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(path, options)
        tensors = load_file(path[:-5] + ".safetensors")
        for run in sorted({key.split(".")[0] for key in tensors}):
            def side(which):
                prefix = f"{run}.{which}."
                return {key[len(prefix):]: value for key, value in tensors.items() if key.startswith(prefix)}

            given, expected = side("in"), side("out")
            ports = {port.name: port for port in session.get_inputs()}
            assert set(ports) == set(given), (sorted(ports), sorted(given))
            assert session.get_outputs()[0].name == "output"
            feeds = {key: value.astype(np.int64 if "int64" in ports[key].type else np.float32)
                     for key, value in given.items()}
            names = [port.name for port in session.get_outputs()]
            assert set(names) == set(expected), (sorted(names), sorted(expected))
            for key, value in zip(names, session.run(names, feeds)):
                wanted = expected[key]
                assert value.shape == wanted.shape, (run, key, value.shape, wanted.shape)
                error = np.abs(value - wanted).max() / max(np.abs(wanted).max(), 1)
                assert error <= TOLERANCE, (run, key, error)
                worst = max(worst, error)
            runs += 1
    except Exception as error:
        failed.append(name)
        print(f"{name}: {str(error)[:300]}")
print(f"{len(paths)} models, {runs} runs, {len(failed)} failed, worst {worst:.1e}")
sys.exit(1 if failed else 0)
