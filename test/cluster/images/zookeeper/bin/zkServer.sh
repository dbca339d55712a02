#!/bin/sh
# zkServer.sh start-foreground|status|version [CONFIG]: of the official script what makes sense in a container.
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"
config=$ZOOCFGDIR/$ZOOCFG
case $2 in
  '') ;;
  /*) config=$2 ;;
  *) config=$ZOOCFGDIR/$2 ;;
esac

case $1 in
  start-foreground)
    # shellcheck disable=SC2086 # lists of options
    exec "$JAVA" "-Dzookeeper.log.dir=${ZOO_LOG_DIR:-/logs}" -XX:+HeapDumpOnOutOfMemoryError "-XX:OnOutOfMemoryError=kill -9 %p" \
      "-Xmx${ZK_SERVER_HEAP:-1000}m" $SERVER_JVMFLAGS $JVMFLAGS org.apache.zookeeper.server.quorum.QuorumPeerMain "$config"
    ;;
  status)
    port=$(sed -n 's/^clientPort=//p' "$config")
    if [ -z "$port" ]; then
      id=$(cat "$(sed -n 's/^dataDir=//p' "$config")/myid")
      servers=$(sed -n 's/^dynamicConfigFile=//p' "$config")
      port=$(sed -n "s/^server\.$id=.*;\(.*:\)*//p" "${servers:-$config}")
    fi
    # shellcheck disable=SC2086 # a list of options
    mode=$("$JAVA" $CLIENT_JVMFLAGS $JVMFLAGS org.apache.zookeeper.client.FourLetterWordMain localhost "$port" srvr 2>/dev/null | grep Mode)
    echo "${mode:-Error contacting service. It is probably not running.}"
    [ -n "$mode" ]
    ;;
  version)
    exec "$JAVA" org.apache.zookeeper.version.VersionInfoMain
    ;;
  *)
    echo "Usage: $0 {start-foreground|status|version} [CONFIG]" >&2
    exit 2
    ;;
esac
