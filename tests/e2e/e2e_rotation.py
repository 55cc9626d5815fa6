#!/usr/bin/env python3
"""Every way in which logs are rotated, with the agent killed meanwhile: each line once, and nothing unaccounted for.

One writer a kind; a line carries its number. What nobody could read (a file that was made and deleted while no agent was there) is not made here: between a kill and
the next look at most as many files come as the kind keeps.
"""
import gzip
import threading
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('rotation')
LINES = 40000 if LONG else 6000
ROTATE = 20000  # bytes


class Writer:
    """One log; `rotate` is the kind's."""
    keeps = 3   # rotations between a kill and the next one
    files = 60  # rotated files that stay: what was read before a kill, and not yet declared over, is still there after it

    def __init__(self, name):
        self.dir = os.path.join(dir_, 'logs', name)
        os.makedirs(self.dir)
        self.path, self.n, self.turns = os.path.join(self.dir, 'app.log'), 0, 0
        self.size, self.since_kill = 0, 0
        self.open()

    def open(self):
        self.file, self.size = open(self.path, 'ab', buffering=0), 0

    def line(self):
        return b'%s line %07d %s\n' % (type(self).__name__.encode(), self.n, b'x' * (self.n * 7 % 60))

    def write(self, count):
        for _ in range(count):
            text = self.line()
            self.file.write(text)
            self.n += 1
            self.size += len(text)
            if self.size > ROTATE and self.since_kill < self.keeps:
                self.turns += 1
                self.since_kill += 1
                self.rotate()

    def old(self, k):
        return f'{self.path}.{k}'

    def shift(self, suffix=''):
        for k in range(self.files, 0, -1):
            if os.path.exists(self.old(k) + suffix):
                os.rename(self.old(k) + suffix, self.old(k + 1) + suffix)
        if os.path.exists(self.old(self.files + 1) + suffix):
            os.unlink(self.old(self.files + 1) + suffix)

    @staticmethod
    def pack(path, by=None):
        """As gzip(1), docker and the kubelet do: made beside it whole, then the original goes."""
        with open(path, 'rb') as f, gzip.open(path + '.tmp', 'wb') as z:
            z.write(f.read())
        os.rename(path + '.tmp', path + '.gz')
        os.unlink(path)


class Docker3(Writer):
    """docker, several files."""

    def rotate(self):
        self.file.close()
        self.shift()
        os.rename(self.path, self.old(1))
        self.open()


class DockerCompress(Writer):
    """docker, compress: a file is packed as soon as it is rotated, while the next one is written."""

    def rotate(self):
        self.file.close()
        self.shift('.gz')
        os.rename(self.path, self.old(1))
        self.open()
        self.pack(self.old(1))


class Docker1(Writer):
    """docker, max-file 1: unlinked and made anew."""
    keeps = 1

    def rotate(self):
        self.file.close()
        os.unlink(self.path)
        self.open()


class Conmon(Writer):
    """conmon: a new file is renamed over the log."""
    keeps = 1

    def rotate(self):
        self.file.close()
        self.file, self.size = open(self.path + '.tmp', 'ab', buffering=0), 0
        os.rename(self.path + '.tmp', self.path)


class Kubelet(Writer):
    """kubelet: renamed with a time; all but the newest rotated file are packed."""

    def rotate(self):
        self.file.close()
        plain = sorted(n for n in os.listdir(self.dir) if n.startswith('app.log.') and not n.endswith('.gz'))
        for name in plain:
            self.pack(os.path.join(self.dir, name))
        os.rename(self.path, f'{self.path}.20261129-{self.turns:06d}')
        self.open()
        for name in sorted(n for n in os.listdir(self.dir) if n.startswith('app.log.'))[:-self.files]:
            os.unlink(os.path.join(self.dir, name))


class Logrotate(Writer):
    """logrotate, create, delaycompress."""

    def rotate(self):
        self.file.close()
        self.shift('.gz')
        if os.path.exists(self.old(1)):
            os.rename(self.old(1), self.old(2))
            self.pack(self.old(2))
        os.rename(self.path, self.old(1))
        self.open()


class CopyTruncate(Writer):
    """logrotate, copytruncate; its program writes nothing between copy and truncation, which would be lost for everybody."""

    def rotate(self):
        self.shift()
        shutil.copyfile(self.path, self.old(1))
        self.file.truncate(0)
        self.size = 0


class CopyCompress(Writer):
    """logrotate, copytruncate and compress: the copy is packed before we come to look for it."""

    def rotate(self):
        self.shift('.gz')
        shutil.copyfile(self.path, self.old(1))
        self.file.truncate(0)
        self.size = 0
        self.pack(self.old(1))


KINDS = [Docker3, DockerCompress, Docker1, Conmon, Kubelet, Logrotate, CopyTruncate, CopyCompress]
only = os.environ.get('DW_KIND')
writers = [kind(kind.__name__) for kind in KINDS if not only or kind.__name__ == only]
data = os.path.join(dir_, 'data')
up = Up(data, [os.path.join(w.dir, 'app.log') for w in writers], '--set', 'rotated.wait=2s', *OWN_PORT)
rng = random.Random(11)
kills = 0


def seen():
    """Lines of each kind that are archived, as often as they are."""
    got = {}
    if not os.path.exists(os.path.join(data, 'archive', 'MANIFEST')):
        return got
    for e in query(data):
        got.setdefault(e['event']['original'].split()[0], []).append(e['event']['original'])
    return got


def caught_up():
    got = seen()
    return all(len(set(got.get(type(w).__name__, []))) >= w.n for w in writers)


def waits_for():
    got = seen()
    return {type(w).__name__: (len(set(got.get(type(w).__name__, []))), w.n) for w in writers}


for w in writers:
    w.write(50)
wait_for(caught_up, 60, lambda: f'the first lines: {waits_for()}', 0.2)
while any(w.n < LINES for w in writers):
    pid = up.child('dogwatch-agent')
    if pid:
        os.kill(pid, signal.SIGKILL)
        kills += 1
    for w in writers:
        w.since_kill = 0
        w.write(min(rng.choice((10, 300, 900)), LINES - w.n))
    wait_for(lambda: up.child('dogwatch-agent') not in (0, pid), 60, 'a new agent')
    for _ in range(4):
        for w in writers:
            w.write(min(100, LINES - w.n))
    wait_for(caught_up, 90, lambda: f'all lines after kill {kills}: {waits_for()}\n{up.said()[-1500:]}', 0.2)
same(up.stop(), 0, 'dogwatch up ends well')
check(kills >= 3, 'kills hit a live agent', kills)
got = seen()
for w in writers:
    name = type(w).__name__
    lines = got.get(name, [])
    want = {(b'%s line %07d %s' % (name.encode(), i, b'x' * (i * 7 % 60))).decode() for i in range(w.n)}
    same(set(lines), want, f'{name}: every line ({w.turns} rotations)')
    same(len(lines), w.n, f'{name}: each once')
rows, all_ = ledger(data)
same(all_['unaccounted'], 0, 'nothing is unaccounted for')
same([r['file'] for r in rows if r['state'] == 'lost'], [], 'no stream is lost')
check(dogwatch('archive', 'verify', '--data', data).startswith('ok'), 'archive verify')
check(not alarms(data), 'no false alarm', alarms(data))
print(f'{len(writers)} kinds, {sum(w.n for w in writers)} lines, {sum(w.turns for w in writers)} rotations, {kills} kills')
finish(began)
