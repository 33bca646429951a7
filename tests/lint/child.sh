#!/bin/bash
# Between clone and exec the sandbox's child shares its parent's memory, in which other threads may
# hold any lock: it may call system calls and nothing else.
source "$(dirname "$0")/common.sh"
build=$1
object=$(find "$build/rootfs" -name 'sandbox_child.c.o' | head -n 1)
[[ $object ]] || { echo "no object of sandbox_child.c below $build"; exit 1; }
# The rest is of no state: numbers of devices, and what compilers make of loops and of coverage.
allowed='syscall|__errno_location|gnu_dev_makedev|memcpy|memset|strlen|_GLOBAL_OFFSET_TABLE_'
verdict "functions in sandbox_child" \
    "$(nm -u "$object" | awk '{print $NF}' | grep -vxE "($allowed)|__gcov_.*|__llvm_.*")"
