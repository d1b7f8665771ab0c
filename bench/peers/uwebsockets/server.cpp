// uWebSockets in C++: each room is a topic of the app, and Redis is read on the same event loop as the sockets.
#include <App.h>
#include <hiredis/hiredis.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view CHANNEL_PREFIX = "room:";
constexpr std::string_view SUBSCRIBE = "*2\r\n$10\r\nPSUBSCRIBE\r\n$6\r\nroom:*\r\n";

struct Member {
    std::string room;
};

uWS::App *app;
redisReader *reader;
int port;

[[noreturn]] void fail(const char *why) {
    std::fprintf(stderr, "%s\n", why);
    std::exit(1);
}

const char *setting(const char *name) {
    const char *value = std::getenv(name);
    if (!value) {
        fail((std::string(name) + " is not set").c_str());
    }
    return value;
}

std::string_view text(const redisReply *reply) {
    return {reply->str, static_cast<size_t>(reply->len)};
}

void listen() {
    app->listen("127.0.0.1", port, [](us_listen_socket_t *socket) {
        if (!socket) {
            fail("the port is taken");
        }
    });
}

void handle(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_ERROR) {
        fail("Redis refused the subscription");
    }
    if (reply->type != REDIS_REPLY_ARRAY) {
        return;
    }
    std::string_view kind = text(reply->element[0]);
    if (kind == "psubscribe") {
        listen();
    } else if (kind == "pmessage") {
        app->publish(text(reply->element[2]).substr(CHANNEL_PREFIX.size()), text(reply->element[3]), uWS::OpCode::TEXT);
    }
}

us_socket_t *on_redis_data(us_socket_t *socket, char *data, int length) {
    redisReaderFeed(reader, data, static_cast<size_t>(length));
    void *reply = nullptr;
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        handle(static_cast<redisReply *>(reply));
        freeReplyObject(reply);
    }
    if (reader->err) {
        fail(reader->errstr);
    }
    return socket;
}

us_socket_t *on_redis_open(us_socket_t *socket, int, char *, int) {
    us_socket_write(0, socket, SUBSCRIBE.data(), static_cast<int>(SUBSCRIBE.size()), 0);
    return socket;
}

us_socket_t *unchanged(us_socket_t *socket) {
    return socket;
}

void subscribe_to_redis(std::string_view url) {
    constexpr std::string_view scheme = "redis://";
    if (!url.starts_with(scheme)) {
        fail("REDIS_URL has to be redis://HOST:PORT");
    }
    url.remove_prefix(scheme.size());
    size_t colon = url.find(':');
    if (colon == std::string_view::npos) {
        fail("REDIS_URL has to be redis://HOST:PORT");
    }
    std::string host(url.substr(0, colon));
    int redis_port = std::atoi(std::string(url.substr(colon + 1)).c_str());

    reader = redisReaderCreate();
    auto *loop = reinterpret_cast<us_loop_t *>(uWS::Loop::get());
    us_socket_context_t *context = us_create_socket_context(0, loop, 0, {});
    us_socket_context_on_open(0, context, on_redis_open);
    us_socket_context_on_data(0, context, on_redis_data);
    us_socket_context_on_writable(0, context, unchanged);
    us_socket_context_on_timeout(0, context, unchanged);
    us_socket_context_on_long_timeout(0, context, unchanged);
    us_socket_context_on_end(0, context, [](us_socket_t *socket) { return us_socket_close(0, socket, 0, nullptr); });
    us_socket_context_on_close(0, context, [](us_socket_t *, int, void *) -> us_socket_t * { fail("Redis closed the connection"); });
    us_socket_context_on_connect_error(0, context, [](us_socket_t *, int) -> us_socket_t * { fail("can't reach Redis"); });
    if (!us_socket_context_connect(0, context, host.c_str(), redis_port, nullptr, 0, 0)) {
        fail("can't reach Redis");
    }
}

}

int main() {
    port = std::atoi(setting("PORT"));
    uWS::App server;
    app = &server;
    server.ws<Member>("/ws/:room/:user", {
        .compression = uWS::DISABLED,
        .maxBackpressure = 64 * 1024 * 1024,
        .upgrade =
            [](auto *response, auto *request, auto *context) {
                response->template upgrade<Member>({std::string(request->getParameter(0))}, request->getHeader("sec-websocket-key"),
                    request->getHeader("sec-websocket-protocol"), request->getHeader("sec-websocket-extensions"), context);
            },
        .open = [](auto *socket) { socket->subscribe(socket->getUserData()->room); },
    });
    subscribe_to_redis(setting("REDIS_URL"));
    server.run();
}
