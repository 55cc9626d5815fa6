#!/usr/bin/env python3
"""An agent that was killed and lost its key stops nothing: it is decided to be idle, correlations fire, a run until idle ends."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('silent')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs/auth.log')
os.makedirs(os.path.dirname(log))
IDLE = ['--set', 'collector.agent.idle_after=3s', '--rules', os.path.join(ROOT, 'rules')]


def attack(user, minutes_ago):
    """Failed logins as sshd writes them, a second apart."""
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes_ago)
    with open(log, 'a') as f:
        for i in range(16):
            stamp = (at + datetime.timedelta(seconds=i)).strftime('%b %e %H:%M:%S')
            f.write(f'{stamp} web sshd[4711]: Failed password for {user} from 203.0.113.9 port 40{i:03} ssh2\n')


def raised(name):
    return [a for a in alerts(data) if a['rule']['name'] == name]


# The first agent: killed, and its key is gone.
attack('first', 9)
config = os.path.join(data, 'up/agent.yml')
dogwatch('up', '--data', data, '--write-config', os.path.join(data, 'up'), '--logs', log)
p = subprocess.Popen([os.path.join(BUILD, 'dogwatch-agent'), '--config', config], stderr=subprocess.DEVNULL)
atexit.register(lambda: p.poll() is None and p.kill())
queue = os.path.join(data, 'queue')
wait_for(lambda: os.path.isdir(queue) and sum(os.path.getsize(os.path.join(queue, n)) for n in os.listdir(queue)) > 1500, 20, 'its frames')
p.kill()
p.wait()
shutil.rmtree(os.path.join(data, 'agent'))

# Its successor has another id. While it runs, the dead one is decided to be idle and what waited comes out.
attack('second', 4)
up = Up(data, [log], *IDLE)
wait_for(lambda: count(data) >= 16, 20, 'lines in the archive')
wait_for(lambda: raised('Nothing has been heard of an agent'), 30, 'the silent agent to be named')
wait_for(lambda: raised('SSH brute force'), 20, 'a correlation to fire')
same(up.stop(), 0, 'up ends well')
same(alarms(data), {'dogwatch.agent.unheard': 1}, 'the dead agent is named once, and nothing else')
unheard = next(a for a in alerts(data) if a['rule']['id'] == 'dogwatch.agent.unheard')
check('nothing since 20' in unheard['message'], 'it says since when', unheard)
same(up_until_idle(data, [log], *IDLE, seconds=40), 0, 'a run until idle ends')

# The decision is in the log: what follows from it is made again from the archive alone.
alert_log = os.path.join(data, 'alerts/alerts.log')
before = open(alert_log, 'rb').read()
shutil.rmtree(os.path.join(data, 'alerts'))
r = subprocess.run([os.path.join(BUILD, 'dogwatch-collector'), '--config', os.path.join(data, 'up/collector.yml')], capture_output=True, timeout=60)
same(r.returncode, 0, 'the collector ends well')
check(open(alert_log, 'rb').read() == before, 'the same alerts, byte for byte', (before[-2000:], open(alert_log, 'rb').read()[-2000:]))
verified = dogwatch('archive', 'verify', '--data', data)
check(verified.startswith('ok') and 'decisions of the collector' in verified, 'archive verify', verified)

# A silent agent alone does not keep a run from ending.
shutil.rmtree(os.path.join(data, 'agent'))
same(up_until_idle(data, [log], *IDLE, seconds=40), 0, 'a run until idle ends with another agent')
finish(began)
