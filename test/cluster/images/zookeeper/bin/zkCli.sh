#!/bin/sh
# zkCli.sh [-server HOST:PORT] [COMMAND...]
. "$(dirname "$(readlink -f "$0")")/zkEnv.sh"
# shellcheck disable=SC2086 # lists of options
exec "$JAVA" "-Xmx${ZK_CLIENT_HEAP:-256}m" $CLIENT_JVMFLAGS $JVMFLAGS org.apache.zookeeper.ZooKeeperMain "$@"
