"""Small HDF5 files in forms that Keras' own files do not have, `growing.h5` and `scale_offset.h5`, which are for libhdf5,
and files that are to be refused."""

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

SHORT = np.arange(12, dtype=np.float32).reshape(3, 4)
group = write("compact.h5")
plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
plist.set_layout(h5py.h5d.COMPACT)
plist.set_obj_track_times(False)
space = h5py.h5s.create_simple(SHORT.shape)
dataset = h5py.h5d.create(group.id, b"ramp", h5py.h5t.NATIVE_FLOAT, space, dcpl=plist)
dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, SHORT)
write("fletcher.h5").create_dataset(
    "ramp", data=RAMP.astype("float16"), chunks=(3, 30), compression="gzip", shuffle=True, fletcher32=True, track_times=False)
write("new_groups.h5", track_order=True).create_dataset("ramp", data=SHORT, track_times=False)
group = write("many_members.h5", libver="latest")
for number in range(300):
    group.create_dataset(f"array {number}", data=np.float32(number), track_times=False)
group.create_dataset("ramp", data=SHORT, track_times=False)
write("latest_compressed.h5", libver="latest").create_dataset(
    "ramp", data=RAMP, compression="gzip", chunks=(3, 30), track_times=False)
write("single_chunk.h5", libver="latest").create_dataset(
    "ramp", data=RAMP, compression="gzip", chunks=(10, 100), track_times=False)
write("growing.h5", libver="latest").create_dataset(
    "ramp", data=RAMP, chunks=(3, 30), maxshape=(None, 100), track_times=False)
write("lzf.h5").create_dataset("ramp", data=RAMP, compression="lzf", chunks=(5, 50), shuffle=True, track_times=False)
group = write("scale_offset.h5")
group.attrs["names"] = np.array([b"ramp"])
group.create_dataset("ramp", data=RAMP, chunks=(5, 50), scaleoffset=3, track_times=False)
with h5py.File(os.path.join(FOLDER, "user_attributes.h5"), "w", libver="latest") as file:
    group = file.create_group("arrays")
    group.create_dataset("ramp", data=SHORT, track_times=False)
    group.attrs["text"] = "a text of variable length"
    group.attrs["fixed"] = np.array([b"one", b"three"])
    group.attrs["variable"] = ["ä", "", "three"]
    group.attrs["number"] = np.float32(1.5)
    group.attrs["whole"] = np.array([1, -2])
    group.attrs["none"] = h5py.Empty("f")
    for number in range(20):
        group.attrs[f"attribute {number}"] = number
    file.attrs["long"] = "x" * 100_000
