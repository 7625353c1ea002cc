/* SPDX-License-Identifier: MIT */
/*
 * Where a composed picture goes: a window, an offscreen buffer, a display by
 * KMS. An output makes a GL context current on the thread that opens it and
 * owns what it is drawn into.
 */
#ifndef LIMEF_SRC_GPU_OUTPUT_H
#define LIMEF_SRC_GPU_OUTPUT_H

#include "gpu/fence.h"
#include "gpu/gl.h"
#include "gpu/layout.h"

#include <limef/filter/presenter.h>

#include <stdint.h>

struct limef_hardware_frame;
struct limef_payload;
struct output;

/* What happened to an output. */
enum output_event {
    OUTPUT_EVENT_NONE,
    OUTPUT_EVENT_KEY,    /* value: as LIMEF_SIGNAL_KEY */
    OUTPUT_EVENT_REDRAW, /* size or contents are not what they were */
    OUTPUT_EVENT_LOST,   /* said once: the display is gone, nothing is shown any more */
};

struct output_settings {
    const char *name; /* for logs */
    const char *title;
    int width, height; /* 0: not known yet */
    bool untimed;      /* do not wait for the display's refresh */
    bool fullscreen;
    bool gles2;
    bool x11_silent, wayland_silent;       /* not to be asked: it listens and does not answer */
    const struct limef_presenter_kms *kms; /* NULL: the defaults */
};

/* The last picture that came onto the screen. */
struct output_flip {
    uint64_t n_flips;
    int64_t at_us;     /* when that was; 0: never yet */
    int64_t period_us; /* from one refresh of the display to the next */
};

/* A module's table carries this number; another one is refused. */
#define OUTPUT_ABI 9
#define OUTPUT_MODULE_SYMBOL "limef_output_module"

struct output_ops {
    unsigned abi;
    enum limef_presenter_output kind;
    /* Opens, and leaves a GL context current. 0, or an error, logged through output->fail. */
    int (*open)(struct output *output, const struct output_settings *settings);
    void (*close)(struct output *output);
    /* Pixels to draw into; 0x0: not known before resize. */
    void (*size)(struct output *output, int *width, int *height);
    /* Sets the size; called once, while it is not known. */
    int (*resize)(struct output *output, int width, int height);
    /* Shows what was drawn. */
    void (*swap)(struct output *output);
    /* NULL: there are none. Returns OUTPUT_EVENT_NONE when no more wait. */
    enum output_event (*poll)(struct output *output, int *value);
    /* NULL: it has no full screen. */
    int (*toggle_fullscreen)(struct output *output);
    /*
     * NULL: it has no planes. Shows a picture that lies in buffers of the kernel at rect, without
     * GL, and black around it, as swap shows what was drawn. The payload is referenced as long as
     * the display reads it. 0; AVERROR(ENOTSUP), not logged: compose it instead, why is written
     * and lives forever.
     */
    int (*scan_out)(struct output *output, const struct limef_hardware_frame *picture,
                    struct layout_rect rect, struct limef_payload *payload, const char **why);
    /* NULL: it has no card. The descriptor of one whose dumb buffers its planes read in a format of
     * software's (YUV420, NV12), borrowed; -1: they do not. */
    int (*card)(const struct output *output);
    /*
     * NULL: it does not know when something is on the screen. Writes the last flip; 0: what was
     * swapped or scanned out is on the screen, the next one may come; else when to ask again: until
     * then nothing may be swapped.
     */
    int64_t (*flips)(struct output *output, struct output_flip *flip);
    /* NULL: it keeps nothing. A stream has ended, or may have: buffers of pictures are let go of,
     * but for what is shown. */
    void (*forget)(struct output *output);
    /* What was drawn stays in the buffer after swap. */
    bool keeps_contents;
};

struct output {
    const struct output_ops *ops;
    struct gl *gl;
    /* limef_fail() and memory of the library: a module links against nothing of it */
    int (*fail)(int code, const char *name, const char *format, ...) LIMEF_PRINTF(3, 4);
    void *(*allocate)(size_t bytes);
    void (*release)(void *memory);
    struct limef_payload *(*payload_ref)(struct limef_payload *payload);
    void (*payload_unref)(struct limef_payload *payload);
    void *private_data; /* the output's own; released by its close */
    struct fence_counts fences;
    bool lost; /* written by size: the display server is gone; Mesa does not survive a draw */
    /* where its lower left corner is in the framebuffer; whether that is the upper one */
    int x, y;
    bool flip;
    GLuint renderbuffer; /* RGBA, what is drawn is in it; 0: the output has none of its own */
};

/*
 * Opens an output of a kind, AUTO the best there is; a GL context is current
 * then and gl is loaded. 0, or an error, logged.
 */
int output_open(struct output *output, struct gl *gl, enum limef_presenter_output kind,
                const struct output_settings *settings);

/* Whether a window is what will be tried. */
bool output_may_be_window(enum limef_presenter_output kind);

/* As its card; -1 too if it has none. */
static inline int output_card(const struct output *output)
{
    return output->ops->card ? output->ops->card(output) : -1;
}

/* All-zero does nothing; leaves all-zero. */
void output_close(struct output *output);

extern const struct output_ops output_offscreen_ops;

#endif
