#!/bin/sh
# Django's deployment check, with the settings that production needs; a warning fails it.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
VERIBOARD_PRODUCTION=1 VERIBOARD_VAR_DIR="$dir" VERIBOARD_BASE_URL=https://veriboard.example ALLOWED_HOSTS=veriboard.example \
    SECRET_KEY=$(od -An -N40 -tx1 /dev/urandom | tr -d ' \n') \
    .venv/bin/python manage.py check --deploy --fail-level WARNING
