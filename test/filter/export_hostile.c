/* SPDX-License-Identifier: MIT */
/* Readers that break the protocol, hang, or die. */
#include "export.h"

#include <endian.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(export_hostile, .fini = close_export, .timeout = 60);

static struct connection good; /* a reader that does nothing wrong */

static void set_up(void)
{
    open_export((struct limef_export_settings){0});
    good = join(LIMEF_EXPORT_QUEUED, 1);
}

/* The good reader is served as before. */
static void expect_served(unsigned n)
{
    struct picture picture;

    give(n);
    picture = must_read(&good);
    cr_assert(is_picture(&good, &picture, AV_PIX_FMT_YUV420P, n));
    give_back(&good, &picture, 0);
}

/* The reader gets what waits for it and is then told why it has to go. */
static void expect_expelled(struct connection *connection, enum limef_export_reason why)
{
    struct picture picture;
    uint32_t reason;
    int ret;

    while ((ret = connection_read(connection, &picture, &reason)) > 0)
        for (unsigned i = 0; i < picture.frame.n_fds; i++)
            close(picture.fds[i]);
    cr_assert(eq(int, ret, 0));
    cr_assert(eq(uint, reason, why));
    connection_close(connection);
    ASSERT_COMES(counters().n_readers == 1);
}

static void must_send(const struct connection *connection, const void *bytes, size_t n_bytes)
{
    cr_assert(eq(int, (int)send(connection->socket, bytes, n_bytes, MSG_NOSIGNAL), (int)n_bytes));
}

static void send_header(const struct connection *connection, uint32_t type, uint32_t says_bytes,
                        size_t bytes)
{
    uint32_t message[64] = {htole32(type), htole32(says_bytes)};

    must_send(connection, message, bytes);
}

Test(export_hostile, messages_that_do_not_exist_or_not_now_expel, .init = set_up)
{
    static const struct {
        uint32_t type, says_bytes, bytes;
    } wrong[] = {
        {0, 8, 8},   {1, 64, 64}, {3, 256, 256}, {77, 8, 8},      {4, 8, 7},
        {4, 8, 1},   {4, 9, 8},   {4, 8, 9},     {5, 16, 8},      {5, 16, 24},
        {5, 16, 16}, {6, 16, 16}, {2, 32, 32},   {~0u, ~0u, 256}, {4, 0, 8},
    };
    unsigned n = 0;

    for (; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
        struct connection bad = join(LIMEF_EXPORT_LATEST, 2);

        send_header(&bad, wrong[n].type, wrong[n].says_bytes, wrong[n].bytes);
        expect_expelled(&bad, LIMEF_EXPORT_BAD_MESSAGE);
        expect_served(n);
    }
    cr_assert(eq(u64, counters().n_expelled, n));
    cr_assert(eq(uint, n_errors_logged, 0));
    connection_close(&good);
}

Test(export_hostile, asking_twice_or_in_the_queue_expels, .init = set_up)
{
    struct connection bad = join(LIMEF_EXPORT_LATEST, 1);

    connection_ask(&bad);
    connection_ask(&bad);
    expect_expelled(&bad, LIMEF_EXPORT_BAD_MESSAGE);
    bad = join(LIMEF_EXPORT_QUEUED, 1);
    connection_ask(&bad);
    expect_expelled(&bad, LIMEF_EXPORT_BAD_MESSAGE);
    expect_served(1);
    connection_close(&good);
}

Test(export_hostile, releasing_what_it_does_not_have_expels_and_takes_nothing, .init = set_up)
{
    struct connection bad = join(LIMEF_EXPORT_QUEUED, 2);
    struct picture mine, other;

    give(1);
    other = must_read(&good);
    mine = must_read(&bad);
    give(2);
    must_read(&bad);
    connection_release(&bad, &mine);
    connection_release(&bad, &mine); /* again */
    expect_expelled(&bad, LIMEF_EXPORT_BAD_MESSAGE);
    cr_assert(eq(uint, counters().n_lent, 1));
    cr_assert(is_picture(&good, &other, AV_PIX_FMT_YUV420P, 1));
    give_back(&good, &other, 0);
    expect_served(3);
    connection_close(&good);
}

Test(export_hostile, a_flood_of_releases_stalls_nobody, .init = set_up)
{
    struct limef_export_release release = {
        .header = {htole32(LIMEF_EXPORT_RELEASE), htole32(sizeof(release))}};
    struct connection bad = join(LIMEF_EXPORT_QUEUED, 4);

    while (send(bad.socket, &release, sizeof(release), MSG_NOSIGNAL) > 0)
        release.sequence++;
    for (unsigned n = 1; n <= 10; n++)
        expect_served(n);
    ASSERT_COMES(counters().n_readers == 1);
    connection_close(&bad);
    connection_close(&good);
}

Test(export_hostile, who_never_reads_gets_what_it_may_have_and_no_more, .init = set_up)
{
    struct connection bad = join(LIMEF_EXPORT_QUEUED, 64);

    for (unsigned n = 1; n <= 200; n++)
        expect_served(n);
    cr_assert(eq(uint, counters().n_lent <= 4 + 1, 1));
    connection_close(&bad);
    ASSERT_COMES(counters().n_lent == 0);
    connection_close(&good);
}

Test(export_hostile, wrong_greetings_are_refused, .init = set_up)
{
    static const struct limef_export_subscribe right = {
        .header = {LIMEF_EXPORT_SUBSCRIBE, sizeof(right)},
        .version = LIMEF_EXPORT_VERSION,
        .mode = LIMEF_EXPORT_QUEUED,
    };

    for (int i = 0; i < 4; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct connection bad = {.socket = socket(AF_UNIX, SOCK_SEQPACKET, 0)};
        struct limef_export_subscribe wrong = right;
        struct limef_export_hello hello;

        memcpy(wrong.magic, LIMEF_EXPORT_MAGIC, 8);
        if (i == 0)
            wrong.magic[7] = 'q';
        else if (i == 1)
            wrong.version = 99;
        else if (i == 2)
            wrong.mode = 3;
        else
            wrong.header.type = LIMEF_EXPORT_NEXT;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path());
        cr_assert(
            eq(int, connect(bad.socket, (const struct sockaddr *)&address, sizeof(address)), 0));
        cr_assert(eq(int, (int)recv(bad.socket, &hello, sizeof(hello), 0), (int)sizeof(hello)));
        must_send(&bad, &wrong, sizeof(wrong));
        expect_expelled(&bad, i == 1 ? LIMEF_EXPORT_BAD_VERSION : LIMEF_EXPORT_BAD_MESSAGE);
    }
    ASSERT_COMES(counters().n_refused == 4);
    expect_served(1);
    connection_close(&good);
}

Test(export_hostile, who_does_not_subscribe_has_to_go, .init = set_up)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct connection bad = {.socket = socket(AF_UNIX, SOCK_SEQPACKET, 0)};
    struct limef_export_hello hello;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path());
    cr_assert(eq(int, connect(bad.socket, (const struct sockaddr *)&address, sizeof(address)), 0));
    cr_assert(eq(int, (int)recv(bad.socket, &hello, sizeof(hello), 0), (int)sizeof(hello)));
    expect_expelled(&bad, LIMEF_EXPORT_TOO_LATE);
    expect_served(1);
    connection_close(&good);
}

Test(export_hostile, too_many_are_refused, .init = set_up)
{
    struct connection readers[7], one_more;
    struct limef_export_subscribe wanted = {.mode = LIMEF_EXPORT_QUEUED};
    uint32_t reason;
    struct picture picture;

    for (int i = 0; i < 7; i++)
        readers[i] = join(LIMEF_EXPORT_QUEUED, 1);
    cr_assert(eq(int, connection_open(&one_more, socket_path(), &wanted), -1));
    connection_close(&one_more);
    ASSERT_COMES(counters().n_refused == 1);
    for (int i = 0; i < 7; i++)
        connection_close(&readers[i]);
    ASSERT_COMES(counters().n_readers == 1);
    one_more = join(LIMEF_EXPORT_QUEUED, 1);
    give(1);
    cr_assert(eq(int, connection_read(&one_more, &picture, &reason), 1));
    connection_close(&one_more);
    connection_close(&good);
}

Test(export_hostile, descriptors_that_come_along_are_dropped, .init = set_up)
{
    struct connection bad = join(LIMEF_EXPORT_LATEST, 1);
    uint32_t next[2] = {htole32(LIMEF_EXPORT_NEXT), htole32(8)};
    int ends[2];
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    struct iovec part = {next, sizeof(next)};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    char end;

    cr_assert(eq(int, pipe(ends), 0));
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &ends[1], sizeof(int));
    cr_assert(eq(int, (int)sendmsg(bad.socket, &header, 0), (int)sizeof(next)));
    close(ends[1]);
    /* nobody has the writing end any more */
    cr_assert(eq(int, (int)read(ends[0], &end, 1), 0));
    close(ends[0]);
    give(1);
    cr_assert(eq(u64, must_read(&bad).frame.sequence, 1));
    connection_close(&bad);
    connection_close(&good);
}

/* A process that takes two pictures and waits for its end. */
static pid_t spawn_holder(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct limef_export_subscribe wanted = {.mode = LIMEF_EXPORT_QUEUED, .depth = 2};
        static struct connection connection;

        if (connection_open(&connection, socket_path(), &wanted) == 0)
            for (;;)
                pause();
        _exit(1);
    }
    return pid;
}

Test(export_hostile, the_pictures_of_a_killed_reader_come_back, .init = set_up)
{
    pid_t pid = spawn_holder();
    int status;

    ASSERT_COMES(counters().n_readers == 2);
    for (unsigned n = 1; n <= 5; n++)
        expect_served(n);
    ASSERT_COMES(counters().n_lent == 2);
    kill(pid, SIGKILL);
    ASSERT_COMES(counters().n_lent == 0 && counters().n_readers == 1);
    cr_assert(eq(int, (int)waitpid(pid, &status, 0), (int)pid));
    expect_served(6);
    connection_close(&good);
}

Test(export_hostile, a_stopped_reader_stalls_nobody_and_goes_on_later, .init = set_up)
{
    pid_t pid = spawn_holder();
    int status;

    ASSERT_COMES(counters().n_readers == 2);
    kill(pid, SIGSTOP);
    for (unsigned n = 1; n <= 50; n++)
        expect_served(n);
    cr_assert(eq(uint, counters().n_readers, 2));
    ASSERT_COMES(counters().n_lent == 2);
    kill(pid, SIGKILL);
    cr_assert(eq(int, (int)waitpid(pid, &status, 0), (int)pid));
    ASSERT_COMES(counters().n_lent == 0);
    connection_close(&good);
}

Test(export_hostile, readers_are_told_that_it_is_over, .init = set_up)
{
    struct picture picture;
    uint32_t reason = 99;

    limef_filter_clear(&exporter.filter);
    cr_assert(eq(int, connection_read(&good, &picture, &reason), 0));
    cr_assert(eq(uint, reason, LIMEF_EXPORT_OVER));
    connection_close(&good);
}
