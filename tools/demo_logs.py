#!/usr/bin/env python3
"""Writes container logs as docker (json-file) and a kubelet (CRI) would, rotating while it writes.

    demo_logs.py FOLDER

Ordinary nginx and sshd traffic, and in it: an ssh brute force that succeeds, SQL injection, path traversal. The number of
lines written is left in FOLDER/.lines.
"""
import datetime
import json
import os
import random
import sys
import time

rng = random.Random(7)
root = sys.argv[1]
lines = 0


def stamp(t):
    return t.strftime('%Y-%m-%dT%H:%M:%S.%f') + '000Z'


class Docker:
    """One container's json-file; rotated by rename at `limit` bytes."""

    def __init__(self, cid, name, image, limit):
        self.dir = os.path.join(root, 'docker', cid)
        os.makedirs(self.dir)
        self.path = os.path.join(self.dir, cid + '-json.log')
        self.limit, self.file = limit, open(self.path, 'a')
        json.dump({'Name': '/' + name, 'Config': {'Image': image}}, open(os.path.join(self.dir, 'config.v2.json'), 'w'))

    def write(self, text, t, out='stdout'):
        global lines
        lines += 1
        for i in range(0, len(text) + 1, 16384):
            part = text[i:i + 16384]
            end = '\n' if i + 16384 > len(text) else ''
            self.file.write(json.dumps({'log': part + end, 'stream': out, 'time': stamp(t)}, separators=(',', ':')) + '\n')
        self.file.flush()
        if self.file.tell() > self.limit:
            self.file.close()
            os.rename(self.path, self.path + '.1')
            self.file = open(self.path, 'a')


class Pod:
    """One container of a pod in the kubelet's layout; the log is renamed away and begun anew like the kubelet does."""

    def __init__(self, namespace, pod, uid, container, limit):
        self.dir = os.path.join(root, 'pods', f'{namespace}_{pod}_{uid}', container)
        os.makedirs(self.dir)
        self.path, self.limit, self.n = os.path.join(self.dir, '0.log'), limit, 0
        self.file = open(self.path, 'a')

    def write(self, text, t, out='stdout'):
        global lines
        lines += 1
        pieces = [text[i:i + 16384] for i in range(0, len(text), 16384)] or ['']
        for i, piece in enumerate(pieces):
            self.file.write(f"{stamp(t)} {out} {'F' if i + 1 == len(pieces) else 'P'} {piece}\n")
        self.file.flush()
        if self.file.tell() > self.limit:
            self.n += 1
            self.file.close()
            os.rename(self.path, f"{self.path}.{t.strftime('%Y%m%d-%H%M%S')}{self.n:02d}")
            self.file = open(self.path, 'a')


def access(t, ip, request, status, size, agent='Mozilla/5.0 (X11; Linux x86_64)'):
    return f'{ip} - - [{t.strftime("%d/%b/%Y:%H:%M:%S +0000")}] "{request} HTTP/1.1" {status} {size} "-" "{agent}"'


def main():
    web = Docker('4f5c1b0a9d3e' + '0' * 52, 'web', 'nginx:1.27', 250000)
    shop = Pod('shop', 'checkout-7d9f', '0b2e9f5c-1d1a-4f0e-8d55-5a1c3f6b7e90', 'nginx', 200000)
    ssh = Docker('9a8b7c6d5e4f' + '1' * 52, 'bastion', 'bastion:3', 1000000)
    pages = ['/', '/products', '/products/42', '/cart', '/about', '/static/app.js', '/static/site.css', '/api/items?page=2']
    now = datetime.datetime.now(datetime.timezone.utc)

    def sshd(text, pid):
        ssh.write(f"{now.strftime('%b %e %H:%M:%S')} bastion sshd[{pid}]: {text}", now)

    for i in range(4000):
        time.sleep(0.001)
        now = datetime.datetime.now(datetime.timezone.utc)
        ip = f'203.0.113.{rng.randrange(2, 200)}'
        target = web if i % 2 else shop
        target.write(access(now, ip, 'GET ' + rng.choice(pages), 200, rng.randrange(300, 20000)), now)
        if i % 400 == 0:
            sshd(f'Accepted publickey for deploy from 203.0.113.10 port {40000 + i} ssh2', 1000 + i)
        if i == 1500:
            web.write(access(now, '198.51.100.23', 'GET /products?id=1%27%20UNION%20SELECT%20login,password%20FROM%20users--', 200, 5120), now)
        if i == 1700:
            shop.write(access(now, '198.51.100.23', 'GET /static/../../../../etc/passwd', 400, 166, 'curl/8.4'), now)
        if 2000 <= i < 2014:
            sshd(f'Failed password for root from 198.51.100.77 port {51000 + i} ssh2', 3000 + i)
        if i == 2020:
            sshd('Accepted password for root from 198.51.100.77 port 51999 ssh2', 3999)
        if i == 2500:
            shop.write('{"level":"error","msg":"' + 'x' * 40000 + '"}', now, 'stderr')
    with open(os.path.join(root, '.lines'), 'w') as f:
        f.write(str(lines))


main()
