#!/usr/bin/env python3
"""The brokers are away while logs are rotated and deleted: every line arrives once, through kills of the agent too; what a full spool cannot
keep is declared to the byte and named; and none of it hides a frame that somebody sends again."""
import glob
import re
import sqlite3
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
ROTATIONS = 40 if LONG else 6
kafka = Kafka()
dir_ = scratch('spool')
QUICK = ('--set', 'collector.agent.idle_after=30s', '--set', 'agent.scan.interval=100ms', '--set', 'agent.rotated.wait=1s')


def places(data):
    """inode -> (bytes that are durable, whether its end is) of every file in the agent's checkpoint."""
    try:
        with sqlite3.connect(f'file:{data}/agent/checkpoint.db?mode=ro', uri=True, timeout=10) as db:
            return {inode: (low, end) for inode, low, end in db.execute('SELECT inode, low, finished FROM stream')}
    except sqlite3.OperationalError:
        return {}


def has_open(up, inode):
    """Whether the agent holds a file, so that deleting it takes nothing away from it. One that is read and durable it may have closed."""
    folder = f'/proc/{up.child("dogwatch-agent")}/fd'
    try:
        return any(os.stat(os.path.join(folder, fd)).st_ino == inode for fd in os.listdir(folder))
    except OSError:
        return False  # it was ended, or closed one just now


class Sizes:
    """A record of files alone."""

    def __init__(self, files):
        self.files = files


class Runtime:
    """Rotates a log of Traffic as a container runtime does, with its max-file: the oldest file is deleted. Not before the agent that lives
    now has found it: what another one had in hand is lost with the file."""

    def __init__(self, log, data, record, keep=2):
        self.log, self.data, self.record, self.keep, self.up = log, data, record, keep, None
        self.rotated, self.deleted, self.held = [], [], []
        self.rename = log.rotate
        log.rotate = self.rotate

    def rotate(self):
        self.rotated.append((self.log.rotated_next(), self.log.inode))
        self.held.append(os.open(self.log.path, os.O_RDONLY))  # so that its inode is not another file's soon
        self.rename()

    def delete(self):
        while len(self.rotated) > self.keep:
            path, inode = self.rotated[0]
            if not has_open(self.up, inode) and not durable(self.data, self.record, [inode]):
                return False
            os.unlink(path)
            self.deleted.append(self.rotated.pop(0)[1])
        return True


def rotated_next(log):
    """The path that the next rotation gives."""
    log.n += 1
    path = log.rotated()
    log.n -= 1
    return path


Log.rotated_next = rotated_next


def durable(data, record, inodes):
    """All bytes, and that there are no more: what vanishes while its end is not declared counts as lost."""
    known = places(data)
    return all(i in known and known[i] == (record.files[i], 1) for i in inodes)


def spooled(data):
    folder = os.path.join(data, 'agent/spool')
    return sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder) if n.endswith('.frames')) if os.path.isdir(folder) else 0


def kill_agent(up, meanwhile=None):
    """`meanwhile`: called before the next agent is started."""
    pid = wait_for(lambda: up.child('dogwatch-agent'), 15, 'a live agent')
    up.process.send_signal(signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: up.child('dogwatch-agent') == 0, 15, 'its end')
    if meanwhile:
        meanwhile()
    up.process.send_signal(signal.SIGCONT)
    wait_for(lambda: up.child('dogwatch-agent') not in (0, pid), 15, 'the next agent')


def replay(data):
    """Somebody sends a frame again: one that the spool had, long after the agent's start had announced it."""
    topic = topic_of(data)
    for partition in range(64):
        r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-C', '-t', topic, '-p', str(partition), '-o', 'beginning', '-e', '-D', ''],
                           capture_output=True)
        frames = [f for f in frames_in(r.stdout) if f.kind == 1]
        if frames:
            path = os.path.join(dir_, 'again')
            open(path, 'wb').write(frames[len(frames) // 2].data)
            subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-P', '-t', topic, '-p', str(partition), '-k', 'raw', path], check=True)
            return True
    return False


def away():
    """Rotations and deletions while no broker is there, with kills of the agent; all lines once."""
    data = os.path.join(dir_, 'away')
    traffic = Traffic(os.path.join(dir_, 'away-logs'), 10 ** 9, seed=11, rotate=200000)
    runtimes = [Runtime(log, data, traffic.record) for log in traffic.logs]
    up = Up(data, traffic.globs, *QUICK, brokers=kafka.brokers)
    for r in runtimes:
        r.up = up
    traffic.run(500)
    wait_for(lambda: count(data) >= 400, 60, 'the first lines')
    kafka.run('stop', '1')

    def rotations(more):
        """Each log's file gives way so often, and its oldest is deleted."""
        want = [len(r.deleted) + more for r in runtimes]

        def written():
            if all(r.delete() for r in runtimes):
                traffic.run(60)
            return all(len(r.deleted) >= n for r, n in zip(runtimes, want))
        wait_for(written, 240, lambda: f'{more} rotations: {[len(r.deleted) for r in runtimes]}, {up.said()[-1500:]}', 0.01)

    def all_deleted_are_durable():
        gone = [i for r in runtimes for i in r.deleted]
        wait_for(lambda: durable(data, traffic.record, gone), 60, lambda: [(i, places(data).get(i), traffic.record.files[i]) for i in gone])

    rotations(ROTATIONS)
    check(up.child('dogwatch-agent'), 'the agent lives')
    check(spooled(data) > 0, 'frames are in the spool', spooled(data))
    for _ in range(2):  # also a start that finds what another start left
        all_deleted_are_durable()
        kill_agent(up)
        rotations(ROTATIONS // 2)
    all_deleted_are_durable()
    bytes_ = spooled(data)
    text = subprocess.run('zstd -dcq ' + os.path.join(data, 'agent/spool/*.frames'), shell=True, capture_output=True).stdout
    check(text.count(b'\n') > 100, 'zstd -dc prints the lines of the spool', text[:200])
    first, kept = sorted(glob.glob(os.path.join(data, 'agent/spool/*.frames')))[0], os.path.join(dir_, 'kept')
    os.link(first, kept)
    kafka.run('node', '1')
    wait_for(lambda: not os.path.exists(first), 120, 'the first lines out of the spool', 0.001)
    kill_agent(up, lambda: os.link(kept, first))  # as when the power goes before the disk knows: what the brokers have is sent again
    traffic.total = traffic.n
    traffic.run(1)
    lines = len(traffic.record.lines)
    wait_for(lambda: count(data) >= lines or up.process.poll() is not None, 240, lambda: f'{lines} lines: {count(data)} {up.said()[-2000:]}', 0.3)
    wait_for(lambda: spooled(data) == 0, 60, 'an empty spool')
    check(not alarms(data), 'no false alarm', [a.get('message') for a in alerts(data) if a['rule']['id'].startswith('dogwatch.')][:5])
    wait_for(lambda: counters(data).get('ingest_resent', 0) > 5, 20, lambda: f'frames that came again as announced: {counters(data)}')
    resent = counters(data)['ingest_resent']
    if shutil.which('kcat'):
        check(replay(data), 'a frame is sent again')
        wait_for(lambda: alarms(data), 30, 'its alarm')
        same(alarms(data), {'dogwatch.chain.replayed': 1}, 'a frame that comes again is named')
    same(up.stop(), 0, 'dogwatch up ends well')
    again = check_lines(data, traffic.record)
    check_account(data, traffic.record)
    deleted = sum(len(r.deleted) for r in runtimes)
    print(f'{lines} lines, {deleted} files deleted, {bytes_} bytes in the spool, {resent} frames and {again} events sent again', flush=True)


def full():
    """A spool that is too small: what is deleted beyond it is declared, to the byte, and named."""
    data = os.path.join(dir_, 'full')
    traffic = Traffic(os.path.join(dir_, 'full-logs'), 10 ** 9, seed=12, rotate=400000, inside=False)
    for log in traffic.logs[1:]:
        log.rotate = lambda: None
    noise = random.Random(4)
    traffic.text = lambda i, now, raw: b'%d %s' % (i, noise.randbytes(600).hex().encode())  # does not compress well
    runtime = Runtime(traffic.logs[0], data, traffic.record, keep=1)
    runtime.up = up = Up(data, traffic.globs, *QUICK, '--set', 'agent.spool.limit=1MiB', brokers=kafka.brokers)
    traffic.run(100)
    wait_for(lambda: count(data) >= 90, 60, 'the first lines')
    kafka.run('stop', '1')

    def has_let_go():
        if runtime.delete():
            traffic.run(20)
        return counters(data).get('spool_let_go_bytes', 0) > 1000000
    wait_for(has_let_go, 100, lambda: f'a full spool: {counters(data)}', 0.05)
    check(spooled(data) <= 5 * 1024 * 1024, 'the spool keeps its bound', spooled(data))
    traffic.total = traffic.n
    traffic.run(1)
    kafka.run('node', '1')

    def whole():
        _, total = ledger(data, (0, 1))
        return total['archived'] + total['declared'] == traffic.record.bytes()
    wait_for(whole, 240, lambda: f'every byte: {ledger(data, (0, 1))[1]} of {traffic.record.bytes()}; {up.said()[-1500:]}', 0.3)
    wait_for(lambda: spooled(data) == 0, 60, 'an empty spool')
    same(up.stop(), 0, 'dogwatch up ends well')
    check_account(data, traffic.record)
    same(set(alarms(data)), {'dogwatch.bytes.let_go'}, 'the loss is named, and nothing else')
    told = [re.search(r'bytes (\d+)-(\d+) were let go', a['message']) for a in alerts(data) if a['rule']['id'] == 'dogwatch.bytes.let_go']
    check(all(told), 'each with its bytes', told)
    declared = sum(int(m[2]) - int(m[1]) for m in told)
    same(ledger(data)[1]['declared'], declared, 'the ledger declares what is named')
    here = {(inode, e['start']) for inode, e in decoded(segments(data))}
    gone = [line for line in traffic.record.lines if line.id() not in here]
    same(sum(b - a for line in gone for _, a, b in line.extents), declared, 'the lines that are not here are the bytes that were declared')
    same(len(here) + len(gone), len(traffic.record.lines), 'every other line is here')
    print(f'{len(traffic.record.lines)} lines, {len(gone)} of them let go in {len(told)} pieces, {declared} bytes', flush=True)


def ends():
    """An agent ends in time while no broker is there, and what it had in the spool arrives after the next start."""
    data, log = os.path.join(dir_, 'ends'), os.path.join(dir_, 'ends-logs/a.log')
    os.makedirs(os.path.dirname(log))
    agent, collector = configure(data, [log], 'transport=kafka', f'kafka.brokers={kafka.brokers}', 'kafka.topic=ends', 'collector.kafka.group=ends',
                                 'agent.shutdown.grace=1s', 'agent.scan.interval=100ms', 'agent.rotated.wait=0s')
    kafka.run('stop', '1')
    words = os.path.join(dir_, 'ends.log')
    for name, gives_way in (('first', False), ('second', True)):
        p = start('dogwatch-agent', live(agent), words)
        with open(log, 'a') as f:
            f.writelines(f'{name} {i}\n' for i in range(100))
        if gives_way:
            inode = os.stat(log).st_ino
            os.rename(log, log + '.1')
            wait_for(lambda: durable(data, Sizes({inode: os.path.getsize(log + '.1')}), [inode]), 30, lambda: f'the spool: {places(data)}')
            os.unlink(log + '.1')
        else:
            wait_for(lambda: os.path.exists(os.path.join(data, 'agent/checkpoint.db')) and places(data), 30, 'an agent that has read it')
        p.terminate()
        same(p.wait(30), 0, f'{name}: the agent ends by itself')

    def delivered(lines):
        kafka.run('node', '1')
        c = start('dogwatch-collector', collector, words)
        run('dogwatch-agent', agent)
        same(c.wait(60), 0, 'the collector ends well')
        same(len(query(data)), lines, 'the lines of every start are there')

    delivered(200)
    p = start('dogwatch-agent', live(agent), words)
    wait_for(lambda: counters(data).get('ship_frames_acked', 0) > 2, 30, 'an agent that the brokers answer')
    kafka.run('stop', '1')
    with open(log, 'a') as f:
        f.writelines(f'third {i}\n' for i in range(100))
    wait_for(lambda: counters(data).get('tail_lines', 0) >= 100, 30, 'lines under way')
    p.terminate()
    same(p.wait(30), 0, 'with frames under way the agent ends by itself')
    delivered(300)
    check('Sanitizer' not in open(words, errors='replace').read(), 'no sanitizer speaks', open(words, errors='replace').read()[-3000:])
    check(not alarms(data), 'no false alarm', [a.get('message') for a in alerts(data)][:5])
    print('an agent ends while no broker is there, with and without a spool', flush=True)


for part in (away, full, ends):
    if len(sys.argv) < 2 or sys.argv[-1].startswith('--') or part.__name__ in sys.argv:
        part()
finish(began)
