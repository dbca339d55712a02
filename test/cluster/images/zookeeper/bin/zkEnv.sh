# What zkServer.sh and zkCli.sh share: class path, configuration, memory. Sourced.
home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
ZOOCFGDIR=${ZOOCFGDIR:-$home/conf}
[ ! -f "$ZOOCFGDIR/zookeeper-env.sh" ] || . "$ZOOCFGDIR/zookeeper-env.sh"
[ ! -f "$ZOOCFGDIR/java.env" ] || . "$ZOOCFGDIR/java.env"
ZOOCFG=${ZOOCFG:-zoo.cfg}
CLASSPATH=$ZOOCFGDIR:$home/lib/*:$CLASSPATH
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java
export CLASSPATH
