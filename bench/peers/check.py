"""Checks each installed peer as the load generator would use it: see check.sh."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import redis.asyncio as redis
import websockets

START_SECONDS = 20
STEP_SECONDS = 10
QUIET_SECONDS = 0.3
BURST = 10
MARK = b"~t="


class Failure(Exception):
    """What a peer did that it may not do."""


def payload(room: str, number: int) -> bytes:
    """A message of about 250 bytes like the load generator's, whose mark is followed by 19 digits."""
    content = f"~t={number:019d} " + "x" * 60
    message = {"id": f"00000000-0000-7000-8000-{number:012d}", "user_id": "user-1", "content": content, "room_id": room, "seq": number}
    return json.dumps({"type": "message", **message, "created_at": "2026-01-01T00:00:00.000000Z"}, separators=(",", ":")).encode()


def numbers_in(data: bytes) -> list[int]:
    """The number of each delivery in what a socket received, in order."""
    return [int(part[:19]) for part in data.split(MARK)[1:]]


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    while True:
        held = []
        try:
            first = socket.create_server(("127.0.0.1", 0))
            held.append(first)
            port = first.getsockname()[1]
            for offset in range(1, count):
                held.append(socket.create_server(("127.0.0.1", port + offset)))
            return port
        except (OSError, OverflowError):
            continue
        finally:
            for listener in held:
                listener.close()


async def accepting(port: int, process: asyncio.subprocess.Process) -> None:
    """Waits until the port accepts connections."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise Failure(f"it ended with {process.returncode} instead of listening")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.02)
    raise Failure(f"it does not listen after {START_SECONDS} s")


class RedisPublisher:
    """`PUBLISH room:{room}`, a burst in one pipeline."""

    async def connect(self, peer: dict, port: int, redis_url: str) -> "RedisPublisher":
        self.client = redis.from_url(redis_url)
        return self

    async def publish(self, room: str, payloads: list[bytes]) -> None:
        async with self.client.pipeline(transaction=False) as pipeline:
            for one in payloads:
                pipeline.publish(f"room:{room}", one)
            await pipeline.execute()

    async def close(self) -> None:
        await self.client.aclose()


class NatsPublisher:
    """NATS' own protocol, to the subject `room.{room}`."""

    async def connect(self, peer: dict, port: int, redis_url: str) -> "NatsPublisher":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
        return self

    async def publish(self, room: str, payloads: list[bytes]) -> None:
        for one in payloads:
            self.writer.write(f"PUB room.{room} {len(one)}\r\n".encode() + one + b"\r\n")
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()


class HttpPublisher:
    """One POST for each message on one connection that is kept, all requests of a burst before the first answer."""

    async def connect(self, peer: dict, port: int, redis_url: str) -> "HttpPublisher":
        self.path = peer["publish_path"]
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def publish(self, room: str, payloads: list[bytes]) -> None:
        path = self.path.replace("{room}", room)
        for one in payloads:
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(one)}\r\n\r\n"
            self.writer.write(head.encode() + one)
        for _ in payloads:
            head = await self.reader.readuntil(b"\r\n\r\n")
            status = head.split()[1]
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await self.reader.readexactly(length)
            if status not in (b"200", b"201", b"202"):
                raise Failure(f"a POST was answered with {status.decode()}")

    async def close(self) -> None:
        self.writer.close()


PUBLISHERS = {"redis": RedisPublisher, "nats": NatsPublisher, "http": HttpPublisher}


class Member:
    """A client in a room, and the numbers of the messages that it got."""

    def __init__(self, room: str, user: str):
        self.room, self.user = room, user
        self.got: list[int] = []

    def fill(self, text: str) -> str:
        return text.replace("{room}", self.room).replace("{user}", self.user)

    async def join(self, peer: dict, port: int) -> None:
        how = peer["socket"]
        uri = f"ws://127.0.0.1:{port}{self.fill(how['path'])}"
        self.socket = await websockets.connect(uri, compression=None, ping_interval=None, proxy=None)
        for say in how["say"]:
            await self.socket.send(self.fill(say).encode() if how["binary"] else self.fill(say))
        for _ in range(how["ready_after"]):
            await self.socket.recv()
        self.reading = asyncio.create_task(self.read())

    async def read(self) -> None:
        async for data in self.socket:
            self.got += numbers_in(data if isinstance(data, bytes) else data.encode())

    async def until(self, number: int) -> None:
        while number not in self.got:
            if self.reading.done():
                raise Failure(f"{self.user}'s socket was closed")
            await asyncio.sleep(0.005)

    async def leave(self) -> None:
        self.reading.cancel()
        await self.socket.close()


async def deliver(publisher, members: list[Member]) -> None:
    """One message, a burst, and a last message for each room: every member gets its room's, each once and in order."""
    await publisher.publish("first", [payload("first", 1)])
    await asyncio.gather(*(member.until(1) for member in members if member.room == "first"))
    await publisher.publish("first", [payload("first", number) for number in range(2, 2 + BURST)])
    last = {"first": 100, "second": 200}
    for room, number in last.items():
        await publisher.publish(room, [payload(room, number)])
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await asyncio.gather(*(member.until(last[member.room]) for member in members))
    except TimeoutError:
        got = ", ".join(f"{member.user} got {member.got}" for member in members)
        raise Failure(f"not all messages came: {got}") from None
    await asyncio.sleep(QUIET_SECONDS)
    wanted = {"first": [*range(1, 2 + BURST), 100], "second": [200]}
    for member in members:
        if member.got != wanted[member.room]:
            raise Failure(f"{member.user} in room {member.room} got {member.got} instead of {wanted[member.room]}")


async def stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await process.wait()
    except TimeoutError:
        raise Failure(f"it still runs {STEP_SECONDS} s after SIGTERM") from None


async def check(folder: Path, redis_url: str, log) -> None:
    peer = json.loads((folder / "peer.json").read_text())
    offset = peer["socket"].get("socket_port_offset", 0)
    port = free_ports(1 + offset)
    environment = {**os.environ, "PORT": str(port), "REDIS_URL": redis_url}
    process = await asyncio.create_subprocess_exec(
        *peer["start"], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    members = [Member("first", "one"), Member("first", "two"), Member("second", "three")]
    try:
        settle_seconds = peer.get("settle_ms", 0) / 1000
        await accepting(port, process)
        await asyncio.sleep(settle_seconds)
        publisher = await PUBLISHERS[peer["publish"]]().connect(peer, port, redis_url)
        async with asyncio.timeout(STEP_SECONDS):
            for member in members:
                await member.join(peer, port + offset)
        await asyncio.sleep(settle_seconds)
        await deliver(publisher, members)
        await publisher.close()
        # The sockets are left open: a peer stops when it is told to, whoever is there.
        await stop(process)
    finally:
        # What it started goes with it, also where it failed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        for member in members:
            if hasattr(member, "reading"):
                await member.leave()


async def with_redis(folders: list[Path]) -> int:
    failed = 0
    port = free_ports(1)
    with tempfile.TemporaryDirectory() as data:
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", data]
        server = await asyncio.create_subprocess_exec("redis-server", *arguments, stdout=asyncio.subprocess.DEVNULL)
        try:
            await accepting(port, server)
            for folder in folders:
                with open(Path(data) / f"{folder.name}.log", "w+b") as log:
                    try:
                        await check(folder, f"redis://127.0.0.1:{port}", log)
                        print(f"{folder.name}: ok", flush=True)
                    except (Failure, OSError, TimeoutError, websockets.WebSocketException) as error:
                        failed += 1
                        log.seek(0)
                        said = log.read().decode(errors="replace").strip().splitlines()
                        print(f"{folder.name}: FAILED: {error or type(error).__name__}" + "".join(f"\n    {line}" for line in said[-10:]), flush=True)
        finally:
            server.terminate()
            await server.wait()
    return failed


def main() -> int:
    root, names = Path(sys.argv[1]), sys.argv[2:]
    folders = [root / name for name in names] if names else sorted(path.parent for path in root.glob("*/.installed"))
    missing = [folder.name for folder in folders if not (folder / ".installed").exists()]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 1
    return 1 if asyncio.run(with_redis(folders)) else 0


if __name__ == "__main__":
    sys.exit(main())
