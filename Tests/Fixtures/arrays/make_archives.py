"""Zip archives by Python's zipfile and by torch.save: stored, deflated, ZIP64, with data descriptors."""

import io
import os
import zipfile

import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))
TEXT = b"".join(b"line %d\n" % number for number in range(300))
RAMP = bytes(range(256))


def entry(name, method):
    info = zipfile.ZipInfo(name)  # 1 January 1980
    info.compress_type = method
    return info


class Pipe(io.RawIOBase):
    """A file that cannot go back, so that sizes must follow the contents."""

    def __init__(self):
        self.written = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.written += bytes(data)
        return len(data)


def fill(file, **options):
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr(entry("folder/", zipfile.ZIP_STORED), b"")
        archive.writestr(entry("folder/ramp.bin", zipfile.ZIP_STORED), RAMP)
        archive.writestr(entry("text.txt", zipfile.ZIP_DEFLATED), TEXT)
        archive.writestr(entry("empty", zipfile.ZIP_DEFLATED), b"")
        archive.writestr(entry("größe 😀", zipfile.ZIP_STORED), b"1")
        with archive.open(entry("wide", zipfile.ZIP_DEFLATED), "w", force_zip64=True) as file:
            file.write(RAMP + RAMP)
        archive.comment = b"a comment"


def save(name, data):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(data)
    with zipfile.ZipFile(os.path.join(FOLDER, name)) as archive:
        assert archive.testzip() is None
    print(f"{name}: {len(data)} bytes")


whole = io.BytesIO()
fill(whole)
save("mixed.zip", whole.getvalue())

pipe = Pipe()
fill(pipe)
save("streamed.zip", bytes(pipe.written))

# As if the format ended at 2 bytes and no entry: nearly all numbers go into the fields of ZIP64.
limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 2, 0
wide = io.BytesIO()
fill(wide)
zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits
save("zip64.zip", wide.getvalue())

with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
    archive.writestr(entry("text.txt", zipfile.ZIP_LZMA), TEXT)
save("lzma.zip", packed.getvalue())

file = io.BytesIO()
torch.save({"ramp": torch.arange(12, dtype=torch.float32).reshape(3, 4), "step": 7}, file)
save("saved.pt", file.getvalue())
