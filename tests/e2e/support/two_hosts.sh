#!/bin/sh
# Runs a command on each of two hosts, which are network namespaces with a cable between them, and ends as the first
# one's ended. `unshare --net --mount --uts --fork --kill-child two_hosts.sh` takes everything with it that it makes.
#
#     two_hosts.sh COMMAND...
#
# The command's environment says in HOST_RANK which of them it is on: 0 is host-a, 1 is host-b.
set -eu
# Host-b's name space lives as long as a process is in it.
unshare --net --uts sleep infinity &
other=$!
trap 'kill "$other"' EXIT
while [ "$(readlink "/proc/$other/ns/net")" = "$(readlink /proc/self/ns/net)" ] ||
  [ "$(readlink "/proc/$other/ns/uts")" = "$(readlink /proc/self/ns/uts)" ]; do sleep 0.01; done
on_b() { nsenter --net --uts --target "$other" "$@"; }

hosts="${TMPDIR:-/tmp}/hosts"
printf '127.0.0.1 localhost\n10.99.0.1 host-a\n10.99.0.2 host-b\n' > "$hosts"
mount --bind "$hosts" /etc/hosts
hostname host-a
on_b hostname host-b
ip link add cable type veth peer name cable netns "$other"
ip address add 10.99.0.1/24 dev cable
ip link set cable up
ip link set lo up
on_b ip address add 10.99.0.2/24 dev cable
on_b ip link set cable up
on_b ip link set lo up

# Gloo takes the address that the host's name has.
HOST_RANK=1 on_b "$@" 2>&1 | sed -u 's/^/host-b: /' &
HOST_RANK=0 "$@" && code=0 || code=$?
wait $!
exit "$code"
