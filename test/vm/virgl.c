/* SPDX-License-Identifier: MIT */
/*
 * virgl CARD
 *
 * Pictures that a GPU draws and that are given to the presenter while it does: their buffers have
 * fences, which the presenter's GPU and the display wait for. Runs in the virtual machine, as root,
 * on a card of virtio-gpu with virgl: a driver whose drawing and fences are the kernel's.
 */
#include "stage.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES2/gl2.h>
#include <GLES2/gl2ext.h>
#include <GLES3/gl3.h>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <gbm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#define N_BUFFERS 4
#define N_PICTURES 12
#define STRIPE 16 /* pixels */

/* Who draws: a GPU's user as any other, on the card opened for itself. */
static struct {
    EGLDisplay display;
    EGLContext context;
    struct gbm_device *gbm;
    GLuint slow; /* a program that takes its time */
} painter;

/* A picture that it draws into. */
struct painting {
    struct limef_payload payload;
    AVDRMFrameDescriptor drm;
    AVFrame *av;
    struct gbm_bo *bos[2];
    GLuint textures[2], framebuffers[2];
    bool rgb;
    int width, height, step;
};

static GLuint shader_of(GLenum type, const char *text)
{
    GLuint shader = glCreateShader(type);
    GLint done;

    glShaderSource(shader, 1, &text, NULL);
    glCompileShader(shader);
    glGetShaderiv(shader, GL_COMPILE_STATUS, &done);
    if (!done)
        die("a shader does not compile");
    return shader;
}

static void make_slow_program(void)
{
    painter.slow = glCreateProgram();
    glAttachShader(painter.slow,
                   shader_of(GL_VERTEX_SHADER,
                             "#version 300 es\nvoid main() { gl_Position = vec4("
                             "gl_VertexID % 2 * 4 - 1, gl_VertexID / 2 * 4 - 1, 0, 1); }"));
    glAttachShader(
        painter.slow,
        shader_of(GL_FRAGMENT_SHADER,
                  "#version 300 es\nprecision highp float; out vec4 colour; void main() {"
                  "float x = gl_FragCoord.x; for (int i = 0; i < 50; i++)"
                  "x = sin(x) * 3.0 + gl_FragCoord.y; colour = vec4(fract(x)); }"));
    glLinkProgram(painter.slow);
}

static void open_painter(const char *path)
{
    const EGLint attributes[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
    PFNEGLGETPLATFORMDISPLAYEXTPROC get =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)eglGetProcAddress("eglGetPlatformDisplayEXT");

    int fd = open(path, O_RDWR | O_CLOEXEC);

    drmDropMaster(fd); /* who opens a card first is that */
    painter.gbm = gbm_create_device(fd);
    painter.display = get(EGL_PLATFORM_GBM_KHR, painter.gbm, NULL);
    if (!eglInitialize(painter.display, NULL, NULL) || !eglBindAPI(EGL_OPENGL_ES_API))
        die("no EGL on %s", path);
    painter.context =
        eglCreateContext(painter.display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
    eglMakeCurrent(painter.display, EGL_NO_SURFACE, EGL_NO_SURFACE, painter.context);
    printf("painted by %s\n", (const char *)glGetString(GL_RENDERER));
    make_slow_program();
    eglMakeCurrent(painter.display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
}

/* A buffer of one plane, and what is drawn into it. */
static void add_plane(struct painting *painting, int i, uint32_t format, int width, int height)
{
    PFNEGLCREATEIMAGEKHRPROC create =
        (PFNEGLCREATEIMAGEKHRPROC)eglGetProcAddress("eglCreateImageKHR");
    PFNEGLDESTROYIMAGEKHRPROC destroy =
        (PFNEGLDESTROYIMAGEKHRPROC)eglGetProcAddress("eglDestroyImageKHR");
    PFNGLEGLIMAGETARGETTEXTURE2DOESPROC target =
        (PFNGLEGLIMAGETARGETTEXTURE2DOESPROC)eglGetProcAddress("glEGLImageTargetTexture2DOES");
    struct gbm_bo *bo =
        gbm_bo_create(painter.gbm, (uint32_t)width, (uint32_t)height, format,
                      format == DRM_FORMAT_XRGB8888 ? GBM_BO_USE_RENDERING | GBM_BO_USE_SCANOUT
                                                    : GBM_BO_USE_RENDERING);
    int fd = bo ? gbm_bo_get_fd(bo) : -1;
    EGLImageKHR image;

    if (fd < 0)
        die("GBM makes no buffer of %dx%d", width, height);
    const EGLint attributes[] = {EGL_WIDTH,
                                 width,
                                 EGL_HEIGHT,
                                 height,
                                 EGL_LINUX_DRM_FOURCC_EXT,
                                 (EGLint)format,
                                 EGL_DMA_BUF_PLANE0_FD_EXT,
                                 fd,
                                 EGL_DMA_BUF_PLANE0_OFFSET_EXT,
                                 0,
                                 EGL_DMA_BUF_PLANE0_PITCH_EXT,
                                 (EGLint)gbm_bo_get_stride(bo),
                                 EGL_NONE};

    glGenTextures(1, &painting->textures[i]);
    glBindTexture(GL_TEXTURE_2D, painting->textures[i]);
    image = create(painter.display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, attributes);
    target(GL_TEXTURE_2D, image);
    destroy(painter.display, image);
    glGenFramebuffers(1, &painting->framebuffers[i]);
    glBindFramebuffer(GL_FRAMEBUFFER, painting->framebuffers[i]);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D,
                           painting->textures[i], 0);
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
        die("plane %d cannot be drawn into", i);
    painting->bos[i] = bo;
    painting->drm.objects[i] = (AVDRMObjectDescriptor){
        .fd = fd, .size = (size_t)lseek(fd, 0, SEEK_END), .format_modifier = DRM_FORMAT_MOD_LINEAR};
    painting->drm.layers[i] =
        (AVDRMLayerDescriptor){.format = format,
                               .nb_planes = 1,
                               .planes = {{.object_index = i, .pitch = gbm_bo_get_stride(bo)}}};
    painting->drm.nb_objects = painting->drm.nb_layers = i + 1;
}

static void note_release(struct limef_payload *payload)
{
    (void)payload;
}

/* rgb: for a plane of the display; else NV12 in two buffers. */
static void make_buffers(struct painting *painting)
{
    if (painting->rgb) {
        add_plane(painting, 0, DRM_FORMAT_XRGB8888, painting->width, painting->height);
    } else {
        add_plane(painting, 0, DRM_FORMAT_R8, painting->width, painting->height);
        add_plane(painting, 1, DRM_FORMAT_GR88, painting->width / 2, painting->height / 2);
    }
}

static void free_buffers(struct painting *painting)
{
    for (int i = 0; i < 2 && painting->bos[i]; i++) {
        glDeleteFramebuffers(1, &painting->framebuffers[i]);
        glDeleteTextures(1, &painting->textures[i]);
        close(painting->drm.objects[i].fd);
        gbm_bo_destroy(painting->bos[i]);
    }
    av_frame_free(&painting->av);
}

static int luma_at(const struct painting *painting, int x)
{
    return 40 + (x / STRIPE * 23 + painting->step * 11) % 160;
}

/* Takes the GPU some time. */
static void paint(struct painting *painting)
{
    glBindFramebuffer(GL_FRAMEBUFFER, painting->framebuffers[0]);
    glViewport(0, 0, painting->width, painting->height);
    glUseProgram(painter.slow);
    for (int i = 0; i < 3; i++)
        glDrawArrays(GL_TRIANGLES, 0, 3);
    glEnable(GL_SCISSOR_TEST);
    for (int x = 0; x < painting->width; x += STRIPE) {
        float luma = (float)luma_at(painting, x) / 255;

        glScissor(x, 0, STRIPE, painting->height);
        glClearColor(luma, luma, luma, 1);
        glClear(GL_COLOR_BUFFER_BIT);
    }
    glDisable(GL_SCISSOR_TEST);
    if (painting->framebuffers[1]) {
        glBindFramebuffer(GL_FRAMEBUFFER, painting->framebuffers[1]);
        glClearColor(100 / 255.0f, 150 / 255.0f, 0, 1);
        glClear(GL_COLOR_BUFFER_BIT);
    }
    glFlush();
}

struct job {
    void (*run)(struct painting *painting);
    struct painting *painting;
};

static void *run_job(void *context)
{
    const struct job *job = context;

    eglMakeCurrent(painter.display, EGL_NO_SURFACE, EGL_NO_SURFACE, painter.context);
    job->run(job->painting);
    eglMakeCurrent(painter.display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    eglReleaseThread();
    return NULL;
}

/* In a thread of its own: the presenter's context is current in this one, and stays it. */
static void let_painter(void (*run)(struct painting *painting), struct painting *painting)
{
    struct job job = {run, painting};
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_job, &job))
        die("no thread");
    pthread_join(thread, NULL);
}

/* Has the host look at the screen, if it is one that does. */
static void shoot(const char *name)
{
    const char *out = getenv("OUT");
    char path[256];

    printf("SHOT %s\n", name);
    snprintf(path, sizeof(path), "%s/%s.done", out ? out : ".", name);
    for (int i = 0; out && i < 100 && access(path, F_OK) < 0; i++)
        usleep(100000);
}

static void show(struct stage *stage, struct painting *painting)
{
    struct limef_decoded_frame decoded = {.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                                    .media = LIMEF_MEDIA_VIDEO,
                                                    .pts_us = LIMEF_NO_TIME,
                                                    .payload = &painting->payload},
                                          .av = painting->av};

    stage_show_frame(stage, &decoded);
}

/* What is drawn, in the middle of the output. */
static void expect(struct stage *stage, const struct painting *painting)
{
    int width, height, worst = 0, left, top;
    uint8_t *seen = malloc((size_t)STAGE_WIDTH * STAGE_HEIGHT * 4);

    if (limef_presenter_get_size(&stage->presenter, &width, &height) < 0 || width != STAGE_WIDTH ||
        height != STAGE_HEIGHT || limef_presenter_read(&stage->presenter, seen) < 0)
        die("the output cannot be read");
    left = (width - painting->width) / 2;
    top = (height - painting->height) / 2;
    for (int y = 0; y < painting->height; y++)
        for (int x = 0; x < painting->width; x++) {
            const uint8_t *pixel = seen + 4 * ((ptrdiff_t)(y + top) * width + x + left);
            int rgb[3];

            colour_expected(luma_at(painting, x), 100, 150, painting->av, rgb);
            for (int c = 0; c < 3; c++)
                worst = abs(pixel[c] - rgb[c]) > worst ? abs(pixel[c] - rgb[c]) : worst;
        }
    free(seen);
    if (worst > 1)
        die("picture %d is %d off", painting->step, worst);
}

static void tell(const struct stage *stage, const char *what)
{
    const struct limef_presenter *presenter = &stage->presenter;
    const struct limef_tile *tile = &stage->tiles[0];
    const char *why = LIMEF_COUNTED(presenter->planes_why);

    printf(
        "  %s: %d on planes, %d composed (%s), %d imported by %d images; fences: %d for the GPU, "
        "%d for the display, %d for a CPU, %d late\n",
        what, (int)LIMEF_COUNTED(presenter->n_planes), (int)LIMEF_COUNTED(presenter->n_composed),
        why ? why : "", (int)LIMEF_COUNTED(tile->n_imported), (int)LIMEF_COUNTED(tile->n_images),
        (int)LIMEF_COUNTED(presenter->n_fences_gpu),
        (int)LIMEF_COUNTED(presenter->n_fences_display),
        (int)LIMEF_COUNTED(presenter->n_fences_cpu), (int)LIMEF_COUNTED(presenter->n_fences_late));
    if (LIMEF_COUNTED(presenter->n_fences_cpu) || LIMEF_COUNTED(presenter->n_fences_late))
        die("a CPU waited");
    if (LIMEF_COUNTED(tile->uploaded_bytes) + LIMEF_COUNTED(tile->memory_bytes) +
        LIMEF_COUNTED(tile->n_failed))
        die("pictures were moved or not shown");
}

static void open_painting(struct painting *painting, bool rgb, int height)
{
    *painting = (struct painting){.rgb = rgb, .width = STAGE_WIDTH, .height = height};
    let_painter(make_buffers, painting);
    limef_payload_init(&painting->payload, note_release);
    painting->av = av_frame_alloc();
    painting->av->format = AV_PIX_FMT_DRM_PRIME;
    painting->av->width = painting->width;
    painting->av->height = height;
    painting->av->colorspace = AVCOL_SPC_SMPTE170M;
    painting->av->data[0] = (uint8_t *)&painting->drm;
}

/* Each picture in turn is drawn, and shown without waiting for that. */
static void run(struct stage *stage, bool rgb, int height)
{
    struct painting paintings[N_BUFFERS];

    for (int i = 0; i < N_BUFFERS; i++)
        open_painting(&paintings[i], rgb, height);
    for (int i = 0; i < N_PICTURES; i++) {
        struct painting *painting = &paintings[i % N_BUFFERS];

        painting->step = i;
        let_painter(paint, painting);
        show(stage, painting);
        if (!rgb)
            expect(stage, painting);
    }
    if (rgb)
        shoot("painted");
    limef_presenter_close(&stage->presenter);
    for (int i = 0; i < N_BUFFERS; i++) {
        if (paintings[i].payload.n_refs != 1)
            die("a picture is still in use");
        let_painter(free_buffers, &paintings[i]);
    }
}

static void pictures_that_are_being_drawn(bool rgb, int height)
{
    struct stage stage;

    stage_open(&stage, 1);
    run(&stage, rgb, height);
    tell(&stage, rgb ? "RGB" : "NV12");
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        die("usage: %s CARD", argv[0]);
    stage_path = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    limef_log_set_level(LIMEF_LOG_INFO);
    open_painter(stage_path);
    pictures_that_are_being_drawn(false, STAGE_HEIGHT);
    pictures_that_are_being_drawn(true, STAGE_HEIGHT);
    return 0;
}
