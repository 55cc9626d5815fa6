#!/usr/bin/env python3
"""Sign-in at the console: a link that is good once, a cookie that no other site can use, and what ends it."""
import http.client
import pwd
import re
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
dir_ = scratch('session')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'logs/auth.log')
os.makedirs(os.path.dirname(log))
with open(log, 'w') as f:
    for i in range(40):
        f.write(f'Nov 29 08:00:{i:02d} web1 sshd[9]: Failed password for root from 203.0.113.9 port {4000 + i} ssh2\n')
port = free_ports(1)
ME = pwd.getpwuid(os.getuid()).pw_name


def begin():
    up = Up(data, [log], '--set', f'collector.api.listen=127.0.0.1:{port}')
    wait_for(lambda: os.path.exists(os.path.join(data, 'api.sock')) and ask('GET', '/readyz')[0] == 200, 60, lambda: up.said()[-2000:])
    return up


def ask(method, target, cookie=None, body=None, **headers):
    """Status, headers, JSON of the first line."""
    conn = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    headers = {k.replace('_', '-'): v for k, v in headers.items()}
    if cookie:
        headers['Cookie'] = cookie
    if body is not None:
        body, headers['Content-Type'] = json.dumps(body), 'application/json'
    try:
        conn.request(method, target, body, headers)
        r = conn.getresponse()
        text = r.read().decode()
        return r.status, r.headers, json.loads(text.split('\n')[0]) if text else None
    except OSError:
        return 0, {}, None
    finally:
        conn.close()


def console(*args, codes=(0,)):
    r = subprocess.run([DOGWATCH, 'console', *(args or ('--data', data))], capture_output=True, text=True)
    check(r.returncode in codes, f'dogwatch console exits {r.returncode}', r.stderr)
    return r.stdout, r.stderr


def sign_in(*args, **headers):
    link = console(*args)[0]
    found = re.fullmatch(rf'http://127\.0\.0\.1:{port}/#code=(dwt_[0-9a-f]{{64}})\n', link)
    check(found, 'a link with a code in its fragment', link)
    return ask('POST', '/api/v1/session', body={'code': found.group(1)}, **headers), found.group(1)


up = begin()
(status, headers, who), code = sign_in()
check(status == 200 and who['role'] == 'admin' and who['who'] == ME and who['expires'], 'signed in', (status, who))
set_cookie = headers['Set-Cookie']
check(re.fullmatch(rf'dogwatch-{port}=dwt_[0-9a-f]{{64}}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict', set_cookie), 'the cookie', set_cookie)
cookie = set_cookie.split(';')[0]
for body, what in (({'code': code}, 'used twice'), ({'code': code[:-1]}, 'cut'), ({'code': 'dwt_' + '0' * 64}, 'made up'), ({}, 'none'), ({'code': cookie.split('=')[1]}, 'a session')):
    status, headers, answer = ask('POST', '/api/v1/session', body=body)
    check(status == 401 and answer['error']['hint'] and 'Set-Cookie' not in headers, f'a code that is {what}', (status, answer))
check(ask('GET', '/api/v1/session', cookie)[2] == who, 'who asks')
check(ask('GET', '/api/v1/session')[0] == 401 and ask('GET', '/api/v1/session', cookie.replace('dogwatch-', 'dogwatch-1'))[0] == 401
      and ask('GET', '/api/v1/session', cookie[:-1])[0] == 401, 'no other cookie')
check(ask('GET', '/api/v1/session', 'a=b; ' + cookie + '; c=d')[0] == 200, 'among other cookies')
check(ask('GET', '/api/v1/session', cookie, Authorization='Bearer dwt_' + '0' * 64)[0] == 401, 'a wrong token is not mended by a cookie')
check(ask('GET', '/api/v1/session', None, Authorization='Bearer ' + cookie.split('=')[1])[0] == 401, 'a cookie is no token')
ID = wait_for(lambda: (lambda a: a.get('event'))(ask('GET', '/api/v1/alerts', cookie)[2]), 30, 'an alert')['id']
status, _, alert = ask('PATCH', f'/api/v1/alerts/{ID}', cookie, {'status': 'in_progress'}, Origin=f'http://127.0.0.1:{port}')
check(status == 200 and alert['workflow']['status'] == 'in_progress', 'a change by cookie', (status, alert))
same(ask('GET', f'/api/v1/alerts/{ID}/history', cookie)[2]['author'], ME, 'whose change it is')
for header in ({'Origin': 'http://evil.example'}, {'Origin': 'null'}, {'Host': 'evil.example'}):
    for method, target, body in (('PATCH', f'/api/v1/alerts/{ID}', {'status': 'new'}), ('POST', '/api/v1/session', {'code': code}), ('GET', '/api/v1/alerts', None)):
        status, _, answer = ask(method, target, cookie, body, **header)
        check(status == 403 and answer['error']['code'] == 'foreign', f'{method} {target} with {header}', (status, answer))
same(ask('POST', '/api/v1/codes', cookie, {})[0], 403, 'a session makes no codes')

# through a tunnel another port is asked: its cookie has its own name
(status, headers, _), _ = sign_in(Host='localhost:9999')
other = headers['Set-Cookie'].split(';')[0]
check(status == 200 and other.startswith('dogwatch-9999='), 'the port that was asked', other)
check(ask('GET', '/api/v1/session', other)[0] == 401 and ask('GET', '/api/v1/session', other, Host='localhost:9999')[0] == 200, 'each port its own')

# a token's holder, with the token's role; and the tunnel's line over SSH
token = dogwatch('token', 'add', 'tess', '--role', 'triage', '--data', data).strip()
open(os.path.join(dir_, 'token'), 'w').write(token)
os.environ['DOGWATCH_TOKEN_FILE'] = os.path.join(dir_, 'token')
(status, headers, who), _ = sign_in('--server', f'http://127.0.0.1:{port}')
check(status == 200 and (who['who'], who['role']) == ('tess', 'triage'), 'of a token', who)
triage = headers['Set-Cookie'].split(';')[0]
same(ask('GET', '/api/v1/query?query=*', triage)[0], 403, 'with its role')
del os.environ['DOGWATCH_TOKEN_FILE']
os.environ['SSH_CONNECTION'] = '198.51.100.7 50000 192.0.2.9 22'
check(f'ssh -L {port}:127.0.0.1:{port} ' in console()[1] and '192.0.2.9' in console()[1], 'the way from another machine')
del os.environ['SSH_CONNECTION']

# what is kept
kept = b''.join(open(os.path.join(d, f), 'rb').read() for d, _, fs in os.walk(data) for f in fs if not f.endswith('.sock'))
check(all(t.split('dwt_')[1].encode() not in kept for t in (cookie, triage, code)), 'neither codes nor cookies are kept')
same(os.stat(os.path.join(data, 'api/sessions')).st_mode & 0o777, 0o600, 'mode of the sessions')
check(up.said().count('signed in from 127.0.0.1') == 3 and 'dwt_' not in up.said(), 'the log says who signed in', up.said()[-1500:])
same(up.stop(), 0, 'it ends well')
console(codes=(3,))
up = begin()
check(ask('GET', '/api/v1/session', cookie)[0] == 200 and ask('GET', '/api/v1/session', triage)[2]['role'] == 'triage', 'a restart ends no session')
status, headers, _ = ask('POST', '/api/v1/session/end', cookie, {})
check(status == 200 and re.fullmatch(rf'dogwatch-{port}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict', headers['Set-Cookie']), 'signed out', headers.get('Set-Cookie'))
check(ask('GET', '/api/v1/session', cookie)[0] == 401 and ask('GET', '/api/v1/session', triage)[0] == 200, 'one session, no other')
same(ask('POST', '/api/v1/session/end', None, {}, Authorization='Bearer ' + token)[0], 400, 'a token has no session to end')
same(up.stop(), 0, 'it ends well')
finish(began)
