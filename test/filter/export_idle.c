/* SPDX-License-Identifier: MIT */
/*
 * What an export costs a chain while nobody reads: no system call, which a seccomp filter would end
 * the process for, no allocation, no reference that stays, no copied byte.
 */
#include <limef/filter/export.h>

#include "support/frames.h"

#include <libavutil/frame.h>
#include <limef/base/memory.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_PICTURES 10000

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct limef_export_filter exporter;

/* From here on this thread may end, and do nothing else. */
static void forbid_system_calls(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(rules) / sizeof(rules[0]), rules};

    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void run(const struct limef_decoded_frame *decoded)
{
    for (unsigned n = 0; n < N_PICTURES; n++)
        if (limef_go(&exporter.filter, &decoded->frame) != 0)
            _exit(1);
}

int main(void)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *payload = limef_pool_get(pool);
    struct AVFrame *made = make_picture(AV_PIX_FMT_YUV420P, 64, 48, 1);
    struct limef_export_counters counters;
    struct limef_decoded_frame decoded;
    uint64_t before;
    char path[64];
    int status;
    pid_t pid;

    snprintf(path, sizeof(path), "idle-export-%d.sock", (int)getpid());
    CHECK(limef_export_filter_init(&exporter, "export",
                                   &(struct limef_export_settings){.path = path}) == 0);
    av_frame_move_ref(limef_payload_picture(payload), made);
    av_frame_free(&made);
    limef_decoded_frame_set(&decoded, payload);
    before = limef_memory_n_allocations();
    run(&decoded);
    limef_export_get_counters(&exporter, &counters);
    CHECK(limef_memory_n_allocations() == before);
    CHECK(counters.n_unread == N_PICTURES && counters.copied_bytes == 0);
    CHECK(LIMEF_COUNTED(payload->n_refs) == 1);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        forbid_system_calls();
        run(&decoded);
        syscall(SYS_exit_group, 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    limef_filter_clear(&exporter.filter);
    limef_payload_unref(payload);
    limef_pool_release(pool);
    printf("%u pictures, nobody read\n", N_PICTURES);
    return 0;
}
