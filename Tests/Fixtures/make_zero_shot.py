#!/usr/bin/env python3
"""Writes zero_shot.json: what the pretrained network, whose weights are in the Swift source, says of a few series.

Everything is computed anew in float64 from the descriptions in Sources/RefrainTasks/Forecast/ZeroShot: the patches, the
simple forecasts, the layers. Needs NumPy.

    python3 Tests/Fixtures/make_zero_shot.py
"""
import base64
import json
import math
import pathlib
import re

import numpy as np

PATCH, REACH, AHEAD, QUANTILES = 8, 512, 8, 7
SMOOTHERS = [  # level, trend, season, damping, robust
    (0.05, 0, 0.05, 1, True), (0.2, 0.05, 0.1, 0.97, True), (0.5, 0.05, 0.2, 0.9, False), (0.2, 0.1, 0.1, 1, True),
    (0.9, 0.1, 0.4, 0.85, False),
]
LOGARITHMIC = [1, 3]
CANDIDATES = 3 + len(SMOOTHERS) + len(LOGARITHMIC)
FEATURES = (3 + CANDIDATES) * PATCH + 2 * CANDIDATES + 8
HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent / "Sources/RefrainTasks/Forecast/ZeroShot/ZeroShotWeights+Text.swift"


def weights():
    data = base64.b64decode(re.search(r'text = "([^"]+)"', SOURCE.read_text()).group(1))
    layers, hidden = data[3], int.from_bytes(data[4:6], "little")
    values = np.frombuffer(data[8:-4], "<f2").astype(np.float64)
    place = 0

    def take(*shape):
        nonlocal place
        count = math.prod(shape)
        place += count
        return values[place - count:place].reshape(shape)

    entry = take(hidden, FEATURES), take(hidden)
    recurrent = [(take(4 * hidden, hidden), take(4 * hidden, hidden), take(4 * hidden)) for _ in range(layers)]
    trust = take(PATCH * CANDIDATES, hidden), take(PATCH * CANDIDATES)
    head = take(PATCH * QUANTILES, hidden), take(PATCH * QUANTILES)
    assert place == len(values)
    return entry, recurrent, trust, head


class Smoother:
    def __init__(self, coefficients, season):
        self.a, self.b, self.g, self.phi, self.robust = coefficients
        self.m = season
        self.level = self.trend = self.spread = 0.0
        self.s, self.n = [0.0] * season, [0] * season
        self.seen, self.start = 0, None

    def read(self, row, values):
        if self.start is None and np.isfinite(values[row]):
            self.start, self.level = row, values[row]
        if self.start is None:
            return
        self.update(values[row], row % self.m)
        if self.m > 1 and row + 1 - self.start in (self.m, 2 * self.m):
            self.begin(values[self.start:row + 1])

    def update(self, value, phase):
        self.trend *= self.phi
        self.level += self.trend
        if not np.isfinite(value):
            return
        error = value - self.level - self.s[phase]
        size = abs(error)
        if self.robust and self.seen > 8 and size > 4 * self.spread:
            error *= 4 * self.spread / size
        share = 1 / (self.seen + 1)
        gain = max(self.a, share)
        limited = min(size, 8 * self.spread + 1e-12) if self.seen > 8 else size
        self.spread += max(0.05, share) * (limited - self.spread)
        self.level += gain * error
        if self.seen > 1:
            self.trend += gain * self.b * error
        if self.m > 1 and self.seen >= self.m:
            self.s[phase] += max(self.g, 1 / (self.n[phase] + 1)) * (1 - self.a) * error
        self.seen += 1
        self.n[phase] += 1

    def begin(self, values):
        def mean(part):
            known = part[np.isfinite(part)]
            return known.mean() if 2 * len(known) >= self.m else None

        early = mean(values[:self.m])
        if early is None:
            return
        late = mean(values[self.m:2 * self.m]) if len(values) >= 2 * self.m else None
        slope = ((early if late is None else late) - early) / self.m
        middle = (self.m - 1) / 2
        sums, counts = [0.0] * self.m, [0] * self.m
        for index, value in enumerate(values):
            if np.isfinite(value):
                phase = (self.start + index) % self.m
                sums[phase] += value - early - slope * (index - middle)
                counts[phase] += 1
        self.s = [total / count if count else 0.0 for total, count in zip(sums, counts)]
        self.n, self.seen = counts, self.m
        self.trend = slope if self.b > 0 else 0.0
        self.level = early - slope * (middle + 1)
        for index, value in enumerate(values):
            self.update(value, (self.start + index) % self.m)

    def forecast(self, row):
        result, level, trend = [], self.level, self.trend
        for step in range(1, PATCH + 1):
            trend *= self.phi
            level += trend
            result.append(level + self.s[(row + step) % self.m])
        return np.array(result)


def candidates(values, season):
    """What each simple forecast expects of the patch after each patch, [patch][candidate][step]."""
    known = np.isfinite(values)
    logs = np.log(values) if np.all(values[known] > 0) else None
    highest = np.nanmax(logs) + 2 if logs is not None and known.any() else 0
    plain = [Smoother(c, season) for c in SMOOTHERS]
    grown = [Smoother(SMOOTHERS[k], season) for k in LOGARITHMIC]
    last = values[known][0] if known.any() else 0.0
    result = []

    def seasonal(row, end):
        if season == 1:
            return last
        back = row - season
        while back >= end:
            back -= season
        while back >= 0:
            if known[back]:
                return values[back]
            back -= season
        return last

    def level(start, end):
        return values[start:end][known[start:end]].mean() if 2 * known[start:end].sum() >= end - start else None

    for end in range(PATCH, len(values) + 1, PATCH):
        for row in range(end - PATCH, end):
            for state in plain:
                state.read(row, values)
            if logs is not None:
                for state in grown:
                    state.read(row, logs)
            if known[row]:
                last = values[row]
        repeated = np.full(PATCH, last)
        old = np.array([seasonal(end + step, end) for step in range(PATCH)])
        rise = 0.0
        if season > 1 and end >= 2 * season:
            late, early = level(end - season, end), level(end - 2 * season, end - season)
            if late is not None and early is not None:
                rise = late - early
        seen = known[:end].any()
        smooth = [state.forecast(end - 1) if seen else repeated for state in plain]
        multiplied = [
            np.exp(np.minimum(state.forecast(end - 1), highest)) if seen and logs is not None else smooth[number]
            for number, state in zip(LOGARITHMIC, grown)
        ]
        result.append([repeated, old, old + rise] + smooth + multiplied)
    return result


def bounded(value):
    value = np.asarray(value, float)
    size = np.maximum(np.abs(value), 4)
    return np.where(np.abs(value) <= 4, value, np.sign(value) * (4 + np.log(size / 4) * 4))


def scale(values, season):
    def differences(lag):
        all_ = np.abs(values[lag:] - values[:-lag])
        return all_[np.isfinite(all_)]

    steps = differences(1)
    chosen = differences(season) if 1 < season < len(values) else []
    if len(chosen) < 6:
        chosen = steps
    size = np.nanmax(np.abs(values))
    if len(chosen) == 0:
        return size / 4
    median = np.sort(chosen)[len(chosen) // 2]
    limit = 4 * median if median > 0 else np.inf
    return max(np.minimum(chosen, limit).mean(), 0.01 * steps.mean(), size * 1e-6, 1e-12)


def forecast(values, season, horizon, network):
    values = np.array(values, float)[-REACH:]
    unit = np.nanmax(np.abs(values))
    values = values / unit
    before = -(-len(values) // PATCH)
    patches = -(-horizon // PATCH)
    near = min(patches, AHEAD)
    values = np.concatenate([np.full(before * PATCH - len(values), np.nan), values])
    whole = np.concatenate([values, np.full((near - 1) * PATCH, np.nan)])
    unknown = np.concatenate([whole, np.full((patches - near) * PATCH, np.nan)])
    unit_of_errors = scale(values, season)
    expected = candidates(unknown, season)
    level = whole[np.isfinite(whole)][0]
    seen = zeros = silence = 0
    least, previous = np.inf, None
    inputs, raws, levels = [], [], []
    for number in range(before + near - 1):
        own = whole[number * PATCH:(number + 1) * PATCH]
        is_known = np.isfinite(own)
        old, first = level, seen == 0
        if is_known.any():
            level = np.median(own[is_known])
            least = min(least, own[is_known].min())
        seen += is_known.sum()
        zeros += (own[is_known] == 0).sum()
        silence = 0 if is_known.any() else silence + 1

        def told(value):
            return bounded((value - level) / unit_of_errors)

        row = list(np.where(is_known, told(np.where(is_known, own, level)), 0)) + list(is_known.astype(float))
        if first or not is_known.any():
            row += [0.0] * (2 * CANDIDATES + PATCH)
        else:
            errors = np.array([own - guess for guess in previous])[:, is_known] / unit_of_errors
            for error in errors:
                row += [bounded(error.mean()), bounded(np.abs(error).mean())]
            full = (own - previous[4]) / unit_of_errors
            row += list(np.where(is_known, bounded(np.where(is_known, full, 0)), 0))
        row += [
            0 if first else bounded((level - old) / unit_of_errors), math.log(season) / 4 if season > 1 else 0,
            1 if season > 1 else 0, math.log(1 + seen) / 4, min(silence, 16) / 4, bounded(level / unit_of_errors),
            zeros / max(seen, 1), told(least) if np.isfinite(least) else 0,
        ]
        previous = expected[number]
        for guess in previous:
            row += list(told(guess))
        inputs.append([float(value) for value in row])
        raws.append([np.clip((guess - level) / unit_of_errors, -1e4, 1e4) for guess in previous])
        levels.append(level)
    entry, recurrent, trust, head = network
    steps = np.tanh(np.array(inputs) @ entry[0].T + entry[1])
    for wide, deep, bias in recurrent:
        size = deep.shape[1]
        h, c, result = np.zeros(size), np.zeros(size), []
        for x in steps:
            i, f, g, o = np.split(wide @ x + deep @ h + bias, 4)
            sigmoid = lambda v: 1 / (1 + np.exp(-v))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            result.append(h)
        steps = np.array(result)
    shares = (steps @ trust[0].T + trust[1]).reshape(len(steps), PATCH, CANDIDATES)
    shares = np.exp(shares - shares.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    added = (steps @ head[0].T + head[1]).reshape(len(steps), PATCH, QUANTILES)
    answer = []
    for step in range(horizon):
        patch, inner = divmod(step, PATCH)
        place = before - 1 + min(patch, near - 1)
        if patch < near:
            middle = sum(shares[place, inner, k] * raws[place][k][inner] for k in range(CANDIDATES))
            row = levels[place] + (middle + added[place, inner]) * unit_of_errors
        else:
            guesses = expected[before - 1 + patch]
            middle = sum(shares[place, :, k].mean() * guesses[k][inner] for k in range(CANDIDATES))
            row = middle + added[place].mean(axis=0) * unit_of_errors
        answer.append([float(value) * unit for value in np.sort(row)])
    return answer


def main():
    network = weights()
    wave = [100 + 0.7 * t + 20 * math.sin(t * math.pi / 6) + 5 * math.cos(t * 1.7) for t in range(75)]
    gaps = [None if t % 11 in (3, 4) or 30 <= t < 41 else value - 150 for t, value in enumerate(wave)]
    counts = [float((t * 37 % 7) * (t % 3 == 0)) for t in range(60)]
    cases = [
        ("a wave on a line", wave, 12, 12), ("missing values and no season", gaps, 1, 10), ("counts", counts, 7, 5),
        ("five values", [3.0, 5, 4, 6, 5], 1, 3), ("far ahead", wave, 12, 90), ("long", wave * 8, 24, 9),
    ]
    result = []
    for name, values, season, horizon in cases:
        numbers = [math.nan if value is None else value for value in values]
        quantiles = forecast(numbers, season, horizon, network)
        result.append({"name": name, "values": values, "season": season, "horizon": horizon, "quantiles": quantiles})
    (HERE / "zero_shot.json").write_text(json.dumps(result, indent=0) + "\n")


if __name__ == "__main__":
    main()
