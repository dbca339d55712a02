#!/bin/sh
# holder.sh STATE: the first process of the cluster's own process, mount and network namespaces. Everything of the cluster lives
# inside, so the machine's kernel ends every process, mount, interface and packet filter rule of it when this process ends.
# Run by unshare; says that it is ready by writing its process id, as the machine counts, into STATE/holder.
set -e
state=$1
read -r pid _ </proc/self/stat # /proc is still the machine's
mount -t proc proc /proc
. "$(dirname "$0")/namespace.sh"
private_run bin="$state/bin" state="$state"

# The network between the nodes. Traffic from node to node is routed here, so that it can be cut here.
ip link set lo up
ip link add switch type bridge
ip addr add "$GATEWAY/24" dev switch
ip link set switch up
sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.switch.send_redirects=0

echo "$pid" >"$state/holder.new"
mv "$state/holder.new" "$state/holder"
hold
