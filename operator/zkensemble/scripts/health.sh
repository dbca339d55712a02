#!/bin/bash
# health.sh ready: this server serves clients, as leader, follower or observer.
# health.sh live: it answers at all. Without a quorum it cannot serve, which a restart would not change.
# Looks and changes nothing.
set -u

# shellcheck disable=SC2046
set -- "$1" $(grep "^$POD_NAME " "$ZK_CONFIG_DIR/servers")
id=$3 client=$5

ask() {
  exec 3<>"/dev/tcp/${client%:*}/${client##*:}" || return 1
  printf %s "$1" >&3
  cat <&3
}

serves() {
  [[ $(ask srvr 2>/dev/null) == *$'\nMode: '* ]]
}

case $1 in
  ready) serves ;;
  live)
    # A server without data that waits for a leader, and may now vote itself, has to begin anew for that.
    if [[ $(cat "$ZK_DATA_DIR/version-2/currentEpoch" 2>/dev/null) == -1 ]] && grep -qx "$id" "$ZK_CONFIG_DIR/may-vote" && ! serves; then
      echo "server $id may vote now" >&2
      exit 1
    fi
    [[ $(ask ruok 2>/dev/null) == imok ]]
    ;;
  *) exit 2 ;;
esac
