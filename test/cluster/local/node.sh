#!/bin/sh
# node.sh: a node, first process of namespaces of its own (processes, mounts, host name; the network is NAME's): when it is killed,
# all of the node dies as a machine does that loses power, and its disk, /run/cluster/node, stays.
set -e
here=$(dirname "$0")
read -r pid _ </proc/self/stat # /proc is still that of the cluster's namespace
echo "$pid" >"/run/cluster/state/nodes/$NAME/pid"
mount -t proc proc /proc
hostname "$NAME"
. "$here/namespace.sh"
node=/run/cluster/node
private_run bin=/run/cluster/bin state=/run/cluster/state node="/run/cluster/state/nodes/$NAME"
# What is written to fixed places stays out of the machine's own folders.
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount --bind $node/log /var/log

# A kubelet sets these for the whole machine; it leaves alone what already has the value that it wants.
tunable() {
  echo "$2" >"/run/cluster/tunable-${1##*/}"
  [ ! -e "/proc/sys/$1" ] || mount --bind "/run/cluster/tunable-${1##*/}" "/proc/sys/$1"
}
tunable vm/overcommit_memory 1
tunable vm/panic_on_oom 0
tunable kernel/panic 10
tunable kernel/panic_on_oops 1
tunable kernel/keys/root_maxkeys 1000000
tunable kernel/keys/root_maxbytes 25000000
sysctl -q -w net.ipv4.ip_forward=1

export LOGS=$node/log
keep containerd containerd --config=$node/containerd.toml
# Ends, and is started again, while containerd is not ready.
keep kubelet kubelet --config=$node/kubelet.yaml --kubeconfig=$node/kubelet.conf --root-dir=$node/kubelet --cert-dir=$node/kubelet/pki \
  --node-ip="$ADDRESS" --node-labels="topology.kubernetes.io/region=$REGION,topology.kubernetes.io/zone=$REGION-a"
keep kube-proxy kube-proxy --config=$node/kube-proxy.yaml
hold
