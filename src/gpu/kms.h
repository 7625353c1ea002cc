/* SPDX-License-Identifier: MIT */
/*
 * The KMS output: a display without a display server. What its files share;
 * all of it belongs to the thread that opened it.
 *
 * output_kms.c   the output: opens, closes, events
 * kms_show.c     what is on the screen, and what comes next
 * kms_commit.c   one atomic commit
 * kms_surface.c  what GL draws into: GBM and EGL
 * kms_scan_out.c a picture straight on a plane
 * kms_fence.c    what the display waits for before it reads
 * kms_frames.c   the kernel's framebuffers of pictures
 * kms_device.c, kms_display.c, kms_mode.c, kms_plane.c   which card, display, mode, plane
 * kms_console.c, kms_hotplug.c   who has the screen, and what is plugged in
 */
#ifndef LIMEF_SRC_GPU_KMS_H
#define LIMEF_SRC_GPU_KMS_H

#include "gpu/kms_device.h"
#include "gpu/output.h"

/* Buffers that GBM makes for a surface at most, and some of a surface before that. */
#define KMS_MAX_DRAWN 8
/* Pictures whose framebuffers are kept, unless so many commits did without: their buffers have gone
 * out of use, and would be kept alive by them. */
#define KMS_MAX_FRAMES 64
#define KMS_MAX_UNUSED 256

/* What one plane shows. */
struct kms_layer {
    uint32_t framebuffer; /* 0: nothing */
    int source_width, source_height;
    struct layout_rect rect;
    int64_t encoding, range; /* values of the properties; -1: as they are */
    int fence_fd;            /* waited for before it is shown; -1: none */
};

/* What the whole display shows. */
struct kms_scene {
    struct kms_layer primary, overlay;
    const struct kms_plane *on; /* of overlay; NULL: there is none */
};

/* What the display reads from, and has to stay as it is. All-zero: nothing of ours. */
struct kms_shown {
    struct gbm_bo *drawn; /* of surface */
    struct gbm_surface *surface;
    struct limef_payload *payload; /* a reference */
    int fence_fd; /* what the display waits for before it reads; owned. 0: nothing */
};

/* A buffer of GBM with its framebuffer. */
struct kms_drawn {
    struct gbm_bo *bo;
    uint32_t framebuffer;
};

struct kms_surface {
    struct gbm_device *gbm;
    struct gbm_surface *surface;
    EGLDisplay display;
    EGLConfig config;
    EGLContext context;
    EGLSurface egl_surface;
    struct kms_drawn drawn[KMS_MAX_DRAWN];
    int width, height;
};

/* A picture's buffer as the kernel's framebuffer. */
struct kms_frame {
    uint32_t framebuffer; /* 0: a free place */
    int fd;        /* ours, of the buffer: its inode names no other one as long as it is open */
    uint64_t used; /* when last, in commits */
    struct limef_hardware_frame picture; /* as it was described; without descriptors */
};

/* Where pictures of one kind go, as TEST_ONLY said. */
struct kms_way {
    bool known;
    struct limef_hardware_frame picture; /* of these properties, not this one */
    struct layout_rect rect;
    const struct kms_plane *plane; /* NULL: on none */
    const char *why_not;
};

struct kms_console {
    int fd;        /* of the file that names the console in front; -1: there are none */
    char ours[16]; /* the one that was in front when the output was opened */
    bool in_front;
};

struct kms {
    const struct kms_calls *calls;
    struct output *output;
    const char *name;
    struct kms_device device;
    struct kms_surface surface;
    struct kms_frame frames[KMS_MAX_FRAMES];
    struct kms_way way;
    struct kms_console console;
    int uevents_fd; /* -1: none */

    /* black, as large as the display */
    uint32_t black, black_handle;

    struct kms_scene scene;          /* of the last commit */
    struct kms_shown shown, pending; /* on the screen; to be there at the next flip */
    bool waiting;                    /* for that flip */
    bool late;                       /* what it waits for: others are shown to nobody */
    bool needs_mode;                 /* the next commit sets the mode */
    bool away;                       /* the screen is somebody else's, or there is none */
    bool said_failed;
    const char *why_none; /* why there is no display, as it was said; NULL: there is one */
    int64_t committed_us, retry_us;
    int64_t looked_us; /* when displays were looked for last */
    int64_t late_us;   /* a fence that is not signalled by then is late */
    uint64_t n_commits;
    struct output_flip flip;
    bool lost, said_lost, redraw;
    bool forgets;        /* framebuffers of pictures go when no flip is pending */
    unsigned n_refusals; /* of framebuffers for pictures, in a row */
};

/* kms_commit.c: 0; a negative errno, not logged. */
int kms_commit(struct kms *kms, const struct kms_scene *scene, uint32_t flags);
/* Nothing on the display any more, of ours. */
void kms_commit_nothing(struct kms *kms);

/* kms_surface.c: makes the current mode's surface and leaves its context current; or anew, after
 * the mode has changed. NULL, or what is missing. */
const char *kms_surface_open(struct kms *kms, bool gles2);
const char *kms_surface_resize(struct kms *kms);
/* Takes what was drawn, and the scene of that. 0; a negative errno. */
int kms_surface_swap(struct kms *kms, struct kms_shown *shown, struct kms_scene *scene);
void kms_surface_close(struct kms *kms);

/* kms_show.c */
int kms_make_black(struct kms *kms);
void kms_free_black(struct kms *kms);
/* Gives back what the display does not read any more. */
void kms_shown_release(struct kms *kms, struct kms_shown *shown);
/* Commits; takes shown if 0 is returned. A negative errno: nothing has changed. */
int kms_show(struct kms *kms, const struct kms_scene *scene, struct kms_shown *shown);
/* Takes the flips that have come. */
void kms_read_flips(struct kms *kms);
/* Waits for the last flip, not long. False: it waits for a fence, and any commit would likewise. */
bool kms_settle(struct kms *kms);
/* A scene of one framebuffer of the display's size. */
struct kms_scene kms_scene_of(const struct kms *kms, uint32_t framebuffer);

/* kms_frames.c: makes a framebuffer. 0; a negative errno, not logged. */
int kms_frames_add(struct kms *kms, const struct limef_hardware_frame *picture,
                   uint32_t *framebuffer);
/* The framebuffer of a picture, 0: it cannot have one, and why. */
uint32_t kms_frames_find(struct kms *kms, const struct limef_hardware_frame *picture,
                         const char **why);
/* Drops all, or those of other sizes and formats than a picture's. */
void kms_frames_clear(struct kms *kms, const struct limef_hardware_frame *but);
/* Drops those that so many commits did without, but for what is on the screen; while no flip is
 * pending. */
void kms_frames_drop_unused(struct kms *kms, uint64_t n_commits);

/* kms_scan_out.c: see struct output_ops. */
int kms_scan_out(struct output *output, const struct limef_hardware_frame *picture,
                 struct layout_rect rect, struct limef_payload *payload, const char **why);

int kms_card(const struct output *output);

/* kms_fence.c: takes a fence, -1: none, that a plane waits for before it shows what is in shown.
 * False: the plane takes none, and what is shown is not told of it. */
bool kms_fence_give(const struct kms_plane *plane, struct kms_layer *layer, struct kms_shown *shown,
                    int fence_fd);
/* Whether the flip that is waited for waits itself, for a fence; when it is late: counted, logged.
 */
bool kms_fence_holds(struct kms *kms, int64_t now_us);

/* kms_console.c */
void kms_console_open(struct kms_console *console);
void kms_console_close(struct kms_console *console);
/* Whether our console is in front; true where there are no consoles. */
bool kms_console_in_front(struct kms_console *console);

/* kms_hotplug.c: -1: the kernel cannot tell. */
int kms_hotplug_open(void);
/* Whether displays may have come or gone; takes what waits. */
bool kms_hotplug_read(int fd);

#endif
