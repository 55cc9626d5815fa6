#!/usr/bin/env python3
"""Impossible travel live: a rule sleeps without a database of places and says so; with one it tells, names the database, replays to the same bytes and is proved offline; with
another one it is another rule."""
import glob
import hashlib
import signal
import struct

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('travel')
data, log, rules = (os.path.join(dir_, n) for n in ('data', 'app.log', 'rules.yml'))
with open(rules, 'w') as f:
    f.write("""title: a login
name: login
detection: {s: {kind: login}, condition: s}
---
title: in two places
name: places
detector: {type: impossible_travel, rules: [login], group-by: [user.name], field: source.ip, timespan: 1d}
level: high
""")


def item(v):
    """One value of a MaxMind DB's data section."""
    if isinstance(v, dict):
        return bytes([7 << 5 | len(v)]) + b''.join(item(k) + item(x) for k, x in v.items())
    if isinstance(v, list):
        return bytes([len(v), 4]) + b''.join(map(item, v))
    if isinstance(v, str):
        return bytes([2 << 5 | len(v)]) + v.encode()
    return bytes([3 << 5 | 8]) + struct.pack('>d', v) if isinstance(v, float) else bytes([6 << 5 | 4]) + struct.pack('>I', v)


def database(name, places):
    """A file of IPv4 addresses, each (latitude, longitude, city)."""
    tree, rows = [[None, None]], b''
    for address, (north, east, city) in places.items():
        bits, at = ''.join(f'{int(x):08b}' for x in address.split('.')), 0
        for i, bit in enumerate(bits):
            if i == 31:
                tree[at][int(bit)] = ('row', len(rows))
            elif tree[at][int(bit)] is None:
                tree.append([None, None])
                tree[at][int(bit)] = len(tree) - 1
            at = tree[at][int(bit)]
        rows += item({'location': {'latitude': north, 'longitude': east}, 'city': {'names': {'en': city}}})
    n = len(tree)
    number = lambda w: n if w is None else n + 16 + w[1] if isinstance(w, tuple) else w  # noqa: E731
    u16 = lambda x: bytes([5 << 5 | 2]) + struct.pack('>H', x)  # noqa: E731
    itself = {'node_count': n, 'database_type': 'test-City', 'languages': ['en'], 'description': {'en': 'test'}}
    head = bytes([7 << 5 | 9]) + b''.join(item(k) + item(v) for k, v in itself.items())
    head += b''.join(item(k) + u16(v) for k, v in (('record_size', 24), ('ip_version', 4), ('binary_format_major_version', 2), ('binary_format_minor_version', 0)))
    head += item('build_epoch') + bytes([1, 2, 1])
    path = os.path.join(dir_, name)
    with open(path, 'wb') as f:
        f.write(b''.join(struct.pack('>I', number(w))[1:] for way in tree for w in way) + bytes(16) + rows + b'\xab\xcd\xefMaxMind.com' + head)
    return path


PLACES = {'192.0.2.1': (48.8566, 2.3522, 'Paris'), '203.0.113.9': (-33.8688, 151.2093, 'Sydney'), '198.51.100.7': (40.7128, -74.006, 'New York')}
first, other = database('first.mmdb', PLACES), database('other.mmdb', {**PLACES, '203.0.113.9': (48.9, 2.4, 'Paris')})
now = datetime.datetime.now(datetime.timezone.utc)


def login(ago, user, address):
    at = (now - datetime.timedelta(seconds=ago)).strftime('%Y-%m-%dT%H:%M:%S.%fZ')
    with open(log, 'a') as f:
        f.write(json.dumps({'time': at, 'kind': 'login', 'user': user, 'source': {'ip': address}}) + '\n')


def said(*args):
    r = subprocess.run([DOGWATCH, *args], capture_output=True, text=True, timeout=60)
    check('Sanitizer' not in r.stderr, f'{args[:2]}: no sanitizer speaks', r.stderr[-3000:])
    return r.returncode, r.stdout, r.stderr


# ---- without a database ----
code, out, err = said('rules', 'check', rules)
check(code == 0 and '1 of them sleeps without a database of places (geoip.database of the collector; here --geoip FILE): in two places' in out, 'rules check says who sleeps', out)
code, out, err = said('rules', 'check', '--geoip', first, rules)
check(code == 0 and 'sleeps' not in out, 'and that nobody does', out)
code, out, err = said('rules', 'check', '--geoip', rules, rules)
check(code == 2 and 'the database of places cannot be read from' in err, 'what is no database is refused', err)
code, out, err = said('rules', 'check', '--fix', '--geoip', first, rules)
check(code == 0 and 'sleeps' not in out, '--fix asks it, too', (out, err))
code, out, err = said('rules', 'check', '--fix', '--geoip', rules, rules)
check(code == 2 and 'the database of places cannot be read from' in err, 'and refuses what is none', err)
login(100, 'ann', '192.0.2.1')
up = Up(data, [log], '--rules', rules)
wait_for(lambda: glob.glob(os.path.join(data, 'state/*counters*')) and counters(data).get('correlate_no_place') == 1, 60, lambda: up.said())
same(up.stop(), 0, 'it ends well')
check("1 of 2 rules sleep, 'in two places': they ask where addresses are, and geoip.database names no database" in up.said(), 'the collector says who sleeps', up.said()[-1500:])
# ---- with one ----
now = datetime.datetime.now(datetime.timezone.utc)  # and a clock a little fast: what is older than the agent has said already would be late
login(-2, 'ann', '192.0.2.1')
login(-3, 'ann', '10.0.0.1')
login(-4, 'bob', '203.0.113.9')
login(-5, 'ann', '203.0.113.9')
up = Up(data, [log], '--rules', rules, '--set', f'geoip.database={first}')
alerts_ = lambda: ndjson(dogwatch('alerts', '--data', data, '--output', 'ndjson', codes=(0, 3)))  # noqa: E731
wait_for(lambda: len(alerts_()) == 1, 60, lambda: (alerts_(), up.said()))
alert = alerts_()[0]
d = alert['detector']
check(d['value'] == ['192.0.2.1', '203.0.113.9', 'Paris', 'Sydney'] and 16955 <= d['km'] <= 16962 and d['seconds'] == 3, 'what was found', d)
same(d['database'], hashlib.sha256(open(first, 'rb').read()).hexdigest(), 'it names the database')
same(up.stop(), 0, 'it ends well')
same(up.said().count('rules sleep'), 1, 'nobody sleeps any more')
check(up.said().count('2 rules loaded') == 2, 'and all are loaded', up.said()[-800:])
shown = dogwatch('alert', 'show', alert['event']['id'], '--data', data, '--output', 'table')
check('found  source.ip = 203.0.113.9 (Sydney), and 3 s before 192.0.2.1 (Paris): 169' in shown, 'in words', shown[:900])
code, out, err = said('alert', 'explain', alert['event']['id'][:12], '--data', data, '--rules', rules, '--output', 'ndjson')
check(code == 0 and all(x['rule']['same_logic'] for x in ndjson(out)), 'the rule decides as then, by the database that the configuration names', (out[:600], err))
# ---- again, and offline ----
with open(os.path.join(data, 'alerts/alerts.log')) as f:
    raised = ''.join(x for x in f if x.startswith('{"type":"raised"'))
code, out, err = said('replay', '--data', data)
same(out, raised, 'replay: the same bytes')
check('decides otherwise' not in err, 'by the same rules', err)
pack = os.path.join(dir_, 'pack')
code, out, err = said('evidence', 'export', alert['event']['id'], '--data', data, '--rules', rules, '--to', pack)
same(code, 0, f'a pack: {err[-600:]}')
os.rename(first, first + '.away')
code, out, err = said('evidence', 'verify', pack)
check(code == 0 and 'decides otherwise' not in out + err, 'which holds where no database is', (code, out[-900:], err))
os.rename(first + '.away', first)
# ---- by another database ----
conf = os.path.join(data, 'up/collector.yml')
text = open(conf).read()
with open(conf, 'w') as f:
    f.write(text.replace(first, other))
code, out, err = said('replay', '--data', data)
check(out == '' and '2 of these rule sets asked another database of places' in err, 'replay says that it is another database', (out, err))
with open(conf, 'w') as f:
    f.write(text.replace(first, first + '.gone'))
code, out, err = said('replay', '--data', data)
check(code == 3 and out == '' and err.count('\n') == 1 and 'the database of places cannot be read from' in err, 'replay says once that it is not there', (code, out, err))
code, out, err = said('alert', 'explain', alert['event']['id'][:12], '--data', data, '--rules', rules)
check(code < 3 and 'rules that ask where addresses are sleep here' in err, 'an explanation goes on without', (code, out[-600:], err))
r = subprocess.run([os.path.join(os.path.dirname(DOGWATCH), 'dogwatch-collector'), '--config', conf], capture_output=True, text=True, timeout=60)
check(r.returncode == 2 and 'geoip.database: ' in r.stderr, 'a database that is not there is a mistake of configuration', (r.returncode, r.stderr))
# ---- a database that comes anew while the collector works ----
live = os.path.join(dir_, 'live.mmdb')
shutil.copy(first, live)
up = Up(os.path.join(dir_, 'reload'), [log], '--rules', rules, '--set', f'geoip.database={live}')
again = os.path.join(dir_, 'reload')
wait_for(lambda: glob.glob(os.path.join(again, 'state/*counters*')) and os.path.exists(os.path.join(again, 'archive/MANIFEST')) and len(event_ids(again)) == 5, 60, lambda: up.said())
for to, says in ((None, 'SIGHUP: the 2 rules decide as before'), (other, 'SIGHUP: 2 rules from here on'), (rules, 'SIGHUP: the rules are not taken')):
    if to:
        shutil.copy(to, live)  # in place: what is mapped is a copy
    os.kill(up.child('dogwatch-collector'), signal.SIGHUP)
    wait_for(lambda: says in up.said(), 60, lambda: (says, up.said()))
check(f'geoip.database: {live}: ' in up.said(), 'what is no database changes nothing, and is said', up.said()[-900:])
same(up.stop(), 0, 'it ends well')
finish(began)
