/*
 * great_circle: how far two places are apart, in whole numbers.
 *
 * Idea: a place is a point on a sphere of radius 1, in 2^30ths. The straight way between two of them, through the sphere, grows with the way around it; so the way around is
 * looked for by halving: the most kilometres whose straight way is not longer. The sine is a sum of seven terms.
 *
 * Invariants:
 *   (1) No floating point: the answer is the same with every compiler and on every machine.
 *   (2) Off by less than a kilometre, but for places that are nearly opposite, where a kilometre hardly changes the straight way: there by less than five.
 */
#include "dogwatch/geo/geo.h"

#define ONE (INT64_C(1) << 30)
#define PER_DEGREE INT64_C(18740330) /* pi * 2^30 / 180, of which a millionth of a degree is a millionth */
#define PER_TWO_RADII INT64_C(84267802612) /* 2^30 / (2 * 6371.0088 km), times a million */
enum { MILLION = 1000000, QUARTER = 90000000, HALF = 180000000, TERMS = 6, FARTHEST_KM = 20015 };

/* Of an angle from 0 to a quarter turn, in 2^30ths of a radian. */
static int64_t sine(int64_t angle)
{
    int64_t square = angle * angle / ONE, term = angle, sum = angle;
    for (int64_t k = 1; k <= TERMS; k++) {
        term = -(term * square / ONE / (2 * k * (2 * k + 1)));
        sum += term;
    }
    return sum < ONE ? sum : ONE;
}

/* Of millionths of a degree, -180 to 180 millions. */
static int64_t sine_of(int64_t angle)
{
    int64_t up = angle < 0 ? -angle : angle, first = up > QUARTER ? HALF - up : up, s = sine(first * PER_DEGREE / MILLION);
    return angle < 0 ? -s : s;
}

static int64_t cosine_of(int64_t angle)
{
    int64_t up = angle < 0 ? -angle : angle;
    return sine_of(QUARTER - up);
}

struct point {
    int64_t x, y, z;
};

static struct point point_of(const struct dw_place *p)
{
    int64_t level = cosine_of(p->north);
    return (struct point){level * cosine_of(p->east) / ONE, level * sine_of(p->east) / ONE, sine_of(p->north)};
}

uint32_t dw_geo_km(const struct dw_place *a, const struct dw_place *b)
{
    struct point p = point_of(a), q = point_of(b);
    int64_t x = p.x - q.x, y = p.y - q.y, z = p.z - q.z, low = 0, high = FARTHEST_KM;
    const uint64_t straight = (uint64_t)(x * x) + (uint64_t)(y * y) + (uint64_t)(z * z); /* 2^62 and a little at most */
    while (low < high) {
        int64_t km = (low + high + 1) / 2, half = sine(km * PER_TWO_RADII / MILLION);
        if (4 * (uint64_t)half * (uint64_t)half <= straight)
            low = km;
        else
            high = km - 1;
    }
    return (uint32_t)low;
}
