"""Loads into Keras what Refrain has written and compares the predictions with the fixtures'.

    REFRAIN_KERAS_FOLDER=FOLDER swift test --traits HDF5 --filter Keras
    python check_keras.py FOLDER

For each case there is `<case>.keras`, and `<case>.weights.h5` for the same model as `<case>.keras` describes it.
"""

import os
import sys

from make_keras import CASES, FOLDER, h5py, keras, np


def main(folder):
    worst = 0
    with h5py.File(os.path.join(FOLDER, "cases.h5")) as results:
        for case in CASES:
            group = results[f"cases/{case}"]
            x, expected = group["input"][...], group["output"][...]
            valid = group["valid"][...] > 0 if "valid" in group else np.ones(expected.shape[:1], bool)
            model = keras.saving.load_model(os.path.join(folder, case + ".keras"))
            found = model.predict(x, verbose=0)
            assert found.shape == expected.shape, case
            model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
            model.load_weights(os.path.join(folder, case + ".weights.h5"))
            again = model.predict(x, verbose=0)
            for what, values in [(".keras", found), (".weights.h5", again)]:
                difference = np.abs(values - expected)[valid].max()
                assert difference <= 1e-5, (case, what, difference)
                worst = max(worst, difference)
    print(f"{len(CASES)} models load in Keras {keras.__version__} and predict the same, within {worst:.1e}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
