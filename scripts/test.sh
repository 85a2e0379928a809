#!/bin/sh
# All tests: the engine without Django; the portal on SQLite and the file broker; with SERVICES=1 again on PostgreSQL and Redis.
# ARGS are further arguments of pytest, e.g. ARGS="-k lease".
set -eu
python=.venv/bin/python
engine=build/engine-environment

if [ "${SERVICES:-0}" = 1 ] && [ "${VERIBOARD_SERVICES_UP:-0}" != 1 ]; then
    VERIBOARD_SERVICES_UP=1 exec scripts/services.sh "$0"
fi

portal() {
    # shellcheck disable=SC2086
    $python -m pytest tests --ignore tests/engine --numprocesses 2 --dist loadfile ${ARGS:-}
}

echo "== The engine, in an environment that has its extras and no Django ($engine)"
$python -m scripts.engine_environment "$engine"
# shellcheck disable=SC2086
"$engine/bin/python" -m pytest tests/engine ${ARGS:-}

echo "== Everything else, on SQLite and Celery's filesystem broker"
(unset DATABASE_URL BROKER_URL CACHE_URL && portal)

if [ "${SERVICES:-0}" = 1 ]; then
    echo "== Everything else again, on PostgreSQL and Redis"
    portal
fi
