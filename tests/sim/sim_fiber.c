/*
 * sim_fiber: the writer's thread as a coroutine.
 *
 * Idea: pthread_create makes a context, waiting for a condition leaves it, and whoever joins runs it to its end. So writer.c is as it ships, and when its turn
 * comes is decided by the seed.
 *
 * Invariants:
 *   (1) There is one such thread at a time.
 *   (2) Nobody is left while the lock is held.
 */
#include "sim.h"

#include <errno.h>
#include <pthread.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define WRAP(name) __wrap_##name /* NOLINT(bugprone-reserved-identifier): the linker's word */

enum { STACK_BYTES = 1024 * 1024 };

static struct {
    ucontext_t here, there;
    char *stack;
    void *(*run)(void *arg);
    void *arg;
    bool exists, done, waits, signalled;
    int64_t until_ns; /* 0: for ever */
    int locked;
    void *fake_here, *fake_there; /* of the address sanitizer */
    const void *bottom;
    size_t size;
} fiber;

int WRAP(pthread_create)(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *arg), void *arg);
int WRAP(pthread_join)(pthread_t t, void **ret);
int WRAP(pthread_mutex_lock)(pthread_mutex_t *m);
int WRAP(pthread_mutex_unlock)(pthread_mutex_t *m);
int WRAP(pthread_cond_signal)(pthread_cond_t *c);
int WRAP(pthread_cond_wait)(pthread_cond_t *c, pthread_mutex_t *m);
int WRAP(pthread_cond_timedwait)(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);

static void leave_here(void)
{
    DW_ASSERT(fiber.locked == 0);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber.fake_here, fiber.stack, STACK_BYTES);
#endif
    (void)swapcontext(&fiber.here, &fiber.there);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_here, NULL, NULL);
#endif
}

static void leave_there(bool for_ever)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_ever ? NULL : &fiber.fake_there, fiber.bottom, fiber.size);
#endif
    (void)for_ever;
    (void)swapcontext(&fiber.there, &fiber.here);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_there, &fiber.bottom, &fiber.size);
#endif
}

static void begin(void)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &fiber.bottom, &fiber.size);
#endif
    (void)fiber.run(fiber.arg);
    fiber.done = true;
    leave_there(true);
}

static void go(void)
{
    bool in_agent = sim.in_agent, in_fiber = sim.in_fiber;
    sim.in_agent = sim.in_fiber = true;
    leave_here();
    sim.in_agent = in_agent;
    sim.in_fiber = in_fiber;
}

void sim_fiber_step(void)
{
    if (!fiber.exists || fiber.done)
        return;
    bool due = fiber.until_ns && sim.mono_ns >= fiber.until_ns;
    if (fiber.waits && !fiber.signalled && !due && !sim_chance(50)) /* a condition may wake for nothing */
        return;
    go();
}

void sim_fiber_yield(void)
{
    if (fiber.locked == 0)
        leave_there(false);
}

void sim_fiber_begin(void)
{
    char *stack = fiber.stack;
    memset(&fiber, 0, sizeof fiber);
    fiber.stack = stack;
}

void sim_fiber_fini(void)
{
    dw_free(fiber.stack);
    fiber.stack = NULL;
}

int WRAP(pthread_create)(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *arg), void *arg)
{
    (void)attr;
    DW_ASSERT(!fiber.exists);
    if (!fiber.stack)
        fiber.stack = dw_alloc(STACK_BYTES);
    DW_ASSERT(fiber.stack && getcontext(&fiber.there) == 0);
    fiber.run = run;
    fiber.arg = arg;
    fiber.exists = true;
    fiber.done = fiber.waits = fiber.signalled = false;
    fiber.there.uc_stack.ss_sp = fiber.stack;
    fiber.there.uc_stack.ss_size = STACK_BYTES;
    fiber.there.uc_link = NULL;
    makecontext(&fiber.there, begin, 0);
    *t = 0;
    return 0;
}

int WRAP(pthread_join)(pthread_t t, void **ret)
{
    (void)t;
    (void)ret;
    while (!fiber.done)
        go();
    fiber.exists = false;
    return 0;
}

int WRAP(pthread_mutex_lock)(pthread_mutex_t *m)
{
    (void)m;
    DW_ASSERT(fiber.locked == 0);
    fiber.locked++;
    return 0;
}

int WRAP(pthread_mutex_unlock)(pthread_mutex_t *m)
{
    (void)m;
    fiber.locked--;
    return 0;
}

int WRAP(pthread_cond_signal)(pthread_cond_t *c)
{
    (void)c;
    fiber.signalled = true;
    return 0;
}

static int wait_until(int64_t ns)
{
    fiber.waits = true;
    fiber.signalled = false;
    fiber.until_ns = ns;
    fiber.locked--;
    leave_there(false);
    fiber.locked++;
    fiber.waits = false;
    return ns && sim.mono_ns >= ns ? ETIMEDOUT : 0;
}

int WRAP(pthread_cond_wait)(pthread_cond_t *c, pthread_mutex_t *m)
{
    (void)c;
    (void)m;
    return wait_until(0);
}

int WRAP(pthread_cond_timedwait)(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    (void)c;
    (void)m;
    return wait_until((int64_t)until->tv_sec * DW_NS_PER_S + until->tv_nsec);
}
