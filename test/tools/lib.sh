# Shared by the scripts of this folder (sourced, POSIX sh).
# Everything that setup downloads or builds lives outside the checkout, in LOCKKEEPER_CACHE.
LOCKKEEPER_CACHE=${LOCKKEEPER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockkeeper}
LOG_DIR=$LOCKKEEPER_CACHE/log
export LOCKKEEPER_CACHE

die() {
  echo "$*" >&2
  exit 1
}

# have COMMAND: is it in PATH (or in the folders of system daemons)?
have() {
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1
}

# step NAME COMMAND...: runs a command quietly and prints one line with its seconds; on failure, the end of its output.
step() {
  name=$1
  shift
  mkdir -p "$LOG_DIR"
  log=$LOG_DIR/$(echo "$name" | tr -c 'A-Za-z0-9\n' '-').log
  begin=$(date +%s)
  # Not `if (...)`: a condition would switch off set -e inside.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" != 0 ]; then
    echo "setup: $name: FAILED after $(($(date +%s) - begin)) s; the end of $log:" >&2
    tail -n 30 "$log" >&2
    exit "$status"
  fi
  echo "setup: $name: done in $(($(date +%s) - begin)) s"
}

present() {
  echo "setup: $1: present ($2)"
}

# apt_install PACKAGE...: Debian packages, without their recommendations and without starting their services.
apt_install() {
  [ "$(id -u)" = 0 ] || die "These Debian packages are missing: $*. Install them (apt-get install --no-install-recommends $*), or run make setup as root."
  have apt-get || die "apt-get is missing: make setup knows Debian 12 and its relatives. Install by hand: $*"
  export DEBIAN_FRONTEND=noninteractive
  # A package's service must not start: tests run their own servers on ports of their own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get install -y -q --no-install-recommends "$@" || {
    apt-get update -q
    apt-get install -y -q --no-install-recommends "$@"
  }
}
