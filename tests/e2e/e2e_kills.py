#!/usr/bin/env python3
"""SIGKILL of agent and collector at random moments: the same lines, the same alerts, no byte unaccounted, no false alarm."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
LINES, KILLS = (500000, 20) if LONG else (12000, 3)
SEED = int(os.environ.get('DW_SEED', '5'))
rng = random.Random(SEED)
dir_ = scratch('kills')
data = os.path.join(dir_, 'data')
traffic = Traffic(os.path.join(dir_, 'logs'), LINES, seed=SEED, rotate=1000000 if LONG else 300000,
                  inside=os.environ.get('DW_ROTATE_INSIDE', 'yes') == 'yes')  # e2e_whole.py shows what that does
plan = sorted((rng.randrange(LINES // 20, LINES - 10), name) for name in ('dogwatch-agent', 'dogwatch-collector') for _ in range(KILLS))
calm = os.path.join(dir_, 'calm')
# Both runs go on from one state, so that agent id, salt and with them all ids are the same.
same(up_until_idle(data, [os.path.join(dir_, 'nothing-here-yet')], brokers=None), 1, 'a first start without logs says no')
shutil.copytree(data, calm)
traffic.run(200)
up = Up(data, traffic.globs)
hits = 0


def kill(name):
    """Ends a live process; a kill that finds none after 15 s fails the test."""
    global hits
    pid = wait_for(lambda: up.child(name), 15, f'a live {name}')
    end = time.monotonic() + rng.random() * 0.15  # any moment of its life, the very first ones too
    wait_for(lambda: time.monotonic() > end or up.child(name) != pid, 1, 'a moment', 0.001)
    try:
        os.kill(pid, signal.SIGKILL)
        hits += 1
    except ProcessLookupError:
        pass
    wait_for(lambda: up.child(name) != pid, 5, f'the end of {name} {pid}')


for at, name in plan:
    while traffic.n < at:
        traffic.run(min(100, at - traffic.n))
    kill(name)
while traffic.run(100):
    pass
same(hits, 2 * KILLS, 'every kill hit a live process')
wait_for(lambda: up.said().count('was killed by signal 9') == hits, 5, 'up saw every kill')
same(hits, up.said().count('was killed by signal 9'), 'up saw every kill')
wait_for(lambda: count(data) >= LINES or up.process.poll() is not None, 900 if LONG else 200 if BROKERS else 60, f'{LINES} lines', 0.5)
same(up.stop(), 0, 'dogwatch up ends well')
again = check_lines(data, traffic.record)
check_account(data, traffic.record)
check(not alarms(data), 'no false alarm of tampering', alarms(data))

# What was raised between kills follows from the archive alone.
alert_log = os.path.join(data, 'alerts/alerts.log')
before = open(alert_log, 'rb').read()
shutil.rmtree(os.path.join(data, 'alerts'))
dogwatch('up', '--data', data, '--write-config', os.path.join(data, 'up'), '--until-idle')
r = subprocess.run([os.path.join(BUILD, 'dogwatch-collector'), '--config', os.path.join(data, 'up/collector.yml')], capture_output=True, timeout=300)
same(r.returncode, 0, 'the collector ends well')
check(open(alert_log, 'rb').read().startswith(before) and before, 'alerts that were deleted are made again byte for byte', before[-500:])

# An undisturbed run over the same files, by the same agent: the same alerts.
same(up_until_idle(calm, traffic.globs, brokers=None), 0, 'the undisturbed run ends well')  # over a folder, whatever the other took
check(len(alert_keys(calm)) > 10, 'the undisturbed run has alerts', len(alert_keys(calm)))
check(not alarms(calm), 'no false alarm in the undisturbed run', alarms(calm))


def what(data):
    """(rule, key, file, offset) of each alert: for the case that ids differ, to tell why."""
    return {a['event']['id']: json.dumps(a, sort_keys=True)[:400] for a in alerts(data)}


mine, theirs = what(data), what(calm)
same(set(mine), set(theirs), 'alert ids equal those of an undisturbed run')
for i in sorted(set(mine) ^ set(theirs))[:4]:
    print('   ', 'disturbed' if i in mine else 'calm', mine.get(i) or theirs.get(i))
same(set(event_ids(data)), set(event_ids(calm)), 'the same event ids')
print(f'{LINES} lines, {hits} kills, {again} events sent again, {len(mine)} alerts')
finish(began)
