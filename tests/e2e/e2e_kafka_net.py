#!/usr/bin/env python3
"""The network between both programs and Apache Kafka is cut, silent, slow and torn, again and again, while lines are written: the same
lines and alerts as an undisturbed run, every byte accounted for, no false alarm, and nobody is called silent."""
import time

from e2e_lib import *  # noqa: F403
from proxy import Proxy

began = time.monotonic()
NODES, ROUNDS, LINES = (3, 4, 200000) if LONG else (1, 1, 8000)
SEED = int(os.environ.get('DW_SEED', '11'))
# Usual timeouts in the long form. The silence is longer than each, and agent.idle_after than what an agent may need to come back from it.
SOCKET_S, SESSION_S, BACKOFF_S, IDLE_S, HOLE_S = (30, 45, 10, 60, 75) if LONG else (6, 6, 1, 12, 16)
kafka = Kafka(NODES, '--behind')
proxy = Proxy([(kafka.port + 10 * n + 4, kafka.port + 10 * n + 3) for n in range(NODES)], SEED)
brokers = ','.join(f'127.0.0.1:{kafka.port + 10 * n + 4}' for n in range(NODES))
dir_ = scratch('kafka-net')
data, calm = os.path.join(dir_, 'data'), os.path.join(dir_, 'calm')
traffic = Traffic(os.path.join(dir_, 'logs'), LINES, seed=SEED, rotate=1000000 if LONG else 300000, inside=False)
# Both runs go on from one state, so that agent id, salt and with them all ids are the same.
same(up_until_idle(data, [os.path.join(dir_, 'nothing-here-yet')], brokers=None), 1, 'a first start without logs says no')
shutil.copytree(data, calm)
timeouts = f'socket.timeout.ms: {SOCKET_S * 1000}, reconnect.backoff.max.ms: {BACKOFF_S * 1000}'
options = [f'agent.kafka.options={{{timeouts}}}',
           f'collector.kafka.options={{{timeouts}, session.timeout.ms: {SESSION_S * 1000}, heartbeat.interval.ms: {SESSION_S * 200}}}',
           f'collector.agent.idle_after={IDLE_S}s']
up = Up(data, traffic.globs, *[a for o in options for a in ('--set', o)], brokers=brokers)
share = LINES // (ROUNDS * 7 + 1)


def arrived(what):
    """What was written so far goes through."""
    at = traffic.n
    traffic.end_lines()
    wait_for(lambda: count(data) >= at or up.process.poll() is not None, 300 if LONG else 90,
             lambda: f'{at} lines after {what}: {count(data)}, {proxy.counts}\n{up.said()[-3000:]}', 0.3)
    check(up.child('dogwatch-agent') and up.child('dogwatch-collector'), f'both programs live through: {what}', up.said()[-2000:])


def during(mode, enough, what, node=None):
    """Lines are written while the network does this, until it is enough."""
    proxy.set(mode, node)
    traffic.run(share)
    wait_for(lambda: (traffic.run(1), enough())[1], 180, lambda: f'{what}: {proxy.counts}', 0.05)
    proxy.set('through')
    print(f'{what}: {proxy.counts}, {traffic.n} lines written, {count(data)} arrived, {time.monotonic() - began:.0f} s', flush=True)


def lasting(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def times(mode, n, seconds):
    """So often at least, and for as long, which is less than an agent may be unheard of."""
    before, over = proxy.counts.get(mode, 0), lasting(seconds)
    return lambda: over() and proxy.counts.get(mode, 0) >= before + n


traffic.run(share)
arrived('the start')
for k in range(ROUNDS):
    during('refused', lasting(15 if LONG else 3), 'cut')
    arrived('connections were cut')
    during('torn', times('torn', 8, IDLE_S / 2), 'torn in the middle')
    arrived('connections were torn')
    during('deaf', times('deaf', 8, IDLE_S / 2), 'answers lost')
    arrived('answers were lost')
    during('hole', lasting(HOLE_S), 'nothing passes')
    arrived('the network was silent')
    during('slow', lasting(30 if LONG else 6), 'slow')
    arrived('it was slow')
    if NODES > 1:
        for mode in ('hole', 'refused'):  # the others are there, and the cluster sees nothing of it: no partition gets another leader
            during(mode, lasting(HOLE_S), f'one broker: {mode}', k % NODES)
        arrived('one broker was cut off')
while traffic.run(100):
    pass
arrived('all of it')
same(up.stop(), 0, 'dogwatch up ends well')
check('death' not in up.said(), 'neither program died', up.said()[-1500:])
again = check_lines(data, traffic.record)
check_account(data, traffic.record)
check(not alarms(data), 'no false alarm', (alarms(data), [a.get('message') for a in alerts(data) if a['rule']['id'].startswith('dogwatch.')]))

same(up_until_idle(calm, traffic.globs, brokers=None), 0, 'the undisturbed run ends well')
check(len(alert_keys(calm)) > 5, 'the undisturbed run has alerts', len(alert_keys(calm)))
same(alert_keys(data), alert_keys(calm), 'alerts are those of an undisturbed run')
same(set(event_ids(data)), set(event_ids(calm)), 'events are those of an undisturbed run')
print(f'{LINES} lines, {again} events sent again, {len(alert_keys(data))} alerts, {proxy.counts}')
finish(began)
