/* SPDX-License-Identifier: MIT */
/*
 * What the export's files share: the filter (export.c), the thread that serves (export_server.c),
 * one reader of it (export_reader.c), pictures and the memory they are copied to
 * (export_picture.c), messages as bytes (export_message.c).
 */
#ifndef LIMEF_SRC_FILTER_EXPORT_PRIVATE_H
#define LIMEF_SRC_FILTER_EXPORT_PRIVATE_H

#include <limef/fifo/fifo.h>
#include <limef/filter/export.h>
#include <limef/frame/hardware.h>
#include <limef/thread/thread.h>

#include <sys/stat.h>

/* Pictures on their way to the thread that serves. */
#define EXPORT_LANE_DEPTH 4
#define EXPORT_LANE_FRAMES 8

/* Memory that readers map: its size is sealed, and nobody but us can write it. */
struct export_memory {
    int fd;          /* memfd; -1: none */
    uint8_t *data;   /* mapped */
    size_t bytes;    /* 0: none */
    uint64_t number; /* never given again */
    bool used;
    struct AVFrame *av; /* describes it as a picture, for copies; owned */
};

/* A picture that readers have, or that is the newest. */
struct export_picture {
    unsigned n_users; /* readers that have it, and the export if it is the newest; 0: free */
    unsigned n_lent;  /* of those, readers */
    /* refers to it; without payload: only what its header says, and it is in memory already */
    struct limef_decoded_frame kept;
    bool has_descriptors;
    struct limef_hardware_frame hardware;
    struct export_memory *memory;      /* NULL: not copied so far */
    struct limef_export_frame message; /* what is the same for all readers */
    int format;                        /* enum AVPixelFormat of what a copy holds */
};

/* A connection. */
struct export_reader {
    int fd; /* -1: none */
    bool subscribed;
    bool begun; /* pictures came since */
    bool asked; /* NEXT was not answered yet */
    uint32_t takes;
    int64_t deadline_us;      /* for SUBSCRIBE */
    uint64_t sequence;        /* of the last picture it got, or missed */
    uint64_t n_missed_before; /* as n_missed, when it got the last one */
    struct export_picture *held[LIMEF_EXPORT_MAX_DEPTH];

    /* written by the thread that serves, read by any */
    LIMEF_ATOMIC(uint32_t) mode; /* 0: not subscribed */
    LIMEF_ATOMIC(uint32_t) depth, n_held;
    LIMEF_ATOMIC(int) pid;
    LIMEF_ATOMIC(uint64_t) n_sent, n_missed;
};

struct export_server {
    struct limef_export_settings settings; /* defaults filled in */
    const char *name;
    struct limef_thread thread;
    struct limef_fifo fifo;
    struct limef_lane lane;
    struct limef_stack_frame frames[EXPORT_LANE_FRAMES];

    /* the thread that serves; without it, the controlling one */
    int listens; /* descriptor; -1: none */
    struct stat socket_file;
    int64_t accept_us; /* not to accept before: there are no descriptors */
    struct export_reader readers[LIMEF_EXPORT_MAX_READERS];
    struct export_picture *pictures; /* owned; n_pictures of them, and as many memories */
    struct export_memory *memories;
    unsigned n_pictures;
    struct export_picture *newest; /* kept for readers of the latest; NULL: none */
    uint64_t n_read;               /* pictures that came out of the lane */
    uint64_t last_number;
    struct limef_export_frame last; /* of the last picture: what it is like; all-zero: none */

    /* the thread that runs the filter writes, any reads */
    LIMEF_ATOMIC(uint64_t) n_unread;
    /* how many want pictures. Relaxed: a picture sooner or later makes no difference */
    LIMEF_ATOMIC(uint32_t) n_subscribed;

    /* written by the thread that serves, read by any */
    LIMEF_ATOMIC(uint64_t) n_sent, n_missed, n_direct, n_failed, copied_bytes;
    LIMEF_ATOMIC(uint64_t) n_connected, n_refused, n_expelled;
    LIMEF_ATOMIC(const char *) copied_why;
    LIMEF_ATOMIC(uint32_t) n_lent;
};

/* export_server.c */

/* Makes the socket, starts the thread. 0, or a negative AVERROR code, logged. */
int export_server_open(struct export_server **server, const char *name,
                       const struct limef_export_settings *settings);

/* Says goodbye to all. NULL in it does nothing; leaves NULL. */
void export_server_close(struct export_server **server);

/* export_reader.c */

/* A connection was accepted: greets it. */
void export_reader_open(struct export_server *server, struct export_reader *reader, int fd,
                        int64_t now_us);

/* Says goodbye, takes back what it has. */
void export_reader_close(struct export_server *server, struct export_reader *reader,
                         enum limef_export_reason reason);

/* Something came from it, or it hung up. */
void export_reader_listen(struct export_server *server, struct export_reader *reader);

/* A picture came; a reader of the latest gets it if it has asked. */
void export_reader_offer(struct export_server *server, struct export_reader *reader,
                         struct export_picture *picture);

/* Acts on one message. Returns 0, or the reason to expel the reader. Tested by itself. */
enum limef_export_reason export_reader_take(struct export_server *server,
                                            struct export_reader *reader, const void *message,
                                            size_t bytes);

/* export_picture.c */

/* Keeps a picture. NULL: it cannot be kept; counted, logged once. */
struct export_picture *export_picture_take(struct export_server *server,
                                           const struct limef_decoded_frame *decoded,
                                           uint64_t sequence);

/* One more who has it, and one less. A reader counts as lent. */
void export_picture_ref(struct export_server *server, struct export_picture *picture, bool lent);
void export_picture_unref(struct export_server *server, struct export_picture *picture, bool lent);

/*
 * Describes it for a reader that takes these kinds; fds get the descriptors, borrowed. It is copied
 * if that is needed, once. 0, or a negative AVERROR code: counted, logged once.
 */
int export_picture_describe(struct export_server *server, struct export_picture *picture,
                            uint32_t takes, struct limef_export_frame *message,
                            int fds[LIMEF_EXPORT_MAX_FDS]);

/* Releases the memories that nobody has. */
void export_memories_trim(struct export_server *server);

/* export_message.c */

/* Sends a message, never waits. 0, or a negative AVERROR code. */
int export_send(int socket, const void *message, size_t bytes, const int *fds, unsigned n_fds);

/* The messages of the export, little-endian. The frame's is converted in place. */
void export_message_hello(struct limef_export_hello *hello, unsigned max_depth,
                          const struct limef_export_frame *last);
void export_message_goodbye(struct limef_export_goodbye *goodbye, enum limef_export_reason reason);
void export_message_frame(struct limef_export_frame *frame);

#endif
