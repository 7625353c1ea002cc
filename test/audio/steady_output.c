/* SPDX-License-Identifier: MIT */
/*
 * The whole of the audio thread but for what the device does: it allocates nothing, locks nothing
 * and makes no system call from period to period; where it loses its device, and has it back, it
 * wakes another thread, and allocates and locks nothing. Exit status 2: it did; SIGSYS: there was a
 * system call; 77: those cannot be forbidden here. test/audio/vanishing_device.c lies where a
 * static library looks for the module of ALSA, and asks at_period() how long to wait; its device
 * may be named by an argument. That with the name "patient" is on an output with patience, whose
 * input is late again and again: the thread sleeps then, and that is all that it does.
 */
#include "support/counted_calls.h"
#include "support/silence.h"

#include <limef/limef.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BEGIN 5  /* the device goes away after 10 periods */
#define BACK 50  /* it is the device that came back */
#define END 5000 /* periods */
#define DEADLINE_S 60
#define PERIOD 100 /* frames, as the device has it */

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float samples[4096 * 2];
static struct limef_audio_output output;
static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(4096, 2)];

/* the audio thread's */
static bool patient;
static int n_periods;
static uint64_t n_before, n_allocations;

/* A sanitizer makes system calls of its own. */
static void forbid(const int *allowed, unsigned n_allowed)
{
    if (!is_sanitized() && !forbid_system_calls(allowed, n_allowed))
        _exit(77);
}

static void at_period(void)
{
    /* the time, where the kernel has no faster way; what a device that is lost, and one in its
     * place, take; what it takes to forbid more */
    static const int at_loss[] = {SYS_exit_group,      SYS_clock_gettime, SYS_futex,
                                  SYS_clock_nanosleep, SYS_prctl,         SYS_seccomp};
    static const int always[] = {SYS_exit_group, SYS_clock_gettime, SYS_clock_nanosleep};
    static const float silence[PERIOD * 2];

    if (patient && n_periods % 2)
        limef_mixer_input_write(&input, silence, PERIOD, LIMEF_NO_TIME, 1000);
    if (++n_periods == BEGIN) {
        n_before = counted_calls();
        forbid(at_loss, sizeof(at_loss) / sizeof(at_loss[0]));
    } else if (n_periods == BACK) {
        n_allocations = limef_memory_n_allocations();
        forbid(always, sizeof(always) / sizeof(always[0]) - !patient);
    } else if (n_periods == END) {
        if (patient && LIMEF_COUNTED(output.n_late) < 1000)
            _exit(1);
        _exit(counted_calls() != n_before || limef_memory_n_allocations() != n_allocations ? 2 : 0);
    }
}

int main(int n_arguments, char **arguments)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_ALSA,
                                                   .device = n_arguments > 1 ? arguments[1] : NULL,
                                                   .reopen_us = 1000};
    struct limef_mixer_settings mixed = {.ring = &ring};
    void *module = dlopen(VANISHING, RTLD_NOW);
    void (**hook)(void) = module ? dlsym(module, "limef_test_at_period") : NULL;
    LIMEF_ATOMIC(int64_t) *dry_us = module ? dlsym(module, "limef_test_dry_us") : NULL;

    limef_log_set_sink(log_to_nobody, NULL);
    patient = n_arguments > 1 && !strcmp(arguments[1], "patient");
    settings.patience_us = patient ? 20000 : 0;
    if (!hook || !dry_us || limef_broadcast_ring_init(&ring, words, 4096, 2) < 0 ||
        limef_mixer_init(&mixer, NULL, &mixed) < 0 ||
        limef_mixer_input_init(&input, &mixer, NULL, samples, 4096, NULL) < 0 ||
        limef_mixer_connect(&mixer, &input) < 0)
        return 1;
    *hook = at_period;
    atomic_store(dry_us, patient ? LIMEF_FOREVER / 2 : 0);
    limef_mixer_input_write(&input, samples, 4096, 0, 1000);
    if (limef_audio_output_start(&output, NULL, &mixer, &settings) < 0)
        return 1;
    nanosleep(&(struct timespec){.tv_sec = DEADLINE_S}, NULL);
    fprintf(stderr, "%d periods\n", n_periods);
    return 1;
}
