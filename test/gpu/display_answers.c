/* SPDX-License-Identifier: MIT */
#include "gpu/display_answers.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/base/clock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOON_US 100000
#define TOO_LONG_US 30000000

static char folder[64];
static int listener;

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/limef-test-XXXXXX");
    cr_assert(not(zero(ptr, mkdtemp(folder))));
}

static void remove_folder(void)
{
    char path[96];

    close(listener);
    snprintf(path, sizeof(path), "%s/display", folder);
    unlink(path);
    rmdir(folder);
}

TestSuite(display_answers, .init = make_folder, .fini = remove_folder, .timeout = 60);

static bool listen_at(const struct sockaddr *address, size_t n_bytes)
{
    listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(listener, address, (socklen_t)n_bytes) == 0 && listen(listener, 0) == 0;
}

static void listen_in_folder(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/display", folder);
    cr_assert(listen_at((struct sockaddr *)&address, sizeof(address)));
}

/* Listens as an X server without a socket file; gives what DISPLAY would be. */
static const char *listen_as_x11(void)
{
    static char display[16];

    for (unsigned number = 1000; number < 2000; number++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "/tmp/.X11-unix/X%u",
                         number);

        snprintf(display, sizeof(display), ":%u.0", number);
        if (listen_at((struct sockaddr *)&address,
                      offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n))
            return display;
        close(listener);
    }
    return NULL;
}

/* Takes one client, reads its whole request, and answers as told: 0 bytes is a hang-up. */
struct server {
    size_t request_bytes, n_answered;
    unsigned char request[16];
};

static void *serve(void *context)
{
    struct server *server = context;
    int fd = accept(listener, NULL, NULL);

    if (recv(fd, server->request, server->request_bytes, MSG_WAITALL) ==
            (ssize_t)server->request_bytes &&
        server->n_answered)
        send(fd, "answered", server->n_answered, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

Test(display_answers, nobody_is_absent)
{
    cr_expect(eq(int, display_x11_answers(NULL, TOO_LONG_US), DISPLAY_ABSENT));
    cr_expect(eq(int, display_x11_answers("", TOO_LONG_US), DISPLAY_ABSENT));
    cr_expect(eq(int, display_x11_answers("unix:2999", TOO_LONG_US), DISPLAY_ABSENT));
    cr_expect(eq(int, display_wayland_answers(NULL, "display", TOO_LONG_US), DISPLAY_ABSENT));
    cr_expect(eq(int, display_wayland_answers(folder, NULL, TOO_LONG_US), DISPLAY_ABSENT));
    cr_expect(eq(int, display_wayland_answers(folder, "display", TOO_LONG_US), DISPLAY_ABSENT));
}

Test(display_answers, who_cannot_be_asked_is_not_judged)
{
    static const char *const displays[] = {"elsewhere:0", "elsewhere/inet:0", "/a/socket:x", "x",
                                           "host::0",     ":99999999999",     ":1x"};

    for (unsigned i = 0; i < sizeof(displays) / sizeof(displays[0]); i++)
        cr_expect(eq(int, display_x11_answers(displays[i], SOON_US), DISPLAY_ANSWERS), "%s",
                  displays[i]);
}

Test(display_answers, listening_alone_is_no_answer_of_wayland)
{
    char path[96];

    listen_in_folder();
    cr_expect(eq(int, display_wayland_answers(folder, "display", SOON_US), DISPLAY_SILENT));
    snprintf(path, sizeof(path), "%s/display", folder);
    cr_expect(eq(int, display_wayland_answers(NULL, path, SOON_US), DISPLAY_SILENT));
    /* nor is a queue of clients that is full */
    for (int i = 0; i < 4; i++)
        cr_expect(eq(int, display_wayland_answers(folder, "display", SOON_US), DISPLAY_SILENT));
}

Test(display_answers, listening_alone_is_no_answer_of_x11)
{
    const char *display = listen_as_x11();

    cr_assert(not(zero(ptr, (void *)display)));
    for (int i = 0; i < 4; i++)
        cr_expect(eq(int, display_x11_answers(display, SOON_US), DISPLAY_SILENT));
}

Test(display_answers, any_answer_and_a_hang_up_is_one)
{
    for (size_t n_answered = 0; n_answered <= 8; n_answered += 8) {
        struct server server = {.request_bytes = 12, .n_answered = n_answered};
        const uint32_t sync[] = {1, 12 << 16, 2};
        pthread_t thread;

        listen_in_folder();
        pthread_create(&thread, NULL, serve, &server);
        cr_expect(
            eq(int, display_wayland_answers(folder, "display", TOO_LONG_US), DISPLAY_ANSWERS));
        pthread_join(thread, NULL);
        cr_expect(zero(int, memcmp(server.request, sync, sizeof(sync))));
        remove_folder();
        make_folder();
    }
}

Test(display_answers, x11_is_asked_for_what_it_refuses)
{
    struct server server = {.request_bytes = 12, .n_answered = 8};
    const unsigned char setup[12] = {'l'};
    const char *display = listen_as_x11();
    pthread_t thread;

    cr_assert(not(zero(ptr, (void *)display)));
    pthread_create(&thread, NULL, serve, &server);
    cr_expect(eq(int, display_x11_answers(display, TOO_LONG_US), DISPLAY_ANSWERS));
    pthread_join(thread, NULL);
    cr_expect(zero(int, memcmp(server.request, setup, sizeof(setup))));
}

Test(display_answers, tcp_of_this_host_answers_by_a_connection)
{
    char display[32];

    for (unsigned number = 1000;; number++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)(6000 + number)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        cr_assert(lt(uint, number, 2000));
        snprintf(display, sizeof(display), "localhost:%u.0", number);
        if (listen_at((struct sockaddr *)&address, sizeof(address)))
            break;
        close(listener);
    }
    cr_expect(eq(int, display_x11_answers(display, TOO_LONG_US), DISPLAY_ANSWERS));
    close(listener);
    cr_expect(eq(int, display_x11_answers(display, TOO_LONG_US), DISPLAY_ABSENT));
}
