"""Keras in float64: its matrix products are float32 on PyTorch whatever the type of their factors, unless told here."""

import common  # noqa: F401 - chooses the backend, and so comes first
import keras
from keras.src.backend.common import dtypes

dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
