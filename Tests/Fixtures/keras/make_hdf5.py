"""Small HDF5 files in forms that Keras' own files do not have: `types.h5` (read here), `compressed.h5`, `latest.h5` and
`big_endian.h5` (for libhdf5), and files that are to be refused."""

import os

import h5py
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
VALUES = np.array([[1, -2, 0.5], [65504, 6.103515625e-05, 0]])
RAMP = np.arange(1000, dtype=np.float32).reshape(10, 100)


def write(name, **options):
    return h5py.File(os.path.join(FOLDER, name), "w", **options).create_group("arrays")


group = write("types.h5")
for dtype in ["float16", "float32", "float64"]:
    group.create_dataset(dtype, data=VALUES.astype(dtype), track_times=False)
write("compressed.h5").create_dataset("ramp", data=RAMP, compression="gzip", chunks=(5, 50), track_times=False)
write("latest.h5", libver="latest").create_dataset("ramp", data=RAMP, track_times=False)
write("big_endian.h5").create_dataset("ramp", data=RAMP.astype(">f4"), track_times=False)
write("integers.h5").create_dataset("whole", data=np.arange(3), track_times=False)
write("soft_link.h5")["link"] = h5py.SoftLink("/arrays")
write("external_link.h5")["link"] = h5py.ExternalLink("/etc/passwd", "/arrays")
write("external_values.h5").create_dataset(
    "values", shape=(4,), dtype="float32", external=[("/etc/passwd", 0, 16)], track_times=False)
