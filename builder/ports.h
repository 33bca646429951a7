/* EXPOSE's words: [[IP:]HOST:]PORT[-PORT][/tcp|udp|sctp], as docker run's -p takes them; what
 * stands before the last colon is looked at and means nothing. */
#ifndef BUILDER_PORTS_H
#define BUILDER_PORTS_H

#include <base/error.h>
#include <base/str.h>

/* Appends "8000/tcp" for each port of a word, the protocol in lower case. ERROR_INPUT. */
int ports_parse(const char *word, struct strv *ports, struct error *err);

#endif
