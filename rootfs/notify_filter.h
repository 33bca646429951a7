/* The notifier's seccomp filters for this architecture, generated from notify_table when the
 * project is built (notify_generate.c). Other ABIs of the same processor (i386, x32, 32-bit ARM)
 * get ENOSYS for every call, since their numbers and structures are others. */
#ifndef ROOTFS_NOTIFY_FILTER_H
#define ROOTFS_NOTIFY_FILTER_H

#include "notify_table.h"

#include <linux/filter.h>

struct notify_filter {
    unsigned sets; /* enum notify_sets */
    struct sock_fprog program;
};
extern const struct notify_filter notify_filters[];
extern const size_t notify_filter_count;

/* The filter with exactly these sets; NULL: there is none. */
const struct sock_fprog *notify_filter_for(unsigned sets);

/* The numbers that calls have here, each with its first row. */
struct notify_number {
    uint16_t number, row;
};
extern const struct notify_number notify_numbers[];
extern const size_t notify_number_count;

#endif
