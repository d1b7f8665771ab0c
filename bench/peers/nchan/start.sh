#!/usr/bin/env bash
mkdir -p temp
# nginx takes the memory of all its connections when it starts.
ulimit -n "$(ulimit -Hn)"
sockets=$(ulimit -n)
[ "$sockets" != unlimited ] && [ "$sockets" -le 131072 ] || sockets=131072
sed -e "s|@SOCKETS@|$sockets|" -e "s|@PORT@|$PORT|" -e "s|@REDIS_URL@|$REDIS_URL|" nginx.conf.in >nginx.conf
# The worker keeps the user who started it: the installed folder may be readable by that user alone.
exec ./usr/sbin/nginx -p "$PWD" -c nginx.conf -e stderr -g "user $(id -un) $(id -gn);"
