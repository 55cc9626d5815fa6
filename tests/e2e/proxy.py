"""A TCP proxy before each broker, which does to connections what networks do to them.

One event loop in a thread of its own. What is done to bytes is a mode, for all brokers or for one; it can change at any time:

    through  they pass
    refused  open connections are reset, new ones refused
    hole     connections are taken and nothing passes, either way. When it ends what was held goes on, late, as TCP's own repetition does it
    slow     300 ms late and 64 KiB a second, each way
    torn     a connection is reset behind a random byte, mostly in the middle of a request or an answer
    deaf     one answer in four is lost with its connection: the broker did what the client does not know of

`counts` says how often each of them hit something, so that a test can wait until it did.
"""
import asyncio
import random
import socket
import struct
import threading

CHUNK, RATE, LATE_S, TEAR_MAX = 8192, 64 * 1024, 0.3, 60000


class Link:
    """One connection: two sockets, and a task for each way."""

    def __init__(self, side, client, broker):
        self.side, self.client, self.broker = side, client, broker
        self.until_torn = side.proxy.rng.randrange(1, TEAR_MAX)
        self.tasks = [asyncio.ensure_future(t) for t in (self.carry(client[0], broker[1], False), self.carry(broker[0], client[1], True))]

    async def carry(self, reader, writer, answers):
        late = asyncio.Queue(16)
        bring = asyncio.ensure_future(self.bring(late, writer, answers))
        self.tasks.append(bring)
        try:
            while data := await reader.read(CHUNK):
                await late.put((asyncio.get_running_loop().time() + LATE_S, data))
        except OSError:
            pass
        await late.put((0, b''))
        await bring
        self.close()

    async def bring(self, late, writer, answers):
        try:
            while True:
                due, data = await late.get()
                while self.side.mode == 'hole':
                    await self.side.pause(60)
                if not data:
                    return
                if self.side.mode == 'slow':
                    self.side.count('slow')
                    await self.side.pause(due - asyncio.get_running_loop().time())
                    await self.side.pause(len(data) / RATE)
                if self.side.mode == 'deaf' and answers and self.side.proxy.rng.randrange(4) == 0:
                    self.side.count('deaf')
                    return self.reset()
                if self.side.mode == 'torn':
                    self.until_torn -= len(data)
                    if self.until_torn < 0:
                        self.side.count('torn')
                        writer.write(data[:self.until_torn])
                        await writer.drain()
                        return self.reset()
                writer.write(data)
                await writer.drain()
        except OSError:
            self.close()

    def reset(self):
        for _, writer in (self.client, self.broker):
            s = writer.get_extra_info('socket')
            if s and s.fileno() >= 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            writer.transport.abort()
        self.close()

    def close(self):
        self.side.links.discard(self)
        for _, writer in (self.client, self.broker):
            writer.close()
        for t in self.tasks:
            if t is not asyncio.current_task():
                t.cancel()


class Side:
    """Before one broker."""

    def __init__(self, proxy, listen, target):
        self.proxy, self.listen, self.target = proxy, listen, target
        self.mode, self.links, self.server, self.changed = 'through', set(), None, asyncio.Event()

    def count(self, what):
        self.proxy.counts[what] = self.proxy.counts.get(what, 0) + 1

    async def pause(self, seconds):
        """So long, or until the mode is another one."""
        try:
            await asyncio.wait_for(asyncio.shield(self.changed.wait()), max(seconds, 0))
        except asyncio.TimeoutError:
            pass

    async def open(self):
        self.server = await asyncio.start_server(self.accept, '127.0.0.1', self.listen, limit=CHUNK)

    async def accept(self, reader, writer):
        if self.mode == 'hole':
            self.count('hole')
        try:
            broker = await asyncio.open_connection('127.0.0.1', self.target, limit=CHUNK)
        except OSError:
            return writer.transport.abort()
        self.links.add(Link(self, (reader, writer), broker))

    async def set(self, mode):
        self.mode, changed, self.changed = mode, self.changed, asyncio.Event()
        changed.set()
        if mode == 'refused':
            self.server.close()
            for link in list(self.links):
                self.count('refused')
                link.reset()
        elif not self.server.is_serving():
            await self.open()


class Proxy:
    """Between clients and brokers: `ports` are pairs (where it listens, where it connects to). Ends with the process."""

    def __init__(self, ports, seed=1):
        self.rng, self.counts, self.loop = random.Random(seed), {}, asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.sides = self.ask(self.make(ports))

    def ask(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(30)

    async def make(self, ports):
        sides = [Side(self, listen, target) for listen, target in ports]
        for side in sides:
            await side.open()
        return sides

    async def change(self, mode, sides):
        for side in sides:
            await side.set(mode)

    def set(self, mode, node=None):
        self.ask(self.change(mode, self.sides if node is None else [self.sides[node]]))
