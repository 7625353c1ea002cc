/* SPDX-License-Identifier: MIT */
/*
 * embed_sdl [--es] [--shot=FILE.ppm] URL: a film in the middle of a window that is somebody else's.
 * SDL has the window and the GL context, OpenGL 3.3 core or, with --es, OpenGL ES 3; what is around
 * the film and over its corner is drawn by this program.
 */
#include <limef/limef.h>

#include <SDL.h>
#include <SDL_opengl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 640
#define HEIGHT 360
#define BORDER 32

static _Alignas(64) char memory[LIMEF_GRAPH_BYTES(3)];
static struct limef_graph graph;
static struct limef_reports reports;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_presenter screen;
static struct limef_presenter_host host;
static struct limef_tile tile;

static SDL_Window *window;
static SDL_GLContext context;
static Uint32 redraw; /* number of an event of our own */

/* The host's own GL. */
static struct {
    void(APIENTRY *Clear)(GLbitfield);
    void(APIENTRY *ClearColor)(GLfloat, GLfloat, GLfloat, GLfloat);
    void(APIENTRY *Enable)(GLenum);
    void(APIENTRY *Disable)(GLenum);
    void(APIENTRY *Scissor)(GLint, GLint, GLsizei, GLsizei);
    void(APIENTRY *ReadPixels)(GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, void *);
} gl;

static void *get(void *unused, const char *name)
{
    (void)unused;
    return SDL_GL_GetProcAddress(name);
}

/* Called on a thread of limef: the window's thread is told, and draws. */
static void wake(void *unused)
{
    SDL_Event event = {.type = redraw};

    (void)unused;
    SDL_PushEvent(&event);
}

static bool open_window(bool es)
{
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        return false;
    redraw = SDL_RegisterEvents(1);
    SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK,
                        es ? SDL_GL_CONTEXT_PROFILE_ES : SDL_GL_CONTEXT_PROFILE_CORE);
    SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, 3);
    SDL_GL_SetAttribute(SDL_GL_CONTEXT_MINOR_VERSION, es ? 0 : 3);
    window = SDL_CreateWindow("limef in SDL", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                              WIDTH, HEIGHT, SDL_WINDOW_OPENGL | SDL_WINDOW_RESIZABLE);
    context = window ? SDL_GL_CreateContext(window) : NULL;
    *(void **)&gl.Clear = get(NULL, "glClear");
    *(void **)&gl.ClearColor = get(NULL, "glClearColor");
    *(void **)&gl.Enable = get(NULL, "glEnable");
    *(void **)&gl.Disable = get(NULL, "glDisable");
    *(void **)&gl.Scissor = get(NULL, "glScissor");
    *(void **)&gl.ReadPixels = get(NULL, "glReadPixels");
    return context != NULL;
}

static int init(const char *url)
{
    struct limef_file_source_settings what = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_HOST, .ends_silently = true};
    struct limef_presenter_host_settings lent = {.get = get, .wake = wake};
    struct limef_decode_settings into = {.media = LIMEF_MEDIA_VIDEO};
    struct limef_graph_settings how = {.reports = &reports};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_presenter_init(&screen, "screen", &tile, 1, &settings);
    if (ret >= 0)
        ret = limef_presenter_host_init(&host, &screen, &lent);
    into.buffers = ret >= 0 ? limef_presenter_get_buffers(&screen, false) : NULL;
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", &into);
    if (ret >= 0)
        ret = limef_graph_init(&graph, memory, sizeof(memory), &how);
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &screen.filter);
    if (ret >= 0)
        ret = limef_graph_add(&graph, &file.source);
    return ret < 0 ? ret : limef_graph_start(&graph);
}

static void fill(int x, int y, int width, int height, float gray)
{
    gl.Enable(GL_SCISSOR_TEST);
    gl.Scissor(x, y, width, height);
    gl.ClearColor(gray, gray, gray, 1);
    gl.Clear(GL_COLOR_BUFFER_BIT);
    gl.Disable(GL_SCISSOR_TEST);
}

/* Around the film, the film, and over it. */
static int draw(void)
{
    struct limef_presenter_host_target target = {.x = BORDER, .y = BORDER};
    int ret;

    SDL_GL_GetDrawableSize(window, &target.width, &target.height);
    fill(0, 0, target.width, target.height, 0.25f);
    target.width -= 2 * BORDER;
    target.height -= 2 * BORDER;
    ret = limef_presenter_host_draw(&host, &target);
    fill(BORDER / 2, BORDER / 2, BORDER, BORDER, 1);
    return ret;
}

/* The window as a portable pixmap. */
static int write_shot(const char *path)
{
    FILE *to = fopen(path, "wb");
    unsigned char *rgba;
    int width, height;

    SDL_GL_GetDrawableSize(window, &width, &height);
    rgba = malloc(4 * (size_t)width * (size_t)height);
    if (!to || !rgba)
        return -1;
    gl.ReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    fprintf(to, "P6\n%d %d\n255\n", width, height);
    for (int y = height - 1; y >= 0; y--)
        for (int x = 0; x < width; x++)
            fwrite(rgba + 4 * ((size_t)y * (size_t)width + (size_t)x), 1, 3, to);
    free(rgba);
    return fclose(to);
}

/* Whether a key or the mouse ends it. */
static bool is_quit(const SDL_Event *event)
{
    return event->type == SDL_QUIT ||
           (event->type == SDL_KEYDOWN && event->key.keysym.sym == SDLK_q);
}

static void pause_or_play(void)
{
    static bool paused;
    struct limef_signal_frame signal_frame;

    paused = !paused;
    limef_signal_frame_set(&signal_frame, paused ? LIMEF_SIGNAL_PAUSE : LIMEF_SIGNAL_PLAY, 0, NULL);
    limef_graph_send(&graph, &screen.filter, &signal_frame);
}

/* Until the film ends or somebody has had enough. */
static int run(const char *shot)
{
    struct limef_signal_frame report;
    SDL_Event event;
    int ret = 0;

    while (ret >= 0) {
        if (SDL_WaitEventTimeout(&event, 20)) {
            if (is_quit(&event))
                return 0;
            if (event.type == SDL_KEYDOWN && event.key.keysym.sym == SDLK_SPACE)
                pause_or_play();
            if (event.type == redraw || event.type == SDL_WINDOWEVENT) {
                ret = draw();
                SDL_GL_SwapWindow(window);
            }
        }
        if (limef_reports_read(&reports, &report, 0) < 0 ||
            (report.signal != LIMEF_SIGNAL_END && report.signal != LIMEF_SIGNAL_ERROR))
            continue;
        if (report.code < 0)
            return report.code;
        ret = draw();
        return ret == 0 && shot ? write_shot(shot) : ret;
    }
    return ret;
}

static void close_all(void)
{
    limef_graph_stop(&graph, 2000000);
    limef_graph_clear(&graph);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_presenter_host_close(&host); /* while the context is current */
    limef_filter_clear(&screen.filter);
    limef_presenter_host_clear(&host);
    limef_reports_clear(&reports);
    if (context)
        SDL_GL_DeleteContext(context);
    if (window)
        SDL_DestroyWindow(window);
    SDL_Quit();
}

int main(int argc, char **argv)
{
    const char *url = argv[argc - 1], *shot = NULL;
    bool es = false;
    int ret = -1;

    for (int i = 1; i < argc - 1; i++) {
        if (strcmp(argv[i], "--es") == 0)
            es = true;
        else if (strncmp(argv[i], "--shot=", 7) == 0)
            shot = argv[i] + 7;
        else
            argc = 1;
    }
    if (argc < 2)
        return fprintf(stderr, "usage: embed_sdl [--es] [--shot=FILE.ppm] URL\n"), 1;
    if (!open_window(es))
        fprintf(stderr, "embed_sdl: %s\n", SDL_GetError());
    else
        ret = init(url);
    if (ret >= 0)
        ret = run(shot);
    close_all();
    return ret < 0 ? 2 : 0;
}
