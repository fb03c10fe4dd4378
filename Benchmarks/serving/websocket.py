"""WebSockets of sessions on this machine: whether they give the bits of ordinary pushes, and how many steps a second.

Usage: websocket.py bits PORT [SESSIONS]            messages through Python's `websockets` against ordinary pushes
       websocket.py rush PORT [SESSIONS] [SECONDS]  steps a second through Python's `websockets`, one connection a session
       websocket.py raw PORT [SESSIONS] [SECONDS]   the same through plain sockets, with frames made beforehand, so that
                                                    the client takes little of the time
Options: --json sends and wants text (the default is bytes), --size N numbers a step (128), --model NAME (lstm),
         --steps N steps a message (1), --window N messages of a connection on their way at once (1)

`bits` and `rush` want `pip install websockets`. All traffic stays on the loopback interface, and every run has an end.
"""

import asyncio
import base64
import http.client
import json
import math
import os
import selectors
import socket
import struct
import sys
import time


def step(number):
    return [math.sin(0.1 * number + 0.37 * i) for i in range(options["size"])]


def message(number):
    """Some steps, as bytes or as text."""
    steps = [step(number * options["steps"] + index) for index in range(options["steps"])]
    if options["json"]:
        return json.dumps({"inputs": [[round(x, 6) for x in each] for each in steps]})
    return b"".join(struct.pack(f"<{len(each)}f", *each) for each in steps)


def session(connection):
    connection.request("POST", "/sessions", json.dumps({"model": options["model"]}))
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 201, body
    return json.loads(body)["id"]


def push(connection, id, body, query=""):
    types = {str: "application/json", bytes: "application/octet-stream"}
    connection.request("POST", f"/sessions/{id}/steps{query}", body, {"Content-Type": types[type(body)]})
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    return said if isinstance(body, bytes) and not query else said.decode().rstrip("\n")


def address(port, id, query=""):
    return f"ws://127.0.0.1:{port}/sessions/{id}/stream{query}"


def bits(port, sessions=50):
    from websockets.asyncio.client import connect

    async def run():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        ids = [session(connection) for _ in range(sessions)]
        sockets = [await connect(address(port, id), max_size=None) for id in ids]
        rounds = 40
        said = [[] for _ in sockets]

        async def talk(place):
            for number in range(rounds):
                await sockets[place].send(message(place + number))
                said[place].append(await sockets[place].recv())

        await asyncio.gather(*(talk(place) for place in range(sessions)))
        for place in range(sessions):
            id = session(connection)
            expected = [push(connection, id, message(place + number)) for number in range(rounds)]
            assert said[place] == expected, f"session {place}"
        # Gates, in parts, and what is wrong.
        one, other = session(connection), session(connection)
        options["json"] = True
        async with connect(address(port, one, "?gates=true"), max_size=None) as shown:
            await shown.send(message(1))
            assert await shown.recv() == push(connection, other, message(1), "?gates=true")
            text = message(2)
            await shown.send(text[place : place + 100] for place in range(0, len(text), 100))
            assert await shown.recv() == push(connection, other, message(2), "?gates=true")
            await shown.send("{}")
            assert json.loads(await shown.recv())["status"] == 400
            assert (await asyncio.wait_for(await shown.ping(), 5)) < 5
        for open_one in sockets:
            await open_one.close()
            assert open_one.close_code == 1000
        print(f"{sessions} sessions, {rounds} messages each: all bits are those of ordinary pushes")

    asyncio.run(run())


def rush(port, sessions=50, seconds=10):
    from websockets.asyncio.client import connect

    messages = [message(number) for number in range(64)]

    async def run():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        sockets = [await connect(address(port, session(connection)), max_size=None, compression=None)
                   for _ in range(sessions)]
        counts = [0] * sessions
        end = time.perf_counter() + seconds

        async def talk(place):
            one, sent = sockets[place], 0
            for sent in range(options["window"]):
                await one.send(messages[sent % 64])
            while time.perf_counter() < end:
                await one.recv()
                counts[place] += 1
                sent += 1
                await one.send(messages[sent % 64])

        await asyncio.gather(*(talk(place) for place in range(sessions)))
        tell(sum(counts), sessions, seconds)
        for one in sockets:
            one.transport.abort()

    asyncio.run(run())


def tell(count, sessions, seconds, times=()):
    text = f"{count / seconds:.0f} messages, {count * options['steps'] / seconds:.0f} steps a second over {sessions} WebSockets"
    if times:
        times = sorted(times)
        text += f": p50 {1000 * times[len(times) // 2]:.2f} ms, p99 {1000 * times[int(0.99 * len(times))]:.2f} ms"
    print(text)


def frame(payload):
    kind = 2 if isinstance(payload, bytes) else 1
    payload = payload if kind == 2 else payload.encode()
    head = bytes([0x80 | kind])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += struct.pack(">BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack(">BQ", 0x80 | 127, len(payload))
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))


class Raw:
    """A WebSocket over a socket, and nothing that takes time."""

    def __init__(self, port, id):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /sessions/{id}/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        assert b" 101 " in head, head
        self.buffer, self.sent, self.began = b"", 0, 0.0

    def whole(self):
        """How many frames have come; they are dropped."""
        count = 0
        while len(self.buffer) >= 2:
            length, start = self.buffer[1] & 127, 2
            if length > 125:
                start = 4 if length == 126 else 10
                if len(self.buffer) < start:
                    break
                length = int.from_bytes(self.buffer[2:start], "big")
            if len(self.buffer) < start + length:
                break
            assert self.buffer[0] & 15 in (1, 2), self.buffer
            self.buffer = self.buffer[start + length :]
            count += 1
        return count


def raw(port, sessions=50, seconds=10):
    frames = [frame(message(number)) for number in range(64)]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    clients = [Raw(port, session(connection)) for _ in range(sessions)]
    selector = selectors.EpollSelector() if hasattr(selectors, "EpollSelector") else selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    count, times = 0, []
    now = time.perf_counter()
    end = now + seconds
    for client in clients:
        client.socket.sendall(b"".join(frames[: options["window"]]))
        client.sent, client.began = options["window"], now
    while now < end:
        for key, _ in selector.select(1):
            client = key.data
            more = client.socket.recv(1 << 16)
            assert more, "the server closed a connection"
            client.buffer += more
            if done := client.whole():
                now = time.perf_counter()
                times.append(now - client.began)
                count += done
                client.socket.sendall(
                    b"".join(frames[(client.sent + index) % 64] for index in range(done)) if done > 1
                    else frames[client.sent % 64])
                client.sent += done
                client.began = now
    tell(count, sessions, seconds, times)


arguments = sys.argv[1:]
options = {"json": "--json" in arguments, "size": 128, "model": "lstm", "steps": 1, "window": 1}
arguments = [argument for argument in arguments if argument != "--json"]
for name in ("size", "model", "steps", "window"):
    if f"--{name}" in arguments:
        place = arguments.index(f"--{name}")
        options[name] = type(options[name])(arguments[place + 1])
        del arguments[place : place + 2]
runs = {"bits": bits, "rush": rush, "raw": raw}
if len(arguments) < 2 or arguments[0] not in runs:
    sys.exit(__doc__)
runs[arguments[0]](*[int(argument) for argument in arguments[1:]])
