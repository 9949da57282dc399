#!/bin/sh
# Writes .env, which docker-compose.yml reads: random passwords, made here, readable by you alone. Keeps an older one.
set -eu
cd "$(dirname "$0")/.."
[ ! -e .env ] || { echo ".env is there already: it was left as it is" >&2; exit 0; }
umask 077
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
partial=.env.$$
for name in TICKHOUSE_POSTGRES_PASSWORD TICKHOUSE_READER_PASSWORD TICKHOUSE_SUPERSET_PASSWORD \
    TICKHOUSE_SUPERSET_ANALYST_PASSWORD TICKHOUSE_SUPERSET_SECRET_KEY S3_ACCESS_KEY S3_SECRET_KEY; do
    echo "$name=$(random)"
done > "$partial"
mv "$partial" .env
echo "wrote .env"
