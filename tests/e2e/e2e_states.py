#!/usr/bin/env python3
"""Over Apache Kafka: what collectors know of senders is kept in the topic of states, whole or not at all; and partitions go from one to another with it."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
MIB = 1024 * 1024
kafka = Kafka()
dir_ = scratch('states')
DRIVER = os.path.join(BUILD, 'tests/states_driver')


class Driver:
    """states_driver.c: what it says, line by line, is kept in `said`."""

    def __init__(self, name, *args):
        self.path = os.path.join(dir_, name)
        self.process = subprocess.Popen([DRIVER, *args], stdin=subprocess.PIPE, stdout=open(self.path, 'wb'), stderr=open(self.path + '.log', 'ab'), text=True)
        atexit.register(lambda: self.process.poll() is None and self.process.kill())
        self.asked = 0

    def said(self):
        return open(self.path).read().split('\n')[:-1]

    def log(self):
        return open(self.path + '.log', errors='replace').read()[-2500:]

    def begin(self, *words):
        self.process.stdin.write(' '.join(str(w) for w in words) + '\n')
        self.process.stdin.flush()
        self.asked += 1

    def ask(self, *words):
        self.begin(*words)
        wait_for(lambda: len(self.said()) == self.asked or self.process.poll() is not None, 60, lambda: f'{words}: {self.log()}')
        return self.said()[self.asked - 1]

    def heard(self, *lines):
        """Waits until it has said these lines, in this order, others in between."""
        def there():
            said = iter(self.said())
            return all(line in said for line in lines)
        wait_for(lambda: there() or self.process.poll() is not None, 60, lambda: f'{lines} of {self.said()[-40:]}: {self.log()}')
        check(there(), f'{lines} are said', self.said()[-40:])

    def end(self, number=None):
        if number:
            self.process.send_signal(number)
        else:
            self.process.stdin.close()
        code = self.process.wait(60)
        check('Sanitizer' not in open(self.path + '.log', errors='replace').read(), 'no sanitizer speaks', self.log())
        return code


def topics(*args):
    return kafka.run('run', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', kafka.brokers, *args)


def states(name, topic):
    return Driver(name, 'states', kafka.brokers, topic)


def parts():
    """Two processes; every size, several times: the greatest next wins, whoever wrote it."""
    a, b = states('parts-a', 'parts'), states('parts-b', 'parts')
    same(a.ask('get', 1), 'none', 'nothing is there at first')
    described = topics('--describe', '--topic', 'parts')
    check('PartitionCount: 1' in described and 'cleanup.policy=compact' in described and 'max.message.bytes=1048588' in described, 'the topic is made', described)
    sizes = {1: 0, 2: 100, 3: 3 * MIB}
    for k in range(4):
        for source, size in sizes.items():
            for n, driver in enumerate((a, b)):
                same(driver.ask('put', source, 1000 + 10 * k + n, size), 'ok', 'a part is written')
    for source, size in sizes.items():
        for driver in (a, b):
            same(driver.ask('get', source), f'part 1031 {size} ' + a.ask('sum', 1031, size), f'source {source}: the newest')
    same(a.ask('put', 3, 7, 100), 'ok', 'a part that is older')
    same(b.ask('get', 3), f'part 1031 {3 * MIB} ' + a.ask('sum', 1031, 3 * MIB), 'is not the newest')
    same(b.ask('get', 4), 'none', 'of another source there is none')
    same(a.ask('put', 4, 2000, 16 * MIB), 'ok', 'the largest part')
    same(b.ask('get', 4), f'part 2000 {16 * MIB} ' + a.ask('sum', 2000, 16 * MIB), 'comes back')
    for driver in (a, b):
        same(driver.ask('refused'), '0', 'no record was passed over')
        same(driver.end(), 0, 'the process ends well')


def torn():
    """A writer that was killed half-way leaves the part before; records that are none are passed over."""
    a = states('torn-a', 'torn')
    same(a.ask('put', 5, 100, 3 * MIB), 'ok', 'a part')
    same(a.ask('torn', 5, 0, 120, 3 * MIB, 2), 'ok', 'two chunks of the next')
    whole = f'part 100 {3 * MIB} ' + a.ask('sum', 100, 3 * MIB)
    same(a.ask('get', 5), whole, 'the one before')
    b = states('torn-b', 'torn')
    same(b.ask('get', 5), whole, '... for another process too')
    same(b.ask('put', 5, 110, 3 * MIB), 'ok', 'whoever has the partition next goes on from there')
    same(a.ask('get', 5), f'part 110 {3 * MIB} ' + a.ask('sum', 110, 3 * MIB), 'and its part is the newest')
    same(a.ask('refused'), '0', 'what is torn is not damaged')
    for key, value in (('5/0/0', 'no chunk'), ('junk', '\x01'), ('5/0/0', '\x02of a newer dogwatch')):
        same(a.ask('raw', key, value), 'ok', 'a record that is none')
    same(a.ask('get', 5), f'part 110 {3 * MIB} ' + a.ask('sum', 110, 3 * MIB), 'they do no harm')
    same(a.ask('refused'), '3', 'and are counted')
    same(a.ask('spoilt', 5, 0, 130, 3 * MIB), 'ok', 'a part whose bytes are not what was written')
    for k in range(2):
        same(a.ask('get', 5), f'part 110 {3 * MIB} ' + a.ask('sum', 110, 3 * MIB), 'it is none, and the one before is found')
    check(int(a.ask('refused')) > 3, 'and it is counted')
    for driver in (a, b):
        same(driver.end(), 0, 'the process ends well')


def compacted():
    """Brokers let go of all that there is a newer record for, also of chunks of the part before a torn one's: what is whole stays whole."""
    topics('--create', '--topic', 'compacted', '--partitions', '1', '--config', 'cleanup.policy=compact', '--config', 'segment.bytes=1048576',
           '--config', 'min.cleanable.dirty.ratio=0.01', '--config', 'max.message.bytes=1048588')
    a = states('compacted-a', 'compacted')
    for next_ in range(10, 16):
        same(a.ask('put', 5, next_, 3 * MIB), 'ok', 'a part')
    same(a.ask('torn', 5, 1, 99, 3 * MIB, 2), 'ok', 'the next, in the slot of its turn, is torn')
    same(a.ask('put', 6, 1, 3 * MIB), 'ok', 'what is written so far is behind the newest segment')

    def keys():
        r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-C', '-t', 'compacted', '-o', 'beginning', '-e', '-f', '%k\\n'], capture_output=True, timeout=60)
        return r.stdout.decode().split()
    wait_for(lambda: all(keys().count(f'5/{slot}/0') == 1 for slot in range(2)), 90, lambda: f'compaction: {sorted(keys())}', 1)
    b = states('compacted-b', 'compacted')
    whole = f'part 15 {3 * MIB} ' + a.ask('sum', 15, 3 * MIB)
    for driver in (a, b):
        same(driver.ask('get', 5), whole, 'the newest whole part is there')
        same(driver.end(), 0, 'the process ends well')


def killed():
    """A process is killed while it writes one part after the other: what it called written is there, or what came after it."""
    for k in range(6 if LONG else 3):
        writer, source = states(f'killed-{k}', 'killed'), 10 + k
        writer.begin('on', source, 3 * MIB)
        wait_for(lambda: len(writer.said()) > 2 + k or writer.process.poll() is not None, 60, writer.log)
        writer.process.kill()
        writer.process.wait(20)
        last = int(writer.said()[-1].split()[1])
        reader = states(f'killed-{k}-reader', 'killed')
        got = reader.ask('get', source).split()
        check(int(got[1]) >= last, 'what was called written is there', (got, last))
        same(got[3], reader.ask('sum', got[1], 3 * MIB), 'and is whole')
        same(reader.end(), 0, 'the reader ends well')


def away():
    """Brokers are not there at first, and go while parts are written."""
    a = states('away', 'away')
    same(a.ask('put', 1, 10, 3 * MIB), 'ok', 'a part')
    kafka.run('stop', '1')
    a.begin('put', 1, 20, 3 * MIB)
    b = states('away-b', 'away')
    b.begin('get', 1)
    kafka.run('node', '1')
    wait_for(lambda: len(a.said()) == a.asked, 60, lambda: f'the part to be written: {a.log()}')
    wait_for(lambda: len(b.said()) == b.asked, 60, lambda: f'a part to be read: {b.log()}')
    check(b.said()[-1].startswith(('part 10 ', 'part 20 ')), 'a whole part is read', b.said())
    same(b.ask('get', 1), f'part 20 {3 * MIB} ' + a.ask('sum', 20, 3 * MIB), 'and then the newest')
    for driver in (a, b):
        same(driver.end(), 0, 'the process ends well')


def produce(topic, partition, first, count):
    r = subprocess.run(['kcat', '-b', kafka.brokers, '-q', '-P', '-t', topic, '-p', str(partition)], capture_output=True,
                       input=''.join(f'{i}\n' for i in range(first, first + count)).encode(), timeout=60)
    same(r.returncode, 0, 'kcat writes')


def member(name, topic='shared'):
    return Driver(f'{topic}-{name}', 'receive', kafka.brokers, topic, topic, topic + '-states', name.split('.')[0])


def of(driver, word, partition):
    return [line for line in driver.said() if line.startswith(f'{word} {partition} ')]


def records(partition, first, count):
    return [f'record {partition} {i}' for i in range(first, first + count)]


def shared():
    """Two members of a group. The one that gives a partition up writes its part first; the other goes on there, and nothing comes twice."""
    topics('--create', '--topic', 'shared', '--partitions', '2')
    for p in range(2):
        produce('shared', p, 0, 10)
    a = member('a')
    a.heard('taken 0 0 ', *records(0, 0, 10))
    a.heard('taken 1 0 ', *records(1, 0, 10))
    a.heard('parts 2')
    b = member('b')
    wait_for(lambda: any(line.startswith('taken') for line in b.said()), 60, lambda: f'a partition for b: {b.log()} {a.log()}')
    moved = int(next(line for line in b.said() if line.startswith('taken')).split()[1])
    same(of(b, 'taken', moved), [f'taken {moved} 10 10 by a'], 'b goes on with what a knew')
    a.heard('leaving 1', f'put {moved} 10', 'let_go', f'given {moved} 10')
    for p in range(2):
        produce('shared', p, 10, 5)
    a.heard(*records(1 - moved, 10, 5))
    b.heard(*records(moved, 10, 5))
    same(of(a, 'record', moved), records(moved, 0, 10), 'a has had what came before')
    same(of(b, 'record', moved), records(moved, 10, 5), 'b has what came after')
    # b dies without a word: a goes on where a itself was, since there is no newer part.
    b.process.kill()
    b.process.wait(20)
    a.heard(f'given {moved} 10', f'taken {moved} 10 ', *records(moved, 10, 5))
    # It comes back and knows nothing: a's part says where it is.
    b = member('b.2')
    b.heard(f'taken {moved} 15 15 by a')
    a.heard(f'taken {moved} 10 ', 'leaving 1', f'put {moved} 15', 'let_go', f'given {moved} 15')
    same(of(b, 'record', moved), [], 'nothing comes twice')
    # A part that is ahead of what a knows itself is taken when b leaves; b as it leaves writes none.
    produce('shared', moved, 15, 5)
    b.heard(*records(moved, 15, 5))
    s = states('shared-writer', 'shared-states')
    source = (1 << 32) + moved
    s.ask('get', source)
    same(s.ask('text', source, 18, '18 by another'), 'ok', 'a part at 18')
    same(b.end(signal.SIGTERM), 0, 'b leaves')
    a.heard(f'taken {moved} 18 18 by another', *records(moved, 18, 2))
    same(of(a, 'record', moved), records(moved, 0, 15) + records(moved, 18, 2), 'what the part covers is not taken again')
    same(a.end(signal.SIGTERM), 0, 'a leaves')
    same(s.end(), 0, 'the writer ends well')


def stopped():
    """A member that is shut out of its group hears of it when it goes on, and gives up at once what is another's."""
    topics('--create', '--topic', 'stopped', '--partitions', '2')
    a = member('a', 'stopped')
    a.heard('taken 0 0 ', 'taken 1 0 ')
    b = member('b', 'stopped')
    wait_for(lambda: any(line.startswith('taken') for line in b.said()), 60, lambda: f'a partition for b: {b.log()} {a.log()}')
    moved = int(next(line for line in b.said() if line.startswith('taken')).split()[1])
    produce('stopped', moved, 0, 5)
    b.heard(*records(moved, 0, 5))
    b.process.send_signal(signal.SIGSTOP)
    a.heard(f'given {moved} 0', f'taken {moved} 0 0 by a', *records(moved, 0, 5))
    b.process.send_signal(signal.SIGCONT)
    b.heard(f'given {moved} 5')
    produce('stopped', moved, 5, 5)
    wait_for(lambda: f'record {moved} 9' in a.said() + b.said(), 60, lambda: f'the rest: {a.said()[-9:]} {b.said()[-9:]} {b.log()}')
    same(of(b, 'leaving', 1), [], 'what is lost is not waited for')
    for driver in (a, b):
        same(driver.end(signal.SIGTERM), 0, 'a member leaves')


def stubborn():
    """A member that ends while it has not let go yet does end, and the other gets all."""
    topics('--create', '--topic', 'stubborn', '--partitions', '2')
    for p in range(2):
        produce('stubborn', p, 0, 3)
    a = member('stubborn', 'stubborn')
    a.heard('taken 0 0 ', *records(0, 0, 3))
    a.heard('taken 1 0 ', *records(1, 0, 3))
    b = member('b', 'stubborn')
    a.heard('leaving 1')
    same(a.process.wait(60), 0, 'it ends well')
    for p in range(2):
        b.heard(f'taken {p} 0 ', *records(p, 0, 3))
    same(b.end(signal.SIGTERM), 0, 'the other leaves')


for part in (parts, torn, compacted, killed, away, shared, stopped, stubborn):
    if os.environ.get('DW_PART', part.__name__) != part.__name__:
        continue  # one part, while it is worked on
    at = time.monotonic()
    if part in (compacted, shared, stopped, stubborn) and not shutil.which('kcat'):
        print(f'SKIPPED  kcat is not here: records cannot be written to a topic; {part.__name__} did not run')
        continue
    part()
    print(f'{part.__name__}: {time.monotonic() - at:.1f} s', flush=True)
finish(began)
