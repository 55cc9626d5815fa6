#!/usr/bin/env python3
"""Gateway policies with the gateways themselves: nginx behind HAProxy, both of Debian, on loopback; nft checks and loads its file.

Clients are addresses of 127.0.0.0/8, which is why the private ranges are taken off the never-block list. Some attack, some write somebody else's address
into whatever they can, most are ordinary. What the policies hold, refuse and would have hit is compared with a record of every request sent."""
import base64
import http.client
import re
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
ATTACK = '/products?id=1%27%20UNION%20SELECT%20login,password%20FROM%20users--'
ATTACKER, PROXIED, BRIEF = '127.0.0.66', '127.0.0.67', '127.0.0.68'  # to nginx itself, by way of HAProxy, and one that is approved for a second in the end
VICTIM, HEALTH, PROXY = '127.0.0.3', '127.0.0.5', '127.0.0.10'
V6 = '2001:db8::/64'  # of 2001:db8::66, which is in yesterday's log alone
ORDINARY = ['127.0.0.2', VICTIM, '127.0.0.4']
dir_ = scratch('policy')
data = os.path.join(dir_, 'data')
missing = [p for p in ('nginx', 'haproxy', 'nft') if not shutil.which(p, path=os.environ['PATH'] + ':/usr/sbin:/sbin')]
if missing:
    print(f'SKIPPED  not installed: {" ".join(missing)} (tools/deps.sh test)')
    sys.exit(0)
os.environ['PATH'] += ':/usr/sbin:/sbin'
web, front = free_ports(2), free_ports(2) + 1
sent = []  # of every request: client, lines that prove it, lines of these with its account, account, agent, status, whether it is of the past


def path(name):
    return os.path.join(dir_, name)


def write(name, text):
    open(path(name), 'w').write(text)
    return path(name)


BROWSER = 'Mozilla/5.0 (X11; Linux x86_64)'


def request(client, port, target='/', forwarded=None, user=None, agent=BROWSER, record=True):
    """The status that `client` gets."""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=10, source_address=(client, 0))
    headers = {'User-Agent': agent}
    headers |= {'X-Forwarded-For': forwarded} if forwarded else {}
    headers |= {'Authorization': 'Basic ' + base64.b64encode(f'{user}:x'.encode()).decode()} if user else {}
    c.request('GET', target, headers=headers)
    status = c.getresponse().status
    c.close()
    if record:  # two lines of nginx, of which a list in the first column proves nothing; or one of each gateway, of which HAProxy's has no account
        direct = port == web
        proving = 1 if direct and forwarded else 2
        sent.append((client, proving, (proving if direct else 1) if user else 0, user, agent, status, False))
    return status


# ---- the gateways ----

logs = {name: path(name) for name in ('access.log', 'listed.log', 'haproxy.log', 'auth.log', 'old.log')}
write('nginx.acl', 'geo $dogwatch_blocked { default 0; }\n')
write('haproxy.acl', '')
write('nginx.conf', f'''{"user root;" if os.getuid() == 0 else ""}
daemon off; pid {path("nginx.pid")}; error_log {path("nginx.err")}; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';
  log_format listed '$proxy_add_x_forwarded_for - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';
  access_log {logs["access.log"]} main; access_log {logs["listed.log"]} listed;
  client_body_temp_path {path("t1")}; proxy_temp_path {path("t2")}; fastcgi_temp_path {path("t3")}; uwsgi_temp_path {path("t4")}; scgi_temp_path {path("t5")};
  include {path("nginx.acl")};
  server {{ listen 127.0.0.1:{web}; if ($dogwatch_blocked) {{ return 403; }} location / {{ return 200 "hello"; }} }}
}}
''')
write('haproxy.cfg', f'''global
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend fe
  bind 127.0.0.1:{front}
  http-request deny deny_status 403 if {{ src -f {path("haproxy.acl")} }}
  option forwardfor
  default_backend be
backend be
  server web 127.0.0.1:{web} source {PROXY}
''')


class Gateway:
    """A server that runs while the test does."""

    def __init__(self, args, port, out):
        self.args, self.port, self.out = args, port, out
        atexit.register(self.stop)
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.args, stdout=open(self.out, 'ab'), stderr=open(self.out + '.err', 'ab'))
        wait_for(self.listens, 20, lambda: open(self.out + '.err', errors='replace').read())

    def listens(self):
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


nginx = Gateway(['nginx', '-c', path('nginx.conf'), '-p', dir_], web, path('nginx.out'))
haproxy = Gateway(['haproxy', '-db', '-f', path('haproxy.cfg')], front, logs['haproxy.log'])


def policy(*args, code=0, where=('--data', data)):
    """stdout, stderr of `dogwatch policy`."""
    r = subprocess.run([DOGWATCH, 'policy', *args, *where], capture_output=True, text=True)
    check(r.returncode == code, f'dogwatch policy {" ".join(args[:2])} exits {r.returncode}, not {code}', (r.stdout + r.stderr)[-1500:])
    return r.stdout, r.stderr


def entries(where=('--data', data)):
    return {r['address']: r for r in ndjson(policy('ls', '--output', 'ndjson', where=where)[0])}


def workers():
    """Of nginx, those that still take connections."""
    def title(pid):
        try:
            return open(f'/proc/{pid}/cmdline').read()
        except OSError:
            return 'shutting down'
    master = nginx.process.pid
    return {pid for pid in open(f'/proc/{master}/task/{master}/children').read().split() if 'shutting down' not in title(pid)}


def install_nginx(text):
    write('nginx.acl', text)
    r = subprocess.run(['nginx', '-t', '-c', path('nginx.conf'), '-p', dir_], capture_output=True, text=True)
    check(r.returncode == 0, 'nginx takes the file', r.stderr)
    before = workers()
    nginx.process.send_signal(signal.SIGHUP)
    wait_for(lambda: workers() and not workers() & before, 20, 'nginx to answer by the new file alone')


def install_haproxy(text):
    write('haproxy.acl', text)
    r = subprocess.run(['haproxy', '-c', '-f', path('haproxy.cfg')], capture_output=True, text=True)
    check(r.returncode == 0, 'haproxy takes the file', r.stdout + r.stderr)
    haproxy.stop()
    haproxy.start()


# ---- traffic ----

host, now = socket.gethostname(), datetime.datetime.now(datetime.timezone.utc)
for i in range(8):
    for client in ORDINARY:
        request(client, web, f'/products/{i}', user='bob' if client == '127.0.0.4' else None)
        request(client, front, f'/products/{i}')
for i in range(5):
    request(ATTACKER, web, ATTACK, forwarded=VICTIM, agent=f'curl/8.{i % 2}')
request(ATTACKER, web, '/login', user='mallory')
request(ATTACKER, web, '/login', user='eve')
for i in range(3):
    request(PROXIED, front, ATTACK, forwarded=f'{VICTIM}, 127.0.0.4', agent='sqlmap/1.7')
request(BRIEF, web, ATTACK)
request(HEALTH, web, ATTACK)
write('auth.log', ''.join(f'{now.strftime("%b %d %H:%M:")}{i:02} elsewhere sshd[1]: Failed password for root from {VICTIM} port {4000 + i} ssh2\n' for i in range(60)))
yesterday = (now - datetime.timedelta(days=1)).strftime('%d/%b/%Y:%H:%M:%S +0000')
with open(logs['old.log'], 'w') as f:
    for user, status in (('-', 200), ('mallory', 200), ('-', 404)):
        f.write(f'{ATTACKER} - {user} [{yesterday}] "GET /old HTTP/1.1" {status} 5 "-" "{BROWSER}"\n')
        sent.append((ATTACKER, 1, user != '-', None if user == '-' else user, BROWSER, status, True))
    f.write(f'2001:db8::66 - - [{yesterday}] "GET {ATTACK} HTTP/1.1" 404 5 "-" "sqlmap/1.7"\n')
    sent.append((V6, 1, 0, None, 'sqlmap/1.7', 404, False))  # its alert is of then


def written():
    return sum(len(open(f).readlines()) for f in logs.values())


formats = '{"*/access.log": \'nginx_access $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"\'}'
up = Up(data, list(logs.values()), '--rules', os.path.join(ROOT, 'rules'), '--set', f'formats={formats}', '--set', 'policy.private=false',
        '--set', f'policy.trusted_proxies=[{PROXY}]', '--set', f'policy.never_block=[{HEALTH}/32]', '--set', 'lateness=1s', *OWN_PORT)
wait_for(lambda: count(data) >= written() > 100, 60, lambda: f'{written()} lines, not {count(data)}: ' + up.said()[-2000:])
server = ('--server', f'unix:{data}/api.sock')
port = up.port()

# ---- proposals ----

wanted = {ATTACKER: ('proposed', 'peer'), PROXIED: ('proposed', 'peer'), BRIEF: ('proposed', 'peer'), V6: ('proposed', 'peer'), HEALTH: ('refused', 'peer'), VICTIM: ('refused', 'claimed')}
wait_for(lambda: set(wanted) <= set(entries()), 60, lambda: f'entries: {entries()}; {[(a["rule"]["name"], a.get("source")) for a in alerts(data)]}')
found = entries()
for address, want in wanted.items():
    same((found[address]['state'], found[address]['provenance']), want, f'{address} is {want}')
check(all(found[a]['state'] == 'refused' for a in found if a not in (ATTACKER, PROXIED, BRIEF, V6)), 'nobody else is proposed', found)
check('never-block list: ' + HEALTH in found[HEALTH]['why'], 'the health check is on the list', found[HEALTH])
check(all(a not in found for a in ORDINARY if a not in (VICTIM, '127.0.0.4')), 'an ordinary client is not even named', found)
check(found.get('127.0.0.4', {}).get('state', 'refused') == 'refused', 'nor may a header name one', found.get('127.0.0.4'))
same(entries(server), found, 'a server lists the same')
for address in (VICTIM, HEALTH):
    _, said = policy('approve', found[address]['id'], code=1)
    check('must not be blocked' in said, f'{address} cannot be approved', said)
    _, said = policy('approve', found[address]['id'], code=1, where=server)
    check('must not be blocked' in said, f'nor over a server', said)

# ---- dry run ----


def by_hand(address):
    """What the table of a dry run has to say."""
    of = [s for s in sent if s[0] == address]
    return {'requests': sum(s[1] for s in of), 'within': sum(s[1] for s in of if not s[6]), 'answered': sum(s[1] for s in of if s[5] < 400), 'with_user': sum(s[2] for s in of),
            'users': len({s[3] for s in of if s[3]}), 'agents': len({s[4] for s in of}), 'legitimacy': 'known' if any(s[3] for s in of) else 'unknown'}


rows = {r['address']: r for r in ndjson(policy('nginx', '--dry-run', '--proposed', '--output', 'ndjson')[0])}
same(set(rows), {ATTACKER, PROXIED, BRIEF, V6}, 'what is proposed is tried')
for address in rows:
    want = by_hand(address)
    same({k: rows[address][k] for k in want}, want, f'the dry run of {address} is what a hand counts')
check(rows[ATTACKER]['requests'] > rows[ATTACKER]['within'] > 0 and rows[ATTACKER]['users'] == 2, 'the count itself is sound', rows)
same({r['address']: r for r in ndjson(policy('nginx', '--dry-run', '--proposed', '--output', 'ndjson', where=server)[0])}, rows, 'a server counts the same')
out, said = policy('nginx', '--dry-run', '--output', 'ndjson')
check(out == '' and '--proposed' in said, 'nothing approved, nothing tried', said)

# ---- nothing is approved yet ----

TARGETS = ['nginx', 'haproxy', 'nftables', 'crs', 'envoy', 'networkpolicy']
for target in TARGETS:
    out, said = policy(target)
    check('Nothing is blocked: 4 wait for approval' in out and 'Nothing is blocked: 4 wait for approval' in said, f'{target}: why it is empty is said twice', out + said)
    check(f'#   refused: {HEALTH} (never-block list: {HEALTH}/32, policy.never_block)' in out, f'{target}: with what is refused', out)
    check(not re.search(r'^[^#\n]*127\.0\.0\.', out, re.M), f'{target}: no address outside a comment', out)
install_nginx(policy('nginx', '--proposed')[0])
install_haproxy(policy('haproxy', '--proposed')[0])
same([request(ATTACKER, web, record=False), request(PROXIED, front, record=False)], [200, 200], 'what waits for approval blocks nobody')
defaults = write('defaults.yml', f'data: {data}\npolicy:\n  never_block: ["2001:db8::/32"]\n')
out, said = policy('nginx', '--config', defaults)
check('none of the' in said and f'refused: {V6} (never-block list: 2001:db8::/32, policy.never_block)' in said and f'refused: {ATTACKER} (never-block list: 127.0.0.0/8, loopback)' in said, 'with the private ranges on the list nothing is left, in plain words', said)
install_nginx(out)
check('--config FILE' not in said, 'which list that was needs no note', said)

# ---- approved ----


def changes(after=None):
    """What came and went, and the last line of the answer."""
    c = http.client.HTTPConnection('127.0.0.1', int(port), timeout=20)
    c.request('GET', '/api/v1/policies/changes' + (f'?after={after}' if after else ''), headers={'Authorization': f'Bearer {tokens["hunt"]}'})
    rows = ndjson(c.getresponse().read().decode())
    return {(r['op'], r['address'], r['why']) for r in rows[:-1]}, rows[-1]['answer']


def patch(role, id_, body):
    """Status and answer."""
    c = http.client.HTTPConnection('127.0.0.1', int(port), timeout=20)
    c.request('PATCH', f'/api/v1/policies/{id_}', body=json.dumps(body), headers={'Authorization': f'Bearer {tokens[role]}', 'Content-Type': 'application/json'})
    r = c.getresponse()
    return r.status, json.loads(r.read())


tokens = {role: dogwatch('token', 'add', role, '--role', role, '--data', data).strip() for role in ('hunt', 'triage')}
told, answer = changes()
check(told == set() and answer['reset'], 'a gateway is told of nothing yet', (told, answer))
same(patch('triage', found[PROXIED]['id'], {'state': 'approved'})[0], 403, 'who works on alerts blocks nobody')
same(patch('hunt', found[PROXIED]['id'], {'state': 'maybe'})[0], 400, 'a state is approved or rolled_back')
same(patch('hunt', 'ffff', {'state': 'approved'})[0], 404, 'an entry must be there')
status, row = patch('hunt', found[PROXIED]['id'], {'state': 'approved', 'reason': 'EVIL\n127.0.0.2 1;\n}'})
check(status == 200 and row['state'] == 'active' and row['author'] == 'hunt', 'hunt approves', row)
policy('approve', found[ATTACKER]['id'][:12], '--for', '2h', '--reason', 'EVIL */ \\')
policy('approve', found[V6]['id'])
told, later = changes(answer['cursor'])
same(told, {('add', ATTACKER, 'approved'), ('add', PROXIED, 'approved'), ('add', V6, 'approved')}, 'a gateway is told of all')
same(changes(later['cursor'])[0], set(), 'and then of nothing')
printed = {target: policy(target)[0] for target in TARGETS}
for target, text in printed.items():
    code = '\n'.join(line.split('#')[0] for line in text.splitlines())
    same({a for a in re.findall(r'127\.0\.0\.\d+|2001:[0-9a-f:]+', code)}, {ATTACKER, PROXIED, V6.split('/')[0]}, f'{target} names the attackers and nobody else')
    check('EVIL' in text and 'EVIL' not in code, f'{target} keeps what people said in comments', text)
    same(*(re.sub(r' at 20[^;]*;|timeout \d+s', '', t) for t in (policy(target, where=server)[0], text)), f'a server prints the same {target}')
    check('alert ' in text and 'until 20' in text and 'approved by' in text, f'{target} tells cause, end and author', text)
install_nginx(printed['nginx'])
install_haproxy(printed['haproxy'])
wait_for(lambda: request(ATTACKER, web, record=False) == 403, 20, 'nginx to refuse the attacker')
for client in ORDINARY:
    same([request(client, web, record=False), request(client, front, record=False)], [200, 200], f'{client} is served by both')
same(request(HEALTH, web, record=False), 200, 'the health check is served')
same([request(ATTACKER, web, forwarded='127.0.0.2', record=False), request(ATTACKER, front, record=False), request(PROXIED, front, forwarded='127.0.0.2', record=False)],
     [403, 403, 403], 'a header does not let an attacker in')
same(request(BRIEF, web, record=False), 200, 'who was not approved is served')
nft = write('dogwatch.nft', printed['nftables'])
own = next((flags for flags in ('-rn', '-n') if subprocess.run(['unshare', flags, 'true'], capture_output=True).returncode == 0), None)
if own:
    for command in (f'nft -c -f {nft}', f'nft -f {nft} && nft -f {nft} && nft list set inet dogwatch blocked4'):
        r = subprocess.run(['unshare', own, 'sh', '-c', command], capture_output=True, text=True)  # a network of its own: nothing here is blocked by it
        check(r.returncode == 0, f'nft takes the file: {command}', r.stderr)
    check(ATTACKER in r.stdout and PROXIED in r.stdout and 'expires' in r.stdout, 'the kernel has both, and when they end', r.stdout)
else:
    print('SKIPPED  nft: no network of its own can be made here to load the file into')
try:
    import yaml
    rules = yaml.safe_load(printed['envoy'])['typed_config']['rules']
    same([p['direct_remote_ip']['address_prefix'] for p in rules['policies']['dogwatch']['principals']], [ATTACKER, PROXIED, V6.split('/')[0]], 'envoy matches the other end of the connection')
    spec = yaml.safe_load(printed['networkpolicy'])['spec']['ingress'][0]['from']
    same([b['ipBlock'].get('except') for b in spec], [[f'{ATTACKER}/32', f'{PROXIED}/32'], [V6]], 'kubernetes leaves them out')
except ImportError:
    print('note: no python3-yaml: the YAML of two targets is not read')

# ---- diff, expiry, rollback ----

old = write('installed.conf', printed['nginx'])
same(policy('diff', 'nginx', old)[0].strip(), '', 'what is installed is what would be printed')
policy('approve', found[BRIEF]['id'], '--for', '1h')
rows = ndjson(policy('diff', 'nginx', old, '--output', 'ndjson', code=1)[0])
same([(r['what'], r['address']) for r in rows], [('added', BRIEF)], 'what was approved since is missing there')
same([(r['what'], r['address']) for r in ndjson(policy('diff', 'nginx', old, '--output', 'ndjson', code=1, where=server)[0])], [('added', BRIEF)], 'a server compares the same')
policy('rollback', found[PROXIED]['id'], '--reason', 'a partner')
policy('approve', found[BRIEF]['id'], '--for', '5s')  # longer than the collector may need to take it
wait_for(lambda: f'\n    {BRIEF} 1;' not in policy('nginx')[0], 20, 'the entry to expire')
state = entries()
same({a: state[a]['state'] for a in (ATTACKER, PROXIED, BRIEF)}, {ATTACKER: 'active', PROXIED: 'rolled_back', BRIEF: 'expired'}, 'each stands where it should')
same(changes(later['cursor'])[0], {('remove', PROXIED, 'rolled back')}, 'a gateway is told who is free; what came and went meanwhile is nothing')
same([(r['what'], r['address']) for r in ndjson(policy('diff', 'nginx', old, '--output', 'ndjson', code=1)[0])], [('gone', PROXIED)], 'who was freed is there still')
install_haproxy(policy('haproxy')[0])
same([request(PROXIED, front, record=False), request(ATTACKER, front, record=False)], [200, 403], 'who is free is served')

# ---- once more from the log alone ----

same(up.stop(), 0, 'dogwatch up ends well')
for name in os.listdir(os.path.join(data, 'alerts')):
    if name.startswith('alerts.db'):
        os.remove(os.path.join(data, 'alerts', name))
dogwatch('up', '--data', data, '--logs', logs['old.log'], '--rules', os.path.join(ROOT, 'rules'), '--until-idle', '--set', 'policy.private=false')
again = entries()
same({a: again[a]['state'] for a in (ATTACKER, PROXIED, BRIEF)}, {a: state[a]['state'] for a in (ATTACKER, PROXIED, BRIEF)}, 'the view made anew says the same')
finish(began)
