#!/usr/bin/env python3
"""Where a reader looks: DATA, the running collector's unix socket, its server over TCP; all give the same answers, and without a word the socket is asked."""
import re
import threading
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('reader')
os.chmod(dir_, 0o755)
nobody = 65534 if os.geteuid() == 0 else None
try:
    may_run = nobody is None or subprocess.run([DOGWATCH, '--help'], capture_output=True, user=nobody).returncode == 0
except PermissionError:
    may_run = False
if not may_run:
    nobody = None
    print('SKIPPED  no other user may execute this build: what belongs to the default DATA of a user did not run; 1 part did not run')
home = os.path.join(dir_, 'home')
data, logs = os.path.join(home, '.local/state/dogwatch'), os.path.join(dir_, 'logs')
os.makedirs(logs)
os.makedirs(os.path.dirname(data))
if nobody:
    for at in (home, os.path.join(home, '.local'), os.path.join(home, '.local/state')):
        os.chown(at, nobody, nobody)
for name in ('DOGWATCH_DATA', 'DOGWATCH_SERVER', 'DOGWATCH_TOKEN_FILE'):
    os.environ.pop(name, None)
now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=30)
with open(os.path.join(logs, 'auth.log'), 'w') as f:
    for i in range(400):
        at = (now + datetime.timedelta(seconds=i)).strftime('%Y-%m-%dT%H:%M:%S.000000+00:00')
        f.write(f'{at} web1 sshd[{i}]: Failed password for u{i % 3} from 203.0.113.{i % 4} port {4000 + i} ssh2\n')
    f.write(f'{at} web1 sshd[9]: Accepted password for u1 from 203.0.113.1 port 9 ssh2\n')


# what a log may hold: lines longer than a value may be, with escapes; as many fields as an event may have; bytes that are no text
rules = os.path.join(dir_, 'rules')
shutil.copytree(os.path.join(ROOT, 'rules'), rules)
open(os.path.join(rules, 'needle.yml'), 'w').write('title: A needle\nid: 11111111-2222-4333-8444-555555555555\nstatus: test\nlevel: low\nlogsource:\n  definition: every log\n'
                                                   'detection:\n  keywords:\n    - needle77\n  condition: keywords\n')
stamp = now.strftime('%d/%b/%Y:%H:%M:%S +0000')
with open(os.path.join(logs, 'odd.log'), 'wb') as f:
    f.write(f'198.51.100.1 - - [{stamp}] "GET /?q={"A" * 70000}\\x22needle77 HTTP/1.1" 200 5 "-" "curl"\n'.encode())
    f.write((json.dumps({'@timestamp': now.isoformat(), 'message': 'needle77', **{f'k{i}': i for i in range(505)}}) + '\n').encode())
    f.write(b'needle77 bad \xff\xfe bytes \x1b[31m and \xe2\x80\xae a turn\n')
    f.write((json.dumps({'@timestamp': now.isoformat(), 'message': 'needle77 "' + 'x' * 200000}) + '\n').encode())


def run(*args, env=None, user=nobody, group=None):
    r = subprocess.run([DOGWATCH, *args], capture_output=True, user=user, group=group, extra_groups=[] if user else None, env={**os.environ, 'HOME': home, **(env or {})}, timeout=60)
    check(b'Sanitizer' not in r.stderr, f'{args}: no sanitizer speaks', r.stderr[-3000:])
    return r.returncode, r.stdout.decode(errors='backslashreplace'), r.stderr.decode(errors='backslashreplace')


up = Up(data, [os.path.join(logs, '*.log')], '--rules', rules, *OWN_PORT, user=nobody)
server = f'http://127.0.0.1:{up.port()}'
local = f'unix:{data}/api.sock'
wait_for(lambda: json.loads(run('query', '* | stats count', '--data', data, '--output', 'ndjson')[1])['count'] == 405 and len(ndjson(run('incidents', '--data', data, '--output', 'ndjson')[1])) > 0,
         60, 'lines and alerts')
token = {}
for role in ('hunt', 'triage', 'auditor'):
    token[role] = os.path.join(dir_, role)
    text = run('token', 'add', role, '--role', role, '--data', data)[1]
    open(token[role], 'w').write(re.search('dwt_[0-9a-f]{64}', text).group(0) + '\n')


def settled():
    """The alerts, when no more come."""
    seen = []
    return wait_for(lambda: (seen.append(run('alerts', '--data', data, '--output', 'ndjson')[1]), len(seen) > 20 and len(set(seen[-20:])) == 1 and seen[-1])[1], 60, 'alerts to settle')


ALERTS = [json.loads(a) for a in settled().splitlines()]
ID = next(a['event']['id'] for a in ALERTS if a['rule']['name'] != 'A needle')
NEEDLES = [a['event']['id'] for a in ALERTS if a['rule']['name'] == 'A needle']
same(len(NEEDLES), 4, 'alerts of the odd lines')
INCIDENT = ndjson(run('incidents', '--data', data, '--output', 'ndjson')[1])[0]['incident']
HUNT = {'DOGWATCH_TOKEN_FILE': token['hunt']}


def alike(*args):
    """DATA, the socket and the server answer the same, whatever the output."""
    for output in ('table', 'ndjson', 'csv'):
        for where, env in ((local, None), (server, HUNT)):
            for _ in range(5):  # a heartbeat may come between
                want = run(*args, '--data', data, '--output', output)
                got = run(*args, '--server', where, '--output', output, env=env)
                if got[:2] == want[:2]:
                    break
            same(got[:2], want[:2], f'{args} as {output} of {where[:4]} {got[2][-300:]}')
        if args[0] in ('query', 'ledger', 'agents'):
            for _ in range(5):
                want, got = run(*args, '--data', data, '--output', output), run(*args, '--archive', os.path.join(data, 'archive'), '--output', output)
                if got[:2] == want[:2]:
                    break
            same(got[:2], want[:2], f'{args} as {output} of the archive {got[2][-300:]}')


LISTS = (('alerts',), ('alerts', 'source.ip:203.0.113.2'), ('alerts', '--limit', '2'), ('alerts', '--silenced'), ('alerts', '--since', '2100-01-01'), ('alerts', 'rule.level:('), ('alerts', '--group'),
         ('entities',), ('entities', '--limit', '2'), ('incidents',), ('incidents', 'show', INCIDENT[:9]), ('incidents', 'show', '00'), ('ledger',), ('agents',), ('silence', 'ls'),
         ('alert', 'show', ID[:10]), ('alert', 'explain', ID), ('alert', 'show', 'ffffffffff'), ('alert', 'show', '../..'), ('query', 'u2 | fields @timestamp, user.name, dogwatch.stream, dogwatch.start | head 9'))
for args in LISTS:
    alike(*args)
same(len(ndjson(run('archive', 'ls', '--server', local, '--output', 'ndjson')[1])), len(ndjson(run('archive', 'ls', '--data', data, '--output', 'ndjson')[1])), 'segments')
check(any(r['counter'] == 'ingest_frames' for r in ndjson(run('counters', '--server', local, '--output', 'ndjson')[1])), 'counters')

for needle in NEEDLES:
    alike('alert', 'show', needle)
    alike('alert', 'explain', needle, '--rules', rules)
for text in ('k504:504 | fields k0, k504, dogwatch.stream', 'AAAAAAAA | fields event.original', 'xxxxxxxx | fields message'):
    alike('query', text)

# what people say
for args in (('status', ID[:9], 'in_progress'), ('note', ID[:9], 'a "note"\\'), ('assign', ID[:9], 'Zoë')):
    code, out, err = run('alert', *args, '--server', server, env=HUNT)
    check(code == 0 and out.startswith(f'alert {ID[:12]}: '), f'{args}', (code, out, err))
alike('alert', 'show', ID)
said = run('alert', 'show', ID, '--server', local, '--output', 'table')[1]
check('  hunt: assignee "Zoë"\n' in said and '  hunt: note "a \\"note\\"\\\\"\n' in said, "the token's name is the author", said)
same(run('alert', 'status', ID, 'gone', '--server', server, env=HUNT)[0], 2, 'no such status')
same(run('alert', 'status', 'ffffffffff', 'new', '--server', server, env=HUNT)[0], 1, 'no such alert')
code, out, err = run('silence', 'add', 'source.ip:203.0.113.2', '--for', '2h', '--reason', 'ours, "known"', '--server', server, env=HUNT)
SILENCE = re.match(r'silence (\S+): begins', out)
check(code == 0 and SILENCE, 'a silence', (code, out, err))
for args in (('silence', 'ls'), ('alerts', '--silenced'), ('alerts',)):
    alike(*args)
same(run('silence', 'end', SILENCE.group(1), '--server', local)[1], f'silence {SILENCE.group(1)}: ended\n', 'its end')
same(run('silence', 'end', 'nothing', '--server', local)[0], 1, 'no such silence')
alike('silence', 'ls')

# who may not
for role, args, code in (('triage', ('alerts',), 0), ('triage', ('alert', 'show', ID, '--output', 'table'), 3), ('triage', ('query', '*'), 3), ('auditor', ('alert', 'status', ID, 'new'), 3), ('auditor', ('ledger',), 0)):
    same(run(*args, '--server', server, env={'DOGWATCH_TOKEN_FILE': token[role]})[0], code, f'{role}: {args}')
same(run('alerts', '--server', server)[0], 3, 'no token')
for args in (('archive', 'verify'), ('agents', 'approve', '0' * 32), ('alerts', '--follow'), ('query', '*', '--follow')):
    code, _, err = run(*args, '--server', local)
    check(code == 2 and '--data' in err, f'{args} reads DATA itself', (code, err))
for where in ('http://127.0.0.1:1', 'https://' + server[7:], f'unix:{data}/nothing', f'unix:{data}/' + 'x' * 200):
    code, _, err = run('alerts', '--server', where)
    check(code == 3 and err.count('\n') >= 2, f'{where}: what to do', (code, err))
for where in ('ftp://a', 'http://a:b', 'http://', 'http://localhost:7117/x', 'http://[::1', 'localhost:7117', 'https://h:99999', 'unix:'):
    for args, env in ((('--server', where), None), ((), {'DOGWATCH_SERVER': where})):
        code, _, err = run('alerts', *args, env=env)
        check(code == 2 and 'http://HOST:PORT' in err, f'{where} is no address', (code, err))
for args in (('agents', 'approve', '0' * 32), ('archive', 'verify'), ('query', '*', '--follow'), ('query', '*', '--memory', '1MiB')):
    code, out, err = run(*args, env={'DOGWATCH_SERVER': local})
    check(code == 2 and not out, f'{args}: a server that was named is not passed over', (code, out, err))
for text in ('', 'a b', 'one\ntwo', '\x1b'):
    open(os.path.join(dir_, 'odd'), 'w').write(text)
    code, _, err = run('alerts', '--server', server, env={'DOGWATCH_TOKEN_FILE': os.path.join(dir_, 'odd')})
    check(code == 3 and 'one token is needed' in err, f'a token file that holds {text!r}', (code, err))


# a server that is none of ours, or was changed on the way
class Made:
    """Answers everything with what it was given."""

    def __init__(self):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.url, self.answer, self.asked = f'http://127.0.0.1:{self.socket.getsockname()[1]}', b'', b''
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            c, _ = self.socket.accept()
            self.asked = c.recv(65536)
            for part in ([self.answer] if isinstance(self.answer, bytes) else self.answer):
                try:
                    c.sendall(part)
                except OSError:
                    break
            c.close()


made = Made()
ROW = run('alerts', '--data', data, '--output', 'ndjson')[1].splitlines()[0]
END = '{"answer":{"complete":true,"why":null,"limited":false,"rows":1,"silenced":0,"notes":[]}}'
SHORT = '{"answer":{"complete":false,"why":"a disk \\u001b[31m failed","limited":false,"rows":1,"silenced":0,"notes":["a \\u001b]0;x note"]}}'


def told(*lines, status='200 OK'):
    return f'HTTP/1.1 {status}\r\nServer: x\r\n\r\n'.encode() + ''.join(line + '\n' for line in lines).encode()


for what, answer, args, code, word in (
        ('whole', told(ROW, END), ('alerts',), 0, ''), ('cut off', told(ROW), ('alerts',), 3, 'cut off after 1 rows'), ('cut in a row', told(ROW)[:-9], ('ledger',), 3, 'cut off'),
        ('partial', told(ROW, SHORT), ('alerts',), 1, 'a disk \\x1b[31m failed'), ('partial', told(ROW, SHORT), ('alerts', '--limit', '1'), 1, 'partial'),
        ('more than asked for', told(ROW, ROW, END), ('alerts', '--limit', '1'), 3, 'none of this API'),
        ('no rows', told('<html>'), ('alerts',), 3, 'none of this API'), ('an escape', told(ROW.replace('SSH', 'S\x1b[31mH').replace('needle', 'n\x1beedle'), END), ('alerts', '--output', 'ndjson'), 3, 'none of this API'),
        ('of another version', told(ROW.replace(',"about":', ',"abut":'), END), ('alerts', '--output', 'ndjson'), 3, 'none of this API'),
        ('a row behind the end', told(END, ROW), ('alerts',), 3, 'none of this API'), ('two for one', told(ROW, ROW), ('alert', 'show', 'aa'), 3, 'none of this API'),
        ('not there', told('<html>not here</html>', status='404 Not Found'), ('alert', 'show', 'aa'), 3, 'no collector of dogwatch'),
        ('not there', told('{"error":{"code":"not_found","message":"no\\u001b such"}}', status='404 Not Found'), ('alert', 'show', 'aa'), 1, 'no\\x1b such'),
        ('not there', told('{"error":{"code":"not_found","message":"no archive"}}', status='404 Not Found'), ('ledger',), 3, 'no archive'),
        ('a way on', told('', status='302 Found'), ('alerts',), 3, 'no collector of dogwatch'), ('no HTTP', b'220 mail ready\r\n\r\n', ('alerts',), 3, 'no answer of an HTTP API'), ('nothing', b'', ('alerts',), 3, 'no answer')):
    made.answer = answer
    got, out, err = run(*args, '--server', made.url)
    check(got == code and word in err and '\x1b' not in out + err, f'a server whose answer is {what}: {args}', (got, out[-300:], err[-600:]))
made.answer = told(ROW, END)
run('alerts', '--server', made.url, env=HUNT)
check(b'Bearer dwt_' in made.asked, 'the token goes to this host')


def asked(who):
    """How often the audit log has a query of `who`."""
    return run('audit', 'ls', '--data', data)[1].count(f'"who":"{who}"')


# without a word
me = f'uid {nobody or os.geteuid()}'
if nobody or os.geteuid():
    n = asked(me)
    want = run('query', 'u1', '--data', data, '--output', 'csv')
    same(asked(me), n, '--data asks nobody')
    same(run('query', 'u1', '--output', 'csv')[:2], want[:2], 'the running collector is asked')
    check(asked(me) > n, 'and its audit log has it')
    n = asked(me)
    same(run('query', 'u1', '--output', 'csv', env={'DOGWATCH_DATA': data})[:2], want[:2], 'DOGWATCH_DATA')
    same(run('query', 'u1', '--output', 'csv', '--memory', '1MiB')[:2], want[:2], 'memory for reading DATA')
    same(run('archive', 'verify')[0], 0, 'what is no matter of a collector reads DATA')
    same(run('query', 'u1', '--output', 'csv', env={'DOGWATCH_SERVER': 'http://127.0.0.1:1'})[0], 3, 'DOGWATCH_SERVER goes before the socket')
    same(run('query', 'u1', '--output', 'csv', '--data', data, env={'DOGWATCH_SERVER': 'http://127.0.0.1:1'})[:2], want[:2], '--data before that')
    same(asked(me), n, 'none of these asked the socket')
same(up.stop(), 0, 'it ends well')
if nobody or os.geteuid():
    same(run('query', 'u1', '--output', 'csv')[:2], want[:2], 'without a collector DATA is read')

# the group `dogwatch`
GROUP, MEMBER = 4243, 4242
groups, config = os.path.join(dir_, 'group'), os.path.join(dir_, 'collector.yml')
open(groups, 'w').write(open('/etc/group').read() + f'\ndogwatch:x:{GROUP}:\n' if not re.search('^dogwatch:', open('/etc/group').read(), re.M) else '')
open(config, 'w').write(f'data: {data}\nrules: [{ROOT}/rules]\napi.listen: ""\n')
if not nobody or subprocess.run(['unshare', '-m', 'mount', '--bind', groups, '/etc/group'], capture_output=True).returncode or not os.path.getsize(groups):
    print('SKIPPED  the group dogwatch: no right to another /etc/group; 1 part did not run')
else:
    os.chown(data, 0, GROUP)
    os.chmod(data, 0o2750)


    def ready():
        """Whether the loop turns: a signal before that ends the program at once."""
        with socket.socket(socket.AF_UNIX) as c:
            try:
                c.connect(local[5:])
                c.sendall(b'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n')
                return b' 200 ' in c.recv(100)
            except OSError:
                return False

    for named in (True, False):
        command = [os.path.join(BUILD, 'dogwatch-collector'), '--config', config]
        if named:
            command = ['unshare', '-m', 'sh', '-c', f'mount --bind {groups} /etc/group && exec {" ".join(command)}']
        p = subprocess.Popen(command, stdout=open(os.path.join(dir_, 'group.log'), 'ab'), stderr=subprocess.STDOUT)
        atexit.register(p.kill)
        wait_for(ready, 60, lambda: open(os.path.join(dir_, 'group.log')).read()[-2000:])
        n = run('audit', 'ls', '--data', data, user=0)[1].count(f'"who":"uid {MEMBER}"')
        code, out, err = run('query', 'u1', '--server', local, '--output', 'csv', user=MEMBER, group=GROUP)
        same((code, out), want[:2] if named else (3, ''), f'a member of a group that is {"" if named else "not "}dogwatch {err[-300:]}')
        check(named == (run('audit', 'ls', '--data', data, user=0)[1].count(f'"who":"uid {MEMBER}"') > n), 'the audit log has the member')
        code, out, err = run('query', 'u1', '--server', local, '--output', 'csv', user=MEMBER, group=MEMBER)
        check(code == 3 and 'Permission denied' in err, 'who is in no such group cannot come in', (code, err))
        p.terminate()
        same(p.wait(20), 0, 'the collector ends well')
    check('Sanitizer' not in open(os.path.join(dir_, 'group.log')).read(), 'no sanitizer speaks')
finish(began)
