"""Images and animations by Pillow, and what it reads of them: frames/*.gif, *.png, and frames/frames.safetensors.

`name` holds the frames as they are shown, [T, rows, columns, C], from 0 to 255.
"""

import os

import numpy as np
from PIL import Image, ImageSequence

from common import FOLDER, Fixture

folder = os.path.join(FOLDER, "frames")
os.makedirs(folder, exist_ok=True)
fixture = Fixture("frames/frames.safetensors")
random = np.random.RandomState(5)


def keep(name, mode):
    with Image.open(os.path.join(folder, name)) as image:
        frames = [np.array(frame.convert(mode)) for frame in ImageSequence.Iterator(image)]
    frames = np.stack(frames)
    fixture.add(name, frames if frames.ndim == 4 else frames[..., None])


def scene(step, rows=13, columns=17):
    """A square that goes over a ground of few colors."""
    ground = np.zeros((rows, columns, 3), np.uint8)
    ground[:, :, 0] = 40
    ground[::3, :, 1] = 90
    ground[2 + step:6 + step, 1 + 2 * step:7 + 2 * step] = [250, 20 * step, 128]
    return Image.fromarray(ground)


frames = [scene(step) for step in range(4)]
frames[0].save(os.path.join(folder, "moving.gif"), save_all=True, append_images=frames[1:], duration=80, loop=0)
keep("moving.gif", "RGB")
for disposal in [2, 3]:
    name = f"disposal{disposal}.gif"
    parts = []
    for step in range(3):
        part = Image.new("P", (12, 10), 0)
        part.putpalette([9, 9, 9, 255, 0, 0, 0, 255, 0, 0, 0, 255])
        part.paste(step + 1, (1 + step, 2, 6 + step, 5))
        parts.append(part)
    parts[0].save(os.path.join(folder, name), save_all=True, append_images=parts[1:], duration=50, disposal=disposal,
                  transparency=0, optimize=False)
noise = Image.fromarray(random.randint(0, 256, (60, 50), np.uint8))
noise.save(os.path.join(folder, "noise.gif"), interlace=1)
keep("noise.gif", "RGB")

values = random.randint(0, 256, (9, 11, 4), np.uint8)
smooth = np.add.outer(np.arange(20) * 7, np.arange(30) * 3).astype(np.uint8)
for name, image, mode in [
    ("gray.png", Image.fromarray(smooth), "L"),
    ("colored.png", Image.fromarray(values[:, :, :3]), "RGB"),
    ("palette.png", Image.fromarray(values[:, :, :3]).quantize(20), "RGB"),
]:
    image.save(os.path.join(folder, name))
    keep(name, mode)
Image.fromarray(values).save(os.path.join(folder, "alpha.png"))
fixture.add("alpha.png", values[None, :, :, :3])

fixture.save()
