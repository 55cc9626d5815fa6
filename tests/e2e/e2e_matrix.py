#!/usr/bin/env python3
"""Rotation by speed by SIGKILL by faults of the network before Apache Kafka: what was written, less what is in the archive, is nothing but what nobody could read.

Each writer is a process of its own with its own record: every file's first and last line, when it was made and when its name was gone. A line may be missing only where
its file came and went while no agent was there, or half a second before. Lines are 1 KB of docker json or CRI; files are rotated at 10 MB, as docker's max-size does.
"""
import gzip
import threading
import time

from e2e_lib import *  # noqa: F403
from proxy import Proxy

began = time.monotonic()
KINDS = ('docker3', 'compress', 'docker1', 'conmon', 'kubelet', 'copytruncate')
CELLS = [(k, s) for s in (2, 10, 30, 50) for k in KINDS] if LONG else [('docker3', 10)]
SECONDS, FULL, STEP_S = 6 if LONG else 3, 10_000_000, 0.005
SEEN, ALIVE = 0.5, 0.3  # an agent has seen a file by then; after its start it has looked at everything


class Writer:
    """Writes at a rate; `files` is its record: [first line, lines, made, gone or None]."""

    def __init__(self, kind, folder):
        self.kind, self.path, self.n, self.files, self.turn = kind, os.path.join(folder, 'app.log'), 0, [], 0
        stamp = '2026-11-29T20:00:00.000000000Z'
        self.head = (f'{{"log":"{kind} ' if kind not in ('conmon', 'kubelet') else f'{stamp} stdout F {kind} ').encode()
        self.foot = (' ' + 'x' * 900 + ('\\n","stream":"stdout","time":"' + stamp + '"}\n' if kind not in ('conmon', 'kubelet') else '\n')).encode()
        self.open(self.path)

    def open(self, path):
        self.file = open(path, 'ab', buffering=0)
        self.size = 0
        self.files.append([self.n, 0, time.monotonic(), None])

    def gone(self, nth=1):
        """The nth file before the newest has no name any more."""
        if len(self.files) >= nth:
            self.files[-nth][3] = self.files[-nth][3] or time.monotonic()

    def shift(self, keep, suffix=''):
        oldest = f'{self.path}.{keep}{suffix}'
        if os.path.exists(oldest):
            os.unlink(oldest)
            self.gone(keep + 1)
        for k in range(keep - 1, 0, -1):
            if os.path.exists(f'{self.path}.{k}{suffix}'):
                os.rename(f'{self.path}.{k}{suffix}', f'{self.path}.{k + 1}{suffix}')

    @staticmethod
    def pack(path):
        with open(path, 'rb') as f, gzip.open(path + '.tmp', 'wb', 1) as z:
            shutil.copyfileobj(f, z, 1 << 20)
        os.rename(path + '.tmp', path + '.gz')
        os.unlink(path)

    def rotate(self):
        self.turn += 1
        if self.kind == 'copytruncate':
            self.shift(4)
            shutil.copyfile(self.path, self.path + '.1')
            self.file.truncate(0)
            self.size = 0
            self.files.append([self.n, 0, time.monotonic(), None])
            return
        self.file.close()
        if self.kind == 'docker1':
            os.unlink(self.path)
            self.gone()
            self.open(self.path)
        elif self.kind == 'conmon':
            self.open(self.path + '.new')
            os.rename(self.path + '.new', self.path)
            self.gone(2)
        else:
            suffix = '.gz' if self.kind == 'compress' else ''
            self.shift(4 if self.kind == 'kubelet' else 2, suffix)
            os.rename(self.path, self.path + '.1')
            self.open(self.path)
            if suffix:
                self.pack(self.path + '.1')

    def run(self, rate, seconds):
        end, each = time.monotonic() + seconds, len(self.head) + 8 + len(self.foot)
        start, written = time.monotonic(), 0
        while time.monotonic() < end:
            due = int((time.monotonic() - start) * rate) - written
            count = min(max(due // each, 0), 20000)
            if count:
                self.file.write(b''.join(self.head + b'%08d' % i + self.foot for i in range(self.n, self.n + count)))
                self.n += count
                self.files[-1][1] += count
                self.size += count * each
                written += count * each
            if self.size > FULL:
                self.rotate()
            time.sleep(STEP_S)  # the rate, and nobody's answer


def write(kind, folder, rate, seconds):
    w = Writer(kind, folder)
    print('begins', flush=True)
    w.run(float(rate), float(seconds))
    print(json.dumps([w.n, w.files]))


# A program of its own: a fork of this one would hold the proxy's listening and torn sockets open, so that no fault were one.
if sys.argv[1:2] == ['--write']:
    write(*sys.argv[2:])
    sys.exit(0)


def agent_status(data):
    r = subprocess.run([DOGWATCH, 'agent', 'status', '--data', data], capture_output=True, text=True)
    return json.loads(r.stdout) if r.returncode == 0 else None


def has_sent_all(data):
    s = agent_status(data)
    return s and s['lag_bytes'] == s['spool_bytes'] == 0 and s['acknowledged'] == s['frames']


def archived(data, kind):
    """Lines by number, as often as they are there."""
    r = subprocess.run([DOGWATCH, 'query', '*', '--data', data, '--output', 'ndjson'], capture_output=True)
    return [int(m) for m in re.findall(rb'"original":"' + kind.encode() + rb' (\d{8}) ', r.stdout)]


kafka = Kafka(1, '--behind')
proxy = Proxy([(kafka.port + 4, kafka.port + 3)], 11)
brokers = f'127.0.0.1:{kafka.port + 4}'


def cell(kind, speed):
    folder = scratch(f'matrix-{kind}-{speed}')
    logs, data = os.path.join(folder, 'logs'), os.path.join(folder, 'data')
    os.makedirs(logs)
    up = Up(data, [os.path.join(logs, 'app.log')], '--set', 'rotated.wait=5s', *OWN_PORT, brokers=brokers)
    wait_for(lambda: agent_status(data), 60, 'an agent')
    dead = []
    p = subprocess.Popen([sys.executable, __file__, '--write', kind, logs, str(speed * 1_000_000), str(SECONDS)], stdout=subprocess.PIPE, text=True)
    same(p.stdout.readline(), 'begins\n', 'a writer')

    def at(moment):
        return max(0.0, start + moment - time.monotonic())

    def faults():
        for mode, moment in (('refused', 0.15), ('through', 0.3), ('torn', 0.7), ('through', 0.85)):
            threading.Event().wait(at(SECONDS * moment))
            proxy.set(mode)

    start = time.monotonic()
    disturber = threading.Thread(target=faults)
    disturber.start()
    for moment in (0.4, 0.8):
        threading.Event().wait(at(SECONDS * moment))
        pid = up.child('dogwatch-agent')
        if pid:
            killed = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: up.child('dogwatch-agent') not in (0, pid) and agent_status(data), 60, 'a new agent')
            dead.append((killed - SEEN, time.monotonic() + ALIVE))
    n, files = json.loads(p.communicate()[0])
    disturber.join()
    proxy.set('through')
    # A line that nobody could read: its file came and went without an agent. The last file is there in the end, whoever rotated.
    lost = [i for first, count_, made, gone in files if any(a <= made and gone and gone <= b for a, b in dead) for i in range(first, first + count_)]
    want = n - len(lost)
    wait_for(lambda: count(data) >= want or up.process.poll() is not None, 180, lambda: f'{kind} {speed}: {want} lines, {count(data)} came\n{up.said()[-2000:]}', 0.3)
    wait_for(lambda: has_sent_all(data), 120, lambda: f'{kind} {speed}: all to be sent: {agent_status(data)}', 0.3)  # more may have been readable than was to be expected
    same(up.stop(), 0, f'{kind} at {speed} MB/s: it ends well')
    same(up_until_idle(data, [os.path.join(logs, 'app.log')], *OWN_PORT, brokers=brokers), 0, f'{kind} at {speed} MB/s: the brokers have nothing more')
    got = archived(data, kind)
    missing = set(range(n)) - set(got)
    check(len(dead) == 2, f'{kind} at {speed} MB/s: both kills hit a live agent', dead)
    check(missing <= set(lost), f'{kind} at {speed} MB/s: what is missing was readable for nobody', (len(missing), sorted(missing - set(lost))[:5], files))
    same(len(got) - len(set(got)), 0, f'{kind} at {speed} MB/s: nothing twice')
    rows, all_ = ledger(data)
    same(all_['unaccounted'], 0, f'{kind} at {speed} MB/s: the ledger')
    print(f'{kind:13s} {speed:3d} MB/s: {n:7d} lines in {len(files):3d} files, kills {len(dead)}, archived {len(set(got)):7d}, '
          f'unreadable {len(missing):5d}, unaccounted {n - len(set(got)) - len(missing):d}, dead {sum(b - a for a, b in dead):.1f} s', flush=True)
    shutil.rmtree(folder)


for kind_, speed_ in CELLS:
    if not os.environ.get('DW_KIND') or os.environ['DW_KIND'] == kind_:
        cell(kind_, speed_)
finish(began)
