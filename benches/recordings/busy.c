/* A program that is busy in many places, to be recorded for benches: four threads walk through
   sixteen functions that call each other at random, along one of PATHS paths 24 to 56 calls deep,
   so that a recording of any length has a known number of distinct stacks and no more. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t paths;
static volatile uint64_t sink;

static uint64_t mix(uint64_t x) {
  x ^= x >> 30, x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27, x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

typedef uint64_t step(uint64_t path, unsigned depth);
static step *const steps[16];

/* Each returns something of the call below it, so that none is a tail call. */
#define STEP(n)                                                                   \
  static __attribute__((noinline)) uint64_t step_##n(uint64_t path, unsigned depth) { \
    if (depth == 0) {                                                             \
      uint64_t sum = path;                                                        \
      for (int i = 0; i < 400; i++) sum = mix(sum + n);                           \
      return sum;                                                                 \
    }                                                                             \
    uint64_t next = mix(path + depth * 16 + n);                                   \
    return steps[next % 16](path, depth - 1) + n;                                 \
  }
STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
STEP(8) STEP(9) STEP(10) STEP(11) STEP(12) STEP(13) STEP(14) STEP(15)
static step *const steps[16] = {step_0, step_1, step_2,  step_3,  step_4,  step_5,  step_6,  step_7,
                                step_8, step_9, step_10, step_11, step_12, step_13, step_14, step_15};

static void *work(void *seconds) {
  struct timespec begun, now;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  uint64_t random = (uint64_t)pthread_self();
  do {
    for (int i = 0; i < 1000; i++) {
      random = mix(random + 1);
      uint64_t path = random % paths;
      sink += steps[path % 16](path, 24 + (unsigned)(mix(path) % 33));
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - begun.tv_sec < (intptr_t)seconds);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: busy SECONDS PATHS\n"), 2;
  intptr_t seconds = atoi(argv[1]);
  paths = (uint64_t)atoll(argv[2]);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, work, (void *)seconds);
  work((void *)seconds);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  return 0;
}
