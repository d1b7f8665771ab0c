// Socket.IO with its Redis adapter: a room is a Socket.IO room, and what Redis' `room:*` carries is emitted to the local members.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const CHANNEL_PREFIX = "room:";

const http = createServer();
const publisher = new Redis(process.env.REDIS_URL);
const subscriber = publisher.duplicate();

const io = new Server(http, {
    adapter: createAdapter(publisher, subscriber),
    transports: ["websocket"],
    serveClient: false,
    perMessageDeflate: false,
    // The load generator answers no Engine.IO pings.
    pingInterval: 3_600_000,
});
io.on("connection", (socket) => {
    socket.join(socket.handshake.query.room);
    // From the library's page on memory: the request of the handshake is not needed any more.
    socket.conn.request = null;
});

const rooms = publisher.duplicate();
rooms.on("pmessageBuffer", (_pattern, channel, payload) => {
    const room = channel.toString("utf8", CHANNEL_PREFIX.length);
    io.local.to(room).emit("message", JSON.parse(payload));
});
await rooms.psubscribe(`${CHANNEL_PREFIX}*`);

http.listen({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: 4096 });
