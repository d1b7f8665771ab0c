"""FastAPI on uvicorn: a list of sockets for each room, and one awaited `send_text` for each member."""

import argparse
import asyncio
import os
from collections import defaultdict
from contextlib import asynccontextmanager

import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

CHANNEL_PREFIX = "room:"

rooms: defaultdict[str, list[WebSocket]] = defaultdict(list)


async def send(socket: WebSocket, text: str) -> None:
    try:
        await socket.send_text(text)
    except (RuntimeError, WebSocketDisconnect):
        pass  # It has gone; its own handler takes it out of the room.


async def send_in_turn(members: list[WebSocket], text: str) -> None:
    for socket in members:
        await send(socket, text)


async def send_at_once(members: list[WebSocket], text: str) -> None:
    await asyncio.gather(*(send(socket, text) for socket in members))


FAN_OUTS = {"in-turn": send_in_turn, "gather": send_at_once}


async def relay(subscriber, fan_out) -> None:
    async for message in subscriber.listen():
        if message["type"] == "pmessage":
            room = message["channel"].removeprefix(CHANNEL_PREFIX)
            await fan_out(rooms.get(room, [])[:], message["data"])


def application(fan_out) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI):
        client = redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        async with client.pubsub() as subscriber:
            await subscriber.psubscribe(f"{CHANNEL_PREFIX}*")
            await subscriber.get_message(timeout=5)
            relaying = asyncio.create_task(relay(subscriber, fan_out))
            yield
            relaying.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws/{room}/{user}")
    async def member(socket: WebSocket, room: str, user: str) -> None:
        await socket.accept()
        rooms[room].append(socket)
        try:
            await socket.send_json({"type": "joined", "room": room, "user": user})
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            rooms[room].remove(socket)
            if not rooms[room]:
                del rooms[room]

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fan-out", choices=FAN_OUTS, default="in-turn")
    fan_out = FAN_OUTS[parser.parse_args().fan_out]
    uvicorn.run(
        application(fan_out),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        backlog=4096,
        access_log=False,
        log_level="warning",
        ws_per_message_deflate=False,
        ws_ping_interval=120,
        ws_ping_timeout=120,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
