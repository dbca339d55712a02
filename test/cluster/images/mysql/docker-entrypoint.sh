#!/bin/sh
# As the official image's, in what tests use of it: options of mysqld as arguments, an empty data folder is initialised, with
# MYSQL_ROOT_PASSWORD or MYSQL_ALLOW_EMPTY_PASSWORD, MYSQL_ROOT_HOST, MYSQL_DATABASE, MYSQL_USER with MYSQL_PASSWORD, and
# the *.sql files of /docker-entrypoint-initdb.d.
set -e
case $1 in -*) set -- mysqld "$@" ;; esac
[ "$1" = mysqld ] || exec "$@"
data=/var/lib/mysql

if [ "$(id -u)" = 0 ]; then
  chown -R mysql "$data" /var/run/mysqld
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi
shift
set -- --datadir="$data" --socket=/var/run/mysqld/mysqld.sock --pid-file=/var/run/mysqld/mysqld.pid "$@"

# quoted TEXT: as an SQL string
quoted() {
  printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"
}

first_sql() {
  password=$(quoted "$MYSQL_ROOT_PASSWORD")
  host=$(quoted "${MYSQL_ROOT_HOST:-%}")
  # printf, since echo would read a password's backslashes.
  printf '%s\n' "ALTER USER root@localhost IDENTIFIED BY $password;"
  [ "$host" = "'localhost'" ] ||
    printf '%s\n' "CREATE USER root@$host IDENTIFIED BY $password; GRANT ALL ON *.* TO root@$host WITH GRANT OPTION;"
  [ -z "$MYSQL_DATABASE" ] || printf '%s\n' "CREATE DATABASE \`$MYSQL_DATABASE\`; USE \`$MYSQL_DATABASE\`;"
  [ -z "$MYSQL_USER" ] || printf '%s\n' "CREATE USER $(quoted "$MYSQL_USER") IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");"
  [ -z "$MYSQL_USER" ] || [ -z "$MYSQL_DATABASE" ] || printf '%s\n' "GRANT ALL ON \`$MYSQL_DATABASE\`.* TO $(quoted "$MYSQL_USER");"
  for file in /docker-entrypoint-initdb.d/*.sql; do [ ! -f "$file" ] || cat "$file"; done
}

# A first start that was cut off is begun anew.
if [ ! -e "$data/.initialised" ]; then
  [ -n "$MYSQL_ROOT_PASSWORD$MYSQL_ALLOW_EMPTY_PASSWORD" ] || {
    echo 'Set MYSQL_ROOT_PASSWORD, or MYSQL_ALLOW_EMPTY_PASSWORD=yes, for a new data folder.' >&2
    exit 1
  }
  find "$data" -mindepth 1 -delete
  mysqld --datadir="$data" --initialize-insecure
  mysqld "$@" --skip-networking --mysqlx=OFF --skip-log-bin &
  server=$!
  for _ in $(seq 120); do
    mysql --no-defaults --user=root --socket=/var/run/mysqld/mysqld.sock --execute='SELECT 1' >/dev/null 2>&1 && break
    kill -0 "$server"
    sleep 0.5
  done
  first_sql | mysql --no-defaults --user=root --socket=/var/run/mysqld/mysqld.sock
  kill "$server"
  wait "$server"
  touch "$data/.initialised"
fi
exec mysqld "$@"
