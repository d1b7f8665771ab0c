// The centrifuge library: a channel for each room, to which the server subscribes the client when it connects (JSON protocol).
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gomodule/redigo/redis"
)

const (
	channelPrefix = "room:"
	socketPrefix  = "/connection/websocket/"
	maxQueue      = 64 << 20
	pingInterval  = 108 * time.Second
	writeTimeout  = 10 * time.Second
)

type roomKey struct{}

// identify takes the room and the user from the path, in the place of an application's authentication.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room, user, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, socketPrefix), "/")
		if !ok {
			http.NotFound(w, r)
			return
		}
		ctx := centrifuge.SetCredentials(r.Context(), &centrifuge.Credentials{UserID: user})
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, roomKey{}, room)))
	})
}

func connecting(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	room, _ := ctx.Value(roomKey{}).(string)
	return centrifuge.ConnectReply{Subscriptions: map[string]centrifuge.SubscribeOptions{room: {}}}, nil
}

func startNode() *centrifuge.Node {
	config := centrifuge.DefaultConfig
	config.ClientQueueMaxSize = maxQueue
	node, err := centrifuge.New(config)
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(connecting)
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	return node
}

func listen(node *centrifuge.Node) {
	http.Handle(socketPrefix, identify(centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		PingInterval:       pingInterval,
		WriteTimeout:       writeTimeout,
		UseWriteBufferPool: true,
	})))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func main() {
	node := startNode()
	conn, err := redis.DialURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	subscriber := redis.PubSubConn{Conn: conn}
	if err := subscriber.PSubscribe(channelPrefix + "*"); err != nil {
		log.Fatal(err)
	}
	for {
		switch received := subscriber.Receive().(type) {
		case redis.Subscription:
			go listen(node)
		case redis.Message:
			if _, err := node.Publish(strings.TrimPrefix(received.Channel, channelPrefix), received.Data); err != nil {
				log.Print(err)
			}
		case error:
			log.Fatal(received)
		}
	}
}
