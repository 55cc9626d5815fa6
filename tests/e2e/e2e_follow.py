#!/usr/bin/env python3
"""`dogwatch query --follow` beside a running `dogwatch up`: every event once, in the archive's order, over several seals of the open segment;
it ends when it has enough, and refuses what needs an end.
"""
from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('follow')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs/app.log')
os.makedirs(os.path.dirname(log))
written, FIRST, ALL = 0, 400, 6000


def write(count):
    global written
    with open(log, 'a', encoding='utf-8') as f:
        for seq in range(written, written + count):
            noise = hashlib.sha256(str(seq).encode()).hexdigest()
            f.write(json.dumps({'seq': seq, 'kind': 'even' if seq % 2 == 0 else 'odd', 'noise': noise + noise[::-1]}) + '\n')
    written += count


class Follower:
    def __init__(self, name, *args):
        self.path = os.path.join(dir_, name)
        with open(self.path, 'wb') as out, open(self.path + '.err', 'wb') as err:
            self.process = subprocess.Popen([DOGWATCH, 'query', *args, '--follow', '--data', data], stdout=out, stderr=err)
        atexit.register(lambda: self.process.poll() is None and self.process.kill())

    def rows(self):
        text = open(self.path, encoding='utf-8').read()
        return [json.loads(line) for line in text[:text.rfind('\n') + 1].splitlines()]

    def said(self):
        return open(self.path + '.err', errors='replace').read()


def sealed():
    return sum(s['state'] == 'sealed' for s in ndjson(dogwatch('archive', 'ls', '--data', data, '--output', 'ndjson')))


write(FIRST)
up = Up(data, [log], '--set', 'collector.segment.max_bytes=64KiB')
wait_for(lambda: count(data) == FIRST, 30, lambda: 'the first events: ' + up.said()[-1000:])
every = Follower('every', '*')
some = Follower('some', 'kind:even | eval half = seq / 2 | where half:>=100 | dedup half | fields seq, half', '--output', 'ndjson')
five = Follower('five', 'seq:>=2000 | head 5', '--output', 'ndjson')
three = Follower('three', 'seq:>=2500', '--output', 'ndjson', '--limit', '3')
table = Follower('table', 'kind:odd | fields seq', '--output', 'csv')
wait_for(lambda: len(every.rows()) == FIRST, 10, 'what was there is shown first')
check('following' in every.said(), 'it says that it follows', every.said())
at_start = sealed()
while written < ALL:
    write(200)  # frames come, and are sealed, one after the other
    wait_for(lambda: len(every.rows()) >= written, 20, lambda: f'{written} events: {len(every.rows())} {every.said()}')
wait_for(lambda: len(some.rows()) >= ALL / 2 - 100, 10, lambda: f'the halves: {len(some.rows())} {some.said()}')
wait_for(lambda: len(open(table.path).readlines()) > ALL / 2, 10, 'the odd ones')
seals = sealed() - at_start
check(seals >= 2, 'segments were sealed meanwhile', seals)
archived = query(data)
same([e['seq'] for e in every.rows()], list(range(ALL)), 'each event once, in order')
same([e['event']['id'] for e in every.rows()], [e['event']['id'] for e in archived], 'as a query at the end shows them')
same([(r['seq'], r['half']) for r in some.rows()], [(2 * h, h) for h in range(100, ALL // 2)], 'pipes follow')
same(open(table.path, newline='').read(), 'seq\r\n' + ''.join(f'{n}\r\n' for n in range(1, ALL, 2)), 'the columns are named once')
same(five.process.wait(10), 0, 'head ends it')
same([e['seq'] for e in five.rows()], list(range(2000, 2005)), 'head 5')
check('complete as far as head asks' in five.said(), 'it says why it ended', five.said())
same(three.process.wait(10), 0, '--limit ends it')
same([e['seq'] for e in three.rows()], [2500, 2501, 2502], '--limit 3')
for f in (every, some, table):
    check(f.process.poll() is None, 'the others go on', f.said())
    f.process.terminate()
    f.process.wait(10)
same(up.stop(), 0, 'dogwatch up ends well')
for pipe, caret in (('stats count', 5), ('sort seq', 4), ('tail 3', 4), ('top 3 seq', 3), ('rare 3 seq', 4), ('timechart 1m count', 9)):
    r = subprocess.run([DOGWATCH, 'query', '* | ' + pipe, '--follow', '--data', data], capture_output=True, timeout=20)
    said = r.stderr.decode()
    check(r.returncode == 2 and 'query:1:5:' in said and '|     ' + '^' * caret + '\n' in said and '--follow' in said, f'{pipe} is refused', said)
print(f'{ALL} events over {seals} seals')
finish(began)
