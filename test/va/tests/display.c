/* SPDX-License-Identifier: MIT */
#include "display.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drm.h>

static int fd = -1;
static char report_path[DISPLAY_PATH_BYTES];
static char report[256];

void display_path(char path[DISPLAY_PATH_BYTES], const char *name)
{
    snprintf(path, DISPLAY_PATH_BYTES, "%s/limef_va_%d_%s",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid(), name);
}

void display_prepare(void)
{
    display_path(report_path, "report");
    setenv("LIBVA_DRIVERS_PATH", LIMEF_TEST_VA_MODULES, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    setenv("LIBVA_MESSAGING_LEVEL", "0", 1);
    setenv("LIMEF_TEST_VA_MEMORY", "memfd", 0);
    setenv("LIMEF_TEST_VA_REPORT", report_path, 1);
}

VAStatus display_try(VADisplay *display)
{
    VAStatus status;
    int version[2];

    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    *display = vaGetDisplayDRM(fd);
    if (!*display) {
        fprintf(stderr, "libva takes no /dev/null\n");
        abort();
    }
    status = vaInitialize(*display, &version[0], &version[1]);
    if (status != VA_STATUS_SUCCESS) {
        vaTerminate(*display);
        close(fd);
    }
    return status;
}

VADisplay display_open(void)
{
    VADisplay display;
    VAStatus status = display_try(&display);

    if (status != VA_STATUS_SUCCESS) {
        fprintf(stderr, "vaInitialize: %s\n", vaErrorStr(status));
        abort();
    }
    return display;
}

const char *display_report(void)
{
    FILE *file = fopen(report_path, "re");

    report[0] = '\0';
    if (file) {
        while (fgets(report, sizeof(report), file))
            continue;
        fclose(file);
        unlink(report_path);
    }
    report[strcspn(report, "\n")] = '\0';
    return report;
}

const char *display_close(VADisplay display)
{
    vaTerminate(display);
    close(fd);
    return display_report();
}
