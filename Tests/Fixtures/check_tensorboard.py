"""Reads the TensorBoard files that Refrain wrote with TensorBoard's own reader: every record, its checksums, and what
the dashboards would show.

Usage: python check_tensorboard.py FOLDER       a folder given to `refrain train … --tensorboard`; needs tensorboard
"""

import os
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

folder = sys.argv[1]
runs = sorted({root for root, _, names in os.walk(folder) if any("tfevents" in name for name in names)})
assert runs, "there is no event file"
for run in runs:
    records = 0
    for name in sorted(os.listdir(run)):
        path = os.path.join(run, name)
        size = 0
        for raw in RawEventFileLoader(path).Load():
            event = Event.FromString(raw)
            assert event.wall_time > 1e9
            size += len(raw) + 16
            records += 1
        # The reader passes over a record whose checksum is wrong: then not all of the file would be read.
        assert size == os.path.getsize(path), (path, size, os.path.getsize(path))
    accumulator = EventAccumulator(run, size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    scalars = {tag: accumulator.Scalars(tag) for tag in tags["scalars"]}
    assert "loss/training" in scalars and "learning rate" in scalars, tags
    for tag, values in scalars.items():
        steps = [value.step for value in values]
        assert steps == sorted(set(steps)), f"{tag} goes back, or has a step twice"
    for tag in tags["histograms"]:
        for event in accumulator.Histograms(tag):
            histogram = event.histogram_value
            assert sum(histogram.bucket) == histogram.num and histogram.min <= histogram.max
            assert list(histogram.bucket_limit) == sorted(histogram.bucket_limit)
    texts = [tag for tag in tags["tensors"] if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "text"]
    print(f"{run}: {records} records, {len(scalars)} scalars, {len(tags['histograms'])} histograms, texts {texts}, "
          f"{len(scalars['loss/training'])} epochs, last loss {scalars['loss/training'][-1].value:.4f}")
