#!/usr/bin/env python3
"""Writes the logs that a release is trained on (tools/release.sh): what containers, servers, databases and hosts usually say.

    train_logs.py FOLDER

Formats are mixed as hosts have them: many access logs and JSON, some of everything else. The same lines at every run.
"""
import json
import os
import random
import sys
import time

LINES = 4000
rng = random.Random(11)
start = 1790000000
words = 'accepted cache client closed connection error failed from handler invalid job new opened queue ready request retry session started timeout to upstream user worker'.split()
browsers = ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148',
            'Go-http-client/2.0', 'kube-probe/1.30', 'python-requests/2.32.3', '-']
places = ['/', '/api/orders', '/api/orders/{}', '/assets/main.{}.js', '/search?q=shoes&page={}', '/health', '/users/{}/profile', '/favicon.ico', '/wp-login.php']


def ip():
    return f'{rng.randrange(1, 224)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}'


def said():
    return ' '.join(rng.choice(words) for _ in range(rng.randrange(3, 14)))


def number():
    return rng.randrange(1, 10 ** rng.randrange(1, 7))


def iso(t, form='%Y-%m-%dT%H:%M:%S'):
    return time.strftime(form, time.gmtime(t))


def access(t):
    referrer = rng.choice(['-', 'https://shop.example/', 'https://www.example.org/start?from=mail'])
    return (f'{ip()} - {rng.choice(["-", "-", "anna"])} [{iso(t, "%d/%b/%Y:%H:%M:%S")} +0000] "{rng.choice(["GET", "GET", "POST", "HEAD"])} '
            f'{rng.choice(places).format(number())} HTTP/1.1" {rng.choice([200, 200, 200, 204, 301, 304, 404, 500])} {number()} "{referrer}" "{rng.choice(browsers)}"')


def as_json(t):
    event = {'time': iso(t) + 'Z', 'level': rng.choice(['info', 'info', 'warn', 'error']), 'msg': said(), 'caller': 'api/server.go:%d' % number(),
             'http': {'status': 200, 'path': rng.choice(places).format(number()), 'ms': rng.random() * 100}, 'tags': rng.sample(words, 3), 'ok': True, 'user': None}
    return json.dumps(event, separators=(',', ':'))


def logfmt(t):
    return f'ts={iso(t)}Z level={rng.choice(["info", "debug"])} component={rng.choice(words)} msg="{said()}" took={number()}ms count={number()}'


def sshd(t):
    user = rng.choice(['root', 'admin', 'deploy', 'invalid user test'])
    return f'{iso(t, "%b %d %H:%M:%S")} web-1 sshd[{number()}]: {rng.choice(["Failed", "Accepted"])} password for {user} from {ip()} port {rng.randrange(1024, 65536)} ssh2'


def postgresql(t):
    return f'{iso(t, "%Y-%m-%d %H:%M:%S")}.{rng.randrange(1000):03} UTC [{number()}] app@shop {rng.choice(["LOG", "ERROR", "FATAL"])}:  {said()}'


def mysql(t):
    return f'{iso(t)}.{rng.randrange(10**6):06}Z {number()} [{rng.choice(["Note", "Warning"])}] [MY-{rng.randrange(10**6):06}] [Server] {said()}'


def haproxy(t):
    return (f'{iso(t, "%b %d %H:%M:%S")} lb haproxy[{number()}]: {ip()}:{rng.randrange(1024, 65536)} [{iso(t, "%d/%b/%Y:%H:%M:%S")}.{rng.randrange(1000):03}] web app/s{rng.randrange(4)} '
            f'0/0/{rng.randrange(9)}/{rng.randrange(90)}/{number()} 200 {number()} - - ---- {rng.randrange(99)}/{rng.randrange(99)}/1/1/0 0/0 "GET {rng.choice(places).format(number())} HTTP/1.1"')


def audit(t):
    return json.dumps({'kind': 'Event', 'apiVersion': 'audit.k8s.io/v1', 'level': 'Metadata', 'auditID': '%032x' % rng.getrandbits(128), 'stage': 'ResponseComplete', 'verb': rng.choice(['get', 'list', 'create']),
                       'requestURI': f'/api/v1/namespaces/shop/pods/web-{number()}', 'user': {'username': 'system:node:web-1', 'groups': ['system:nodes']}, 'sourceIPs': [ip()],
                       'objectRef': {'resource': 'pods', 'namespace': 'shop', 'name': f'web-{number()}'}, 'responseStatus': {'code': 200}, 'stageTimestamp': iso(t) + '.000000Z'})


def plain(t):
    return f'{iso(t)}Z {said()}'


def docker(path, line_of):
    """A container's json-file."""
    os.makedirs(os.path.dirname(path))
    with open(path, 'w') as f:
        for i in range(LINES):
            t = start + i // 10
            f.write(json.dumps({'log': line_of(t) + '\n', 'stream': rng.choice(['stdout', 'stdout', 'stderr']), 'time': f'{iso(t)}.{rng.randrange(10**9):09}Z'}, separators=(',', ':')) + '\n')


def cri(path, line_of):
    """A container's log as the kubelet's runtime writes it."""
    os.makedirs(os.path.dirname(path))
    with open(path, 'w') as f:
        for i in range(LINES):
            t = start + i // 10
            f.write(f'{iso(t)}.{rng.randrange(10**9):09}Z stdout F {line_of(t)}\n')


root = sys.argv[1]
for n, line_of in enumerate([access, access, as_json, logfmt, postgresql, mysql, plain]):
    docker(os.path.join(root, 'docker', f'{n:064}', f'{n:064}-json.log'), line_of)
for n, line_of in enumerate([access, as_json, audit, plain]):
    cri(os.path.join(root, 'pods', f'shop_web-{n}_{n:032}', 'app', '0.log'), line_of)
for name, line_of in (('access.log', access), ('auth.log', sshd), ('haproxy.log', haproxy)):
    with open(os.path.join(root, name), 'w') as f:
        f.writelines(line_of(start + i // 10) + '\n' for i in range(LINES))
