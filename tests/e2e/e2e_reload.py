#!/usr/bin/env python3
"""SIGHUP: a good configuration is taken without a byte lost, of a bad one the mistakes are shown and nothing changes."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('reload')
data = os.path.join(dir_, 'data')
config = os.path.join(data, 'up/agent.yml')
files, n = {}, {}


def write(name, count):
    os.makedirs(os.path.join(dir_, name), exist_ok=True)
    if name not in files:
        files[name], n[name] = open(os.path.join(dir_, name, 'a.log'), 'a', buffering=1), 0
    for _ in range(count):
        files[name].write(f'{name} {n[name]} password=hunter2\n')
        n[name] += 1


def edit(change):
    """As an editor does: a new file under the old name."""
    with open(config) as f:
        text = f.read()
    with open(config + '.new', 'w') as f:
        f.write(change(text))
    os.rename(config + '.new', config)


write('first', 100)
write('second', 100)
up = Up(data, [os.path.join(dir_, 'first/*.log')], *OWN_PORT)
wait_for(lambda: count(data) == 100, 60, lambda: up.said())
agent = up.child('dogwatch-agent')

# A mistake: shown with its place, and the agent goes on.
with open(config) as f:
    good = f.read()
edit(lambda t: t + 'lgos: [x]\n')
os.kill(agent, signal.SIGHUP)
wait_for(lambda: "did you mean 'logs'" in up.said(), 30, lambda: up.said())
wait_for(lambda: 'stays as it was' in up.said(), 30, lambda: up.said())
write('first', 100)
wait_for(lambda: count(data) == 200, 60, lambda: up.said())
same(up.child('dogwatch-agent'), agent, 'a mistake ends nothing')

# Another folder, and nothing masked: taken, while the first log is written.
edit(lambda t: good.replace(f'{dir_}/first/*.log', f'{dir_}/*/*.log') + 'redact: [none]\n')
write('first', 1000)
os.kill(agent, signal.SIGHUP)
write('first', 1000)
wait_for(lambda: up.child('dogwatch-agent') not in (0, agent), 60, lambda: up.said())
write('first', 100)
wait_for(lambda: count(data) == n['first'] + n['second'], 60, lambda: f'{count(data)} of {n}: {up.said()[-1500:]}')
texts = [e['event']['original'] for e in query(data)]
same(sorted(t.split(' password')[0] for t in texts), sorted(f'{k} {i}' for k in n for i in range(n[k])), 'every line once')
check(all('hunter2' in t for t in texts if t.startswith('second')), 'by the new configuration', texts[-1])
check('death' not in up.said(), 'no death is counted', up.said())
same(up.stop(), 0, 'it ends well')
same(ledger(data)[1]['unaccounted'], 0, 'nothing is unaccounted for')
check(not alarms(data), 'no false alarm', alarms(data))
finish(began)
