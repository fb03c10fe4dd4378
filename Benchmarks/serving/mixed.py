"""Mixed load on a server on this machine: good clients whose sessions are checked, and beside them clients that vanish,
half requests, garbage, slow readers, long computations that nobody waits for, and many connections.

Usage: mixed.py PORT [SECONDS] [--task NAME]

The server has one model called lstm (make_model.py); --task names a language model, which is asked for long texts. Start
the server with --timeout 5. At the end no session was lost or swapped, nothing runs, and memory is what it was.
"""

import json
import math
import random
import resource
import socket
import struct
import sys
import threading
import time

arguments = sys.argv[1:]
task = None
if "--task" in arguments:
    place = arguments.index("--task")
    task = arguments[place + 1]
    del arguments[place : place + 2]
port = int(arguments[0])
seconds = float(arguments[1]) if len(arguments) > 1 else 600
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 20_000), limit))
end = time.monotonic() + seconds
lock = threading.Lock()
counts = {}
problems = []


def count(name, number=1):
    with lock:
        counts[name] = counts.get(name, 0) + number


def connect():
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def vanish(connection):
    """Closes at once, and what has not been read is thrown away."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def request(method, path, body=b"", type="application/json"):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Client:
    def __init__(self):
        self.socket, self.buffer = connect(), b""

    def ask(self, method, path, body=b"", type="application/json"):
        self.socket.sendall(request(method, path, body, type))
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lower = head.lower()
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in lower else 0
        while len(self.buffer) < length:
            self.fill()
        answer, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(head.split(b" ")[1]), answer

    def fill(self):
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError("the server closed the connection")
        self.buffer += more

    def session(self):
        status, body = self.ask("POST", "/sessions", b'{"model":"lstm"}')
        assert status == 201, body
        return json.loads(body)["id"]

    def push(self, session, body):
        return self.ask("POST", f"/sessions/{session}/steps", body, "application/octet-stream")


def step(seed, number):
    return struct.pack("<128f", *[math.sin(seed + 0.1 * number + 0.37 * i) for i in range(128)])


def good(seed):
    """Sessions step by step; whoever takes the same steps at once in a fresh session gets the same last output."""
    generator = random.Random(seed)
    client = Client()
    pasts = {}
    while pasts or time.monotonic() < end:
        while len(pasts) < 20 and time.monotonic() < end:
            pasts[client.session()] = (generator.random() * 100, [])
        session = generator.choice(list(pasts))
        start, past = pasts[session]
        past.append(step(start, len(past)))
        status, last = client.push(session, past[-1])
        if status != 200:
            with lock:
                problems.append(f"lost: {status} {last[:200]!r}")
            del pasts[session]
            continue
        count("steps")
        if len(past) == 50 or time.monotonic() > end:
            fresh = client.session()
            _, whole = client.push(fresh, b"".join(past))
            if whole[-len(last) :] != last:
                with lock:
                    problems.append(f"swapped: {session} after {len(past)} steps")
            count("sessions checked")
            client.ask("DELETE", f"/sessions/{fresh}")
            client.ask("DELETE", f"/sessions/{session}")
            del pasts[session]
        time.sleep(0.002)


def leaving():
    """Whole and half requests, and nobody waits for the answer."""
    generator = random.Random(1)
    client = Client()
    session = client.session()
    whole = [
        request("POST", f"/sessions/{session}/steps", step(0, 0), "application/octet-stream"), request("GET", "/"),
        request("POST", "/v2/models/lstm/infer", infer(50)), request("GET", "/openapi.json"),
    ]
    waiting = []
    while time.monotonic() < end:
        data = generator.choice(whole)
        connection = connect()
        connection.sendall(data[: generator.choice([len(data), generator.randrange(1, len(data))])])
        kind = generator.random()
        if kind < 0.4:
            vanish(connection)
            count("vanished")
        elif kind < 0.8:
            connection.close()
            count("closed")
        else:
            waiting.append(connection)
            count("half requests that stay")
            if len(waiting) > 200:
                waiting.pop(0).close()
        time.sleep(0.01)


def infer(steps):
    return json.dumps({"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, steps, 128], "data": [0.5] * (steps * 128)}]}).encode()


def garbage():
    generator = random.Random(2)
    while time.monotonic() < end:
        connection = connect()
        data = generator.randbytes(generator.randrange(1, 2000))
        if generator.random() < 0.5:
            data = generator.choice([b"GET ", b"POST /sessions HTTP/1.1\r\n", b"\x16\x03\x01"]) + data
        try:
            connection.sendall(data)
            connection.settimeout(0.05)
            connection.recv(1000)
        except OSError:
            pass
        connection.close()
        count("garbage")
        time.sleep(0.02)


def slow():
    """Large answers, several on one connection, read a little at a time."""
    readers = []
    while time.monotonic() < end:
        if len(readers) < 30:
            connection = connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(request("POST", "/v2/models/lstm/infer", infer(50)) + request("GET", "/openapi.json") * 20)
            connection.setblocking(False)
            readers.append((connection, time.monotonic()))
            count("slow readers")
        for connection, began in list(readers):
            try:
                connection.recv(500)
            except BlockingIOError:
                pass
            except OSError:
                readers.remove((connection, began))
                continue
            if time.monotonic() - began > 30:
                connection.close()
                readers.remove((connection, began))
        time.sleep(0.1)


def long():
    """Texts without end, and the client leaves after a moment."""
    while time.monotonic() < end:
        connection = connect()
        connection.sendall(request("POST", f"/tasks/{task}/predict?length=1000000"))
        time.sleep(0.3)
        connection.close()
        count("long computations left")
        time.sleep(1)


def crowd():
    """Many connections at once, each of which asks once and stays a while."""
    while time.monotonic() < end:
        connections = []
        for _ in range(2000):
            connections.append(connect())
            connections[-1].sendall(request("GET", "/v2/health/live"))
            time.sleep(0.001)
        count("connections of a crowd", len(connections))
        for connection in connections:
            if not connection.recv(1000).startswith(b"HTTP/1.1 200"):
                with lock:
                    problems.append("one of a crowd was not answered")
            connection.close()
        time.sleep(5)


def run(work, *arguments):
    try:
        work(*arguments)
    except Exception as error:
        with lock:
            problems.append(f"{work.__name__}: {error!r}")


def gauges():
    _, body = Client().ask("GET", "/metrics")
    lines = [line.split(" ") for line in body.decode().splitlines() if not line.startswith("#")]
    table = {line[0]: float(line[1]) for line in lines}
    return {
        "MB": round(table["process_resident_memory_bytes"] / 1e6, 1), "running": int(table["refrain_requests_running"]) - 1,
        "computing": int(table["refrain_computations_running"]), "waiting": int(table["refrain_computations_waiting"]),
        "sessions": int(table['refrain_sessions{state="live"}']),
    }


works = [(good, seed) for seed in range(4)] + [(leaving,), (garbage,), (slow,), (crowd,)] + ([(long,)] if task else [])
threads = [threading.Thread(target=run, args=work) for work in works]
print("before", gauges(), flush=True)
for thread in threads:
    thread.start()
begin = time.monotonic()
while any(thread.is_alive() for thread in threads):
    time.sleep(min(30, max(1, seconds / 20)))
    try:
        print(f"{time.monotonic() - begin:.0f} s", gauges(), flush=True)
    except OSError as error:
        problems.append(f"metrics: {error!r}")
# Half requests are told that their time is up.
time.sleep(8)
print("after", (last := gauges()), flush=True)
print(counts)
print(f"{len(problems)} problems", *problems[:20], sep="\n")
sys.exit(1 if problems or last["running"] or last["computing"] or last["waiting"] else 0)
