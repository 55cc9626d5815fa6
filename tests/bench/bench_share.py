#!/usr/bin/env python3
"""How fast one collector takes a backlog from Apache Kafka (one node on loopback), and two that share it (kafka.share).

    DW_BUILD=build/release bench_share.py [LINES]          (1500000)

The same frames, six partitions, the shipped rules; from the start, joining the group included, until all is archived. Brokers and collectors have the same processors: with two of them two collectors cannot be twice as fast.
"""
import json
import os
import shutil
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests/e2e'))
from bench_lib import processor_s  # noqa: E402
from e2e_lib import Kafka, configure, counters, live, run, scratch, start, wait_for  # noqa: E402

LINES, HOSTS, PARTITIONS = int((sys.argv[1:] + ['1500000'])[0]), 12, 6
LINE = '198.51.%d.%d - - [30/Nov/2026:10:%02d:%02d +0000] "GET /products/%d HTTP/1.1" 200 %d "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
kafka, dir_ = Kafka(), scratch('bench-share')
kafka.run('run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers, '--create', '--topic', 'bench', '--partitions', str(PARTITIONS))
over = ('transport=kafka', f'kafka.brokers={kafka.brokers}', 'kafka.topic=bench')
for h in range(HOSTS):
    log, data = os.path.join(dir_, f'logs/{h}/access.log'), os.path.join(dir_, f'agent{h}')
    os.makedirs(os.path.dirname(log))
    with open(log, 'w') as f:
        f.writelines(LINE % (i % 250, i * 7 % 250, i // 6000 % 60, i // 100 % 60, i * 7919 % 100003, i % 5000) for i in range(LINES // HOSTS))
    run('dogwatch-agent', configure(data, [log], *over, f'agent.host.name=host{h}')[0], 300)


def archived(data):
    """What it counted; zero before its first word."""
    return counters(data).get('ingest_events', 0) if os.path.isdir(os.path.join(data, 'state')) and os.listdir(os.path.join(data, 'state')) else 0


def backlog(name, collectors, share):
    folders = [os.path.join(dir_, f'{name}{i}') for i in range(collectors)]
    configs = [live(configure(d, [os.path.join(dir_, 'none')], *over, f'collector.kafka.group={name}', f'collector.kafka.share={"true" if share else "false"}', 'collector.api.listen=')[1]) for d in folders]
    logs = [d + '.log' for d in folders]
    began, running = time.monotonic(), [start('dogwatch-collector', c, log) for c, log in zip(configs, logs)]
    wait_for(lambda: sum(archived(d) for d in folders) >= LINES, 600, lambda: f'{[archived(d) for d in folders]} of {LINES}', 0.05)
    wall, cpu = time.monotonic() - began, sum(processor_s(p.pid) for p in running)
    each = [archived(d) for d in folders]
    for p in running:
        p.terminate()
        p.wait(60)
    for d in folders:
        shutil.rmtree(d)
    print(json.dumps({'measure': name, 'collectors': collectors, 'events': each, 'seconds': round(wall, 2), 'events_per_s': round(LINES / wall), 'cpu_s': round(cpu, 2), 'events_per_cpu_s': round(LINES / cpu)}), flush=True)
    return wall


one = backlog('alone', 1, False)
shared = backlog('one-that-shares', 1, True)
two = backlog('two-that-share', 2, True)
print(json.dumps({'measure': 'two beside one', 'ratio': round(one / two, 2), 'of sharing alone': round(one / shared, 2)}))
