#!/usr/bin/env python3
"""Provisional alerts, live: raised while the watermark waits, on a stream and to an output that asks; confirmed; withdrawn; and ended by a collector that comes after a kill. Neither
alerts.log nor a replay knows of them."""
from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('provisional')
data, log, rules, sent = (os.path.join(dir_, n) for n in ('data', 'app.log', 'rules.yml', 'sent.ndjson'))
with open(rules, 'w') as f:
    f.write("""title: a failed login
name: failed
detection: {s: {kind: failed}, condition: s}
---
title: a login
name: login
detection: {s: {kind: login}, condition: s}
---
title: many failed logins
name: many
correlation: {type: event_count, rules: [failed], group-by: [who], timespan: 60s, condition: {gte: 5}}
level: high
---
title: failed, then in
name: then
correlation: {type: temporal_ordered, rules: [failed, login], group-by: [who], timespan: 60s}
level: critical
""")
open(log, 'w').close()


def write(kind, who, count=1, second=0.0):
    stamp = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=second)).strftime('%Y-%m-%dT%H:%M:%S.%fZ')
    with open(log, 'a') as f:
        f.writelines(f'{{"time":"{stamp}","kind":"{kind}","who":"{who}","n":{i}}}\n' for i in range(count))


def alerts_(*more):
    r = subprocess.run([DOGWATCH, 'alerts', '--data', data, '--output', 'ndjson', *more], capture_output=True, text=True, timeout=60)
    return [a for a in ndjson(r.stdout) if not a['rule']['id'].startswith('dogwatch.')] if r.returncode in (0, 3) else []


def states(who):
    return [a['provisional']['state'] for a in alerts_('--provisional') if a['key'].get('who') == who]


def told(who):
    """What the output took, in its order."""
    rows = ndjson(open(sent).read()) if os.path.exists(sent) else []
    return [(a.get('provisional', {}).get('state', 'alert'), a['delivery']['activity']) for a in rows if a.get('key', {}).get('who') == who]


LATE = '12s'
up = Up(data, [log], '--rules', rules, '--set', f'lateness={LATE}', '--set', f'outputs=[{{name: early, type: file, path: {sent}, provisional: true}}]')
wait_for(lambda: 'rules loaded' in up.said(), 60, up.said)
same(alerts_('--provisional'), [], 'none yet')
write('failed', 'anna', 5)
wait_for(lambda: states('anna') == ['raised'], 10, lambda: (alerts_('--provisional'), up.said()))
same(alerts_('who:anna'), [], 'while the watermark waits')
wait_for(lambda: told('anna') == [('raised', 'created')], 10, lambda: told('anna'))
row = dogwatch('alerts', '--provisional', '--data', data, '--output', 'table')
check('raised' in row and 'many failed logins' in row and 'who=anna' in row, 'as a table', row)
same(len(alerts_('--provisional', 'rule.name:"many failed logins"')), 1, 'a filter takes it')
same(alerts_('--provisional', 'rule.name:other'), [], 'or does not')
local = alerts_('--provisional')
with open(os.path.join(dir_, 'token'), 'w') as f:
    f.write(dogwatch('token', 'add', 'who', '--role', 'triage', '--data', data).strip())
os.chmod(f.name, 0o600)
r = subprocess.run([DOGWATCH, 'alerts', '--provisional', '--server', f'http://127.0.0.1:{up.port()}', '--output', 'ndjson'], capture_output=True, text=True,
                   env={**os.environ, 'DOGWATCH_TOKEN_FILE': f.name})
same([a['event']['id'] for a in ndjson(r.stdout)], [a['event']['id'] for a in local], f'the API has them, too: {r.stderr}')
# ---- what came in another order than it happened ----
write('failed', 'bert', 1)
write('login', 'bert', 1, -3)
write('failed', 'carl', 1)
write('login', 'carl', 1, 0.001)
wait_for(lambda: (states('bert'), states('carl')) == (['raised'], ['raised']), 10, lambda: alerts_('--provisional'))
# ---- the watermark ----
wait_for(lambda: (states('anna'), states('bert'), states('carl')) == (['confirmed'], ['withdrawn'], ['confirmed']), 60, lambda: (alerts_('--provisional'), up.said()))
found = {a['key']['who']: a['event']['id'] for a in alerts_()}
same(sorted(found), ['anna', 'carl'], 'the alerts')
same({a['key']['who']: a['provisional'].get('alert') for a in alerts_('--provisional')}, {**found, 'bert': None}, 'each says which alert it became')
wait_for(lambda: sorted(told('anna')) == [('alert', 'created'), ('confirmed', 'closed'), ('raised', 'created')], 20, lambda: told('anna'))
wait_for(lambda: told('bert') == [('raised', 'created'), ('withdrawn', 'closed')], 20, lambda: told('bert'))
# ---- a collector that is killed has confirmed nothing ----
write('failed', 'dora', 5)
wait_for(lambda: states('dora') == ['raised'], 10, lambda: alerts_('--provisional'))
pid = up.child('dogwatch-collector')
os.kill(pid, signal.SIGKILL)
wait_for(lambda: states('dora') == ['withdrawn'], 60, lambda: (alerts_('--provisional'), up.said()))
wait_for(lambda: any(a['key'].get('who') == 'dora' for a in alerts_()), 60, lambda: (alerts_(), up.said()))
wait_for(lambda: [s for s, _ in told('dora') if s == 'withdrawn'], 20, lambda: told('dora'))
# ---- what others ask never sees them ----
ids = {a['event']['id'] for a in alerts_('--provisional')}
with open(os.path.join(data, 'alerts/alerts.log')) as f:
    lines = f.read()
check('provisional' not in lines and not any(i in lines for i in ids), 'alerts.log has none', lines[-900:])
write('failed', 'ella', 5)
wait_for(lambda: states('ella') == ['raised'], 10, lambda: alerts_('--provisional'))
same(up.stop(), 0, 'it ends well')
same(states('ella'), ['withdrawn'], 'what stands at the end is withdrawn')
r = subprocess.run([DOGWATCH, 'replay', '--data', data], capture_output=True, text=True, timeout=60)
same(r.stdout, ''.join(x + '\n' for x in open(os.path.join(data, 'alerts/alerts.log')).read().split('\n') if x.startswith('{"type":"raised"')), 'a replay says what alerts.log says')
# ---- without ----
data = os.path.join(dir_, 'off')
up = Up(data, [log], '--rules', rules, '--set', 'lateness=1s', '--set', 'provisional=false')
wait_for(lambda: len(alerts_()) >= 3, 60, lambda: (alerts_(), up.said()))
same(up.stop(), 0, 'it ends well')
check(not os.path.exists(os.path.join(data, 'alerts/provisional.log')), 'there is no stream where nobody wants it', os.listdir(os.path.join(data, 'alerts')))
finish(began)
