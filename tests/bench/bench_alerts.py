#!/usr/bin/env python3
"""From an event's frame in Apache Kafka to its alert in Apache Kafka (one node on loopback), while other lines come.

    DW_BUILD=build/release bench_alerts.py [--beside] [SECONDS [LINES_A_SECOND ...]]        (24; 100 10000 30000)

Both topics stamp what is appended (LogAppendTime), so both ends are the broker's clock. Each MARK line is one alert of a rule about one event and
one of a correlation, which is told provisionally at once and confirmed when the watermark has passed it: lateness and a heartbeat later. The share
of a processor that agent and collector had is printed beside. --beside: with three agents more, one that has nothing to say, one that was killed,
and one that comes back with an hour's lines which nobody had read.
"""
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests/e2e'))
from bench_lib import processor_s  # noqa: E402
from e2e_lib import OWN_PORT, Kafka, Up, configure, frames_in, live, scratch, start, topic_of, wait_for  # noqa: E402

BESIDE = '--beside' in sys.argv
ARGS = [int(a) for a in sys.argv[1:] if a != '--beside']
SECONDS, LOADS = (ARGS + [24])[0], ARGS[1:] or [100, 10000, 30000]  # an output's fuse lets 100 alerts of a rule through in an hour
MARK_S, STEP_S, LATENESS_S, HOUR_S, HOURS_LINES = 0.25, 0.005, 2, 3600, 360000
RULES = '''title: A mark
id: 5f0c2a1e-3c61-4f0e-9d0a-0b8e5a7d1c01
name: mark
status: stable
description: A line of the bench.
author: dogwatch
date: 2026-11-30
level: high
logsource: {category: webserver}
detection: {selection: {url.path|startswith: /MARK/}, condition: selection}
---
title: Marks of one address
id: 5f0c2a1e-3c61-4f0e-9d0a-0b8e5a7d1c02
status: stable
description: As many alerts as lines.
author: dogwatch
date: 2026-11-30
level: high
correlation: {type: event_count, rules: [mark], group-by: [source.ip], timespan: 10s, generate: true, condition: {gte: 1}}
'''


LINE = b'203.0.%d.%d - - [%s] "GET %s HTTP/1.1" 200 612 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'


def stamp(ago=0):
    return time.strftime('%d/%b/%Y:%H:%M:%S +0000', time.gmtime(time.time() - ago)).encode()


def write_lines(path, rate, seconds):
    """`rate` ordinary lines a second, and a MARK every MARK_S."""
    start, written, mark = time.monotonic(), 0, 0
    with open(path, 'ab', buffering=0) as f:
        while (now := time.monotonic() - start) < seconds:
            due = int(now * rate)
            lines = [LINE % (i // 250 % 250, i % 250, stamp(), b'/products/%d' % (i * 7919 % 100003)) for i in range(written, due)]
            written = due
            if now >= mark * MARK_S:
                lines.append(LINE % (mark // 250, mark % 250, stamp(), b'/MARK/m%d' % mark))
                mark += 1
            f.write(b''.join(lines))
            time.sleep(STEP_S)  # the rate
    return mark


def records(kafka, topic, what):
    r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-C', '-t', topic, '-p', '0', '-o', 'beginning', '-e', *what], capture_output=True, check=True)
    return r.stdout


def appended(kafka, topic):
    return [int(t) for t in records(kafka, topic, ['-f', '%T\n']).split()]


def alerts_of(kafka, topic):
    """(rule, mark) -> when its first alert was appended; `early` for the rule: the provisional one."""
    first = {}
    for line in records(kafka, topic, ['-f', '%T %s\n']).decode().splitlines():
        at, text = line.split(' ', 1)
        mark, rule = re.search(r'203\.0\.(\d+)\.(\d+)', text), re.search(r'0b8e5a7d(1c0[12])', text)
        if mark and rule:
            first.setdefault(('early' if '"provisional":{' in text else rule[1], int(mark[1]) * 250 + int(mark[2])), int(at))
    return first


def said(measure, values, **more):
    """The first is apart: with it the output opens its connection to the topic."""
    first, v = values[0], sorted(values[1:])
    print(json.dumps({'measure': measure, 'n': len(v), 'p50_ms': v[len(v) // 2], 'p99_ms': v[len(v) * 99 // 100], 'max_ms': v[-1], 'first_ms': first, **more}), flush=True)


class Others:
    """The three agents beside, each known to the collector before the marks begin."""

    def __init__(self, kafka, topic, folder, raised):
        self.kafka, self.topic, self.folder, self.process = kafka, topic, folder, {}
        for name in ('idle', 'dead', 'behind'):
            os.makedirs(f'{folder}/{name}')
            with open(f'{folder}/{name}/a.log', 'wb') as f:
                f.write(LINE % (255, 255, stamp(), b'/' + name.encode()))
            self.begin(name)
        wait_for(lambda: {m for f in self.frames() for m in re.findall(rb'"GET /(idle|dead|behind) HTTP', f.text())} == {b'idle', b'dead', b'behind'}, 60, 'their first lines')
        for name in ('dead', 'behind'):
            self.process[name].kill()
            self.process[name].wait()
        wait_for(lambda: raised() >= 2, 60, 'both are unheard')
        with open(f'{folder}/behind/a.log', 'ab') as f:
            f.writelines(LINE % (254, i % 250, stamp(HOUR_S - i * HOUR_S / HOURS_LINES), b'/old/%d' % i) for i in range(HOURS_LINES))

    def begin(self, name):
        config = configure(f'{self.folder}/{name}/data', [f'{self.folder}/{name}/a.log'], 'transport=kafka', f'kafka.brokers={self.kafka.brokers}', f'kafka.topic={self.topic}',
                           f'agent.host.name={name}')[0]
        self.process[name] = start('dogwatch-agent', live(config), f'{self.folder}/{name}.log')

    def frames(self):
        return [f for f in frames_in(records(self.kafka, self.topic, ['-D', ''])) if f.kind == 1]

    def end(self):
        for name in ('idle', 'behind'):
            self.process[name].terminate()
            self.process[name].wait(60)


def unheard(data):
    path = data + '/alerts/alerts.log'
    return open(path).read().count('"rule":"dogwatch.agent.unheard"') if os.path.exists(path) else 0


def run(kafka, load):
    folder, alerts = scratch('alerts'), f'alerts-{load}'
    data, log = folder + '/data', folder + '/logs/a.log'
    for topic in (topic_of(data), alerts):
        kafka.run('run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers, '--create', '--topic', topic, '--partitions', '1',
                  '--config', 'message.timestamp.type=LogAppendTime')
    os.makedirs(folder + '/rules')
    os.makedirs(folder + '/logs')
    with open(folder + '/rules/bench.yml', 'w') as f:
        f.write(RULES)
    up = Up(data, [log], '--rules', folder + '/rules', '--set', f'outputs=[{{name: k, type: kafka, topic: {alerts}, provisional: true}}]', '--set', f'lateness={LATENESS_S}s',
            '--set', 'collector.agent.idle_after=3s', *OWN_PORT, brokers=kafka.brokers)
    wait_for(lambda: up.child('dogwatch-agent') and up.child('dogwatch-collector') and 'partition 0 is ours' in up.said(), 60, 'both programs')
    others = Others(kafka, topic_of(data), folder, lambda: unheard(data)) if BESIDE else None
    if others:
        others.begin('behind')
    used = [processor_s(up.child(p)) for p in ('dogwatch-agent', 'dogwatch-collector')]
    marks = write_lines(log, load, SECONDS)
    share = [round((processor_s(up.child(p)) - u) / SECONDS, 2) for p, u in zip(('dogwatch-agent', 'dogwatch-collector'), used)]
    want = {(rule, mark) for mark in range(marks) for rule in ('1c01', '1c02', 'early')}
    wait_for(lambda: want <= set(alerts_of(kafka, alerts)), 60, lambda: f'alerts that did not come: {sorted(want - set(alerts_of(kafka, alerts)))}')
    if others:
        others.end()
    up.stop()
    first, came = alerts_of(kafka, alerts), {}
    stamps, frames = appended(kafka, topic_of(data)), frames_in(records(kafka, topic_of(data), ['-D', '']))
    for at, frame in zip(stamps, frames):
        for mark in re.findall(rb'/MARK/m(\d+) ', frame.text()) if frame.kind == 1 else ():
            came[int(mark)] = at
    more = {'lines_a_second': load, 'beside': BESIDE, 'agent_share': share[0], 'collector_share': share[1]}
    said('one event: frame in Kafka to alert in Kafka', [first['1c01', m] - came[m] for m in range(marks)], bar_p99_ms=50, **more)
    said('correlation, provisional: the same', [first['early', m] - came[m] for m in range(marks)], bar_p99_ms=50, **more)
    said('correlation, confirmed: the same', [first['1c02', m] - came[m] for m in range(marks)], bar_p99_ms=LATENESS_S * 1000 + 1000 + 50, **more)


if __name__ == '__main__':
    broker = Kafka(1)
    for load_ in LOADS:
        run(broker, load_)
