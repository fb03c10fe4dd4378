"""Requests that are nearly right, many of them, against a server on this machine; at the end it must be as it was.

Usage: fuzz.py PORT [REQUESTS] [SEED]      the server has one model called lstm (make_model.py)

Start the server with --timeout 1: a request whose length is wrong is waited for, and so are the bytes it never sends.
"""

import copy
import json
import random
import socket
import struct
import sys
import time

port, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
generator = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)

words = [
    None, True, False, 0, -1, 1, 1.5, 2**31, 2**53, 2**64, -(2**63), 1e308, "", "x", "FP32", "INT64", "BOOL", "BYTES",
    "input", "output", "lengths", "../../etc/passwd", "\u0000", "é😀", [], {}, [[]], [1, 2, 3], {"a": 1}, "lstm",
]
paths = [
    "/v2/models/lstm/infer", "/v2/models/lstm/versions/1/infer", "/sessions", "/sessions/ID/steps", "/sessions/ID/stream",
    "/sessions/ID/restore", "/sessions/ID/fork", "/sessions/ID/snapshots", "/sessions/ID/state", "/sessions/ID/save",
    "/tasks/lstm/predict", "/v2/repository/index", "/sessions/ID", "/", "/metrics", "/models", "/openapi.json", "/v2",
    "/v2/models/lstm", "/v2/models/lstm/config", "/%2e%2e/%2e%2e/etc/passwd", "/sessions/..%2f..%2fetc", "/%ff", "//",
]
posted = ["infer", "/steps", "/stream", "/restore", "/fork", "/snapshots", "/save", "/predict", "/index"]
types = [
    "application/json", "application/octet-stream", "text/csv", "application/x-ndjson", "text/plain", "audio/wav", "",
    "multipart/form-data", "application/json; charset=utf-8",
]


def value(depth=0):
    kind = generator.random()
    if depth > 4 or kind < 0.6:
        return copy.deepcopy(generator.choice(words))
    if kind < 0.8:
        return [value(depth + 1) for _ in range(generator.randrange(4))]
    return {str(generator.choice(words)): value(depth + 1) for _ in range(generator.randrange(4))}


def request():
    shape = generator.choice([[1, 1, 128], [1, 2, 128], [1, 128], [-1, 128], [0, 128], [2**31, 2**31, 128], [128], []])
    size = 1
    for extent in shape:
        size *= extent
    size = max(0, min(size, 300))
    body = {
        "inputs": [{"name": "input", "datatype": "FP32", "shape": shape, "data": [0.5] * size}],
        "parameters": {"sequence_id": generator.randrange(5), "sequence_start": generator.random() < 0.5},
    }
    if generator.random() < 0.5:
        body = {"input": [0.1] * generator.choice([128, 127, 0]), "snapshot": "1", "model": "lstm"}
    for _ in range(generator.randrange(3)):
        place = body
        while isinstance(place, (dict, list)) and place and generator.random() < 0.7:
            key = generator.choice(list(place)) if isinstance(place, dict) else generator.randrange(len(place))
            if not isinstance(place[key], (dict, list)) or generator.random() < 0.3:
                place[key] = value()
                break
            place = place[key]
    text = json.dumps(body).encode()
    kind = generator.random()
    if kind < 0.1:
        text = text[: generator.randrange(len(text) + 1)]
    elif kind < 0.2:
        text = bytes(generator.randrange(256) for _ in range(generator.randrange(600)))
    elif kind < 0.25:
        text = struct.pack("<128f", *[generator.choice([0, 1e38, float("nan"), float("inf")]) for _ in range(128)])
    elif kind < 0.28:
        text = b"[" * generator.randrange(1, 5000)
    return text


class Client:
    def __init__(self):
        self.socket = None

    def ask(self, data, has_body=True, is_last=False):
        """The status, or none where the connection ended or nothing came. Nothing is sent after the last."""
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
            self.socket.sendall(data)
            if is_last:
                self.socket.shutdown(socket.SHUT_WR)
            buffer = b""
            while b"\r\n\r\n" not in buffer:
                more = self.socket.recv(1 << 16)
                if not more:
                    raise ConnectionError
                buffer += more
            head, body = buffer.split(b"\r\n\r\n", 1)
            lower = head.lower()
            status = int(head.split(b" ")[1])
            if not has_body:
                pass
            elif b"chunked" in lower:
                while not body.endswith(b"0\r\n\r\n"):
                    more = self.socket.recv(1 << 16)
                    if not more:
                        raise ConnectionError
                    body += more
            elif b"content-length:" in lower:
                length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                while len(body) < length:
                    more = self.socket.recv(1 << 16)
                    if not more:
                        raise ConnectionError
                    body += more
            if b"connection: close" in lower:
                self.close()
            return status, body
        except (ConnectionError, OSError, ValueError, IndexError):
            self.close()
            return None, b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def head(method, path, body, more=""):
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode(
        "utf-8", "replace") + body


def gauge(name):
    _, metrics = client.ask(head("GET", "/metrics", b""))
    return float(next(line for line in metrics.decode().splitlines() if line.startswith(name + " ")).split()[1])


def begin():
    return json.loads(client.ask(head("POST", "/sessions", b'{"model":"lstm"}', "Content-Type: application/json\r\n"))[1])["id"]


def push(session, number):
    body = struct.pack("<128f", *[0.25 + 0.01 * number] * 128)
    return client.ask(head("POST", f"/sessions/{session}/steps", body, "Content-Type: application/octet-stream\r\n"))


client = Client()
statuses = {}
session = begin()
# Sessions that are let alone, each with a past of its own.
apart = [begin() for _ in range(100)]
for number, kept in enumerate(apart):
    assert push(kept, number)[0] == 200
memory = {}
start = time.monotonic()
for number in range(count):
    if number % 50 == 0:
        client.ask(head("DELETE", f"/sessions/{session}", b""))
        session = begin()
    if number % (max(1, count // 10)) == 0:
        memory[number] = gauge("process_resident_memory_bytes") / 1e6
    path = generator.choice(paths)
    usual = "POST" if any(word in path for word in posted) else "GET"
    method = generator.choice([usual] * 12 + ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "BREW"])
    path = path.replace("ID", session)
    more = ""
    if type := generator.choice(types):
        more += f"Content-Type: {type}\r\n"
    if generator.random() < 0.1:
        more += f"Inference-Header-Content-Length: {generator.choice([0, 5, 99999, -1, 'x'])}\r\n"
    if generator.random() < 0.1:
        more += f"Accept: {generator.choice(types)}\r\n"
    if generator.random() < 0.02:
        more += "Content-Encoding: gzip\r\n"
    data = head(method, path, request(), more)
    if generator.random() < 0.05:
        broken = bytearray(data)
        for _ in range(generator.randrange(1, 4)):
            broken[generator.randrange(len(broken))] = generator.randrange(256)
        data = bytes(broken)
        client.close()
        client.ask(data + b"\r\n\r\n", is_last=True)
        client.close()
        continue
    status, body = client.ask(data, has_body=method != "HEAD")
    statuses[status] = statuses.get(status, 0) + 1
    # A stream of bytes that ends in the middle of a step is broken off, as there is no word for it.
    if status in (500, 501, 502) or status is None and "/stream" not in path:
        print("status", status, data[:2000], body[:500])
client.close()
# The sessions apart have seen nothing of it: their second steps are those of sessions that had no neighbors.
lost, changed = 0, 0
for number, kept in enumerate(apart):
    status, second = push(kept, number + 1)
    fresh = begin()
    push(fresh, number)
    lost += status != 200
    changed += status == 200 and second != push(fresh, number + 1)[1]
    client.ask(head("DELETE", f"/sessions/{fresh}", b""))
memory[count] = gauge("process_resident_memory_bytes") / 1e6
print(count, "requests in", round(time.monotonic() - start), "s, statuses", dict(sorted(statuses.items(), key=str)))
print("memory in MB by request:", {number: round(size, 1) for number, size in memory.items()})
print("sessions apart:", len(apart), "lost:", lost, "changed:", changed,
      "still running:", int(gauge("refrain_requests_running")) - 1)
sys.exit(1 if 500 in statuses or lost or changed else 0)
