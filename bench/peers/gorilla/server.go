// A hub on gorilla/websocket: one goroutine owns the rooms, and each client has a channel and two goroutines, as in the library's chat example.
package main

import (
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/gorilla/websocket"
)

const (
	channelPrefix = "room:"
	writeWait     = 10 * time.Second
	pongWait      = 120 * time.Second
	pingPeriod    = pongWait * 9 / 10
	queueLength   = 256
	// Queued messages share a frame of at most this many bytes, which fits the write buffer: no message is split over two frames.
	maxFrame    = 12 << 10
	writeBuffer = 16 << 10
)

var newline = []byte{'\n'}

var upgrader = websocket.Upgrader{
	ReadBufferSize:  1024,
	WriteBufferSize: writeBuffer,
	WriteBufferPool: &sync.Pool{},
	CheckOrigin:     func(*http.Request) bool { return true },
}

type client struct {
	conn *websocket.Conn
	room string
	send chan []byte
}

type message struct {
	room    string
	payload []byte
}

type hub struct {
	rooms      map[string]map[*client]struct{}
	register   chan *client
	unregister chan *client
	broadcast  chan message
}

func newHub() *hub {
	return &hub{
		rooms:      make(map[string]map[*client]struct{}),
		register:   make(chan *client),
		unregister: make(chan *client),
		broadcast:  make(chan message),
	}
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			if h.rooms[c.room] == nil {
				h.rooms[c.room] = make(map[*client]struct{})
			}
			h.rooms[c.room][c] = struct{}{}
			c.send <- []byte(`{"type":"joined"}`)
		case c := <-h.unregister:
			h.drop(c)
		case m := <-h.broadcast:
			for c := range h.rooms[m.room] {
				select {
				case c.send <- m.payload:
				default:
					h.sendSlowly(c, m.payload)
				}
			}
		}
	}
}

// sendSlowly waits for a client whose queue is full as long as a single write may take, then drops it.
func (h *hub) sendSlowly(c *client, payload []byte) {
	timer := time.NewTimer(writeWait)
	defer timer.Stop()
	select {
	case c.send <- payload:
	case <-timer.C:
		h.drop(c)
	}
}

func (h *hub) drop(c *client) {
	members := h.rooms[c.room]
	if _, ok := members[c]; !ok {
		return
	}
	delete(members, c)
	if len(members) == 0 {
		delete(h.rooms, c.room)
	}
	close(c.send)
}

func (c *client) readPump(h *hub) {
	defer func() {
		h.unregister <- c
		c.conn.Close()
	}()
	c.conn.SetReadLimit(64 << 10)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error {
		return c.conn.SetReadDeadline(time.Now().Add(pongWait))
	})
	for {
		if _, _, err := c.conn.NextReader(); err != nil {
			return
		}
	}
}

func (c *client) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer func() {
		ticker.Stop()
		c.conn.Close()
		// The hub may be waiting for room in the queue.
		for range c.send {
		}
	}()
	for {
		select {
		case payload, ok := <-c.send:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok {
				c.conn.WriteMessage(websocket.CloseMessage, nil)
				return
			}
			if err := c.writeFrame(payload); err != nil {
				return
			}
		case <-ticker.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}

// writeFrame writes payload, and what else is queued, as lines of one frame.
func (c *client) writeFrame(payload []byte) error {
	w, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	w.Write(payload)
	size := len(payload)
	for queued := len(c.send); queued > 0 && size < maxFrame; queued-- {
		next, ok := <-c.send
		if !ok {
			break
		}
		w.Write(newline)
		w.Write(next)
		size += len(newline) + len(next)
	}
	return w.Close()
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) != 4 || parts[1] != "ws" {
		http.NotFound(w, r)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{conn: conn, room: parts[2], send: make(chan []byte, queueLength)}
	h.register <- c
	go c.writePump()
	go c.readPump(h)
}

func listen(h *hub) {
	http.HandleFunc("/ws/", h.serve)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func main() {
	conn, err := redis.DialURL(os.Getenv("REDIS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	subscriber := redis.PubSubConn{Conn: conn}
	if err := subscriber.PSubscribe(channelPrefix + "*"); err != nil {
		log.Fatal(err)
	}
	h := newHub()
	go h.run()
	for {
		switch received := subscriber.Receive().(type) {
		case redis.Subscription:
			go listen(h)
		case redis.Message:
			h.broadcast <- message{strings.TrimPrefix(received.Channel, channelPrefix), received.Data}
		case error:
			log.Fatal(received)
		}
	}
}
