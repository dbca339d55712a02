#!/bin/sh
# Starts one ZooKeeper server of an ensemble. Environment:
#   POD_NAME         which server this is
#   ZK_CONFIG_DIR    what the operator says: zoo.cfg, and the lists servers, members, may-vote
#   ZK_DATA_DIR      where data and the configuration that ZooKeeper itself keeps are stored
#   ZK_DATA_LOG_DIR  where the transaction log is stored, if not with the data
#   ZK_SUPER_DIGEST  user:hash of the user who may do everything
#
# ZooKeeper writes each change of the membership beside its zoo.cfg, so both stay with the data. A server goes on with what it
# knew last. Only if that does not name it, or if it is no member any more, or if there is none, it begins anew: with the present
# members and itself as observer. A server without data takes no part in elections (db.autocreate=false) until it has copied
# everything from a leader, unless the file `initialize` says that nothing means nothing and not lost.
set -eu
umask 077

fail() {
  echo "start.sh: $*" >&2
  exit 1
}

data=$ZK_DATA_DIR
own=$data/conf
cfg=$own/zoo.cfg
mkdir -p "$data" "$own"

# pod id host:quorumPort:electionPort clientAddress:port
# shellcheck disable=SC2046
set -- $(grep "^$POD_NAME " "$ZK_CONFIG_DIR/servers" || true)
[ $# -eq 4 ] || fail "no server is known under the name $POD_NAME; the operator gives it an id before long"
id=$2 address=$3 client=$4

if [ -s "$data/myid" ] && [ "$(cat "$data/myid")" != "$id" ]; then
  fail "the volume is that of server $(cat "$data/myid"), but this is server $id: give this pod its own volume back, or a new one"
fi
echo "$id" >"$data/myid"

names_me() {
  grep -q "^server\.$id=" "$1"
}

# A server that has waited in vain for somebody to copy from, or was cut off in the midst of it, has files and no data. Nor has one
# that lost one of two volumes: snapshots without their log lack what it has acknowledged since. What is left of those is kept aside
# until the server has copied everything, as it may be all that a person has to go by.
logs=${ZK_DATA_LOG_DIR:-$data}
empty=no
if [ "$(cat "$data/version-2/currentEpoch" 2>/dev/null)" = -1 ]; then
  empty=yes
  rm -rf "$data/version-2" "$logs/version-2"
elif [ ! -d "$data/version-2" ] || [ ! -d "$logs/version-2" ]; then
  empty=yes
  for volume in "$data" "$logs"; do
    [ -d "$volume/version-2" ] || continue
    rm -rf "$volume/version-2.torn"
    mv "$volume/version-2" "$volume/version-2.torn"
    echo "start.sh: server $id has lost a volume; what the other one held is in $volume/version-2.torn"
  done
else
  rm -rf "$data/version-2.torn" "$logs/version-2.torn"
fi

initialize=$logs/initialize
role=observer
if grep -qx "$id" "$ZK_CONFIG_DIR/may-vote"; then
  role=participant
  : >"$initialize"
else
  rm -f "$initialize"
fi

known=$(sed -n 's/^dynamicConfigFile=//p' "$cfg" 2>/dev/null | tail -n 1)
if [ "$empty $role" = 'yes participant' ]; then
  known= # it may have waited as an observer until now
fi
if [ -n "$known" ] && [ -s "$known" ] && names_me "$known" && names_me "$ZK_CONFIG_DIR/members"; then
  echo "start.sh: server $id goes on with the members of $known"
else
  rm -f "$cfg" "$cfg".*
  known=$cfg.dynamic
  {
    grep -v "^server\.$id=" "$ZK_CONFIG_DIR/members" || true
    echo "server.$id=$address:$role;$client"
  } >"$known"
  echo "start.sh: server $id begins as $role"
fi

{
  cat "$ZK_CONFIG_DIR/zoo.cfg"
  echo "dataDir=$data"
  [ -z "${ZK_DATA_LOG_DIR:-}" ] || echo "dataLogDir=$ZK_DATA_LOG_DIR"
  echo "DigestAuthenticationProvider.superDigest=$ZK_SUPER_DIGEST"
  echo "dynamicConfigFile=$known"
} >"$own/new"
mv "$own/new" "$cfg"
unset ZK_SUPER_DIGEST

exec zkServer.sh start-foreground "$cfg"
