#!/usr/bin/env python3
"""Opens thousands of connections to a server of its own, asks on each, and closes them, several times: all are answered,
another client is answered beside them, and the second time takes no more memory than the first.

Usage: connections.py REFRAIN MODEL [COUNT] [ROUNDS]
    10,000 connections and 3 rounds unless said otherwise; `ulimit -n` has to allow twice as many files
"""
import asyncio
import statistics
import subprocess
import sys
import time

refrain, model = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
PORT = 18099


async def ask(reader, writer):
    writer.write(f"GET /v2/health/ready HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n\r\n".encode())
    await writer.drain()
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).lower()
    size = next(line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    await reader.readexactly(int(size))
    return head.split()[1]


async def connect():
    return await asyncio.open_connection("127.0.0.1", PORT)


async def main(server):
    def memory():
        with open(f"/proc/{server.pid}/status") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1]) / 1024

    for _ in range(100):
        try:
            one = await connect()
            break
        except OSError:
            await asyncio.sleep(0.1)
    assert await ask(*one) == b"200"
    print(f"{memory():.0f} MB with one connection")
    peaks = []
    for round_ in range(rounds):
        start = time.perf_counter()
        connections = []
        for _ in range(0, count, 200):
            connections += await asyncio.gather(*(connect() for _ in range(200)))
        opened = time.perf_counter() - start
        answered = 0
        for first in range(0, count, 500):
            found = await asyncio.gather(*(ask(*each) for each in connections[first:first + 500]))
            answered += found.count(b"200")
        assert answered == count, f"{answered} of {count} connections were answered"
        times = []
        for _ in range(200):
            start = time.perf_counter()
            assert await ask(*one) == b"200"
            times.append(time.perf_counter() - start)
        peaks.append(memory())
        print(f"{count} connections, opened in {opened:.1f} s: all answered; another client beside them has its answer "
              f"after {1000 * statistics.median(times):.2f} ms; {peaks[-1]:.0f} MB")
        for _, writer in connections:
            writer.close()
        await asyncio.sleep(3)
    assert peaks[-1] < 1.1 * peaks[0], f"memory grows: {peaks}"


process = subprocess.Popen([refrain, "serve", model, "--port", str(PORT), "--max-connections", str(count + 100)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    asyncio.run(main(process))
finally:
    process.terminate()
    process.wait(60)
