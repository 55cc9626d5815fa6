#!/usr/bin/env python3
"""A count that calms down, live: one alert from its crossing on, told again when it is calm, over a kill between; replay says the same bytes, and a pack proves when it was."""
from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('calm')
data, log, rules = (os.path.join(dir_, n) for n in ('data', 'app.log', 'rules.yml'))
with open(rules, 'w') as f:
    f.write("""title: an error
name: error
detection: {s: {kind: error}, condition: s}
---
title: many errors
name: many
correlation: {type: event_count, rules: [error], group-by: [host.name], timespan: 10s, condition: {gte: 5}, calm: {lte: 1}}
level: high
""")


def write(at, second, count=1):
    stamp = (at + datetime.timedelta(seconds=second)).strftime('%Y-%m-%dT%H:%M:%S.000000Z')
    with open(log, 'a') as f:
        f.writelines(f'{{"time":"{stamp}","kind":"error","n":{i}}}\n' for i in range(count))
    return stamp


def alerts_():
    return ndjson(dogwatch('alerts', '--data', data, '--output', 'ndjson', codes=(0, 3)))


def raised():
    with open(os.path.join(data, 'alerts/alerts.log')) as f:
        return [x for x in f if x.startswith('{"type":"raised"')]


now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
write(now, -100, 5)
write(now, -95)
last = write(now, -94)  # seven events: not a power of two, and calm at -85, when one is left
up = Up(data, [log], '--rules', rules)
wait_for(lambda: len(alerts_()) == 1 and 'calm' in alerts_()[0], 60, lambda: (alerts_(), up.said()))
alert = alerts_()[0]
end = (now - datetime.timedelta(seconds=85)).strftime('%Y-%m-%dT%H:%M:%S')
same((alert['calm'][:19], alert['window']['end'][:19], alert['@timestamp'][:19], alert['total'], alert['value'], alert['update']), (end, end, end, 7, 1, True), 'it says when it was calm, and how few there were')
same([json.loads(x).get('calm') for x in raised()], [None, True], 'told at its crossing, and when it is calm')
same(up.stop(), 0, 'it ends well')
# ---- hot over a restart ----
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
write(now, 2, 5)
up = Up(data, [log], '--rules', rules)
wait_for(lambda: len(raised()) == 3, 60, lambda: (raised(), up.said()))
same(up.stop(), 0, 'it ends well')
same([json.loads(x).get('calm') for x in raised()], [None, True, None], 'the end of input is not calm')
up = Up(data, [log], '--rules', rules)
wait_for(lambda: len(raised()) == 4, 60, lambda: (raised(), up.said()))
same(up.stop(), 0, 'it ends well')
lines = [json.loads(x) for x in raised()]
check(lines[3]['id'] == lines[2]['id'] != lines[0]['id'] and lines[3]['calm'] and lines[3]['total'] == lines[2]['total'] == 5, 'calm is news, though there is no more event', lines[2:])
# ---- people, replay, proof ----
shown = dogwatch('alert', 'show', alert['event']['id'], '--data', data, '--output', 'table')
check(f'calm   {alert["calm"]}, when its count had come down' in shown, 'alert show says it', shown[:700])
r = subprocess.run([DOGWATCH, 'replay', '--data', data], capture_output=True, text=True, timeout=60)
same(r.stdout, ''.join(raised()), 'replay: the same bytes')
r = subprocess.run([DOGWATCH, 'replay', '--data', data, '--corrected'], capture_output=True, text=True, timeout=60)
check(r.returncode == 0 and r.stdout.count('"calm":true') == 2 and '0 new by late events' in r.stderr, 'and none is late', (r.stdout, r.stderr))
for i, a in enumerate(alerts_()):
    pack = os.path.join(dir_, f'pack{i}')
    r = subprocess.run([DOGWATCH, 'evidence', 'export', a['event']['id'], '--data', data, '--rules', rules, '--to', pack], capture_output=True, text=True, timeout=60)
    same(r.returncode, 0, f'a pack: {r.stderr[-600:]}')
    r = subprocess.run([DOGWATCH, 'evidence', 'verify', pack], capture_output=True, text=True, timeout=60)
    check(r.returncode == 0 and 'problem' not in r.stdout, 'which holds', (r.stdout[-900:], r.stderr))
path = os.path.join(pack, 'alert.json')
text = open(path).read()
with open(path, 'w') as f:
    f.write(text.replace('"calm":true,', ''))
r = subprocess.run([DOGWATCH, 'evidence', 'verify', pack], capture_output=True, text=True, timeout=60)
check(r.returncode == 1, 'and does not without its calm', (r.stdout[-900:], r.stderr))
rows = ''.join(json.dumps({'@timestamp': f'2026-11-29T10:00:{s:02}Z', 'kind': 'error', 'host': {'name': 'h'}}) + '\n' for s in (1, 1, 1, 1, 1, 30))
r = subprocess.run([DOGWATCH, 'rules', 'explain', '--rule', 'many', rules], input=rows, capture_output=True, text=True, timeout=60)
check('many errors for host.name=h is calm: 0, at most 1; the alert ends' in r.stdout, 'rules explain shows it', r.stdout[-900:])
finish(began)
