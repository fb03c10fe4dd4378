"""Features of sound by librosa 0.11, and the rate changed by torchaudio's formula: sound.safetensors; error rates by
jiwer 4: error_rates.json; sound in other formats by soundfile: sound/.

    pip install librosa==0.11.0 jiwer==4.0.0 soundfile==0.14.0 safetensors
"""

import json
import math
import os

import jiwer
import librosa
import numpy as np
import soundfile
from safetensors.numpy import save_file

FOLDER = os.path.dirname(os.path.abspath(__file__))
tensors = {}


def add(name, value):
    assert np.isfinite(value).all() and name not in tensors, name
    tensors[name] = np.ascontiguousarray(value, dtype=np.float32)


# A sweep, a tone that beats, and a little noise: 0.2 seconds at 8 kHz.
rate = 8000
time = np.arange(1603) / rate
rng = np.random.RandomState(3)
samples = np.float32(
    0.5 * np.sin(2 * np.pi * (200 * time + 6000 * time ** 2)) + 0.2 * np.sin(2 * np.pi * 1234 * time) * np.sin(40 * time)
    + 0.01 * rng.standard_normal(len(time)))
add("samples", samples)

for n in [1, 2, 3, 4, 5, 7, 12, 30, 64, 81, 97, 250, 512]:
    numbers = np.float32(rng.standard_normal(n))
    spectrum = np.fft.rfft(numbers.astype(np.float64))
    add(f"fft.{n}.numbers", numbers)
    add(f"fft.{n}.real", spectrum.real)
    add(f"fft.{n}.imaginary", spectrum.imag)

for name, window in [("hann", "hann"), ("hamming", "hamming"), ("blackman", "blackman")]:
    add(f"window.{name}", librosa.filters.get_window(window, 25, fftbins=True))

for name, htk, norm in [("slaney", False, "slaney"), ("htk", True, None)]:
    add(f"mel.{name}", librosa.filters.mel(
        sr=rate, n_fft=256, n_mels=20, fmin=100, fmax=3800, htk=htk, norm=norm, dtype=np.float64))


def features(name, samples, n_fft, length, hop, mels, center, coefficients=None, window="hann", **mel):
    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float64), sr=rate, n_fft=n_fft, win_length=length, hop_length=hop, n_mels=mels,
        center=center, pad_mode="constant", window=window, **mel)
    logs = np.log(np.maximum(power, 1e-10))
    if coefficients:
        logs = librosa.feature.mfcc(S=logs, n_mfcc=coefficients)
    add(name, logs.T)
    return logs


features("log_mel", samples, 256, 200, 80, 40, True)
features("log_mel_htk", samples, 256, 200, 80, 26, True, htk=True, norm=None, fmin=60, fmax=3600, window="hamming")
features("log_mel_left", samples, 200, 200, 80, 20, False)
cepstra = features("mfcc", samples, 256, 200, 80, 40, True, coefficients=13)
emphasized = np.concatenate([samples[:1], samples[1:] - np.float32(0.97) * samples[:-1]])
features("mfcc_preemphasis", emphasized, 256, 200, 80, 40, True, coefficients=13)
delta = librosa.feature.delta(cepstra, width=5, order=1, mode="nearest")
add("mfcc.delta", delta.T)
add("mfcc.delta_delta", librosa.feature.delta(delta, width=5, order=1, mode="nearest").T)


def resample(samples, old, new, zeros, rolloff=0.99):
    """torchaudio.functional.resample with sinc_interp_hann, written from its source (2.5)."""
    divisor = math.gcd(old, new)
    old, new = old // divisor, new // divisor
    base = min(old, new) * rolloff
    width = math.ceil(zeros * old / base)
    places = np.arange(-width, width + old)[None] / old
    t = np.arange(0, -new, -1)[:, None] / new + places
    t = np.clip(t * base, -zeros, zeros)
    window = np.cos(t * math.pi / zeros / 2) ** 2
    kernels = np.sinc(t) * window * (base / old)
    padded = np.pad(samples.astype(np.float64), (width, width + old))
    blocks = [kernels @ padded[start:start + kernels.shape[1]]
              for start in range(0, len(padded) - kernels.shape[1] + 1, old)]
    return np.concatenate(blocks)[:math.ceil(new * len(samples) / old)]


for old, new, zeros in [(8000, 16000, 6), (8000, 5000, 16), (8000, 7999, 6), (44100, 16000, 16)]:
    add(f"resample.{old}.{new}.{zeros}", resample(samples[:500], old, new, zeros))
save_file(tensors, os.path.join(FOLDER, "sound.safetensors"))

# The same sound in all the ways that WAV has.
os.makedirs(os.path.join(FOLDER, "sound"), exist_ok=True)
stereo = np.stack([samples[:40], -0.5 * samples[40:80]], 1)
for name, kind, subtype in [
        ("pcm8", "WAV", "PCM_U8"), ("pcm16", "WAV", "PCM_16"), ("pcm24", "WAV", "PCM_24"), ("pcm32", "WAV", "PCM_32"),
        ("float32", "WAV", "FLOAT"), ("float64", "WAV", "DOUBLE"), ("alaw", "WAV", "ALAW"), ("ulaw", "WAV", "ULAW"),
        ("extensible", "WAVEX", "PCM_24"), ("rf64", "RF64", "PCM_16"), ("adpcm", "WAV", "IMA_ADPCM")]:
    path = os.path.join(FOLDER, "sound", f"{name}.wav")
    soundfile.write(path, stereo, rate, subtype=subtype, format=kind)
    if name != "adpcm":
        tensors[f"wav.{name}"] = soundfile.read(path, dtype="float32", always_2d=True)[0].T.copy()
soundfile.write(os.path.join(FOLDER, "sound", "rifx.wav"), stereo, rate, subtype="PCM_16", format="WAV", endian="BIG")
tensors["wav.rifx"] = soundfile.read(os.path.join(FOLDER, "sound", "rifx.wav"), dtype="float32")[0].T.copy()
save_file(tensors, os.path.join(FOLDER, "sound.safetensors"))

# Error rates.
pairs = [
    ("RUBOUT G M E F THREE NINE", "RUBOUT G M E F THREE NINE"),
    ("ERASE C Q Q F SEVEN", "RACE C Q F SEVEN TEN"),
    ("YES", ""),
    ("GO", "NO GO GO"),
    ("ENTER FOUR FIVE ZERO", "ENTER FORTY FIVE"),
]
cases = []
for count in range(1, len(pairs) + 1):
    references, hypotheses = map(list, zip(*pairs[:count]))
    cases.append({"references": references, "hypotheses": hypotheses,
                  "wordErrorRate": jiwer.wer(references, hypotheses),
                  "characterErrorRate": jiwer.cer(references, hypotheses)})
with open(os.path.join(FOLDER, "error_rates.json"), "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
