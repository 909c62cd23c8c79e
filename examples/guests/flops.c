/* flops: floating-point computing, nothing shared: bodies that attract each other, matrices, polynomials, single
   precision, conversions. Every hart does the same work, so their results must agree, bit by bit. Exit status 0 if they
   do, else 1. */
#include "runtime/console.h"
#include "runtime/floating.h"
#include "runtime/harts.h"

#define BODIES 8
#define MATRIX_SIZE 24
#define SAMPLES 256

volatile uint64_t rounds = 20;

struct body {
    double place[3];
    double speed[3];
    double mass;
};

struct buffers {
    _Alignas(4096) struct body bodies[BODIES];
    double left[MATRIX_SIZE][MATRIX_SIZE];
    double right[MATRIX_SIZE][MATRIX_SIZE];
    double product[MATRIX_SIZE][MATRIX_SIZE];
    float samples[SAMPLES];
};

/* Whole pages for each hart, which writes every byte before it reads it. */
static struct buffers buffers_of[MAXIMUM_HARTS] __attribute__((section(".bss.noinit")));
static uint64_t results[MAXIMUM_HARTS];

__attribute__((noinline)) static void place_bodies(struct body *bodies) {
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].place[axis] = (double)(i * (axis + 3) % 7) + 0.25 * axis;
            bodies[i].speed[axis] = 0.01 * (i - axis);
        }
        bodies[i].mass = 1.0 / (i + 1);
    }
}

__attribute__((noinline)) static double attract(struct body *bodies, int steps) {
    for (int step = 0; step < steps; step++) {
        for (int i = 0; i < BODIES; i++) {
            for (int j = i + 1; j < BODIES; j++) {
                double away[3], squared = 0.01;
                for (int axis = 0; axis < 3; axis++) {
                    away[axis] = bodies[i].place[axis] - bodies[j].place[axis];
                    squared += away[axis] * away[axis];
                }
                double pull = 0.001 / (squared * square_root(squared));
                for (int axis = 0; axis < 3; axis++) {
                    bodies[i].speed[axis] -= away[axis] * bodies[j].mass * pull;
                    bodies[j].speed[axis] += away[axis] * bodies[i].mass * pull;
                }
            }
        }
        for (int i = 0; i < BODIES; i++) {
            for (int axis = 0; axis < 3; axis++) {
                bodies[i].place[axis] += 0.001 * bodies[i].speed[axis];
            }
        }
    }
    return bodies[0].place[0] + bodies[BODIES - 1].speed[2];
}

__attribute__((noinline)) static double multiply_matrices(struct buffers *own, double scale) {
    double trace = 0;
    for (int i = 0; i < MATRIX_SIZE; i++) {
        for (int j = 0; j < MATRIX_SIZE; j++) {
            own->left[i][j] = scale / (i + j + 1);
            own->right[i][j] = (double)(i - j) * 0.5;
        }
    }
    for (int i = 0; i < MATRIX_SIZE; i++) {
        for (int j = 0; j < MATRIX_SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < MATRIX_SIZE; k++) {
                sum += own->left[i][k] * own->right[k][j];
            }
            own->product[i][j] = sum;
        }
        trace += own->product[i][i];
    }
    return trace;
}

__attribute__((noinline)) static double sum_of_polynomials(int points) {
    static const double coefficients[] = {0.5, -1.25, 3.0, 0.125, -2.5, 0.75, 1.0, -0.0625};
    double sum = 0;
    for (int point = 0; point < points; point++) {
        double x = point * 0.001 - 0.5, value = 0;
        for (unsigned i = 0; i < sizeof coefficients / sizeof *coefficients; i++) {
            value = value * x + coefficients[i];
        }
        sum += value;
    }
    return sum;
}

__attribute__((noinline)) static float filter(float *samples, uint64_t seed) {
    for (int i = 0; i < SAMPLES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        samples[i] = (float)(int32_t)(seed >> 40) * 0.00001f;
    }
    float smooth = 0;
    int64_t clipped = 0;
    for (int pass = 0; pass < 4; pass++) {
        for (int i = 1; i < SAMPLES - 1; i++) {
            samples[i] = 0.25f * samples[i - 1] + 0.5f * samples[i] + 0.25f * samples[i + 1];
            clipped += (int64_t)(samples[i] * 16.0f);
            smooth = smooth < samples[i] ? samples[i] : smooth;
        }
    }
    return smooth + (float)clipped;
}

static uint64_t work(struct buffers *own, uint64_t count) {
    uint64_t result = 0;
    place_bodies(own->bodies);
    for (uint64_t round = 0; round < count; round++) {
        result = result * 31 ^ bits_of(attract(own->bodies, 20));
        result = result * 31 ^ bits_of(multiply_matrices(own, 1.0 + (double)(round & 7)));
        result = result * 31 ^ bits_of(sum_of_polynomials(1000));
        result = result * 31 ^ bits_of(filter(own->samples, result));
    }
    return result;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    enable_floating_point();
    results[hart] = work(&buffers_of[hart], rounds);
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" result ");
    print_hexadecimal(results[hart]);
    print_text("\n");
    console_unlock();
    barrier(harts);
    return results[hart] != results[0];
}
