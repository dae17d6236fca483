#!/bin/sh
# Send a signed request (version 2) with openssl and curl.
#
# CLIENT_ID=acme CLIENT_SECRET=... ./sign.sh GET 'https://host/api/v2/diamonds?color=D'
# CLIENT_ID=acme CLIENT_SECRET=... ./sign.sh POST https://host/api/v2/triggers/scheduler '{"run_type":"full"}'
set -eu
method=$1 url=$2 body=${3-}

# scheme://host/path?query; each part is signed exactly as it is sent.
rest=${url#*://}
host=${rest%%/*}
target=/${rest#*/}
path=${target%%\?*}
case $target in *\?*) query=${target#*\?} ;; *) query= ;; esac

timestamp=$(date +%s)
nonce=$(openssl rand -hex 16)
body_digest=$(printf %s "$body" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
signature=$(printf 'v2\n%s\n%s\n%s\n%s\n%s\n%s\n%s' \
    "$method" "$host" "$path" "$query" "$timestamp" "$nonce" "$body_digest" |
    openssl dgst -sha256 -hmac "$CLIENT_SECRET" -r | cut -d ' ' -f 1)

set -- --silent --show-error --fail-with-body --max-time 30 --globoff --path-as-is --request "$method" "$url" \
    --header "X-Client-Id: $CLIENT_ID" \
    --header "X-Timestamp: $timestamp" \
    --header "X-Nonce: $nonce" \
    --header "X-Signature-Version: 2" \
    --header "X-Signature: $signature"
[ -z "$body" ] || set -- "$@" --header 'Content-Type: application/json' --data-raw "$body"
exec curl "$@"
