/* The part of the HTML report about what is in the image. */
#ifndef VERIFY_REPORT_CONTENTS_H
#define VERIFY_REPORT_CONTENTS_H

#include "result.h"

#include <base/str.h>

/* Sizes by layer and folder as a treemap, a table of the layers, what is wasted, and the packages.
 * Nothing where the image's inventory was not taken. */
void report_add_contents(struct str *out, const struct image_result *image);

#endif
