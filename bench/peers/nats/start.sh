#!/bin/sh
SOCKET_PORT=$((PORT + 1))
export SOCKET_PORT
exec ./usr/sbin/nats-server --config nats.conf
