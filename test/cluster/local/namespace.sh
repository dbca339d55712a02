# Shared by holder.sh and node.sh (sourced, POSIX sh).

# private_run NAME=FOLDER...: a /run of this mount namespace alone, where each FOLDER is seen as /run/cluster/NAME.
# The folders are bound before the old /run goes out of sight, since they may lie in it.
private_run() {
  mount -t tmpfs -o mode=755 tmpfs "$STAGE"
  for pair in "$@"; do
    mkdir -p "$STAGE/cluster/${pair%%=*}"
    mount --bind "${pair#*=}" "$STAGE/cluster/${pair%%=*}"
  done
  mount --no-mtab --move "$STAGE" /run
  mount --make-rshared /
}

# keep NAME COMMAND...: runs in the background and is started again whenever it ends, as an init system does; its output
# goes to LOGS/NAME.log.
keep() {
  log=$LOGS/$1.log
  shift
  setsid sh -c 'while :; do "$@"; sleep 0.5; done' sh "$@" >>"$log" 2>&1 </dev/null &
}

# hold: waits for ever, as the first process of a process namespace must, and reaps those that lost their parent.
hold() {
  trap 'exit 0' TERM
  while :; do
    sleep 3600 &
    wait
  done
}
