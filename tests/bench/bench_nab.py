#!/usr/bin/env python3
"""Detectors over the example series of the Numenta Anomaly Benchmark, by NAB's standard profile, beside a windowed Gaussian ($DW_CORPORA, ../shared/corpora).

    bench_nab.py BUILD_FOLDER

A report is the time of an alert of `dogwatch rules run`; an update of an open alert is none. As NAB does for each detector, the threshold (`deviations`) is the one that is
best over all series together; everything else of a row is the same for all series.
"""
import csv
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile

DOGWATCH = os.path.join(sys.argv[1], 'dogwatch')
CORPUS = os.path.join(os.environ.get('DW_CORPORA', os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../../shared/corpora')), 'nab')
FP_COST, PROBATION, PROBATION_MOST = 0.11, 0.15, 5000
DEVIATIONS = (2.5, 3, 3.5, 4, 5, 6, 8, 10, 12, 16, 24, 40)


def load():
    """{series: (times, values, [(first row, last row) of each window])}"""
    with open(f'{CORPUS}/combined_windows.json') as f:
        windows = json.load(f)
    series = {}
    for name in sorted(windows):
        if not os.path.exists(f'{CORPUS}/data/{name}'):
            continue
        with open(f'{CORPUS}/data/{name}') as f:
            rows = list(csv.DictReader(f))
        times, at = [r['timestamp'] for r in rows], {}
        for i, t in enumerate(times):
            at.setdefault(t, i)
        series[name] = times, [float(r['value']) for r in rows], [(at[a[:19]], at[b[:19]]) for a, b in windows[name]]
    return series


# ---- NAB's score ----

def sigmoid(x):
    return -1.0 if x > 3 else 2 / (1 + math.exp(5 * x)) - 1


def score(rows, windows, reports):
    """Of one series: what its reports are worth. A window that none is in costs one, the earliest in it counts, one outside costs the less the nearer it is behind a window."""
    begin = math.floor(PROBATION * min(rows, PROBATION_MOST))
    total = 0.0
    for first, last in windows:
        inside = [r for r in reports if first <= r <= last and r >= begin]
        total += max(sigmoid(-(last - r + 1) / (last - first + 1)) / sigmoid(-1) for r in inside) if inside else -1
    for r in reports:
        if r < begin or any(first <= r <= last for first, last in windows):
            continue
        before = [w for w in windows if w[1] < r]
        total += FP_COST * (sigmoid((r - before[-1][1]) / (before[-1][1] - before[-1][0])) if before else -1)
    return total


def total_of(series, reports):
    """All series together, 0 for who reports nothing and 100 for who reports each window at its first row and nothing else."""
    count = sum(len(w) for _, _, w in series.values())
    raw = sum(score(len(t), w, reports.get(n, ())) for n, (t, _, w) in series.items())
    return 100 * (raw + count) / (2 * count)


def sum_up(series, reports):
    found = outside = 0
    for name, (times, _, windows) in series.items():
        begin = math.floor(PROBATION * min(len(times), PROBATION_MOST))
        judged = [r for r in reports.get(name, ()) if r >= begin]
        found += sum(any(first <= r <= last for r in judged) for first, last in windows)
        outside += sum(not any(first <= r <= last for first, last in windows) for r in judged)
    return found, outside


# ---- the peer: how far a value is out among the last 6,400, looked at anew each 100 ----

def gaussian(values):
    window, step, mean, spread, out = [], [], 0.0, 1.0, []

    def learn():
        mean = sum(window) / len(window)
        return mean, max(math.sqrt(sum((v - mean) ** 2 for v in window) / len(window)), 1e-6)

    for v in values:
        out.append(1 - 0.5 * math.erfc(abs(v - mean) / spread / math.sqrt(2)) if window else 0.0)
        if len(window) < 6400:
            window.append(v)
            mean, spread = learn()
            continue
        step.append(v)
        if len(step) == 100:
            window, step = window[100:] + step, []
            mean, spread = learn()
    return out


def best_gaussian(series):
    scores = {n: gaussian(v) for n, (_, v, _) in series.items()}
    best = None
    for threshold in [1 - 10 ** (-k / 4) for k in range(4, 64)]:
        reports = {n: [i for i, s in enumerate(of) if s >= threshold] for n, of in scores.items()}
        got = total_of(series, reports)
        best = max(best or (got, threshold, reports), (got, threshold, reports), key=lambda x: x[0])
    return best


# ---- dogwatch ----

RULE = """title: a value
name: value
detection: {{s: {{kind: value}}, condition: s}}
---
title: unusual
name: unusual
detector: {{type: rate_spike, rules: [value], group-by: [series], field: n, {detector}}}
level: low
"""


def stamp(text):
    return datetime.datetime.strptime(text, '%Y-%m-%d %H:%M:%S').strftime('%Y-%m-%dT%H:%M:%SZ')


def run(series, events, detector):
    with tempfile.NamedTemporaryFile('w', suffix='.yml') as f:
        f.write(RULE.format(detector=detector))
        f.flush()
        r = subprocess.run([DOGWATCH, 'rules', 'run', '--quiet', f.name], input=events, capture_output=True, text=True, check=True)
    rows = {n: {stamp(t): i for i, t in reversed(list(enumerate(times)))} for n, (times, _, _) in series.items()}
    reports = {}
    for line in r.stdout.splitlines():
        a = json.loads(line).get('alert') if line.startswith('{"alert"') else None
        if a and not a['update']:
            reports.setdefault(a['key']['series'], []).append(rows[a['key']['series']][a['@timestamp'][:19] + 'Z'])
    return reports


def main():
    series = load()
    events = ''.join(json.dumps({'@timestamp': stamp(t), 'kind': 'value', 'series': n, 'n': v}) + '\n' for n, (times, values, _) in series.items() for t, v in zip(times, values))
    windows = sum(len(w) for _, _, w in series.values())
    print(f'{len(series)} series, {events.count(chr(10))} values, {windows} windows; standard profile, 0: reports nothing, 100: perfect\n')
    print('| detector | score | windows found | reports outside |\n|---|---|---|---|')
    got, threshold, reports = best_gaussian(series)
    print('| windowed Gaussian, of a tail of %.1g | %.1f | %d | %d |' % (1 - threshold, got, *sum_up(series, reports)))
    for settings in ('timespan: 5m, direction: both', 'timespan: 5m, direction: both, history: 288', 'timespan: 5m, direction: both, history: 1000',
                     'timespan: 15m, direction: both, history: 288', 'timespan: 1h, direction: both, history: 60', 'timespan: 1h, direction: both, history: 168'):
        usual = run(series, events, settings)
        runs = [(total_of(series, r), d, r) for d in DEVIATIONS for r in [usual if d == 3.5 else run(series, events, f'{settings}, deviations: {d}')]]
        best = max(runs, key=lambda x: x[0])
        print('| rate_spike {%s} as it is | %.1f | %d | %d |' % (settings, total_of(series, usual), *sum_up(series, usual)))
        print('| the same, deviations: %g | %.1f | %d | %d |' % (best[1], best[0], *sum_up(series, best[2])))


if __name__ == '__main__':
    main()
