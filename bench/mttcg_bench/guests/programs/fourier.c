/* fourier: floating point: a fast Fourier transform and its inverse, and planets that attract each other. */
#include "program.h"
#include "runtime/floating.h"

#define POINTS 256
#define PLANETS 5

volatile uint64_t rounds = 10;

struct complex {
    double real, imaginary;
};

struct planet {
    double place[3], speed[3], mass;
};

static struct complex points[POINTS], factors[POINTS / 2];

static struct complex product(struct complex one, struct complex other) {
    return (struct complex){one.real * other.real - one.imaginary * other.imaginary, one.real * other.imaginary + one.imaginary * other.real};
}

/* By halving the angle, from that of a quarter. */
static void make_factors(void) {
    struct complex step = {0, -1};
    for (int size = 4; size < POINTS; size *= 2) {
        double real = square_root((1 + step.real) / 2);
        step = (struct complex){real, step.imaginary / (2 * real)};
    }
    factors[0] = (struct complex){1, 0};
    for (int at = 1; at < POINTS / 2; at++) {
        factors[at] = product(factors[at - 1], step);
    }
}

static void reorder(void) {
    for (int at = 1, other = 0; at < POINTS; at++) {
        int bit = POINTS / 2;
        for (; other & bit; bit /= 2) {
            other ^= bit;
        }
        other ^= bit;
        if (at < other) {
            struct complex kept = points[at];
            points[at] = points[other];
            points[other] = kept;
        }
    }
}

static void transform(int inverse) {
    reorder();
    for (int size = 2; size <= POINTS; size *= 2) {
        for (int begin = 0; begin < POINTS; begin += size) {
            for (int at = 0; at < size / 2; at++) {
                struct complex factor = factors[at * (POINTS / size)];
                factor.imaginary = inverse ? -factor.imaginary : factor.imaginary;
                struct complex *low = points + begin + at, *high = low + size / 2;
                struct complex turned = product(*high, factor);
                *high = (struct complex){low->real - turned.real, low->imaginary - turned.imaginary};
                *low = (struct complex){low->real + turned.real, low->imaginary + turned.imaginary};
            }
        }
    }
}

static void attract(struct planet *planets, double step) {
    for (int one = 0; one < PLANETS; one++) {
        for (int other = one + 1; other < PLANETS; other++) {
            double far[3], square = 0.01;
            for (int axis = 0; axis < 3; axis++) {
                far[axis] = planets[one].place[axis] - planets[other].place[axis];
                square += far[axis] * far[axis];
            }
            double force = step / (square * square_root(square));
            for (int axis = 0; axis < 3; axis++) {
                planets[one].speed[axis] -= far[axis] * planets[other].mass * force;
                planets[other].speed[axis] += far[axis] * planets[one].mass * force;
            }
        }
    }
    for (int one = 0; one < PLANETS; one++) {
        for (int axis = 0; axis < 3; axis++) {
            planets[one].place[axis] += step * planets[one].speed[axis];
        }
    }
}

static double small_random(void) {
    return (double)(int64_t)(next_random() >> 44) / 1048576.0;
}

static uint64_t work(uint64_t count) {
    struct planet planets[PLANETS];
    uint64_t sum = 0;
    enable_floating_point();
    make_factors();
    for (int one = 0; one < PLANETS; one++) {
        for (int axis = 0; axis < 3; axis++) {
            planets[one].place[axis] = small_random() * 4 - 2;
            planets[one].speed[axis] = small_random() - 0.5;
        }
        planets[one].mass = small_random();
    }
    for (uint64_t round = 0; round < count; round++) {
        for (int at = 0; at < POINTS; at++) {
            points[at] = (struct complex){small_random(), planets[0].place[at % 3]};
        }
        transform(0);
        sum = mixed(sum, (uint64_t)(int64_t)(points[7].real * 65536));
        transform(1);
        for (int step = 0; step < 50; step++) {
            attract(planets, 0.001);
        }
        sum = mixed(sum, (uint64_t)(int64_t)(planets[round % PLANETS].place[0] * 65536));
    }
    return sum;
}
