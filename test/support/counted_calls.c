/* SPDX-License-Identifier: MIT */
#include "support/counted_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ALLOWED 8
#define SKIPPED 77 /* as CTest knows it */

static _Thread_local uint64_t n_calls;
/* relaxed: it orders nothing */
static LIMEF_ATOMIC(uint64_t) n_allocations;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifdef SANITIZED
bool is_sanitized(void)
{
    return true;
}
#else
bool is_sanitized(void)
{
    return false;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static void count_allocation(void)
{
    n_calls++;
    atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
}

#pragma GCC visibility push(default) /* the libraries are to find them */
void *malloc(size_t size)
{
    count_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count_allocation();
    return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    count_allocation();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count_allocation();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    count_allocation();
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

void *memalign(size_t alignment, size_t size)
{
    count_allocation();
    return __libc_memalign(alignment, size);
}

void free(void *memory)
{
    n_calls += memory != NULL;
    __libc_free(memory);
}

/* A function of the C library's that is counted, and then does what it does. */
#define COUNTED(name, parameters, arguments)                                                       \
    int name parameters                                                                            \
    {                                                                                              \
        static int(*next) parameters;                                                              \
                                                                                                   \
        n_calls++;                                                                                 \
        if (!next)                                                                                 \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                             \
        return next arguments;                                                                     \
    }

COUNTED(pthread_mutex_lock, (pthread_mutex_t * lock), (lock))
COUNTED(pthread_mutex_trylock, (pthread_mutex_t * lock), (lock))
COUNTED(pthread_mutex_timedlock, (pthread_mutex_t * lock, const struct timespec *until),
        (lock, until))
COUNTED(pthread_mutex_clocklock,
        (pthread_mutex_t * lock, clockid_t clock, const struct timespec *until),
        (lock, clock, until))
COUNTED(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
COUNTED(pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
COUNTED(pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const struct timespec *until),
        (lock, until))
COUNTED(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
COUNTED(pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock))
COUNTED(pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const struct timespec *until),
        (lock, until))
COUNTED(pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
COUNTED(pthread_spin_trylock, (pthread_spinlock_t * lock), (lock))
COUNTED(sem_wait, (sem_t * semaphore), (semaphore))
COUNTED(sem_trywait, (sem_t * semaphore), (semaphore))
COUNTED(sem_timedwait, (sem_t * semaphore, const struct timespec *until), (semaphore, until))
COUNTED(sem_post, (sem_t * semaphore), (semaphore))
#pragma GCC visibility pop
#endif

uint64_t counted_calls(void)
{
    return n_calls;
}

uint64_t counted_allocations(void)
{
    return atomic_load_explicit(&n_allocations, memory_order_relaxed);
}

bool forbid_system_calls(const int *allowed, unsigned n_allowed)
{
    struct sock_filter filter[2 * MAX_ALLOWED + 2] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    struct sock_fprog program = {.filter = filter, .len = 1};

    for (unsigned i = 0; i < n_allowed && i < MAX_ALLOWED; i++) {
        filter[program.len++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], 0, 1);
        filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool makes_no_system_calls(void (*act)(const void *context), const void *context, int allowed)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (!forbid_system_calls((const int[]){SYS_exit_group, allowed}, allowed < 0 ? 1 : 2))
            _exit(SKIPPED);
        act(context);
        syscall(SYS_exit_group, 0); /* what a sanitizer does in _exit() is not counted */
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return false; /* SIGSYS: there was a system call */
    if (WEXITSTATUS(status) == SKIPPED) {
        printf("seccomp is not permitted: skipped\n");
        exit(SKIPPED);
    }
    return WEXITSTATUS(status) == 0;
}
