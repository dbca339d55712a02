#!/bin/sh
# control-plane.sh PART: starts etcd and the API server (PART api), or what needs an API server that is ready (PART controllers).
# Runs in the holder's namespaces.
set -e
. "$(dirname "$0")/namespace.sh"
pki=/run/cluster/state/pki
cd /run/cluster/state

case $1 in
  api)
    # Nothing here must survive the machine's crash.
    keep etcd etcd --data-dir=etcd --unsafe-no-fsync --log-level=warn \
      --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 --listen-peer-urls=http://127.0.0.1:2380 \
      --heartbeat-interval=500 --election-timeout=5000
    # Webhooks are called by endpoint addresses (aggregator routing), since no kube-proxy runs here.
    keep kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 --profiling=false \
      --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$GATEWAY" --service-cluster-ip-range="$SERVICES" \
      --tls-cert-file=$pki/apiserver.crt --tls-private-key-file=$pki/apiserver.key --client-ca-file=$pki/ca.crt \
      --service-account-issuer=https://kubernetes.default.svc.cluster.local \
      --service-account-key-file=$pki/service-accounts.pub --service-account-signing-key-file=$pki/service-accounts.key \
      --kubelet-client-certificate=$pki/kubelet-client.crt --kubelet-client-key=$pki/kubelet-client.key \
      --kubelet-preferred-address-types=InternalIP --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
      --allow-privileged --enable-aggregator-routing
    ;;
  controllers)
    keep kube-controller-manager kube-controller-manager --kubeconfig=$pki/kube-controller-manager.conf --leader-elect=false --profiling=false \
      --service-account-private-key-file=$pki/service-accounts.key --root-ca-file=$pki/ca.crt --use-service-account-credentials \
      --cluster-signing-cert-file=$pki/ca.crt --cluster-signing-key-file=$pki/ca.key
    keep kube-scheduler kube-scheduler --kubeconfig=$pki/kube-scheduler.conf --leader-elect=false --profiling=false
    ;;
esac
