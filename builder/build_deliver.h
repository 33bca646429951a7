/* What becomes of an image that was built: its names in the store, outputs, pushes, reports. */
#ifndef BUILDER_BUILD_DELIVER_H
#define BUILDER_BUILD_DELIVER_H

#include "build_job.h"

/* Where there is one platform all names are of its manifest; else the platforms' own tags are of
 * theirs, and all others of the index. repository: with the names that the plan computed. */
void build_name_image(const struct build_plan *plan, bool repository, struct built_image *image);

/* Deliver job->summary.image as the command line says. Where an output of type image or registry
 * wants another form of it (compression, annotations), that is the image of this build from then
 * on: what is named, pushed and reported. base: see struct delivery. */
int build_deliver(struct build_job *job, const char *base, struct error *err);

/* Of the monotonic clock. */
double build_seconds(void);

#endif
