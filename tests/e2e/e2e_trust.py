#!/usr/bin/env python3
"""Who sends: the first agent of a host is pinned, another one is named until it is approved, and a list agrees to its own alone."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('trust')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'a.log')


def run(line, *more):
    with open(log, 'a') as f:
        f.write(line + '\n')
    same(up_until_idle(data, [log], *more), 0, f'up ends well: {line}')


def agents():
    return {a['agent']: a for a in ndjson(dogwatch('agents', '--data', data, '--output', 'ndjson'))}


run('one')
first = agents()
same([a['state'] for a in first.values()], ['pinned'], 'the first agent of a host is pinned')
check(not alarms(data), 'and nothing is said of it', alarms(data))
run('two')
same(len(agents()), 1, 'a second start is the same agent')
check(not alarms(data), 'and nothing is said of it', alarms(data))

shutil.rmtree(os.path.join(data, 'agent'))
run('three')
new = [i for i in agents() if i not in first]
same(len(new), 1, 'without its key it is another agent')
same(agents()[new[0]]['state'], 'new', 'that nobody agreed to')
same(alarms(data).get('dogwatch.agent.new_key'), 1, 'which is named')
check(any(new[0] in json.dumps(a) for a in alerts(data)), 'with its id and what to type')
run('four')
same(alarms(data).get('dogwatch.agent.new_key'), 1, 'once')

check(dogwatch('agents', 'approve', new[0], '--data', data).startswith(f'agent {new[0]}'), 'it can be approved')
dogwatch('agents', 'approve', 'nonsense', '--data', data, codes=(2,))
up = Up(data, [log])
wait_for(lambda: agents()[new[0]]['state'] == 'approved', 20, 'the approval')
same(up.stop(), 0, 'up ends well')
same(os.listdir(os.path.join(data, 'state/approve')), [], 'the approval is taken up')
before = sorted(json.dumps(a, sort_keys=True) for a in alerts(data))
shutil.rmtree(os.path.join(data, 'alerts'))
run('five')
same(sorted(json.dumps(a, sort_keys=True) for a in alerts(data)), before, 'the archive alone makes the same alerts')
same({e['event']['original'] for e in query(data)} >= {'one', 'two', 'three', 'four', 'five'}, True, 'every line is there, whoever sent it')

# A list: who is in it, and nobody else.
listed = os.path.join(dir_, 'agents.txt')
with open(listed, 'w') as f:
    f.write(f'# who may send\n{new[0]}  # host one\n')
data = os.path.join(dir_, 'listed')
sets = ('--set', 'trust=listed', '--set', f'trust.file={listed}')
run('six', *sets)
same(alarms(data).get('dogwatch.agent.unlisted'), 1, 'an agent that is in no list is named')
with open(listed, 'a') as f:
    f.write('no id\n')
bad = Up(data, [log], '--until-idle', *sets)
same(bad.wait(60), 2, 'a mistake in the list is a mistake in the configuration')
check(f'{listed}:3:1: no agent id' in bad.said(), 'and its place is said', bad.said())
finish(began)
