#!/usr/bin/env python3
"""Whoever meddles with logs or agent leaves events behind, and shipped rules raise alerts of them; rotation leaves none."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('signals')
logs, data = os.path.join(dir_, 'logs'), os.path.join(dir_, 'data')
os.makedirs(logs)
log = os.path.join(logs, 'auth.log')


def write(name, text, mode='a'):
    with open(os.path.join(logs, name), mode) as f:
        f.write(text)


def actions():
    return sorted(e['event']['action'] for e in query(data, 'event.dataset:dogwatch.agent'))


def read(text):
    wait_for(lambda: any(text in e['event']['original'] for e in query(data)), 40, lambda: f'{text} is archived: {up.said()[-1500:]}')


write('auth.log', 'one\n')
write('app.log', 'one\n')
up = Up(data, [logs + '/*.log'], *OWN_PORT, quiet=())
wait_for(lambda: os.path.isdir(os.path.join(data, 'archive')) and os.listdir(os.path.join(data, 'archive')), 40, 'an archive')
read('one')
wait_for(lambda: actions() == ['agent-started'], 20, 'the start')

# Rotation is nobody's meddling.
os.rename(os.path.join(logs, 'app.log'), os.path.join(logs, 'app.log.1'))
write('app.log', 'after rotation\n')
read('after rotation')

# Somebody empties a log, and kills the agent.
write('auth.log', '')
os.truncate(log, 0)
wait_for(lambda: 'log-truncated' in actions(), 30, 'a log that was emptied')
pid = wait_for(lambda: up.child('dogwatch-agent'), 20, 'the agent')
os.kill(pid, signal.SIGKILL)
wait_for(lambda: 'agent-died' in actions(), 40, 'an agent that was killed')
write('auth.log', 'after all\n')
read('after all')
same(up.stop(), 0, 'it ends well')
same(actions(), ['agent-died', 'agent-started', 'agent-started', 'agent-stopped', 'log-truncated'], 'no more and no less')
event = query(data, 'event.action:log-truncated')[0]
same((event['file']['path'], event['event']['module']), (log, 'dogwatch'), 'of which log')
names = sorted(a['rule']['name'] for a in alerts(data))
same([n for n in names if n.startswith('Log ')], ['Log agent was killed', 'Log truncated or rewritten under its reader'], 'both raise alerts')
finish(began)
