#!/usr/bin/env python3
"""Holds the example VoiceActivity against Silero's own program: the probability of every window, and the stretches of
speech, of the same network on the same recordings (WAV, 16,000 samples a second, one channel).

Usage: Benchmarks/voice_activity.py PROGRAM SOUND...
    PROGRAM is the built example. Needs Python with silero-vad, onnxruntime and torch.
"""
import re
import statistics
import subprocess
import sys
import time
import warnings
import wave

import numpy as np
import silero_vad
import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)
program, sounds = sys.argv[1], sys.argv[2:]
network = silero_vad.load_silero_vad(onnx=True, opset_version=15)
file = str(silero_vad.__path__[0]) + "/data/silero_vad_16k_op15.onnx"
greatest, different, windows, took = 0.0, 0, 0, []
theirs_took = 0.0
for sound in sounds:
    with wave.open(sound) as source:
        assert (source.getframerate(), source.getnchannels(), source.getsampwidth()) == (16000, 1, 2), sound
        samples = torch.from_numpy(
            np.frombuffer(source.readframes(source.getnframes()), dtype=np.int16).astype(np.float32) / 32768)
    began = time.perf_counter()
    network.reset_states()
    theirs = []
    for start in range(0, len(samples), 512):
        window = samples[start:start + 512]
        theirs.append(network(torch.nn.functional.pad(window, (0, 512 - len(window))), 16000).item())
    theirs_took += time.perf_counter() - began
    run = subprocess.run([program, file, sound, "--probabilities"], capture_output=True, text=True, check=True)
    ours = [float(line) for line in run.stdout.split()]
    assert len(ours) == len(theirs), (sound, len(ours), len(theirs))
    greatest = max([greatest] + [abs(a - b) for a, b in zip(ours, theirs)])
    took.append(float(run.stderr.split()[0]))
    windows += len(ours)
    stretches = [(round(s["start"] / 16000, 3), round(s["end"] / 16000, 3))
                 for s in silero_vad.get_speech_timestamps(samples, network)]
    text = subprocess.run([program, file, sound], capture_output=True, text=True, check=True).stdout
    found = [tuple(map(float, pair)) for pair in re.findall(r"([0-9.]+) s to ([0-9.]+) s", text)]
    if len(found) != len(stretches) or any(
            abs(a - b) > 0.0011 for one, other in zip(found, stretches) for a, b in zip(one, other)):
        different += 1
        print(f"{sound}: {found}, theirs {stretches}")
print(f"{len(sounds)} recordings, {windows} windows: greatest difference of a probability {greatest:.2e}, "
      f"{different} recordings with other stretches; {statistics.median(took):.0f} microseconds a window, "
      f"theirs {1e6 * theirs_took / max(windows, 1):.0f}")
sys.exit(greatest > 1e-4 or different > 0)
