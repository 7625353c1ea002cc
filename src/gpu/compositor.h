/* SPDX-License-Identifier: MIT */
/*
 * Composes the tiles' pictures and texts in one pass. Everything here belongs
 * to the thread that opened it.
 */
#ifndef LIMEF_SRC_GPU_COMPOSITOR_H
#define LIMEF_SRC_GPU_COMPOSITOR_H

#include "gpu/output.h"

#include <limef/filter/presenter_host.h>

struct buffer_pool;
struct compositor;

struct compositor_upload {
    uint64_t uploaded_bytes, direct_bytes, memory_bytes;
    const char *why;          /* of the last memory_bytes; NULL: there were none */
    const char *uploaded_why; /* likewise, of uploaded_bytes */
    const char *failed_why;   /* likewise, of what could neither be imported nor copied */
    unsigned n_imported, n_images;
    unsigned n_planes; /* that the display reads where the decoder wrote them */
    unsigned n_failed; /* that are not on a plane, or no more, and could not be drawn */
};

/*
 * buffers  borrowed; must outlive the compositor, which keeps it filled. NULL: nobody asked.
 * 0; AVERROR(ENOSYS): not in this build; AVERROR(ENODEV); ... Logged.
 */
int compositor_open(struct compositor **compositor, const struct limef_presenter_settings *settings,
                    unsigned n_tiles, struct buffer_pool *buffers, const char *name);

/*
 * The same in the host's context, which is current; of the buffers dma-bufs alone are made, which
 * are no memory of that context. Then everything is called between begin and end, with the context
 * current; compositor_close() ends, too.
 */
int compositor_open_host(struct compositor **compositor,
                         const struct limef_presenter_host_settings *host, unsigned n_tiles,
                         struct buffer_pool *buffers, bool gles2, const char *name);
void compositor_begin_host(struct compositor *compositor,
                           const struct limef_presenter_host_target *target);
void compositor_end_host(struct compositor *compositor);

/* Forgets a compositor whose context has gone: its objects went with it. NULL in it does nothing;
 * leaves NULL. */
void compositor_abandon(struct compositor **compositor);

/*
 * NULL in it does nothing. 0: leaves NULL. AVERROR(EBUSY): somebody has pictures in its buffers;
 * it stays open, and lends no more.
 */
int compositor_close(struct compositor **compositor);

/* Which output AUTO became. */
enum limef_presenter_output compositor_output(const struct compositor *compositor);

/* Puts a picture into a tile. Its payload is referenced if it is needed afterwards. */
int compositor_set_picture(struct compositor *compositor, unsigned tile,
                           const struct limef_decoded_frame *picture);

/* Gives memory back that decoders and pictures do without; also with each picture. Returns when to
 * be called next though none comes. */
int64_t compositor_tend(struct compositor *compositor, int64_t now_us);

/* What a tile's pictures moved since this was asked last: when they were put there, or when they
 * were presented. */
void compositor_take_moved(struct compositor *compositor, unsigned tile,
                           struct compositor_upload *moved);

/* Why the last picture that the display could have read by itself was composed; NULL: none was. */
const char *compositor_planes_why(const struct compositor *compositor);

/* Who waited for fences so far; see struct fence_counts. */
struct fence_counts compositor_fences(const struct compositor *compositor);

/* A tile's decoder has gone, or may have: its buffers are let go of, but for what is shown. */
void compositor_forget(struct compositor *compositor, unsigned tile);

/* A tile's text, NULL none; and the one over the top left corner of all. */
void compositor_set_text(struct compositor *compositor, unsigned tile, const char *text);
void compositor_set_overlay(struct compositor *compositor, const char *text);

/* One tile alone; LIMEF_PRESENTER_ALL: the grid. */
void compositor_set_layout(struct compositor *compositor, uint32_t solo);

/*
 * Draws what changed where nobody sees it, so that what a driver does once for its first picture,
 * as making code of a shader, is done when that is presented.
 */
void compositor_prepare(struct compositor *compositor);

/* How a picture was presented. */
enum compositor_how {
    COMPOSITOR_COMPOSED, /* drawn by GL, or there was nothing to draw yet */
    COMPOSITOR_ON_PLANE, /* the display reads it where the decoder wrote it */
};

/* Draws what changed, and shows it. An enum compositor_how, or an error, logged. */
int compositor_present(struct compositor *compositor);

/* Pixels; 0x0: not known before the first picture. */
void compositor_size(const struct compositor *compositor, int *width, int *height);

/* Reads what is composed, rows from the top. 0, or an error, logged. */
int compositor_read(struct compositor *compositor, uint8_t *rgba);

/* As struct output_ops; 0 and an all-zero flip where the output does not know. */
int64_t compositor_flips(struct compositor *compositor, struct output_flip *flip);

/* The next event of the window; call it until there is none. */
enum output_event compositor_poll(struct compositor *compositor, int *key);

/* Whether there can be events. */
bool compositor_has_events(const struct compositor *compositor);

/* 0, or AVERROR(ENOSYS). */
int compositor_toggle_fullscreen(struct compositor *compositor);

#endif
