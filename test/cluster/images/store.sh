#!/bin/sh
# store.sh STORE ARCHIVE...: unpacks images into the folder STORE as a containerd of its own, which ends here, keeps them.
# Run in mount and process namespaces of its own, with containerd and ctr in PATH.
set -e
store=$1
shift
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
cat >/run/containerd.toml <<END
version = 3
root = "$store"
state = "/run/containerd"
disabled_plugins = ["io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/opt"
END
containerd --config=/run/containerd.toml &
containerd=$!
for _ in $(seq 300); do
  ctr version >/dev/null 2>&1 && break
  sleep 0.1
done
for archive in "$@"; do
  ctr --namespace=k8s.io images import --local --discard-unpacked-layers "$archive"
done
ctr --namespace=k8s.io content prune references || true # layers that are unpacked are not needed packed
kill "$containerd"
wait "$containerd" || true
