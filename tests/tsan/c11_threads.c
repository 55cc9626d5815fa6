/*
 * c11_threads: C11's threads as pthreads, for the tsan build only, where every program is linked with it.
 *
 * Idea: librdkafka starts its threads by thrd_create and guards its state by mtx_ and cnd_ functions. The thread
 * sanitizer of gcc 12 and clang 14 knows none of them: a thread that it did not see start ends the process. glibc's are
 * its pthread functions under another name, with objects of the same layout, so these stand before them and call what
 * the sanitizer sees.
 *
 * librdkafka itself is not built with the sanitizer: its atomic counters are not seen, so its own reads and writes are
 * not judged (ignore_noninstrumented_modules). Judged is all of our code, callbacks in librdkafka's threads too, with
 * the order that its locks make.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(
    sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t), "glibc's own layout");

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

static int said(int error)
{
    return error == 0           ? thrd_success
           : error == ENOMEM    ? thrd_nomem
           : error == EBUSY     ? thrd_busy
           : error == ETIMEDOUT ? thrd_timedout
                                : thrd_error;
}

struct start {
    thrd_start_t function;
    void *arg;
};

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.function(start.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return thrd_nomem;
    *start = (struct start){function, arg};
    int error = pthread_create(thread, NULL, run, start);
    if (error)
        free(start);
    return said(error);
}

int thrd_join(thrd_t thread, int *ret)
{
    void *result = NULL;
    int error = pthread_join(thread, &result);
    if (ret)
        *ret = (int)(intptr_t)result;
    return said(error);
}

int thrd_detach(thrd_t thread)
{
    return said(pthread_detach(thread));
}

int mtx_init(mtx_t *lock, int type)
{
    pthread_mutexattr_t attr;
    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init((pthread_mutex_t *)lock, &attr);
    (void)pthread_mutexattr_destroy(&attr);
    return said(error);
}

int mtx_lock(mtx_t *lock)
{
    return said(pthread_mutex_lock((pthread_mutex_t *)lock));
}

int mtx_trylock(mtx_t *lock)
{
    return said(pthread_mutex_trylock((pthread_mutex_t *)lock));
}

int mtx_unlock(mtx_t *lock)
{
    return said(pthread_mutex_unlock((pthread_mutex_t *)lock));
}

void mtx_destroy(mtx_t *lock)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)lock);
}

int cnd_init(cnd_t *cond)
{
    return said(pthread_cond_init((pthread_cond_t *)cond, NULL));
}

int cnd_signal(cnd_t *cond)
{
    return said(pthread_cond_signal((pthread_cond_t *)cond));
}

int cnd_broadcast(cnd_t *cond)
{
    return said(pthread_cond_broadcast((pthread_cond_t *)cond));
}

int cnd_wait(cnd_t *cond, mtx_t *lock)
{
    return said(pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)lock));
}

int cnd_timedwait(cnd_t *cond, mtx_t *lock, const struct timespec *until)
{
    return said(pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)lock, until));
}

void cnd_destroy(cnd_t *cond)
{
    (void)pthread_cond_destroy((pthread_cond_t *)cond);
}

void call_once(once_flag *flag, void (*function)(void))
{
    (void)pthread_once((pthread_once_t *)flag, function);
}
