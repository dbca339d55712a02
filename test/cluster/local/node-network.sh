#!/bin/sh
# node-network.sh: a fresh network namespace NAME, wired to the switch with ADDRESS; the pods' addresses PODS are routed there.
# Runs in the holder's namespaces. A former one of that name goes, and with it all that its pods left.
set -e
ip netns del "$NAME" 2>/dev/null || true
ip link del "$NAME" 2>/dev/null || true
ip netns add "$NAME"
ip link add "$NAME" type veth peer name eth0 netns "$NAME"
ip link set "$NAME" master switch up
ip -n "$NAME" link set lo up
ip -n "$NAME" addr add "$ADDRESS/24" dev eth0
ip -n "$NAME" link set eth0 up
ip -n "$NAME" route add default via "$GATEWAY"
ip route replace "$PODS" via "$ADDRESS"
