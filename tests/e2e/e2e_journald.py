#!/usr/bin/env python3
"""systemd's journal as an input: as systemd's own programs write it, growing, rotated, vacuumed; the agent killed meanwhile; each entry once, and what is missing is said.

Journals are written by systemd-journal-remote from the export format: no journald has to run. A rotation is journald's: the file gets another name, and its successor
goes on with its counter (seqnum_id, seqnum), which is set in the header of an empty journal here."""
import threading
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('journald')
os.chmod(dir_, 0o755)
seed = int(os.environ.get('DW_SEED') or random.SystemRandom().randrange(1 << 32))
rng = random.Random(seed)
print(f'DW_SEED={seed}')
REMOTE = '/lib/systemd/systemd-journal-remote'
BOOT = '0dc874d3fbd44bdbb6fbcfaa27481492'
NOTHING = [os.path.join(dir_, 'nothing/*.log')]
SEQNUM_ID, TAIL_SEQNUM = 72, 160  # in the header of a journal (systemd: JOURNAL_FILE_FORMAT)


def file(name):
    return os.path.join(dir_, name)


def sets(*options):
    return [a for o in options for a in ('--set', o)]


class Journal:
    """A folder of journals, and what was written there."""

    def __init__(self, name):
        self.dir = file(name)
        os.makedirs(self.dir)
        self.path = os.path.join(self.dir, 'system.journal')
        self.written, self.old, self.process, self.n = [], 0, None, 0
        self.begin()

    def begin(self, counter=None):
        if counter:
            subprocess.run([REMOTE, '-o', self.path, '-'], stdin=subprocess.DEVNULL, check=True, capture_output=True)
            with open(self.path, 'r+b') as f:
                f.seek(SEQNUM_ID)
                f.write(counter[0])
                f.seek(TAIL_SEQNUM)
                f.write(struct.pack('<Q', counter[1]))
        self.process = subprocess.Popen([REMOTE, '-o', self.path, '-'], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(self.process.kill)

    def put(self, message, **fields):
        """One entry; `message`: bytes."""
        self.n += 1
        now = int(time.time() * 1e6)
        values = {'__REALTIME_TIMESTAMP': now, '__MONOTONIC_TIMESTAMP': now % 10**12, '_BOOT_ID': BOOT, '_UID': 0, '_PID': 7, '_COMM': 'app', 'PRIORITY': 6,
                  'SYSLOG_IDENTIFIER': 'app', '_TRANSPORT': 'syslog', **fields}
        text = b''.join(f'{k}={v}\n'.encode() for k, v in values.items() if v is not None)
        self.process.stdin.write(text + b'MESSAGE\n' + struct.pack('<Q', len(message)) + message + b'\n\n')
        self.process.stdin.flush()
        self.written.append(message)

    def settle(self):
        """All that was put is in the file, and it is closed."""
        self.process.stdin.close()
        self.process.wait(60)

    def number(self):
        with open(self.path, 'rb') as f:
            head = f.read(TAIL_SEQNUM + 8)
        return head[SEQNUM_ID:SEQNUM_ID + 16], struct.unpack('<Q', head[TAIL_SEQNUM:])[0]

    def rotate(self):
        """As journald does. Gives the archived file."""
        self.settle()
        counter = self.number()
        self.old += 1
        archived = os.path.join(self.dir, f'system@{counter[0].hex()}-{self.old:016x}-{int(time.time() * 1e6):016x}.journal')
        os.rename(self.path, archived)
        self.begin(counter)
        return archived


def begin(data, journal, *more, sandbox='require', **how):
    return Up(data, NOTHING, *sets(f'inputs.journald=["{journal.dir}"]', f'sandbox={sandbox}'), *more, *OWN_PORT, **how)


def entries(data):
    """Messages of all events but the agent's own words."""
    return [e.get('message', e['event']['original']).encode('utf-8', 'surrogateescape') for e in query(data) if e['event'].get('dataset') != 'generic.json']


def notes(data):
    return [e for e in query(data) if e['event'].get('action', '').startswith('input.')]


def counted(data, name):
    try:
        return int(dict(line.split() for line in open(os.path.join(data, 'state/agent.counters'))).get(name, '0'))
    except OSError:
        return 0


def each_once(data, written, what):
    """After the agent ended."""
    got = entries(data)
    same(len(got), len(written), f'{what}: as many events as entries')
    same(sorted(got), sorted(written), f'{what}: each entry once')


def read_on(data, journal, wanted, *more):
    """Runs until so many events are there, and ends."""
    up = begin(data, journal, *more)
    wait_for(lambda: count(data) >= wanted, 120, lambda: f'{count(data)} of {wanted} events: {up.said()[-2000:]}', 0.1)
    same(up.stop(), 0, 'it ends well')
    return up


# ---- what entries become; growth is seen; rules fire ----

journal, data = Journal('plain'), file('plain-data')
journal.put(b'before the start')
up = begin(data, journal)
wait_for(lambda: count(data) == 1, 60, lambda: up.said()[-2000:])
journal.put(b'two\nlines \xff and no text')
journal.put(b'm' * 300000)
journal.put(b'of a container', _COMM='dockerd', CONTAINER_ID='abc', CONTAINER_ID_FULL='abcdef', CONTAINER_NAME='shop')
journal.put(b'with a core dump', COREDUMP='c' * 200000)
for i in range(12):
    journal.put(b'Failed password for root from 192.0.2.77 port %d ssh2' % (4000 + i), _COMM='sshd', _EXE='/usr/sbin/sshd', _SYSTEMD_UNIT='ssh.service', SYSLOG_IDENTIFIER='sshd', SYSLOG_FACILITY=4)
wait_for(lambda: count(data) == 18, 60, lambda: f'{count(data)} events: {up.said()[-2000:]}')
wait_for(lambda: any(a['rule']['name'] == 'SSH brute force' for a in alerts(data)), 60, lambda: f'the alert: {alerts(data)}')
same(up.stop(), 0, 'it ends well')
events = [e for e in query(data) if 'message' in e]
by = {e['message'][:10]: e for e in events}
same(by['before the']['event']['dataset'], 'journald.entry', 'an entry is one')
same(by['before the']['input']['type'], 'journald', 'and says by which way it came')
check(by['before the']['event']['original'].startswith('{"__CURSOR":"s='), 'its line begins with the cursor', by['before the']['event']['original'])
check(json.loads(by['two\nlines ']['event']['original'])['MESSAGE'] == list(b'two\nlines \xff and no text'), 'bytes that are no text are numbers, as journalctl writes them')
long = by['mmmmmmmmmm']
same((len(long['message']), long['tags']), (65536, ['cut']), 'a long message keeps its head')
core = by['with a cor']
same((json.loads(core['event']['original'])['COREDUMP'], core['tags']), (None, ['cut']), 'a field without room is null, as in journalctl')
same(by['of a conta']['container'], {'id': 'abcdef', 'name': 'shop'}, "docker's fields are the container")
sshd = by['Failed pas']
same((sshd['event']['dataset'], sshd['event']['outcome'], sshd['source']['ip'], sshd['systemd']['unit'], sshd['log']['level']), ('system.auth', 'failure', '192.0.2.77', 'ssh.service', 'info'),
     "sshd's words are read")
raw = subprocess.run(['journalctl', '-D', journal.dir, '-o', 'json', '--all'], check=True, capture_output=True).stdout
ours = {json.loads(e['event']['original'])['__CURSOR']: json.loads(e['event']['original']) for e in events}
differ = [(theirs, ours.get(theirs['__CURSOR'])) for theirs in map(json.loads, raw.splitlines()) if ours.get(theirs['__CURSOR']) != theirs]
same(sorted(t['MESSAGE'][:4] for t, _ in differ), ['mmmm', 'with'], 'all others are, name by name, what journalctl says')
_, total = ledger(data)
same(total['unaccounted'], 0, 'the ledger adds up')
loss = [n for n in notes(data) if n['event']['action'] == 'input.loss']
check(loss and 'cut' in loss[0]['event']['reason'], 'and what was cut is said there', loss)
journal.settle()

# ---- growth, rotation and kills at random moments ----

journal, data = Journal('kills'), file('kills-data')
stop_writing = threading.Event()


def write():
    """All the while, with rotations."""
    while not stop_writing.is_set():
        for _ in range(rng.randrange(20, 300)):
            journal.put(b'entry %d %s' % (journal.n, b'x' * rng.choice((1, 10, 200, 3000))))
        if journal.old < 12 and rng.random() < 0.05:
            journal.rotate()
        stop_writing.wait(0.08)


up = begin(data, journal)
writer = threading.Thread(target=write)
writer.start()
killed = 0
for _ in range(16 if LONG else 8):
    pid = wait_for(lambda: up.child('dogwatch-agent'), 60, up.said)
    until = time.monotonic() + rng.random() * 1.5
    wait_for(lambda: time.monotonic() > until, 10, 'a random moment')
    try:
        os.kill(pid, signal.SIGKILL)
        killed += 1
    except ProcessLookupError:
        pass
    wait_for(lambda: up.child('dogwatch-agent') not in (0, pid), 60, up.said)
stop_writing.set()
writer.join()
journal.settle()
wait_for(lambda: count(data) >= len(journal.written), 240, lambda: f'{count(data)} of {len(journal.written)}: {up.said()[-2000:]}', 0.2)
folder = os.path.join(data, 'agent/inputs')
wait_for(lambda: len(os.listdir(folder)) <= 2, 60, lambda: f'files that are acknowledged to be deleted, but for the one that has the place: {os.listdir(folder)}')
same(up.stop(), 0, 'it ends well')
check(killed >= 6 and journal.old >= 1, f'{len(journal.written)} entries, {journal.old} rotations, {killed} kills')
print(f'{len(journal.written)} entries, {journal.old} rotations, {killed} kills')
each_once(data, journal.written, 'killed')
same([counted(data, n) for n in ('journald_gaps', 'journald_incomplete', 'journald_places_lost')], [0, 0, 0], 'no gap is told where none is, and no entry lacks a field')
_, total = ledger(data)
same(total['unaccounted'], 0, 'the ledger adds up')
read_on(data, journal, len(journal.written))
each_once(data, journal.written, 'started again')

# ---- what was vacuumed before it was read ----

journal, data = Journal('vacuum'), file('vacuum-data')
for i in range(10):
    journal.put(b'read %d' % i)
journal.settle()
read_on(data, journal, 10)
journal.begin()
lost = journal.written
for i in range(100):
    journal.put(b'lost %d' % i)
archived = journal.rotate()
kept = journal.written[:10]
for i in range(20):
    journal.put(b'kept %d' % i)
kept += journal.written[-20:]
journal.settle()
os.unlink(archived)
read_on(data, journal, 31)
each_once(data, kept, 'vacuumed')
loss = [n for n in notes(data) if n['event']['action'] == 'input.loss']
same([(n['input']['loss']['gaps'], n['input']['loss']['missed']) for n in loss], [(1, 100)], 'the gap is an event among them, and has its number')
same([counted(data, n) for n in ('journald_gaps', 'journald_missed')], [1, 100], 'and is counted')
ordered = [e['event'].get('action') or e['message'] for e in sorted(query(data), key=lambda e: (e['dogwatch']['stream'] != query(data)[0]['dogwatch']['stream'], e['dogwatch']['start']))]
same(ordered.index('input.loss') + 1, ordered.index('kept 0'), 'and stands where the entries are missing')

# ... and where the whole journal was begun anew: no number tells how many
os.unlink(journal.path)
journal.begin()
journal.put(b'of a new journal')
journal.settle()
read_on(data, journal, 33)
same([counted(data, n) for n in ('journald_gaps', 'journald_missed')], [1, 0], 'a gap of which no number tells is one')

# ... and while the agent runs, and does not come to read
journal, data = Journal('stopped'), file('stopped-data')
journal.put(b'read')
up = begin(data, journal)
wait_for(lambda: count(data) == 1, 60, up.said)
pid = up.child('dogwatch-agent')
os.kill(pid, signal.SIGSTOP)
archived = journal.rotate()
for i in range(50):
    journal.put(b'lost %d' % i)
second = journal.rotate()
journal.put(b'kept')
journal.settle()
os.unlink(second)
os.kill(pid, signal.SIGCONT)
wait_for(lambda: count(data) >= 3, 60, lambda: f'{entries(data)} {up.said()[-2000:]}')
same(up.stop(), 0, 'it ends well')
each_once(data, [b'read', b'kept'], 'vacuumed while it stood still')
same(counted(data, 'journald_missed'), 50, 'the fifty are told')

# ---- start: now; a journal that is not there yet ----

journal, data = Journal('now'), file('now-data')
journal.put(b'old')
journal.settle()
up = begin(data, journal, *sets('start=now'))
wait_for(lambda: count(data) == 1, 60, lambda: up.said()[-2000:])
os.kill(up.child('dogwatch-agent'), signal.SIGKILL)
journal.begin()
journal.put(b'new')
journal.settle()
wait_for(lambda: count(data) == 2, 60, lambda: f'{query(data)} {up.said()[-2000:]}')
same(up.stop(), 0, 'it ends well')
same(entries(data), [b'new'], 'start: now begins where the first start was, whatever is killed')
same([n['event']['action'] for n in notes(data)], ['input.begin'], 'and says so')

late, data = file('late'), file('late-data')
up = Up(data, NOTHING, *sets(f'inputs.journald=["{late}"]'), *OWN_PORT)
wait_for(lambda: 'it is tried again' in up.said(), 60, up.said)
journal = Journal('late')
journal.put(b'there at last')
journal.settle()
wait_for(lambda: count(data) == 1, 60, lambda: up.said()[-2000:])
same(up.stop(), 0, 'it ends well')
same(entries(data), [b'there at last'], 'a journal that comes later is read')

# ---- who may read it ----

if os.geteuid() == 0:
    import grp
    nobody, group = 65534, grp.getgrnam('systemd-journal').gr_gid
    journal, data = Journal('rights'), file('rights-data')
    journal.put(b'for the group')
    journal.settle()
    os.chown(journal.path, 0, group)
    os.chmod(journal.path, 0o640)
    for groups, what in (([], 0), ([group], 1)):
        os.makedirs(data, exist_ok=True)
        os.chown(data, nobody, nobody)
        conf = file('rights.yml')
        open(conf, 'w').write(f'data: {data}\ndiscover: {{docker: false, cri: false, podman: false}}\ninputs: {{journald: ["{journal.dir}"]}}\nsandbox: require\nuntil_idle: true\n')
        r = subprocess.run([os.path.join(BUILD, 'dogwatch-agent'), '--config', conf], user=nobody, group=nobody, extra_groups=groups, capture_output=True, timeout=60)
        said = r.stderr.decode()
        same(r.returncode, 0, f'it ends well: {said[-2000:]}')
        same(counted(data, 'journald_entries'), what, f'groups {groups}: entries')
        same('may not be read' in said, not what, f'groups {groups}: what may not be read is said')
        same(counted(data, 'journald_unreadable'), 1 - what, 'and counted')
finish(began)
