/* A bounded pipe in memory between two threads: what one writes into the sink, the other reads from
 * the source. */
#ifndef BASE_PIPE_H
#define BASE_PIPE_H

#include "stream.h"

#include <stddef.h>

/* capacity in bytes. The sink's finish marks a clean end. A sink closed without it makes the reader
 * fail with ERROR_INTERRUPTED, and a closed source makes the writer fail likewise, so that neither
 * side waits for ever. Both ends are to be closed; the memory goes with the second. */
void pipe_new(size_t capacity, struct source **source, struct sink **sink);

#endif
