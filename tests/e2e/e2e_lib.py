"""What the end-to-end tests share: writers of container logs that keep their own record, `dogwatch up`, and results.

The record: for every line its bytes, its stream (stdout, stderr) and the extents [start, end) in the files (by inode) that it
was written to; for every file how many bytes. Nothing in it comes from dogwatch.
"""
import atexit
import datetime
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tools'))
import dwcat  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get('DW_BUILD', 'build/asan'))
DOGWATCH = os.path.join(BUILD, 'dogwatch')
PIECE = 16384
LONG = '--long' in sys.argv
BROKERS = os.environ.get('DW_BROKERS')  # then `up` joins its two programs by Kafka, each DATA by a topic of its own
os.environ.setdefault('ASAN_OPTIONS', 'detect_leaks=1')
checks = {'done': 0, 'failed': 0}


def check(ok, what, detail=''):
    checks['done'] += 1
    if not ok:
        checks['failed'] += 1
        print(f'FAIL  {what}  {str(detail)[:2000]}', flush=True)
    return ok


def same(a, b, what):
    """Equality with a short account of what differs."""
    if a == b or not isinstance(a, set):
        return check(a == b, what, f'{a!r} is not {b!r}' if a != b else '')
    only_a, only_b = [x for x in a if x not in b], [x for x in b if x not in a]
    return check(False, what, f'{len(a)} and {len(b)}; only left {len(only_a)}: {only_a[:3]}; only right {len(only_b)}: {only_b[:3]}')


def wait_for(condition, seconds, what, pause=0.02):
    """`what`: a text, or a function that makes it when it was in vain."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f'waited {seconds} s in vain for: {what() if callable(what) else what}')
        time.sleep(pause)


def finish(began):
    print(f'{checks["done"]} checks, {checks["failed"]} failed, {time.monotonic() - began:.1f} s')
    if not checks['done']:
        print('FAIL  nothing was checked')
    sys.exit(1 if checks['failed'] or not checks['done'] else 0)


def scratch(name):
    keep = os.environ.get('DW_KEEP')
    path = tempfile.mkdtemp(prefix=f'dw-{name}-')
    if not keep:
        atexit.register(shutil.rmtree, path, True)
    return path


class Line:
    __slots__ = ('text', 'out', 'extents')

    def __init__(self, text, out):
        self.text, self.out, self.extents = text, out, []

    def id(self):
        return self.extents[0][:2]


class Log:
    """One container's log: `put` writes one piece of a line, files are renamed away when they are full."""

    def __init__(self, path, limit, record):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path, self.limit, self.record, self.n, self.waiting, self.inside = path, limit, record, 0, set(), True
        self.open()

    def open(self):
        self.file = open(self.path, 'ab', buffering=0)
        self.inode, self.size = os.fstat(self.file.fileno()).st_ino, 0
        self.record.files[self.inode] = 0

    def put(self, line, piece, last, out, stamp):
        data = self.envelope(piece, last, out, stamp)
        self.file.write(data)
        start, self.size = self.size, self.size + len(data)
        self.record.files[self.inode] = self.size
        if line.extents and line.extents[-1][0] == self.inode and line.extents[-1][2] == start:
            line.extents[-1] = (self.inode, line.extents[-1][1], self.size)
        else:
            line.extents.append((self.inode, start, self.size))
        (self.waiting.discard if last else self.waiting.add)(line)
        if last:
            self.record.lines.append(line)
        if self.size > self.limit and (self.inside or not self.waiting):
            self.rotate()

    def rotate(self):
        self.n += 1
        self.file.close()
        os.rename(self.path, self.rotated())
        self.open()


class Docker(Log):
    def envelope(self, piece, last, out, stamp):
        text = piece.decode() + ('\n' if last else '')
        return json.dumps({'log': text, 'stream': out, 'time': stamp}, separators=(',', ':')).encode() + b'\n'

    def rotated(self):
        return f'{self.path}.{self.n}'


class Cri(Log):
    def envelope(self, piece, last, out, stamp):
        return f'{stamp} {out} {"F" if last else "P"} '.encode() + piece + b'\n'

    def rotated(self):
        return f'{self.path}.20261124-{self.n:06d}'


class Record:
    def __init__(self):
        self.lines, self.files = [], {}

    def bytes(self):
        return sum(self.files.values())


def stamp_of(t):
    return t.strftime('%Y-%m-%dT%H:%M:%S.%f') + '000Z'


class Traffic:
    """Writes `total` lines to two docker and two CRI logs; the pieces of long lines have others' lines between them."""

    def __init__(self, root, total, seed, rotate=300000, inside=True):
        """`inside`: files are also rotated in the middle of a long line, as runtimes do."""
        self.rng, self.total, self.record, self.n = random.Random(seed), total, Record(), 0
        self.logs = []
        for k in range(2):
            cid = hashlib.sha256(f'{seed}-{k}'.encode()).hexdigest()
            self.logs.append(Docker(os.path.join(root, 'docker', cid, cid + '-json.log'), rotate, self.record))
            pod = f'shop_pod-{k}_0b2e9f5c-1d1a-4f0e-8d55-5a1c3f6b7e9{k}'
            self.logs.append(Cri(os.path.join(root, 'pods', pod, 'app', '0.log'), rotate, self.record))
        for log in self.logs:
            log.inside = inside
        self.globs = [os.path.join(root, 'docker/*/*-json.log*'), os.path.join(root, 'pods/*/*/*.log*')]
        self.pending = {}  # (log, out) -> pieces still to write of a long line

    def text(self, i, now, raw):
        r, roll = self.rng, self.rng.random()
        ip = f'203.0.113.{r.randrange(2, 250)}'
        if roll < 0.004:
            return b'long %d ' % i + bytes(r.choices(b'abcdefghij klmnopqrstuvwxyz"\\', k=r.randrange(PIECE - 30, 4 * PIECE)))
        if roll < 0.05:
            return f'{{"level":"info","msg":"order {i} \\u00e9 \\"x\\"","user":{{"name":"u{i % 50}"}},"tries":[1,2.50,{i}],"ok":true}}'.encode()
        if roll < 0.07:
            return f'plain text, tab\there, snowman \u2603 number {i} "quoted" back\\slash'.encode()
        if roll < 0.08 and raw:
            return b'not utf-8: \xff\xfe\xc3 and \x01 control, number %d' % i
        if roll < 0.0815:
            path = r.choice(["/products?id=1%27%20UNION%20SELECT%20login,password%20FROM%20users--", '/static/../../../../etc/passwd'])
        else:
            path = f'/products/{i}'
        return (f'{ip} - - [{now.strftime("%d/%b/%Y:%H:%M:%S +0000")}] "GET {path} HTTP/1.1" 200 '
                f'{r.randrange(300, 20000)} "-" "Mozilla/5.0 (X11; Linux x86_64)"').encode()

    def step(self):
        """One line begins; long lines go on."""
        log, out = self.logs[self.rng.randrange(4)], self.rng.choice(('stdout', 'stdout', 'stderr'))
        now = datetime.datetime.now(datetime.timezone.utc)
        for key in list(self.pending):
            if self.rng.random() < 0.3 or key == (log, out):
                self.go_on(key, now, key == (log, out))
        line = Line(self.text(self.n, now, isinstance(log, Cri)), out)
        self.n += 1
        pieces = [line.text[i:i + PIECE] for i in range(0, len(line.text), PIECE)]
        log.put(line, pieces[0], len(pieces) == 1, out, stamp_of(now))
        if len(pieces) > 1:
            self.pending[log, out] = (line, pieces[1:])

    def go_on(self, key, now, to_end=False):
        log, out = key
        line, pieces = self.pending[key]
        while pieces:
            piece = pieces.pop(0)
            log.put(line, piece, not pieces, out, stamp_of(now))
            if not to_end:
                break
        if not pieces:
            del self.pending[key]

    def run(self, count):
        for _ in range(min(count, self.total - self.n)):
            self.step()
        if self.n == self.total:
            self.end_lines()
        return self.n < self.total

    def end_lines(self):
        """Writes what is still to come of long lines, which the agent would cut after 5 s."""
        for key in list(self.pending):
            self.go_on(key, datetime.datetime.now(datetime.timezone.utc), True)


def free_ports(count):
    """The first of so many ports that nobody listens on. Any of a wide range: a broker that is down holds none, and another test that runs
    at the same time must not take its place."""
    while True:
        first = random.SystemRandom().randrange(20000, 32000 - count)
        try:
            for port in range(first, first + count):
                with socket.socket() as s:
                    s.bind(('127.0.0.1', port))
            return first
        except OSError:
            pass


class Kafka:
    """Apache Kafka on loopback by tools/kafka.sh, in a folder and on ports of its own."""

    def __init__(self, nodes=1, *more):
        self.port = port = free_ports(10 * nodes)
        self.env = dict(os.environ, DW_KAFKA=scratch('kafka'), DW_KAFKA_PORT=str(port),
                        DW_KAFKA_JARS=os.environ.get('DW_KAFKA_JARS', os.path.join(ROOT, 'build/kafka-jars')))
        self.brokers = ','.join(f'127.0.0.1:{port + 10 * n}' for n in range(nodes))
        atexit.register(self.run, 'clean')
        self.run('start', '--nodes', str(nodes), *more)

    def run(self, *args):
        r = subprocess.run([os.path.join(ROOT, 'tools/kafka.sh'), *args], env=self.env, capture_output=True)
        if r.returncode == 4:
            print('SKIPPED  Apache Kafka cannot be brought here (no Maven repository has it): what needs it did not run')
            sys.exit(0)
        if r.returncode:
            raise AssertionError(f'kafka.sh {" ".join(args)}: {r.stderr.decode(errors="replace")[-2000:]}')
        return r.stdout.decode()


def topic_of(data):
    return 'dogwatch-' + hashlib.sha256(os.path.abspath(data).encode()).hexdigest()[:12]


def over_kafka(data, brokers):
    """Arguments of `up` that join agent and collector by Kafka."""
    topic = topic_of(data)
    return [a for s in ('transport=kafka', f'kafka.brokers={brokers}', f'kafka.topic={topic}', f'collector.kafka.group={topic}')
            for a in ('--set', s)]


QUIET = ('--set', 'signals=false')  # most tests count the lines that they wrote; e2e_tamper looks at the agent's own
OWN_PORT = ('--set', 'collector.api.listen=127.0.0.1:0')  # 7117 is another test's as soon as both have looked for it


class Up:
    """A running `dogwatch up`; its words are kept in DATA's sibling up.log."""

    def __init__(self, data, globs, *more, user=None, brokers=BROKERS, quiet=QUIET):
        self.log = data.rstrip('/') + '.up.log'
        args = [DOGWATCH, 'up', '--data', data, *quiet] + [a for g in globs for a in ('--logs', g)] + list(more)
        args += over_kafka(data, brokers) if brokers else []
        self.process = subprocess.Popen(args, stdout=open(self.log, 'ab'), stderr=subprocess.STDOUT, user=user,
                                        extra_groups=[] if user else None)
        atexit.register(self.end_at_exit)

    def end_at_exit(self):
        """No test leaves a process behind."""
        if self.process.poll() is None:
            children = [self.child('dogwatch-agent'), self.child('dogwatch-collector')]
            self.process.kill()
            for pid in filter(None, children):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def port(self):
        """Where its collector, by its own word, serves the HTTP API."""
        return int(wait_for(lambda: re.search(r'collector: info: HTTP API on http://127\.0\.0\.1:(\d+)', self.said()), 60,
                            lambda: f'the HTTP API: {self.said()[-1500:]}').group(1))

    def child(self, name):
        """Pid of the live child whose program is `name`, or 0."""
        try:
            pids = open(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read().split()
            for pid in pids:
                words = open(f'/proc/{pid}/cmdline').read().split('\0')
                if os.path.basename(words[0]) == name and open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[0] != 'Z':
                    return int(pid)
        except OSError:
            pass
        return 0

    def said(self):
        return open(self.log, errors='replace').read()

    def stop(self, seconds=60):
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end_at_exit()
            raise AssertionError(f'dogwatch up does not end within {seconds} s:\n{self.said()[-3000:]}')
        if any(word in self.said() for word in ('ERROR: AddressSanitizer', 'runtime error:', 'LeakSanitizer', 'ThreadSanitizer')):
            check(False, 'a sanitizer speaks', self.said()[-6000:])
        return code


def up_until_idle(data, globs, *more, seconds=120, brokers=BROKERS):
    return Up(data, globs, '--until-idle', *more, brokers=brokers).wait(seconds)


def dogwatch(*args, codes=(0,)):
    r = subprocess.run([DOGWATCH, *args], capture_output=True)
    check(r.returncode in codes, f'dogwatch {" ".join(args[:2])} exits {r.returncode}', r.stderr.decode(errors='replace')[-1500:])
    return r.stdout.decode()


def ndjson(text):
    return [json.loads(line) for line in text.splitlines()]


def query(data, text='*'):
    return ndjson(dogwatch('query', text, '--data', data, '--output', 'ndjson'))


def event_ids(data):
    return [json.loads(line)['event']['id'] for line in dogwatch('query', '*', '--data', data, '--output', 'ndjson').splitlines()]


def decoders_agree(data):
    """`dogwatch cat` and tools/dwcat.py over the same segments, event by event; answers how many."""
    commands = [[DOGWATCH, 'cat'], [sys.executable, os.path.join(ROOT, 'tools/dwcat.py')]]
    running = [subprocess.Popen(c + segments(data), stdout=subprocess.PIPE) for c in commands]
    total, differ = 0, None
    for a, b in itertools.zip_longest(*(p.stdout for p in running)):
        total += 1
        if differ is None and (a is None or b is None or json.loads(a) != json.loads(b)):
            differ = (total, a, b)
    check([p.wait() for p in running] == [0, 0] and total > 0, 'cat and dwcat.py end well')
    check(differ is None, 'dogwatch cat and dwcat.py agree', differ)
    return total


def count(data):
    r = subprocess.run([DOGWATCH, 'query', 'not event.dataset:dogwatch.agent | stats count', '--data', data, '--output', 'ndjson'], capture_output=True)
    return json.loads(r.stdout)['count'] if r.returncode == 0 and r.stdout else 0


def alerts(data):
    return ndjson(dogwatch('alerts', '--data', data, '--output', 'ndjson', '--limit', '1000000'))


def alert_keys(data):
    return {(a['rule']['id'], a['event']['id']) for a in alerts(data)}


def counters(data):
    return {r['counter']: r['value'] for r in ndjson(dogwatch('counters', '--data', data, '--output', 'ndjson'))}


def alarms(data):
    """Alerts that the collector raises about frames and bytes (not about rules that could not be decided): rule -> count."""
    found = {}
    for a in alerts(data):
        rule = a['rule']['id']
        if rule.startswith('dogwatch.') and not rule.startswith('dogwatch.rule.'):
            found[rule] = found.get(rule, 0) + 1
    return found


def ledger(data, codes=(0,)):
    rows = ndjson(dogwatch('ledger', '--data', data, '--output', 'ndjson', codes=codes))
    return rows, {k: sum(r[k] for r in rows) for k in ('read', 'archived', 'declared', 'pending', 'unaccounted')}


def segments(data):
    folder = os.path.join(data, 'archive')
    return sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.startswith('seg-'))


def decoded(paths):
    """Every event of the files by tools/dwcat.py, as (inode of its stream, event)."""
    for path in paths:
        data = open(path, 'rb').read()
        read = dwcat.read_segment if data[:4] == dwcat.SEGMENT.to_bytes(4, 'little') else dwcat.read_frames
        for head, text, views in read(data):
            for e in dwcat.read_events(head, text, views):
                del e['pieces']
                yield e['stream'][3], e


def check_lines(data, record):
    """Every line once, by event id and by bytes; what zstd prints, in (stream, start) order, is what was written."""
    events = [(inode, {k: e[k] for k in ('stream', 'start', 'extents', 'out', 'line')}) for inode, e in decoded(segments(data))]
    raw = subprocess.run(['zstd', '-dc', '-q'] + [p for p in segments(data) if os.path.getsize(p)], capture_output=True).stdout
    check(raw == b''.join(e['line'] + b'\n' for _, e in events), 'zstd -dc prints the lines of the events in their order')
    by_place, again = {}, 0
    for inode, e in events:
        place = (inode, e['start'])
        if place in by_place:
            again += 1
            check(by_place[place]['line'] == e['line'], 'a re-sent event has the same bytes', place)
        by_place[place] = e
    wanted = {line.id(): line for line in record.lines}
    check(len(wanted) == len(record.lines) and len(wanted) > 0, 'the record itself is sound')
    same(set(by_place), set(wanted), 'events begin where lines begin')
    joined = b''.join(by_place[p]['line'] + b'\n' for p in sorted(by_place))
    check(joined == b''.join(wanted[p].text + b'\n' for p in sorted(wanted)), 'lines in (stream, start) order, byte for byte')
    out = {1: 'stdout', 2: 'stderr'}
    bad = [p for p in by_place if p in wanted and out.get(by_place[p]['out']) != wanted[p].out]
    check(not bad, 'stdout and stderr', bad[:3])
    bad = [p for p in by_place if p in wanted and by_place[p]['line'] != wanted[p].text]
    check(not bad, 'the text of each line', [(p, by_place[p]['line'][:80], len(by_place[p]['line']), wanted[p].text[:80], len(wanted[p].text)) for p in bad[:3]])
    inode_of = {e['stream'][0]: inode for inode, e in events}
    bad = [p for p in by_place if p in wanted
           and [(inode_of[s], a, b) for s, a, b in by_place[p]['extents']] != wanted[p].extents]
    check(not bad, 'extents are where the pieces stand', [([(inode_of[s], a, b) for s, a, b in by_place[p]['extents']], wanted[p].extents) for p in bad[:3]])
    ids = event_ids(data)
    same(len(set(ids)), len(record.lines), 'query: every line by its id')
    same(len(ids), len(record.lines), 'query: every line once')
    return again


def check_account(data, record):
    _, total = ledger(data)
    same(total['read'], record.bytes(), 'ledger: read is what was written')
    same(total['archived'] + total['declared'], record.bytes(), 'ledger: archived + declared')
    same(total['unaccounted'], 0, 'ledger: nothing unaccounted')
    check(dogwatch('archive', 'verify', '--data', data).startswith('ok'), 'archive verify')
    r = subprocess.run([sys.executable, os.path.join(ROOT, 'tools/dwcat.py'), '--check'] + segments(data), capture_output=True)
    check(r.returncode == 0 and r.stdout.startswith(b'ok'), 'dwcat --check', r.stdout + r.stderr)


# ---- frames, taken apart and put together again ----

class Frame:
    """A frame as it stands in the queue, that can be taken apart and put together again."""

    def __init__(self, data):
        self.data = data

    kind = property(lambda s: s.data[13])
    signed = property(lambda s: s.data[14] & 1)

    def field(self, at, size):
        return self.data[8 + at:8 + at + size]

    def put(self, at, value):
        """With a hash that fits, as one who knows the format would do it."""
        d = bytearray(self.data)
        d[8 + at:8 + at + len(value)] = value
        canonical = bytearray(d[12:104])
        canonical[2:4] = b'\0\0'
        d[8 + 192:8 + 224] = dwcat.hashlib.sha256(b'dw1' + bytes(d[8 + 96:8 + 128]) + bytes(canonical) + bytes(d[8 + 128:8 + 192])).digest()
        return Frame(bytes(d))

    def text(self):
        head = 8 + struct.unpack('<I', self.data[4:8])[0]
        packed = struct.unpack('<I', self.field(224, 4))[0]
        return dwcat.unpack(self.data[head:head + packed], struct.unpack('<I', self.field(84, 4))[0])

    def with_text(self, text, knows_format):
        head = 8 + struct.unpack('<I', self.data[4:8])[0]
        packed = struct.unpack('<I', self.field(224, 4))[0]
        new = subprocess.run(['zstd', '-q', '-c', '--no-check', f'--stream-size={len(text)}'], input=text, capture_output=True).stdout
        d = self.data[:8 + 224] + struct.pack('<I', len(new)) + self.data[8 + 228:head] + new + self.data[head + packed:]
        f = Frame(d)
        if not knows_format:
            return f
        slices, views = [b''], None
        for line in text.splitlines(True):
            slices += [b''] if len(slices[-1]) >= 16384 else []
            slices[-1] += line
        return f.put(128, dwcat.tree(slices))


def frames_in(data):
    """The frames of some bytes, which may come from a queue's file or from a topic's records one after the other."""
    out, at = [], 0
    while at < len(data):
        head = struct.unpack('<I', data[at + 4:at + 8])[0]
        text, views = struct.unpack('<II', data[at + 8 + 224:at + 8 + 232])
        end = at + 8 + head + text + (views + 8 if views else 0)
        out.append(Frame(data[at:end]))
        at = end
    return out


def frames_of(queue):
    return [f for name in sorted(os.listdir(queue)) for f in frames_in(open(os.path.join(queue, name), 'rb').read())]


# ---- the two programs by hand ----

def configure(data, globs, *sets):
    """Configurations of both for a run until idle."""
    more = [*QUIET] + [a for s in sets for a in ('--set', s)]
    dogwatch('up', '--data', data, '--write-config', os.path.join(data, 'up'), *[a for g in globs for a in ('--logs', g)], '--until-idle', *more)
    return os.path.join(data, 'up/agent.yml'), os.path.join(data, 'up/collector.yml')


def live(config):
    """The same configuration without until_idle."""
    open(config + '.live', 'w').write(open(config).read().replace('until_idle: true\n', ''))
    return config + '.live'


def run(program, config, seconds=60):
    r = subprocess.run([os.path.join(BUILD, program), '--config', config], capture_output=True, timeout=seconds)
    check(r.returncode == 0, f'{program} ends well', (r.returncode, r.stderr.decode(errors='replace')[-3000:]))
    return r.stderr.decode(errors='replace')


def start(program, config, log=os.devnull):
    """Started, and ended with the test."""
    with open(log, 'ab') as f:
        p = subprocess.Popen([os.path.join(BUILD, program), '--config', config], stdout=f, stderr=f)
    atexit.register(lambda: p.poll() is None and p.kill())
    return p


def until_idle(name, collector, log, seconds=30):
    """A collector that must end by itself."""
    p = start('dogwatch-collector', collector, log)
    try:
        same(p.wait(seconds), 0, f'{name}: the collector ends well')
    except subprocess.TimeoutExpired:
        check(False, f'{name}: the collector ends by itself (until_idle)', open(log, errors='replace').read()[-2000:])
        p.terminate()
        p.wait(20)


def judge(name, data, collector, lines, expected, allowed=()):
    """The expected rules and no others, so many lines, and alerts that the archive alone makes again."""
    found = alarms(data)
    for rule in expected:
        check(rule in found, f'{name}: named by {rule}', found)
    check(set(found) <= set(expected) | set(allowed), f'{name}: nothing else is named', (found, [a.get('message') for a in alerts(data)][:8]))
    same(len({e['event']['id'] for e in query(data)}), lines, f'{name}: the rest arrives')
    log = os.path.join(data, 'alerts/alerts.log')
    before = open(log, 'rb').read()
    shutil.rmtree(os.path.join(data, 'alerts'))
    run('dogwatch-collector', collector)
    check(open(log, 'rb').read() == before, f'{name}: alerts that were deleted are made again byte for byte', (before[-1500:], open(log, 'rb').read()[-1500:]))


class Knocks:
    """Rules that look for a word, one of which counts knocks, and a log of numbered words, each waited for until it is archived. `up`: who archives them."""

    def __init__(self, rules, log, data):
        self.rules, self.log, self.data, self.written, self.up = rules, open(log, 'a', buffering=1), data, 0, None
        self.rule('steady', 'knock', '---\ntitle: five\nid: five\nlevel: high\n'
                  'correlation: {type: event_count, rules: [steady], timespan: 1h, condition: {gte: 5}}\n')
        self.rule('first', 'apple')

    def rule(self, name, word, more='', title=None):
        """As an editor does: a new file under the old name."""
        with open(os.path.join(self.rules, name + '.new'), 'w') as f:
            f.write(f'title: {title or name}\nid: {name}\nlevel: high\ndetection: {{s: {{event.original|contains: {word}}}, condition: s}}\n{more}')
        os.rename(os.path.join(self.rules, name + '.new'), os.path.join(self.rules, name + '.yml'))

    def write(self, *words):
        for w in words:
            self.log.write(f'{self.written} {w}\n')
            self.written += 1
        wait_for(lambda: count(self.data) == self.written, 60, lambda: f'{count(self.data)} of {self.written}: {self.up.said()[-1000:]}')
