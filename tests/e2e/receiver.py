#!/usr/bin/env python3
"""A receiver of alerts in a process of its own: http, tcp (RFC 6587) or udp. It notes every message in a file, a JSON object a line, and http
answers as the file `mode` says at that moment: ok, 500, 400, 429 (Retry-After: 1), hang (no answer until the sender goes away), cut (takes the
message and closes without an answer), or `400 TEXT`: 400 to messages with that text, ok to others.
usage: receiver.py http|tcp|udp PORT MODE_FILE NOTES"""
import base64
import contextlib
import http.server
import json
import os
import socket
import socketserver
import sys
import threading
import time

kind, port, mode_file, notes = sys.argv[1], int(sys.argv[2]), sys.argv[3], open(sys.argv[4], 'a', buffering=1)
lock = threading.Lock()


def mode():
    try:
        return open(mode_file).read().strip() or 'ok'
    except OSError:
        return 'ok'


def note(**what):
    with lock:
        notes.write(json.dumps(what) + '\n')


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        now = mode()
        refuse = now.startswith('400 ') and now[4:].encode() in body
        answer = 400 if now == '400' or refuse else 500 if now == '500' else 429 if now == '429' else None if now in ('hang', 'cut') else 204
        note(path=self.path, key=self.headers.get('Idempotency-Key', ''), answer=answer, mode=now, headers=dict(self.headers),
             body=base64.b64encode(body).decode(), at=time.time())
        if now == 'hang':
            self.connection.settimeout(60)
            with contextlib.suppress(OSError):
                self.connection.recv(1)
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer)
        if answer == 429:
            self.send_header('Retry-After', '1')
        if answer != 204:
            self.send_header('Content-Length', '3')
        self.end_headers()
        if answer != 204:
            self.wfile.write(b'no\n')

    def log_message(self, *_):
        pass


class Tcp(socketserver.BaseRequestHandler):
    def handle(self):
        data = b''
        while True:
            more = self.request.recv(65536)
            if not more:
                break
            data += more
            while b' ' in data and len(data) >= int(data.split(b' ', 1)[0]) + len(data.split(b' ', 1)[0]) + 1:
                length, rest = data.split(b' ', 1)
                note(message=rest[:int(length)].decode())
                data = rest[int(length):]
        if data:
            note(torn=data.decode(errors='replace'))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address = True, True


if kind == 'udp':
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('127.0.0.1', port))
    while True:
        note(message=s.recv(65536).decode())
else:
    (Server(('127.0.0.1', port), Http) if kind == 'http' else TcpServer(('127.0.0.1', port), Tcp)).serve_forever()
