#!/bin/bash
# Only main, the commands and the reports print or end the process; all else returns an error.
source "$(dirname "$0")/common.sh"
speakers='(^|/)(imgbuild|imgverify|cmd_[a-z_]*|report_[a-z_]*|summary|output|session|means|[a-z_]*_generate)\.c$'
found=$(files '*.c' '*.h' | grep -vE '^tests/' | grep -vE "$speakers" |
    xargs grep -nE '(^|[^a-z_>."])(exit|printf|vprintf|puts|putchar|perror|quick_exit)\(|\(std(out|err),|, *std(out|err)\)' || true)
# In a child between clone and exec there is no other way out; where memory has ended, or a second
# signal asks us to stop, none at all.
endings=$(files '*.c' | grep -vE '^tests/' | grep -vE '(^base/(mem|interrupt)|/(notify_probe|sandbox_warden|(sandbox|user_namespace)_child[a-z_]*))\.c$' |
    xargs grep -nE '(^|[^a-z_])_exit\(' || true)
verdict "prints or ends the process" "$found$endings"
