"""Loads what Refrain writes back into PyTorch and compares the outputs with those of the original modules.

    REFRAIN_WRITE=FOLDER swift test --filter RefrainFormatsTests
    python check_written.py FOLDER
"""

import modules
from modules import *

from safetensors.torch import load_file

modules.BIAS = True
folder = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
numbers = load_file(os.path.join(here, "numbers.safetensors"))
worst = 0
for name in CASES:
    for ending in ["pt", "safetensors"]:
        path = os.path.join(folder, f"{name}.{ending}")
        weights = torch.load(path, weights_only=True) if ending == "pt" else load_file(path)
        module = CASES[name][0]().double()
        module.load_state_dict(weights, strict=True)
        x = numbers[f"{name}.input"]
        for key, value in outputs_of(name, module, x if name in TOKENS else x.double()).items():
            expected = numbers[f"{name}.{key}"].double()
            assert value.shape == expected.shape, (name, key)
            difference = (value - expected).abs().max().item()
            assert difference < 1e-5, (name, ending, key, difference)
            worst = max(worst, difference)
print(f"{len(CASES)} modules, as .pt and .safetensors: outputs differ by at most {worst:.1e}")
