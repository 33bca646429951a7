/* A squarified treemap (Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000): rectangles whose
 * areas are as the weights, none of them long and thin. */
#ifndef VERIFY_TREEMAP_H
#define VERIFY_TREEMAP_H

#include <stddef.h>

struct treemap_box {
    double x, y, width, height;
};

/* Divide area into n boxes in the order of the weights, which descend and are not negative. A
 * weight of 0 gets an empty box. */
void treemap_divide(const double *weights, size_t n, struct treemap_box area,
                    struct treemap_box *out);

#endif
