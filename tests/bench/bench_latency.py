#!/usr/bin/env python3
"""From a line's write() to its acknowledgement by Apache Kafka (one node on loopback), at 1 MB/s of docker json, seen from outside.

    DW_BUILD=build/bench bench_latency.py [SECONDS [RUNS]]        (20, 3; a release build with tests: bench_produce is the limit)

Between agent and broker stands a relay that notes when bytes pass. A produce request is taken apart with tools/dwcat.py: it says which
lines are in it; when the broker's answer to it has passed, they are acknowledged. The writer notes when its write() of each line returned.
The limit goes through the same relay in the same run: librdkafka alone, records of the size and at the rate that the agent's had. What the
agent adds is that a frame waits for flush.interval (20 ms) behind its first line.
"""
import json
import multiprocessing
import os
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests/e2e'))
from e2e_lib import BUILD, Kafka, dwcat, scratch  # noqa: E402

SECONDS, RUNS = (int(a) for a in (sys.argv[1:] + ['20', '3'][len(sys.argv) - 1:]))
RATE, STEP_S, PRODUCE, HEAD = 1_000_000, 0.002, 0, struct.pack('<I', 0x184D2A54)


class Relay:
    """Passes bytes on, and keeps (time, bytes) of each way of each connection."""

    def __init__(self, listen, target):
        self.target, self.pairs, self.ways, self.to = target, [], {}, {}
        self.selector = selectors.DefaultSelector()
        self.server = socket.create_server(('127.0.0.1', listen))
        self.selector.register(self.server, selectors.EVENT_READ)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                self.accept() if key.fileobj is self.server else self.carry(key.fileobj)

    def accept(self):
        client, broker = self.server.accept()[0], socket.create_connection(('127.0.0.1', self.target))
        pair = ([], [])
        for s, other, way in ((client, broker, pair[0]), (broker, client, pair[1])):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.to[s], self.ways[s] = other, way
            self.selector.register(s, selectors.EVENT_READ)
        self.pairs.append(pair)

    def carry(self, s):
        try:
            data = s.recv(1 << 20)
        except OSError:
            data = b''
        if data:
            self.to[s].sendall(data)
            self.ways[s].append((time.monotonic(), data))
            return
        for end in (s, self.to[s]):
            if end in self.to and end.fileno() >= 0:
                self.selector.unregister(end)
                end.close()

    def answered(self):
        """(time when its answer passed, bytes) of each produce request."""
        for there, back in self.pairs:
            asked = {struct.unpack('>i', m[4:8])[0]: m for _, m in messages(there) if struct.unpack('>h', m[:2])[0] == PRODUCE}
            for at, m in messages(back):
                request = asked.pop(struct.unpack('>i', m[:4])[0], None)
                if request is not None:
                    yield at, request


def messages(way):
    """Kafka's messages in a stream of (time, bytes), each with the time of its last byte."""
    rest = b''
    for at, data in way:
        rest += data
        while len(rest) >= 4 and len(rest) >= 4 + struct.unpack('>i', rest[:4])[0]:
            size = struct.unpack('>i', rest[:4])[0]
            yield at, rest[4:4 + size]
            rest = rest[4 + size:]


def frames(request):
    at = request.find(HEAD)
    while at >= 0:
        head = struct.unpack('<I', request[at + 4:at + 8])[0]
        text, views = struct.unpack('<II', request[at + 8 + 224:at + 8 + 232])
        end = at + 8 + head + text + (views + 8 if views else 0)
        yield request[at:end]
        at = request.find(HEAD, end)


def write_lines(path, seconds, told):
    """Lines of nginx in docker json, evenly; notes when each was written."""
    i, written, start = 0, [], time.monotonic()
    with open(path, 'ab', buffering=0) as f:
        while (now := time.monotonic()) < start + seconds:
            due, lines = (now - start) * RATE, []
            while f.tell() + sum(map(len, lines)) < due:
                log = (f'203.0.113.{i % 250} - - [25/Nov/2026:21:14:18 +0000] "GET /products/{i * 7919 % 100003} HTTP/1.1" 200 {i % 9999} "-" '
                       f'"Mozilla/5.0 (X11; Linux x86_64)" n={i}\n')
                lines.append(json.dumps({'log': log, 'stream': 'stdout', 'time': '2026-11-25T21:14:18.%09dZ' % (i % 10**9)}).encode() + b'\n')
                i += 1
            f.write(b''.join(lines))
            written += [time.monotonic()] * len(lines)
            time.sleep(STEP_S)
    told.send(written)


def said(measure, values, **more):
    v = sorted(x * 1000 for x in values)
    print(json.dumps({'measure': measure, 'n': len(v), 'p50_ms': round(v[len(v) // 2], 1), 'p99_ms': round(v[len(v) * 99 // 100], 1),
                      'max_ms': round(v[-1], 1), **more}), flush=True)


def run(kafka, relay, number):
    folder = scratch('latency')
    log, topic = os.path.join(folder, 'logs/a.log'), f'latency-{number}'
    os.makedirs(os.path.dirname(log))
    kafka.run('topic', topic, '1')
    relay.pairs = []
    brokers = f'127.0.0.1:{kafka.port + 4}'
    with open(os.path.join(folder, 'agent.yml'), 'w') as f:
        f.write(f'data: {folder}/data\nlogs: ["{log}"]\ntransport: kafka\nkafka: {{brokers: "{brokers}", topic: {topic}}}\n'
                'discover: {docker: false, cri: false, podman: false}\nlog.level: error\nsignals: false\n')
    agent = subprocess.Popen([os.path.join(BUILD, 'dogwatch-agent'), '--config', os.path.join(folder, 'agent.yml')])
    mine, other = multiprocessing.Pipe()
    writer = multiprocessing.Process(target=write_lines, args=(log, SECONDS, other))
    writer.start()
    written = mine.recv()
    writer.join()
    agent.terminate()  # it reads the file to its end and waits for acknowledgement
    if agent.wait():
        sys.exit('the agent did not end well')
    took, sizes, last = [None] * len(written), [], 0
    for at, request in relay.answered():
        for frame in frames(request):
            for _, text, _ in dwcat.read_frames(frame):
                for line in text.splitlines():
                    i = int(line.rsplit(b'n=', 1)[1])
                    took[i] = at - written[i] if took[i] is None else took[i]
                    last = max(last, at)
                if text:
                    sizes.append(len(frame))
    if None in took:
        sys.exit(f'{took.count(None)} lines were not acknowledged')
    warm = len(took) // 10
    said('dogwatch-agent, write to acknowledged', took[warm:], frames=len(sizes), frame_bytes=sum(sizes) // len(sizes))
    peer = [os.path.join(BUILD, 'tests/bench_produce'), brokers, topic, str(sum(sizes) // len(sizes)), str(SECONDS * 1000000 // len(sizes)), str(SECONDS)]
    subprocess.run(peer, check=True)


kafka = Kafka(1, '--behind')
relay = Relay(kafka.port + 4, kafka.port + 3)
for n in range(RUNS):
    run(kafka, relay, n)
