"""Servers that answer as dockerd and the kubelet do, for the tests of what the agent asks them. There is no docker daemon and no kubelet where these tests run: what is
answered follows moby's daemon/events (a ring of 256, `since` included, headers sent at once, one JSON object a line in chunks) and the kubelet's GET /pods, by hand.

Answers are written byte by byte, not by an HTTP library, so that a test can also answer wrongly: Dockerd.mode and Kubelet.mode choose how."""
import json
import os
import socket
import ssl
import threading
import time

RING = 256


class Server:
    """Accepts connections until it is closed; each is answered in a thread of its own."""

    def __init__(self, listener):
        self.listener = listener
        self.mode = 'ok'
        self.asked = []      # (path, headers)
        self.live = set()
        self.lock = threading.Condition()
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            s = self.wrap(s)
            with self.lock:
                self.live.add(s)
            head = b''
            while b'\r\n\r\n' not in head:
                more = s.recv(4096)
                if not more:
                    return
                head += more
            first, *rest = head.decode().split('\r\n')
            method, path, _ = first.split(' ')
            headers = {k.lower(): v for k, v in (line.split(': ', 1) for line in rest if line)}
            with self.lock:
                self.asked.append((path, headers))
            assert method == 'GET', method
            self.answer(s, path, headers)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.live.discard(s)
            s.close()

    def wrap(self, s):
        return s

    def paths(self):
        with self.lock:
            return [p for p, _ in self.asked]

    def cut(self):
        """Breaks every connection."""
        with self.lock:
            for s in self.live:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.lock.notify_all()

    def close(self):
        self.open = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.cut()

    @staticmethod
    def whole(s, body, status='200 OK', chunked=False):
        body = body if isinstance(body, bytes) else json.dumps(body, separators=(',', ':')).encode()
        s.sendall(f'HTTP/1.1 {status}\r\nContent-Type: application/json\r\n'.encode())
        if not chunked:
            s.sendall(b'Content-Length: %d\r\n\r\n' % len(body) + body)
            return
        s.sendall(b'Transfer-Encoding: chunked\r\n\r\n')
        for at in range(0, len(body), 1000):
            piece = body[at:at + 1000]
            s.sendall(b'%x\r\n' % len(piece) + piece + b'\r\n')
        s.sendall(b'0\r\n\r\n')


def unix(path):
    if os.path.exists(path):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(16)
    return s


class Dockerd(Server):
    def __init__(self, path):
        self.ring, self.sent, self.containers, self.inspect_mode = [], 0, {}, 'ok'
        super().__init__(unix(path))

    def event(self, action, cid, kind='container', ns=None, **attributes):
        """Something happens: the event as it is sent."""
        ns = ns or time.time_ns()
        e = {'Type': kind, 'Action': action, 'Actor': {'ID': cid, 'Attributes': attributes}, 'scope': 'local', 'time': ns // 10**9, 'timeNano': ns}
        if kind == 'container':
            e = {'status': action, 'id': cid, 'from': attributes.get('image', ''), **e}
        line = json.dumps(e, separators=(',', ':'))
        with self.lock:
            self.ring = (self.ring + [(ns, line)])[-RING:]
            self.sent += 1
            self.lock.notify_all()
        return line

    def events(self, s, path):
        with self.lock:
            since = path.split('since=')[1] if 'since=' in path else None
            ns = None if since is None else int(since.split('.')[0]) * 10**9 + int((since.split('.') + ['0'])[1])
            first = []
            for t, line in reversed(self.ring if ns is not None else []):  # as moby: from the newest back to the first that is older
                if t < ns:
                    break
                first.insert(0, line)
            at = self.sent
        s.sendall(b'HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n')
        for line in first:
            self.chunk(s, line)
        while self.open and s in self.live:
            with self.lock:
                if not self.lock.wait_for(lambda: self.sent > at or not self.open or self.mode == 'half', 1):
                    continue
                new = [line for _, line in self.ring[-(self.sent - at):]] if self.sent > at else []
                at = self.sent
            for line in new:
                self.chunk(s, line)
            if self.mode == 'half':
                s.sendall(b'400\r\n{"Type":"container","Action":"st')
                s.shutdown(socket.SHUT_WR)
                return

    @staticmethod
    def chunk(s, line):
        data = line.encode() + b'\n'
        s.sendall(b'%x\r\n' % len(data) + data + b'\r\n')

    def set(self, events=None, inspect=None):
        """How is answered from now on; who waits for an answer gets one if that is no longer `slow`."""
        with self.lock:
            self.mode, self.inspect_mode = events or self.mode, inspect or self.inspect_mode
            self.lock.notify_all()

    def answer(self, s, path, headers):
        events = path.startswith('/events')
        with self.lock:
            self.lock.wait_for(lambda: not self.open or (self.mode if events else self.inspect_mode) != 'slow', 600)
        mode = self.mode if events else self.inspect_mode
        if mode == 'hostile':
            s.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n')
        elif mode == 'garbage':
            s.sendall(b'SSH-2.0-OpenSSH_9.2\r\n' * 100)
        elif mode == 'endless':
            s.sendall(b'HTTP/1.1 200 OK\r\n')
            while self.open:
                s.sendall(b'X-Header: ' + b'x' * 1000 + b'\r\n')
        elif mode == 'refuse':
            self.whole(s, {'message': 'no'}, '500 Internal Server Error')
        elif events:
            self.events(s, path)
        elif path.startswith('/containers/json'):
            self.whole(s, [{'Id': i, 'Names': [c['Name']]} for i, c in self.containers.items()])
        elif mode == 'big':
            self.whole(s, b'{"Id":"' + b'x' * (8 << 20) + b'"}')
        else:
            c = self.containers.get(path.split('/')[2])
            self.whole(s, c or {'message': 'No such container'}, '200 OK' if c else '404 Not Found', chunked=True)

    def run(self, cid, name, image='shop/web:1.27', labels=None, host=None, mounts=(), env=()):
        """A container as `docker inspect` shows it."""
        self.containers[cid] = {
            'Id': cid, 'Created': '2026-11-29T20:00:00.123456789Z', 'Path': 'nginx', 'Args': ['-g', 'daemon off;'],
            'State': {'Status': 'running', 'Running': True, 'Pid': 4711, 'StartedAt': '2026-11-29T20:00:01Z'}, 'Image': 'sha256:' + 'ab' * 32, 'Name': '/' + name,
            'RestartCount': 3, 'AppArmorProfile': 'docker-default', 'Platform': 'linux',
            'HostConfig': {'Binds': [f'{m}:{m}' for m in mounts], 'NetworkMode': 'bridge', 'PidMode': '', 'CapAdd': None, 'Privileged': False, **(host or {})},
            'Mounts': [{'Type': 'bind', 'Source': m, 'Destination': m, 'Mode': '', 'RW': True} for m in mounts],
            'Config': {'Hostname': cid[:12], 'User': 'root', 'Env': list(env), 'Image': image, 'Labels': labels or {}}}


class Kubelet(Server):
    def __init__(self, port, token, cert=None, key=None):
        self.pods, self.token, self.context = [], token, None
        if cert:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(cert, key)
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', port))
        s.listen(16)
        super().__init__(s)

    def wrap(self, s):
        return self.context.wrap_socket(s, server_side=True) if self.context else s

    def answer(self, s, path, headers):
        if self.mode == 'slow':
            with self.lock:
                self.lock.wait_for(lambda: not self.open or self.mode == 'ok', 600)
        elif self.mode == 'garbage':
            self.whole(s, b'{"items":[{"metadata":{"uid":7}},[[[')
        elif self.token and headers.get('authorization') != f'Bearer {self.token}':
            self.whole(s, {'message': 'Unauthorized'}, '401 Unauthorized')
        elif path != '/pods':
            self.whole(s, {}, '404 Not Found')
        else:
            self.whole(s, {'kind': 'PodList', 'apiVersion': 'v1', 'metadata': {}, 'items': self.pods}, chunked=True)
