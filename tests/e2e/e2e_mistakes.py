#!/usr/bin/env python3
"""A user's mistakes: docs/reference/mistakes.md holds what is typed and what comes back, and this types all of it again.
--update writes the page anew."""
import re
import shlex
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
PAGE = os.path.join(ROOT, 'docs/reference/mistakes.md')
HEAD = '''# Mistakes, and what is said

<!-- written by tests/e2e/e2e_mistakes.py --update, which types all of it; every run of the tests types it again -->

Exit codes: 1 the answer is no, 2 usage, configuration or rule mistake, 3 it could not be done. DATA stands for the folder of the run.
'''
TYPED = [
    ('A query', ["query 'source.ip:('", "query 'user.name:root and'", "query '\"never closed'", "query 'http.response.status_code=404'", "query 'http.response.status_code > 400'",
                 "query 'http.response.status_code:400..500'", "query 'url.path:/(/'", "query 'source.ip:10.0.0.0/33'"]),
    ('A field', ["query 'sorce.ip:203.0.113.9'", "alerts 'level:high'", "alerts 'status:open'"]),
    ('A pipe', ["query '* | stast count'", "query '* | stats count by'", "query '* | sort by user.name'", "query '* | head'", "query '* | limit 5'",
                "query '* | stats count by user.name | where source.ip:203.0.113.9'", "query '* | stats count by user.name | where count > 10'", "query '* | head 3 | context 2'"]),
    ('A time', ["query '*' --since yesterday", "query '*' --since 1h --until 2h", "alerts --until 25.11.2026"]),
    ('An alert', ["alert show ffff", "alert status ffff closed", "alert status ffff done", "alert show", "incidents show ffff"]),
    ('A silence', ["silence add 'source.ip:203.0.113.9'", "silence add '* | head 1' --for 1h", "silence end ffff"]),
    ('A policy', ["policy ngnix", "policy approve ffff", "policy rollback ffff", "policy ls --proposed", "policy diff nginx DATA/nothing", "policy nginx --config DATA/policy.yml"]),
    ('An output', ["config check collector DATA/outputs.yml", "outputs retry nobody", "outputs"]),
    ('An input', ["config check agent DATA/inputs.yml", "config check agent DATA/tls.yml", "config check agent DATA/twice.yml"]),
    ('No data here', ["query '*' --data DATA/nothing", "alerts --data DATA/nothing", "ledger --data DATA/nothing"]),
    ('Evidence and replay', ["evidence export ffff --data DATA", "evidence export ffff --server http://127.0.0.1:1", "evidence verify DATA/nothing", "evidence verify DATA --key DATA/token",
                             "evidence show ffff", "replay --faithful --corrected", "replay --data DATA/nothing", "replay --data DATA --rules DATA/nothing", "replay --data DATA --config DATA/nothing", "replay --since yesterday"]),
    ('A rule', ["rules check DATA/rule.yml", "rules check --fix --dry-run DATA/rule.yml", "rules check --dry-run DATA/rule.yml", "rules check --fix --output ndjson DATA/rule.yml", "rules check --fix DATA/nothing",
                "rules tune DATA/rule.yml", "rules tune DATA/good.yml --false-positives DATA/nothing", "rules tune DATA/good.yml --false-positives DATA/events", "rules tune DATA/good.yml --rule other --false-positives DATA/events"]),
    ('A server', ["query '*' --server http://127.0.0.1:1", "query '*' --server unix:DATA/nothing", "query '*' --server ftp://x", "token add x --role king", "token revoke nobody"]),
    ('An option', ["query '*' --sicne 1h", "query", "alerts --group --follow", "nothing"]),
]
dir_ = scratch('mistakes')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'auth.log')
with open(log, 'w') as f:
    for i in range(20):
        f.write(f'Nov 25 12:00:{i:02} web sshd[1]: Failed password for root from 203.0.113.9 port {4000 + i} ssh2\n')
os.makedirs(data)
open(os.path.join(data, 'policy.yml'), 'w').write('policy:\n  never_block: [203.0.113.0/24, 10.0.0.5/8]\n')
open(os.path.join(data, 'inputs.yml'), 'w').write('inputs:\n  syslog:\n    - http://:80\n    - udp://localhost:514\n    - tcp://0.0.0.0:0\n    - tls://::1:6514\n')
open(os.path.join(data, 'tls.yml'), 'w').write('inputs.syslog: [tls://:6514]\n')
open(os.path.join(data, 'twice.yml'), 'w').write('inputs.syslog: [udp://:514, udp://:514]\n')
open(os.path.join(data, 'rule.yml'), 'w').write("""title: Root   # why
id: 5f3c1f0e-4a53-4e3f-8a55-0c9a1d1f0001
status: expermental
level: hihg
logsource: {product: linux}
detection:
    s: {user.name|contians: root}
    condition: s
""")
open(os.path.join(data, 'good.yml'), 'w').write('title: Root\nid: 5f3c1f0e-4a53-4e3f-8a55-0c9a1d1f0001\nlogsource: {product: linux}\ndetection: {s: {user.name: root}, condition: s}\n')
open(os.path.join(data, 'events'), 'w').write('{"event.dataset": "auditd.log", "user.name": "bob"}\n')
open(os.path.join(data, 'outputs.yml'), 'w').write('''outputs:
  - {name: soc, type: webhook, url: "file:///etc/passwd"}
  - {name: soc one, type: webhook, url: "https://soc.example/in"}
  - {name: a, type: webhok}
  - {name: b, type: syslog}
  - {name: c, type: file, path: /tmp/x, secret: {file: /dev/null}}
  - {name: d, type: webhook, url: "https://h/", fliter: "rule.level:high"}
  - {name: e, type: webhook, url: "https://h/", filter: "rule.level:("}
  - {name: f, type: kafka}
  - {name: f, type: kafka, topic: other}
  - {name: g, type: webhook, url: "https://h/", timeout: 1h}
''')
dogwatch('up', '--data', data, '--logs', log, '--rules', os.path.join(ROOT, 'rules'), '--until-idle')


port = 'PORT'  # of the collector that runs for the last part


def listens():
    try:
        socket.create_connection(('127.0.0.1', int(port)), 1).close()
        return True
    except OSError:
        return False


def answer(typed):
    """What comes back: exit code and words."""
    words = [w.replace('DATA', data).replace('PORT', port) for w in shlex.split(typed)]
    env = dict(os.environ, DOGWATCH_DATA=data, ASAN_OPTIONS='detect_leaks=0')
    env.pop('DOGWATCH_SERVER', None)
    if words[0].startswith('DOGWATCH_TOKEN_FILE='):
        env['DOGWATCH_TOKEN_FILE'] = words.pop(0).split('=', 1)[1]
    r = subprocess.run([DOGWATCH, *words], capture_output=True, text=True, env=env, timeout=30)
    said = re.sub(r'\d+ of \d+ events, \d+ frames', 'N of N events, N frames', r.stderr.replace(data, 'DATA').replace(':' + port, ':PORT'))
    check('Sanitizer' not in r.stderr and r.returncode in (0, 1, 2, 3), f'{typed} ends as it should', r.stderr[-1500:])
    check(r.returncode or 'note:' in said, f'{typed} is told to be wrong', (r.returncode, said))
    check(said.strip(), f'{typed}: something is said', said)
    typed = typed if typed.startswith('DOGWATCH_') else 'dogwatch ' + typed
    typed = re.sub('^(DOGWATCH_TOKEN_FILE=[^ ]+) ', r'\1 dogwatch ', typed)
    return f'$ {typed}\n{said.rstrip()}\n[exit {r.returncode}]\n'


page = HEAD
open(os.path.join(data, 'token'), 'w').write('dwt_' + '0' * 64 + '\n')
up = None
for title, typed in TYPED + [('A token', ["query '*' --server http://127.0.0.1:PORT", "DOGWATCH_TOKEN_FILE=DATA/token query '*' --server http://127.0.0.1:PORT",
                                          "DOGWATCH_TOKEN_FILE=DATA/nothing query '*' --server http://127.0.0.1:PORT", "DOGWATCH_TOKEN_FILE=DATA/auditor query '*' --server http://127.0.0.1:PORT"])]:
    if title == 'A token':
        open(os.path.join(data, 'auditor'), 'w').write(dogwatch('token', 'add', 'auditor', '--role', 'auditor', '--data', data))
        up = Up(data, [log], '--rules', os.path.join(ROOT, 'rules'), *OWN_PORT)
        port = str(up.port())
        wait_for(listens, 30, 'the API')
    page += f'\n## {title}\n\n```\n' + '\n'.join(answer(t) for t in typed) + '```\n'
same(up.stop(), 0, 'dogwatch up ends well')
if '--update' in sys.argv:
    open(PAGE, 'w').write(page)
have = open(PAGE).read() if os.path.exists(PAGE) else ''
for old, new in zip(have.split('\n$ '), page.split('\n$ ')):
    same(new, old, 'as the page has it')
same(len(page), len(have), 'the page is whole')
finish(began)
