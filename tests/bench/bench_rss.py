#!/usr/bin/env python3
"""Resident memory of the agent: idle with 10 files, idle with 1,000 files, and the most it had under load.

    bench_rss.py BUILD_FOLDER
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from bench_lib import docker_line, memory_kib

agent = os.path.join(sys.argv[1], 'dogwatch-agent')


def run(files, lines_each):
    folder = tempfile.mkdtemp(prefix='dogwatch-rss-')
    os.mkdir(folder + '/logs')
    total = 0
    for n in range(files):
        with open(f'{folder}/logs/{n}.log', 'w') as f:
            text = ''.join(docker_line(i) for i in range(lines_each))
            f.write(text)
            total += len(text)
    with open(folder + '/agent.yml', 'w') as f:
        f.write(f'data: {folder}/data\nlogs: ["{folder}/logs/*.log"]\nqueue.max_bytes: 100GiB\n'
                'discover: {docker: false, cri: false, podman: false}\nlog.level: error\n')
    p = subprocess.Popen([agent, '--config', folder + '/agent.yml'])
    queue, seen, last = folder + '/data/queue', -1, time.monotonic()
    while time.monotonic() - last < 3:  # until nothing has been written for a while but heartbeats
        size = sum(os.path.getsize(os.path.join(queue, q)) for q in os.listdir(queue)) if os.path.isdir(queue) else 0
        if size > seen + 4096:
            seen, last = size, time.monotonic()
        time.sleep(0.1)
    rss, anon, peak = memory_kib(p.pid), memory_kib(p.pid, 'RssAnon'), memory_kib(p.pid, 'VmHWM')
    p.send_signal(signal.SIGTERM)
    p.wait()
    shutil.rmtree(folder)
    return rss, anon, peak, total


for name, files, lines in (('idle, 10 files', 10, 1), ('idle, 1000 files', 1000, 1), ('load, 10 files of 100,000 lines', 10, 100000)):
    rss, anon, peak, total = run(files, lines)
    print(json.dumps({'measure': name, 'rss_mb': round(rss / 1024, 1), 'anonymous_mb': round(anon / 1024, 1), 'peak_mb': round(peak / 1024, 1),
                      'input_mb': round(total / 1e6, 1)}))
