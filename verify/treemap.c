#include "treemap.h"

/* The worst ratio of sides among boxes of this much area in all, laid along a side. */
static double worst(double largest, double smallest, double sum, double side)
{
    double square = sum * sum, wide = side * side * largest / square;
    double thin = square / (side * side * smallest);
    return wide > thin ? wide : thin;
}

/* Lay a row along the shorter side of *area and cut it off. */
static void lay_row(const double *sizes, size_t n, double sum, struct treemap_box *area,
                    struct treemap_box *out)
{
    double side = area->width < area->height ? area->width : area->height;
    double depth = side > 0 ? sum / side : 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        double length = depth > 0 ? sizes[i] / depth : 0;
        out[i] = area->width < area->height
                     ? (struct treemap_box){area->x + at, area->y, length, depth}
                     : (struct treemap_box){area->x, area->y + at, depth, length};
        at += length;
    }
    if (area->width < area->height) {
        area->y += depth;
        area->height -= depth;
    } else {
        area->x += depth;
        area->width -= depth;
    }
}

/* How many of the sizes make the best next row; *sum gets their sum. */
static size_t best_row(const double *sizes, size_t n, double side, double *sum)
{
    size_t count = 1;
    *sum = sizes[0];
    while (count < n && sizes[count] > 0) {
        double before = worst(sizes[0], sizes[count - 1], *sum, side);
        if (worst(sizes[0], sizes[count], *sum + sizes[count], side) > before)
            break;
        *sum += sizes[count++];
    }
    return count;
}

void treemap_divide(const double *weights, size_t n, struct treemap_box area,
                    struct treemap_box *out)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    double scale = total > 0 ? area.width * area.height / total : 0;
    for (size_t i = 0; i < n; i++)
        out[i].width = weights[i] * scale; /* until its row is laid */
    for (size_t i = 0; i < n;) {
        double sizes[64], sum = 0;
        size_t room = 0;
        for (; room < sizeof sizes / sizeof *sizes && i + room < n; room++)
            sizes[room] = out[i + room].width;
        double side = area.width < area.height ? area.width : area.height;
        size_t count = sizes[0] > 0 && side > 0 ? best_row(sizes, room, side, &sum) : room;
        lay_row(sizes, count, sum, &area, out + i);
        i += count;
    }
}
