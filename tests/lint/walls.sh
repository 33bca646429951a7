#!/bin/bash
# From outside, a folder is entered by its public headers alone: nothing is included by a path that
# climbs out, or that names another folder in quotes.
source "$(dirname "$0")/common.sh"
verdict "includes across a wall" "$(files '*.c' '*.h' | grep -vE '^tests/(fuzz|vectors)/' |
    xargs grep -nE '#include "(\.\./|[^"]*/)' || true)"
