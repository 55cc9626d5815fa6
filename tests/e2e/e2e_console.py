#!/usr/bin/env python3
"""The console: the files in the program are those of console/dist, and these are made of the sources; with --long also in a browser (node --test)."""
import gzip
import http.client
import re
import time

from e2e_lib import *  # noqa: F403

began = time.monotonic()
CONSOLE = os.path.join(ROOT, 'console')
DIST = os.path.join(CONSOLE, 'dist')
dir_ = scratch('console')
data, log = os.path.join(dir_, 'data'), os.path.join(dir_, 'a.log')
open(log, 'w').write('a line\n')
PAGES = {'/': ('index.html', 'text/html; charset=utf-8'), '/console/app.js': ('app.js', 'text/javascript; charset=utf-8'), '/console/chart.js': ('chart.js', 'text/javascript; charset=utf-8'), '/console/app.css': ('app.css', 'text/css; charset=utf-8')}


def read(*path):
    with open(os.path.join(*path), 'rb') as f:
        return f.read()


# dist is what the sources make, as far as hashes can tell; the build itself is made again with --long
made_of = [f'src/{f}' for f in os.listdir(os.path.join(CONSOLE, 'src'))] + ['build.mjs', 'package.json', 'package-lock.json']
want = ''.join(f'{hashlib.sha256(read(CONSOLE, f)).hexdigest()}  {f}\n' for f in sorted(made_of))
same(read(DIST, 'SOURCES').decode(), want, 'console/dist is made of these sources; else: node console/build.mjs')
for name in ('index.html', 'app.js', 'chart.js', 'app.css'):
    same(gzip.decompress(read(DIST, name + '.gz')) == read(DIST, name), True, f'{name}.gz is {name}')
lock = json.loads(read(CONSOLE, 'package-lock.json'))
check(all(p.get('integrity') and 'resolved' not in p for k, p in lock['packages'].items() if k), 'the lock file pins every package and names no place')
html = read(DIST, 'index.html').decode()
check('style=' not in html and html.count('<script') == html.count('src=') and 'onload' not in html, 'nothing in line', html)

up = Up(data, [log], *OWN_PORT)
port = up.port()


def ask(path, method='GET', **headers):
    conn = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    conn.request(method, path, headers={k.replace('_', '-'): v for k, v in headers.items()})
    r = conn.getresponse()
    return r.status, r.headers, r.read()


for path, (name, kind) in PAGES.items():
    status, headers, body = ask(path)
    check(status == 200 and body == read(DIST, name + '.gz'), f'{path} is console/dist/{name}', (status, body[:100]))
    check(headers['Content-Type'] == kind and headers['Content-Encoding'] == 'gzip' and headers['X-Content-Type-Options'] == 'nosniff' and headers['Referrer-Policy'] == 'no-referrer', f'{path}: headers', dict(headers))
    policy = dict(p.strip().split(' ', 1) for p in headers['Content-Security-Policy'].split(';'))
    check(policy['default-src'] == "'none'" and policy['script-src'] == policy['style-src'] == policy['connect-src'] == "'self'" and policy['frame-ancestors'] == "'none'", f'{path}: policy', policy)
    again = ask(path, If_None_Match=headers['ETag'])
    check(again[0] == 304 and again[2] == b'' and again[1]['ETag'] == headers['ETag'], f'{path}: kept by browsers', again[0])
    same(ask(path, If_None_Match='"other"')[0], 200, f'{path}: another one is fetched')
    check(ask(path, Host='evil.example')[0] == 403 and ask(path, Origin='http://evil.example')[0] == 403 and ask(path, 'POST')[0] == 405, f'{path} is for our own hosts')
same(up.stop(), 0, 'it ends well')

if not LONG:
    print('SKIPPED  the console in a browser takes minutes and Chromium: with --long; 1 part did not run')
else:
    made = subprocess.run([os.path.join(ROOT, 'tools/deps.sh'), 'console'], capture_output=True, text=True)
    check(made.returncode == 0, 'Chromium and node', made.stderr[-800:])
    for command in (['npm', 'ci', '--no-audit', '--no-fund'], ['node', 'build.mjs', '--check'], ['node', 'harness/run.mjs']):
        r = subprocess.run(command, cwd=CONSOLE, capture_output=True, text=True)
        check(r.returncode == 0, ' '.join(command), (r.stdout + r.stderr)[-4000:])
        print('\n'.join(line for line in r.stdout.splitlines() if re.match(r'# (budget|tests|pass|fail|skipped)|total|.*SKIPPED', line)))
    shots = os.path.join(dir_, 'shots')  # the pictures of docs/console are made as these are
    r = subprocess.run(['node', 'harness/shots.mjs', shots], cwd=CONSOLE, capture_output=True, text=True)
    check(r.returncode == 0 and 'TOO BIG' not in r.stdout, 'pictures of every page', (r.stdout + r.stderr)[-2000:])
    same(sorted(os.listdir(shots)), sorted(os.listdir(os.path.join(ROOT, 'docs/console'))), 'docs/console has a picture of every page and state, and no other')
finish(began)
