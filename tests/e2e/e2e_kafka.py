#!/usr/bin/env python3
"""Over Apache Kafka: the same lines, alerts and account as over a folder; through kills of both programs and of brokers; and what is done
to the topic is named."""
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
NODES = 3 if LONG else 1
kafka = Kafka(NODES)
dir_ = scratch('kafka-data')


def other(name):
    """Another end-to-end test, with agent and collector joined by these brokers."""
    r = subprocess.run([sys.executable, os.path.join(ROOT, f'tests/e2e/e2e_{name}.py')] + (['--long'] if LONG else []),
                       env=dict(os.environ, DW_BROKERS=kafka.brokers), capture_output=True, text=True)
    print(f'{name} over Kafka: ' + ' '.join(r.stdout.splitlines()[-1:]), flush=True)
    check(r.returncode == 0, f'{name} over Kafka', r.stdout[-3000:] + r.stderr[-1500:])


for name in ('whole', 'kills'):
    other(name)

# Brokers die and come back while lines are written, and for a while none is there.
data, lines = os.path.join(dir_, 'faults'), 200000 if LONG else 8000
traffic = Traffic(os.path.join(dir_, 'faults-logs'), lines, seed=7, rotate=1000000 if LONG else 300000)
up = Up(data, traffic.globs, '--set', 'collector.agent.idle_after=12s', brokers=kafka.brokers)  # an outage is longer, and nobody is silent
for k in range(5 if LONG else 2):
    traffic.run(lines // 12)
    wait_for(lambda: count(data) >= traffic.n // 2, 120, 'half of the lines')
    kafka.run('stop', str(k % NODES + 1))
    traffic.run(lines // 12)
    kafka.run('node', str(k % NODES + 1))
for k in range(2 if LONG else 1):
    for n in range(NODES):
        kafka.run('stop', str(n + 1))
    away = time.monotonic() + (60 if LONG else 10)
    wait_for(lambda: traffic.run(20) is None or time.monotonic() > away, 120, 'lines are written while no broker is there', 0.05)
    check(up.child('dogwatch-agent') and up.child('dogwatch-collector'), 'both programs live through it')
    for n in range(NODES):
        kafka.run('node', str(n + 1))
while traffic.run(100):
    pass
wait_for(lambda: count(data) >= lines or up.process.poll() is not None, 600 if LONG else 240, f'{lines} lines', 0.5)
same(up.stop(), 0, 'dogwatch up ends well')
check('death' not in up.said(), 'neither program died', up.said()[-1500:])
again = check_lines(data, traffic.record)
check_account(data, traffic.record)
check(not alarms(data), 'no false alarm of tampering', alarms(data))
print(f'brokers killed: {lines} lines, {again} events sent again')

# What a person sees: the lines, by kcat and zstd alone.
if shutil.which('kcat'):
    raw = subprocess.run(f"kcat -b {kafka.brokers} -C -e -q -D '' -t {topic_of(data)} | zstd -dcq", shell=True, capture_output=True).stdout
    shown, written = set(raw.split(b'\n')), {part for line in traffic.record.lines for part in line.text.split(b'\n')}
    check(written <= shown, 'kcat -C | zstd -dc shows every line', len(written - shown))
else:
    print('SKIPPED  kcat is not here: what it shows was not looked at; 1 part did not run')
finish(began)
