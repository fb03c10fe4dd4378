"""Load on a server of sessions on this machine, and how it bears it. Refrain and onnx_peer.py have the same routes.

Usage: load.py pace PORT [RATE] [SECONDS]         latency of one step a request at a rate, from when it was due
       load.py rush PORT [CONNECTIONS] [SECONDS]  requests a second, as fast as answers come
       load.py stream PORT [CONNECTIONS] [STEPS]  steps a second through streamed bodies (Refrain alone)
       load.py many PORT [SESSIONS]               memory that live sessions take (Refrain alone)
       load.py vanish PORT [CLIENTS]              clients that leave in the middle, then whether all is well
       load.py outputs PORT                       ten outputs, to hold one server against the other
Options: --json sends and wants JSON (the default is bytes), --size N numbers a step (128), --model NAME (lstm),
         --steps N steps a request of rush (1)

All traffic stays on the loopback interface, and every run has an end. pace.c measures what pace does without the time that
Python takes on its side.
"""

import json
import math
import os
import random
import socket
import struct
import sys
import threading
import time


class Connection:
    """HTTP/1.1 over a socket, and nothing that takes time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, method, path, body=b"", type="application/json", accept=None):
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\n"
        if accept:
            head += f"Accept: {accept}\r\n"
        self.socket.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def receive(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, rest = self.buffer.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.buffer = rest
        while len(self.buffer) < length:
            self.fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(head.split(b" ")[1]), body

    def fill(self):
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError("the server closed the connection")
        self.buffer += more

    def ask(self, *arguments, **more):
        self.send(*arguments, **more)
        return self.receive()

    def session(self, model):
        status, body = self.ask("POST", "/sessions", json.dumps({"model": model}).encode())
        assert status == 201, body
        return json.loads(body)["id"]


def step(size, number):
    return [math.sin(0.1 * number + 0.37 * i) for i in range(size)]


def bodies(size, as_json, count=64):
    steps = [step(size, number) for number in range(count)]
    if as_json:
        return [json.dumps({"input": [round(x, 6) for x in each]}).encode() for each in steps], "application/json"
    return [struct.pack(f"<{size}f", *each) for each in steps], "application/octet-stream"


def percentiles(times):
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1000
    return f"p50 {at(0.5):.3f} ms, p90 {at(0.9):.3f} ms, p99 {at(0.99):.3f} ms, p99.9 {at(0.999):.3f} ms, worst {at(1):.3f} ms"


def pace(port, rate=1000, seconds=10):
    connection = Connection(port)
    session = connection.session(options["model"])
    messages, type = bodies(options["size"], options["json"])
    path = f"/sessions/{session}/steps"
    for index in range(200):
        connection.ask("POST", path, messages[index % len(messages)], type=type)
    late, own = [], []
    start = time.perf_counter()
    for index in range(int(rate * seconds)):
        due = start + index / rate
        while time.perf_counter() < due:
            pass
        began = time.perf_counter()
        status, body = connection.ask("POST", path, messages[index % len(messages)], type=type)
        end = time.perf_counter()
        assert status == 200, body
        late.append(end - due)
        own.append(end - began)
    print(f"{rate} requests a second for {seconds} s, one step each: {percentiles(late)}")
    print(f"  without waiting for the request before: {percentiles(own)}")


def rush(port, connections=8, seconds=10):
    messages, type = bodies(options["size"], options["json"])
    steps = options["steps"]
    if steps > 1:
        assert not options["json"], "several steps a request are sent as bytes"
        messages = [b"".join(messages[index % 64] for index in range(steps))]
    counts, times = [0] * connections, []

    def work(place):
        connection = Connection(port)
        path = f"/sessions/{connection.session(options['model'])}/steps"
        own = []
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            status, body = connection.ask("POST", path, messages[counts[place] % len(messages)], type=type)
            assert status == 200, body
            own.append(time.perf_counter() - began)
            counts[place] += 1
        times.extend(own)

    workers = [threading.Thread(target=work, args=(place,)) for place in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{sum(counts) / seconds:.0f} requests, {sum(counts) * steps / seconds:.0f} steps a second over {connections} connections: {percentiles(times)}")


def stream(port, connections=4, steps=100_000):
    size = options["size"]
    block = b"".join(bodies(size, False)[0])
    rounds = steps // 64
    done = []

    def work():
        connection = Connection(port)
        path = f"/sessions/{connection.session(options['model'])}/stream"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
        connection.socket.sendall(head.encode() + f"Content-Length: {rounds * len(block)}\r\n\r\n".encode())

        def push():
            for _ in range(rounds):
                connection.socket.sendall(block)

        sender = threading.Thread(target=push)
        sender.start()
        received, tail = 0, b""
        while not tail.endswith(b"0\r\n\r\n"):
            more = connection.socket.recv(1 << 20)
            assert more
            received += len(more)
            tail = (tail + more)[-5:]
        sender.join()
        assert received > rounds * len(block)
        done.append(rounds * 64)

    start = time.perf_counter()
    workers = [threading.Thread(target=work) for _ in range(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - start
    print(f"{sum(done) / seconds:.0f} steps a second over {connections} streamed bodies, {sum(done)} in all")


def gauge(connection, name):
    _, body = connection.ask("GET", "/metrics")
    return next(float(line.split()[-1]) for line in body.decode().splitlines() if line.startswith(name + " "))


def many(port, sessions=10_000):
    connection = Connection(port)
    messages, type = bodies(options["size"], False)
    warm = connection.session(options["model"])
    for _ in range(100):
        connection.ask("POST", f"/sessions/{warm}/steps", messages[0], type=type)
    before = gauge(connection, "process_resident_memory_bytes")
    start = time.perf_counter()
    ids = [connection.session(options["model"]) for _ in range(sessions)]
    created = time.perf_counter() - start
    for id in ids:
        status, body = connection.ask("POST", f"/sessions/{id}/steps", messages[0], type=type)
        assert status == 200, body
    after = gauge(connection, "process_resident_memory_bytes")
    print(f"{sessions} live sessions of one step: {(after - before) / 1e6:.1f} MB more, {(after - before) / sessions / 1e3:.2f} "
          f"KB each; begun at {sessions / created:.0f} a second; {after / 1e6:.0f} MB in all")
    for id in ids:
        connection.ask("DELETE", f"/sessions/{id}")


def vanish(port, clients=500):
    generator = random.Random(7)
    session = Connection(port).session(options["model"])
    messages, type = bodies(options["size"], False)
    path = f"/sessions/{session}/steps"
    for _ in range(clients):
        connection = Connection(port)
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\nContent-Length: {len(messages[0])}\r\n\r\n"
        whole = head.encode() + messages[0]
        connection.socket.sendall(whole[: generator.randrange(1, len(whole) + 1)])
        connection.socket.close()
    time.sleep(0.5)
    connection = Connection(port)
    status, _ = connection.ask("GET", "/v2/health/ready")
    print(f"{clients} clients left; then the server says {status}, "
          f"and has {gauge(connection, 'refrain_requests_running'):.0f} request running")


def outputs(port):
    connection = Connection(port)
    session = connection.session(options["model"])
    messages, type = bodies(options["size"], False)
    for message in messages[:10]:
        _, body = connection.ask("POST", f"/sessions/{session}/steps", message, type=type)
        print(" ".join(f"{value:.6f}" for value in struct.unpack_from("<4f", body)))


arguments = sys.argv[1:]
options = {"json": "--json" in arguments, "size": 128, "model": "lstm", "steps": 1}
arguments = [argument for argument in arguments if argument != "--json"]
for name in ("size", "model", "steps"):
    if f"--{name}" in arguments:
        place = arguments.index(f"--{name}")
        options[name] = type(options[name])(arguments[place + 1])
        del arguments[place : place + 2]
runs = {"pace": pace, "rush": rush, "stream": stream, "many": many, "vanish": vanish, "outputs": outputs}
if len(arguments) < 2 or arguments[0] not in runs:
    sys.exit(__doc__)
runs[arguments[0]](*[int(argument) for argument in arguments[1:]])
