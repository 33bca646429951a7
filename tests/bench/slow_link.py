#!/usr/bin/env python3
"""A slow link to a server on loopback, where the kernel has no netem: forwards TCP connections.

    slow_link.py --to HOST:PORT [--delay MS] [--rate MBIT]

It listens on a free port of 127.0.0.1 and prints "listening on 127.0.0.1:PORT". Each way takes half the
delay (default 20 ms there and back), and all connections together get the rate each way (default 100
megabit a second). It ends with SIGTERM."""

import argparse
import asyncio

CHUNK = 32 * 1024
WINDOW = 4 * 1024 * 1024  # bytes under way, of a connection


class Way:
    """One direction, shared by all connections: when the next byte may leave."""

    def __init__(self, rate):
        self.seconds_a_byte = 8 / (rate * 1e6)
        self.free_at = 0.0

    def departure(self, n, now):
        self.free_at = max(self.free_at, now) + n * self.seconds_a_byte
        return self.free_at


async def carry(reader, writer, way, delay):
    loop = asyncio.get_running_loop()
    queue, room = asyncio.Queue(), asyncio.Semaphore(WINDOW // CHUNK)

    async def deliver():
        while True:
            when, data = await queue.get()
            await asyncio.sleep(max(0, when - loop.time()))
            if data:
                writer.write(data)
                await writer.drain()
            room.release()
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return

    delivery = asyncio.create_task(deliver())
    try:
        while True:
            data = await reader.read(CHUNK)
            await room.acquire()
            left = way.departure(len(data), loop.time())
            queue.put_nowait((left + delay, data))
            if not data:
                break
            await asyncio.sleep(max(0, left - loop.time()))
        await delivery
    except (ConnectionError, asyncio.CancelledError):
        delivery.cancel()
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--to", required=True)
    parser.add_argument("--delay", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    options = parser.parse_args()
    host, port = options.to.rsplit(":", 1)
    there, back = Way(options.rate), Way(options.rate)

    async def connected(reader, writer):
        try:
            to_reader, to_writer = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            writer.close()
            return
        half = options.delay / 2000
        await asyncio.gather(carry(reader, to_writer, there, half),
                             carry(to_reader, writer, back, half), return_exceptions=True)
        to_writer.close()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
