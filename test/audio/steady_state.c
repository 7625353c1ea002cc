/* SPDX-License-Identifier: MIT */
/*
 * What an audio callback does, mixing with commands coming in and snapshots going out: no malloc,
 * no allocation of the library, no lock, and no system call, which a seccomp filter would end the
 * process for.
 */
#include <limef/limef.h>

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_INPUTS 8
#define N_RING 1024
#define BLOCK 128
#define N_BLOCKS 20000

static LIMEF_ATOMIC(uint64_t) n_mallocs, n_locks;

/* A sanitizer has its own malloc, and makes system calls of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifdef SANITIZED
static const bool sanitized = true;
#else
static const bool sanitized = false;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void count(LIMEF_ATOMIC(uint64_t) * counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#pragma GCC visibility push(default) /* the libraries are to find them */
void *malloc(size_t size)
{
    count(&n_mallocs);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count(&n_mallocs);
    return __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    count(&n_mallocs);
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(&n_mallocs);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    count(&n_mallocs);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*next)(pthread_mutex_t *);

    count(&n_locks);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    return next(mutex);
}
#pragma GCC visibility pop
#endif

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct limef_mixer mixer;
static struct limef_mixer_input inputs[N_INPUTS];
static float samples[N_INPUTS][N_RING * 2], sound[BLOCK * 2];
static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(4096, 2)];

static void set_up(void)
{
    struct limef_mixer_settings settings = {.ring = &ring};

    for (int i = 0; i < BLOCK * 2; i++)
        sound[i] = sinf((float)i / 7);
    CHECK(limef_broadcast_ring_init(&ring, words, 4096, 2) == 0);
    CHECK(limef_mixer_init(&mixer, NULL, &settings) == 0);
    for (int i = 0; i < N_INPUTS; i++) {
        CHECK(!limef_mixer_input_init(&inputs[i], &mixer, NULL, samples[i], N_RING, NULL));
        CHECK(limef_mixer_connect(&mixer, &inputs[i]) == 0);
    }
}

/* Overflows, underruns, flushes, the limiter and all commands happen. */
static void play(int n_blocks)
{
    float out[BLOCK * 2];

    for (int i = 0; i < n_blocks; i++) {
        for (int k = 0; k < N_INPUTS; k++) {
            if (i % 64 < 40 + k) /* then they run dry */
                limef_mixer_input_write(&inputs[k], sound, BLOCK, i * 2667, 1000);
            if (i % 1000 == k) /* too much at once */
                for (int n = 0; n < 12; n++)
                    limef_mixer_input_write(&inputs[k], sound, BLOCK, LIMEF_NO_TIME, 1000);
            if (i % 500 == k)
                limef_mixer_input_flush(&inputs[k]);
        }
        CHECK(!limef_mixer_set(&mixer, &inputs[i % N_INPUTS],
                               (enum limef_mixer_control)(i / N_INPUTS % 4), (float)(i % 3) - 1));
        limef_mixer_mix(&mixer, out, BLOCK, i * 2667);
    }
}

/* From now on the process may end. */
static bool forbid_system_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void check_system_calls(void)
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        if (!forbid_system_calls())
            _exit(77);
        play(N_BLOCKS);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status)); /* SIGSYS: there was a system call */
    CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
    printf("%s", WEXITSTATUS(status) ? "seccomp is not permitted; " : "");
}

int main(void)
{
    struct limef_sample_ring_counters counters;
    uint64_t n_allocations, n_malloced, n_locked;

    set_up();
    play(100);
    n_allocations = limef_memory_n_allocations();
    n_malloced = atomic_load(&n_mallocs);
    n_locked = atomic_load(&n_locks);
    play(N_BLOCKS);
    CHECK(limef_memory_n_allocations() == n_allocations);
    CHECK(atomic_load(&n_mallocs) == n_malloced);
    CHECK(atomic_load(&n_locks) == n_locked);
    limef_sample_ring_get_counters(&inputs[1].ring, &counters);
    printf("%llu dropped, %llu underruns, %llu skipped\n", (unsigned long long)counters.n_dropped,
           (unsigned long long)counters.n_underruns, (unsigned long long)counters.n_skipped);
    CHECK(counters.n_dropped && counters.n_underruns && counters.n_skipped);
    if (!sanitized)
        check_system_calls();
    printf("%d blocks of %d inputs: no allocation%s\n", N_BLOCKS, N_INPUTS,
           sanitized ? "" : ", no malloc, no lock, no system call");
    return 0;
}
