/* Angles for instruments. */
#ifndef ANGLE_H
#define ANGLE_H

#include <math.h>

/* The same turn by a number that an instrument can read: a large angle from -pi to pi,
 * as exact as the sine and the cosine are; any other as it is. */
static inline double near_angle(double angle) {
    return fabs(angle) < 1e6 ? angle : atan2(sin(angle), cos(angle));
}

#endif
