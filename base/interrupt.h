/* Being asked to stop: SIGINT, SIGTERM and SIGHUP set a flag and wake whoever polls, so that every
 * loop can end in order (no mount, no process, no half-written file). A second SIGINT ends the
 * process. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include "error.h"

#include <stdbool.h>

/* Install the handlers; once, by main. SIGPIPE is ignored too. */
void interrupt_install(void);
/* True once a signal came. Never reset. */
const _Atomic bool *interrupt_flag(void);
/* Readable once a signal came; -1 before interrupt_install. */
int interrupt_fd(void);
/* Fails with ERROR_INTERRUPTED once a signal came. */
int interrupt_check(struct error *err);

#endif
