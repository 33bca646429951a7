#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static _Atomic bool requested;
static int event = -1;

static void on_signal(int number)
{
    if (atomic_exchange(&requested, true) && number == SIGINT)
        _exit(130);
    int saved = errno; /* whoever was interrupted may be about to look at it */
    uint64_t one = 1;
    ssize_t written = write(event, &one, sizeof one);
    (void)written;
    errno = saved;
}

void interrupt_install(void)
{
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

const _Atomic bool *interrupt_flag(void)
{
    return &requested;
}

int interrupt_fd(void)
{
    return event;
}

int interrupt_check(struct error *err)
{
    if (!atomic_load(&requested))
        return 0;
    return error_set(err, ERROR_INTERRUPTED, "interrupted");
}
