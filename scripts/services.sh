#!/bin/sh
# Run a command with a private PostgreSQL and Redis on free loopback ports; both are gone afterwards.
# Debian packages that are missing are installed first (as root, or through sudo).
set -eu

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

missing=""
need() { # package, test command...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
need postgresql sh -c 'ls /usr/lib/postgresql/*/bin/initdb'
need redis-server command -v redis-server
need chromium command -v chromium
need bubblewrap command -v bwrap
need fonts-noto-cjk test -d /usr/share/fonts/opentype/noto
need gettext command -v xgettext
if [ -n "$missing" ]; then
    echo "Installing$missing …"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -qq update
    # shellcheck disable=SC2086 # one word a package
    as_root apt-get -qq install --yes --no-install-recommends $missing >/dev/null
fi

dir=$(mktemp -d)
chmod 711 "$dir"
# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}
stop() {
    # By its file: the command may have killed it and started it again.
    if [ -f "$dir/redis.pid" ]; then
        redis_pid=$(cat "$dir/redis.pid")
        # It removes its file at the end, which must not come while the folder is removed.
        while kill "$redis_pid" 2>/dev/null; do sleep 0.1; done
    fi
    [ ! -d "$dir/postgresql" ] || as_postgres "$bin/pg_ctl" --pgdata "$dir/postgresql" --mode immediate --silent stop || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

read -r pg_port redis_port <<PORTS
$(python3 -c 'import socket
ends = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(end.getsockname()[1] for end in ends))')
PORTS
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -1)")

(umask 077 && mkdir "$dir/postgresql" && printf %s "$password" >"$dir/password")
[ "$(id -u)" != 0 ] || chown postgres "$dir/postgresql" "$dir/password"
cd "$dir"
as_postgres "$bin/initdb" --pgdata "$dir/postgresql" --username veriboard --pwfile "$dir/password" \
    --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 --no-sync >/dev/null
# A database for tests: what a crash would lose need not be kept.
as_postgres "$bin/pg_ctl" --pgdata "$dir/postgresql" --silent --wait --log "$dir/postgresql/log" \
    --options "-h 127.0.0.1 -p $pg_port -k '' -c max_connections=200 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" start
(umask 077 && cat >"$dir/redis.conf") <<CONF
bind 127.0.0.1
port $redis_port
requirepass $password
save ""
appendonly no
maxmemory-policy noeviction
dir $dir
pidfile $dir/redis.pid
logfile $dir/redis.log
CONF
redis-server "$dir/redis.conf" &
cd "$OLDPWD"

export DATABASE_URL="postgresql://veriboard:$password@127.0.0.1:$pg_port/postgres"
export BROKER_URL="redis://:$password@127.0.0.1:$redis_port/0"
export CACHE_URL="redis://:$password@127.0.0.1:$redis_port/1"
# For a command that stops and starts them: PostgreSQL's data lie in postgresql/, Redis has its redis.conf.
export SERVICES_DIR="$dir"
tries=0
until REDISCLI_AUTH=$password redis-cli -p "$redis_port" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "Redis did not start: $(tail -3 "$dir/redis.log")" >&2; exit 1; }
    sleep 0.1
done
echo "PostgreSQL $("$bin/postgres" --version | cut -d' ' -f3) on port $pg_port, Redis on port $redis_port."
"$@"
