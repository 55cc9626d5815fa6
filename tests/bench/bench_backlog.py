#!/usr/bin/env python3
"""Memory of the agent over a backlog while the brokers are down, second by second.

    bench_backlog.py BUILD_FOLDER [GIGABYTES [SECONDS]]        (a release build; 10, 60)

Ten logs of docker json; a port where nobody answers; memory.max as it is by default, which is the limit.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from bench_lib import docker_line, memory_kib

BUILD = sys.argv[1]
GIGABYTES, SECONDS = (float(a) for a in (sys.argv[2:] + ['10', '60'][len(sys.argv) - 2:]))


def main():
    folder = tempfile.mkdtemp(prefix='dogwatch-backlog-')
    os.mkdir(folder + '/logs')
    block = ''.join(docker_line(i) for i in range(100000)).encode()
    for n in range(10):
        with open(f'{folder}/logs/{n}.log', 'wb') as f:
            while f.tell() < GIGABYTES * 1e8:
                f.write(block)
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    with open(folder + '/agent.yml', 'w') as f:
        f.write(f'data: {folder}/data\nlogs: ["{folder}/logs/*.log"]\ntransport: kafka\nkafka.brokers: 127.0.0.1:{port}\n'
                'discover: {docker: false, cri: false, podman: false}\nlog.level: error\n')
    said = subprocess.run([os.path.join(BUILD, 'dogwatch'), 'config', 'show', 'agent', folder + '/agent.yml'], capture_output=True, text=True).stdout
    limit = next(x for x in said.splitlines() if x.startswith('memory.max'))
    p = subprocess.Popen([os.path.join(BUILD, 'dogwatch-agent'), '--config', folder + '/agent.yml'], stderr=subprocess.DEVNULL)
    table = []
    for _ in range(int(SECONDS)):
        time.sleep(1)  # a sample a second
        table.append(memory_kib(p.pid) / 1024)
    p.kill()
    p.wait()
    shutil.rmtree(folder)
    print(f'{GIGABYTES:g} GB in ten logs, no broker; {limit.strip()}')
    print('second: MiB resident  ' + '  '.join(f'{i + 1}: {v:.1f}' for i, v in enumerate(table) if i < 5 or (i + 1) % 10 == 0))
    print(f'the most: {max(table):.1f} MiB')


main()
