/* SPDX-License-Identifier: MIT */
#include "base/unix_socket.h"

#include "support/make_media.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address;

static void set_path(const char *path)
{
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    cr_assert(lt(sz, strlen(path), sizeof(address.sun_path)));
    memcpy(address.sun_path, path, strlen(path) + 1);
}

/* 0, or what is wrong as soon as there is something at the path. */
static int connect_once_there(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), ret;

    while ((ret = connect(fd, (const struct sockaddr *)&address, sizeof(address))) < 0 &&
           errno == ENOENT)
        sched_yield();
    ret = ret < 0 ? errno : 0;
    close(fd);
    return ret;
}

static void *connector(void *arg)
{
    *(int *)arg = connect_once_there();
    return NULL;
}

Test(unix_socket, who_sees_its_path_is_never_refused, .timeout = 60)
{
    set_path(media_path("socket"));
    for (int i = 0; i < 1000; i++) {
        struct stat file;
        pthread_t thread;
        int status = -1, fd;

        cr_assert(eq(int, pthread_create(&thread, NULL, connector, &status), 0));
        fd = unix_socket_open(address.sun_path, SOCK_STREAM, 0600, &file, "test");
        cr_assert(ge(int, fd, 0));
        pthread_join(thread, NULL);
        cr_assert(eq(int, status, 0));
        unix_socket_close(fd, address.sun_path, &file);
    }
}

Test(unix_socket, there_is_one_path_with_its_permissions_and_it_goes)
{
    const char *path = media_path("socket");
    struct stat file, now;
    int fd = unix_socket_open(path, SOCK_SEQPACKET, 0620, &file, "test");

    cr_assert(ge(int, fd, 0));
    cr_assert(eq(int, lstat(path, &now), 0));
    cr_assert(eq(int, S_ISSOCK(now.st_mode), 1));
    cr_assert(eq(uint, now.st_mode & 0777, 0620));
    cr_assert(eq(uint, (unsigned)now.st_nlink, 1));
    unix_socket_close(fd, path, &file);
    cr_assert(lt(int, lstat(path, &now), 0));
}
