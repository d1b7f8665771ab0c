// The `ws` library: a Map of room to a Set of sockets, and one `send` for each member.
import { Redis } from "ioredis";
import { WebSocket, WebSocketServer } from "ws";

const CHANNEL_PREFIX = "room:";

const rooms = new Map();

function join(room, socket) {
    let members = rooms.get(room);
    if (!members) {
        members = new Set();
        rooms.set(room, members);
    }
    members.add(socket);
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
        members.delete(socket);
        if (members.size === 0 && rooms.get(room) === members) {
            rooms.delete(room);
        }
    });
}

function fanOut(room, payload) {
    for (const socket of rooms.get(room) ?? []) {
        if (socket.readyState === WebSocket.OPEN) {
            socket.send(payload, { binary: false });
        }
    }
}

const redis = new Redis(process.env.REDIS_URL);
redis.on("pmessageBuffer", (_pattern, channel, payload) => {
    fanOut(channel.toString("utf8", CHANNEL_PREFIX.length), payload);
});
await redis.psubscribe(`${CHANNEL_PREFIX}*`);

const server = new WebSocketServer({
    host: "127.0.0.1",
    port: Number(process.env.PORT),
    backlog: 4096,
    clientTracking: false,
    perMessageDeflate: false,
});
server.on("connection", (socket, request) => {
    const [, , room] = request.url.split("/");
    join(room, socket);
});
