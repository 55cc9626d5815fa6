#!/usr/bin/env python3
"""Many files at which nothing happens: processor and memory of the agent, and how long after a SIGKILL it sends the first new line.

    bench_idle.py BUILD_FOLDER [FILES]        (a release build; 10,000 files)

Twice: as pods of two containers each (one and a half folders a file), and as files in one folder. The peer of the memory is the same agent with ten files.
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../e2e'))
os.environ.setdefault('DW_BUILD', sys.argv[1])
from bench_lib import memory_kib, processor_s  # noqa: E402
from e2e_lib import dwcat, frames_of, wait_for  # noqa: E402

AGENT, FILES = os.path.join(sys.argv[1], 'dogwatch-agent'), int((sys.argv[2:] + ['10000'])[0])
WATCH_S = 20  # what is measured is this long


def pods(folder, n):
    path = f'{folder}/logs/shop_cart-{n // 2}_4c1b3d5e-{n // 2:012d}/c{n % 2}'
    os.makedirs(path)
    return path + '/0.log', '2026-11-29T00:00:00.000000000Z stdout F '


def flat(folder, n):
    os.makedirs(folder + '/logs', exist_ok=True)
    return f'{folder}/logs/app-{n}.log', ''


def config(folder, kind):
    how = f'cri: true, pods_root: "{folder}/logs", containers_root: "{folder}/none"' if kind is pods else 'cri: false'
    logs = '' if kind is pods else f'logs: ["{folder}/logs/*.log"]\n'
    with open(folder + '/agent.yml', 'w') as f:
        f.write(f'data: {folder}/data\n{logs}discover: {{docker: false, podman: false, {how}}}\nlog.level: error\n')
    return folder + '/agent.yml'


def sent(folder, text):
    try:
        return any(text in frame.text() for frame in frames_of(folder + '/data/queue'))
    except (struct.error, dwcat.Bad, TypeError):
        return False  # a frame that is being written


def resting(folder):
    """Streams of the logs at which nothing happens, by the agent's own word."""
    r = subprocess.run([os.path.join(sys.argv[1], 'dogwatch'), 'agent', 'status', '--data', folder + '/data', '--output', 'ndjson'], capture_output=True)
    return json.loads(r.stdout)['streams_resting'] if r.returncode == 0 else 0


def start(folder, kind):
    return subprocess.Popen([AGENT, '--config', config(folder, kind)])


def idle(kind, files):
    folder = tempfile.mkdtemp(prefix='dogwatch-idle-')
    paths = [kind(folder, n) for n in range(files)]
    for path, head in paths:
        with open(path, 'w') as f:
            f.write(head + 'hello\n')
    p = start(folder, kind)
    wait_for(lambda: resting(folder) >= files, 120, 'all to rest', pause=0.5)
    began, used = time.time(), processor_s(p.pid)
    time.sleep(WATCH_S)
    share = (processor_s(p.pid) - used) / (time.time() - began)
    return folder, paths, p, share, memory_kib(p.pid)


def recovery_s(folder, kind, paths, p):
    p.kill()
    p.wait()
    for name in os.listdir(folder + '/data/queue'):
        os.unlink(os.path.join(folder + '/data/queue', name))
    path, head = paths[len(paths) // 2]
    with open(path, 'a') as f:
        f.write(head + 'after the kill\n')
    began = time.time()
    p = start(folder, kind)
    wait_for(lambda: sent(folder, b'after the kill'), 60, 'a new frame', pause=0.005)
    took = time.time() - began
    p.kill()
    p.wait()
    return took


def main():
    folder, _, p, _, base = idle(flat, 10)
    p.kill()
    p.wait()
    shutil.rmtree(folder)
    print(f'10 files: {base} KiB resident')
    for kind in pods, flat:
        folder, paths, p, share, kib = idle(kind, FILES)
        took = recovery_s(folder, kind, paths, p)
        print(f'{FILES} files as {kind.__name__}: {share:.2%} of a processor (bar 0.2 %), {kib} KiB resident, '
              f'{(kib - base) / FILES:.2f} KiB a file (bar 1), first new frame {took:.2f} s after the start (bar 1 s)')
        shutil.rmtree(folder)


main()
