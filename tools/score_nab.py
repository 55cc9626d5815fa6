#!/usr/bin/env python3
"""rate_spike over machine metrics, scored as the Numenta Anomaly Benchmark does (standard profile, Lavin and Ahmad 2015): 100 is perfect, 0 is to say nothing.

    score_nab.py DOGWATCH [--corpora DIR] [--each]

Every value is an event; a rule of the detector says which are anomalies. One report counts in a window of the labels, more the earlier it
comes; a report outside costs, more the further it is behind a window. The first 15 per cent of a series are not judged.
"""
import argparse
import csv
import datetime
import json
import math
import os
import subprocess
import sys
import tempfile

RULE = """title: value
name: value
logsource: {category: metric}
detection: {s: {value: '*'}, condition: s}
---
title: value far from its past
name: far
detector:
    type: rate_spike
    rules: [value]
    group-by: [series]
    field: value
    timespan: 5m
    history: %(history)d
    deviations: %(deviations)g
    direction: both
level: low
"""
TP, FP, FN, PROBATION = 1.0, 0.11, 1.0, 0.15


def instant(text):
    return datetime.datetime.fromisoformat(text.split('.')[0]).replace(tzinfo=datetime.timezone.utc)


def sigmoid(y):
    return 2 / (1 + math.exp(5 * y)) - 1 if y <= 3 else -1.0


def raw_score(times, windows, reports):
    """Sum over the windows (what was found early, less what was not found) and over reports outside of them."""
    found = [None] * len(windows)
    total = 0.0
    begin = int(len(times) * PROBATION)
    at = {t: i for i, t in enumerate(times)}
    spans = [(min(i for i, t in enumerate(times) if t >= a), max(i for i, t in enumerate(times) if t <= b)) for a, b in windows]
    for t in sorted(set(reports)):
        i = at[t]
        if i < begin:
            continue
        inside = [k for k, (a, b) in enumerate(spans) if a <= i <= b]
        if inside:
            k = inside[0]
            a, b = spans[k]
            if found[k] is None:
                found[k] = TP * sigmoid(-(b - i + 1) / (b - a + 1)) / sigmoid(-1)
            continue
        before = [(a, b) for a, b in spans if b < i]
        width = (before[-1][1] - before[-1][0]) if before else 1
        total += FP * (sigmoid(max((i - before[-1][1]) / max(width, 1), 1e-9)) if before else -1)
    return total + sum(-FN if f is None else f for f in found), len([f for f in found if f is not None])


def main():
    p = argparse.ArgumentParser()
    p.add_argument('dogwatch')
    p.add_argument('--corpora', default=os.environ.get('DW_CORPORA', '../shared/corpora'))
    p.add_argument('--history', type=int, default=288)
    p.add_argument('--deviations', type=float, default=3.5)
    p.add_argument('--each', action='store_true')
    a = p.parse_args()
    nab = os.path.join(a.corpora, 'nab')
    labels = {k: [tuple(map(instant, w)) for w in v] for k, v in json.load(open(os.path.join(nab, 'combined_windows.json'))).items()}
    events, times = [], {}
    for name in sorted(labels):
        with open(os.path.join(nab, 'data', name)) as f:
            for row in csv.DictReader(f):
                t = instant(row['timestamp'])
                times.setdefault(name, []).append(t)
                events.append((t, name, row['value']))
    events.sort(key=lambda e: (e[0], e[1]))
    with tempfile.TemporaryDirectory() as d:
        rule = os.path.join(d, 'rule.yml')
        open(rule, 'w').write(RULE % vars(a))
        text = ''.join('{"@timestamp":"%s","series":"%s","value":%s}\n' % (t.strftime('%Y-%m-%dT%H:%M:%SZ'), name, v) for t, name, v in events)
        r = subprocess.run([*a.dogwatch.split(), 'rules', 'run', '--any-logsource', rule], input=text, capture_output=True, text=True)
    if r.returncode:
        sys.exit(r.stderr)
    reports = {}
    for line in r.stdout.splitlines():
        x = json.loads(line)
        if 'alert' in x and not x['alert']['update']:
            reports.setdefault(x['alert']['key']['series'], []).append(instant(x['alert']['@timestamp'].replace('Z', '')))
    total = windows = got = count = 0
    for name in sorted(labels):
        raw, found = raw_score(times[name], labels[name], reports.get(name, []))
        total, windows, got, count = total + raw, windows + len(labels[name]), got + found, count + len(reports.get(name, []))
        if a.each:
            print(f'{name.split("/")[-1]:48} {found}/{len(labels[name])} windows, {len(reports.get(name, []))} reports, {raw:+.2f}')
    print(f'nab: {100 * (total + windows * FN) / (windows * (TP + FN)):.1f} of 100 over {len(labels)} series: {got} of {windows} windows found, {count} reports')


main()
