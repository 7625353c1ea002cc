/* SPDX-License-Identifier: MIT */
/*
 * The floor of showing a file through GL: each decoded 4:2:0 picture uploaded
 * plane by plane, drawn once by one shader into an EGL surface without a
 * display, and waited for; or into a window of SDL's, and swapped.
 *
 *   bare_gl FILE THREADS WIDTH HEIGHT linear|luma|nearest [window]
 *
 * luma samples the luma without interpolation, which is right where the picture
 * is shown pixel for pixel; nearest the chroma as well, which is a little off.
 */
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
#include <SDL.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char vertex_text[] = "#version 300 es\n"
                                  "out vec2 at;\n"
                                  "void main() {\n"
                                  "  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);\n"
                                  "  at = vec2(corner.x, 1.0 - corner.y);\n"
                                  "  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);\n"
                                  "}\n";

/* BT.709, limited range: the matrix of ITU-R BT.709-6, 3.2, scaled by 255/219 and 255/224 */
static const char fragment_text[] =
    "#version 300 es\n"
    "precision mediump float;\n"
    "in vec2 at;\n"
    "out vec4 colour;\n"
    "uniform sampler2D planes[3];\n"
    "void main() {\n"
    "  vec3 yuv = vec3(texture(planes[0], at).r - 0.0627, texture(planes[1], at).r - 0.502,\n"
    "                  texture(planes[2], at).r - 0.502);\n"
    "  colour = vec4(mat3(1.1644, 1.1644, 1.1644, 0.0, -0.2132, 2.1124, 1.7927, -0.5329, 0.0)\n"
    "                * yuv, 1.0);\n"
    "}\n";

static void give_up(const char *what)
{
    fprintf(stderr, "bare_gl: %s\n", what);
    exit(1);
}

static void open_egl(int width, int height)
{
    const EGLint wanted[] = {EGL_SURFACE_TYPE,
                             EGL_PBUFFER_BIT,
                             EGL_RENDERABLE_TYPE,
                             EGL_OPENGL_ES3_BIT,
                             EGL_RED_SIZE,
                             8,
                             EGL_GREEN_SIZE,
                             8,
                             EGL_BLUE_SIZE,
                             8,
                             EGL_NONE};
    const EGLint size[] = {EGL_WIDTH, width, EGL_HEIGHT, height, EGL_NONE};
    const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
    EGLDisplay display =
        eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    EGLSurface surface;
    EGLContext context;
    EGLConfig config = NULL;
    EGLint n_configs = 0;

    if (!eglInitialize(display, NULL, NULL) || !eglBindAPI(EGL_OPENGL_ES_API) ||
        !eglChooseConfig(display, wanted, &config, 1, &n_configs) || !n_configs)
        give_up("no EGL without a display here");
    surface = eglCreatePbufferSurface(display, config, size);
    context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
    if (!eglMakeCurrent(display, surface, surface, context))
        give_up("no GLES 3 context");
}

/* Through GLX: Mesa 22 sends what llvmpipe has drawn for EGL through the connection, and shares the
 * memory of what it has drawn for GLX. */
static SDL_Window *open_window(int width, int height)
{
    SDL_Window *window;

    SDL_SetHint(SDL_HINT_VIDEO_X11_FORCE_EGL, "0");
    SDL_SetHint(SDL_HINT_OPENGL_ES_DRIVER, "0");
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        give_up("no display");
    SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK, SDL_GL_CONTEXT_PROFILE_ES);
    SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, 3);
    SDL_GL_SetAttribute(SDL_GL_DEPTH_SIZE, 0);
    window = SDL_CreateWindow("bare GL", 0, 0, width, height, SDL_WINDOW_OPENGL);
    if (!window || !SDL_GL_CreateContext(window))
        give_up("no window with GLES 3");
    SDL_GL_SetSwapInterval(0);
    return window;
}

static void attach_shader(GLuint program, GLenum type, const char *text)
{
    GLuint shader = glCreateShader(type);
    GLint ok;

    glShaderSource(shader, 1, &text, NULL);
    glCompileShader(shader);
    glGetShaderiv(shader, GL_COMPILE_STATUS, &ok);
    if (!ok)
        give_up("the shader does not compile");
    glAttachShader(program, shader);
}

static void open_program(void)
{
    const GLint units[3] = {0, 1, 2};
    GLuint program = glCreateProgram(), vertices;

    attach_shader(program, GL_VERTEX_SHADER, vertex_text);
    attach_shader(program, GL_FRAGMENT_SHADER, fragment_text);
    glLinkProgram(program);
    glUseProgram(program);
    glUniform1iv(glGetUniformLocation(program, "planes"), 3, units);
    glGenVertexArrays(1, &vertices);
    glBindVertexArray(vertices);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
}

static void open_textures(int width, int height, const GLint sampling[3])
{
    GLuint textures[3];

    glGenTextures(3, textures);
    for (int i = 0; i < 3; i++) {
        glActiveTexture(GL_TEXTURE0 + (GLenum)i);
        glBindTexture(GL_TEXTURE_2D, textures[i]);
        glTexStorage2D(GL_TEXTURE_2D, 1, GL_R8, i ? width / 2 : width, i ? height / 2 : height);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, sampling[i]);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, sampling[i]);
    }
}

/* window: NULL: without one. */
static void show(const AVFrame *picture, SDL_Window *window)
{
    for (int i = 0; i < 3; i++) {
        glActiveTexture(GL_TEXTURE0 + (GLenum)i);
        glPixelStorei(GL_UNPACK_ROW_LENGTH, picture->linesize[i]);
        glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, i ? picture->width / 2 : picture->width,
                        i ? picture->height / 2 : picture->height, GL_RED, GL_UNSIGNED_BYTE,
                        picture->data[i]);
    }
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
    if (!window) {
        glFinish();
        return;
    }
    SDL_GL_SwapWindow(window);
    SDL_PumpEvents();
}

static AVCodecContext *open_decoder(AVFormatContext *format, int *stream, int n_threads)
{
    const AVCodec *decoder;
    AVCodecContext *codec;

    *stream = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (*stream < 0)
        give_up("no video in the file");
    codec = avcodec_alloc_context3(decoder);
    if (!codec || avcodec_parameters_to_context(codec, format->streams[*stream]->codecpar) < 0)
        give_up("no decoder");
    codec->thread_count = n_threads;
    if (avcodec_open2(codec, decoder, NULL) < 0 || codec->pix_fmt != AV_PIX_FMT_YUV420P)
        give_up("the file is not 8 bit 4:2:0");
    return codec;
}

static long play(AVFormatContext *format, AVCodecContext *codec, int stream, SDL_Window *window)
{
    AVPacket *packet = av_packet_alloc();
    AVFrame *picture = av_frame_alloc();
    bool more = true;
    long n = 0;

    while (more) {
        more = av_read_frame(format, packet) >= 0;
        if (!more || packet->stream_index == stream)
            avcodec_send_packet(codec, more ? packet : NULL);
        av_packet_unref(packet);
        for (; avcodec_receive_frame(codec, picture) >= 0; n++)
            show(picture, window);
    }
    av_packet_free(&packet);
    av_frame_free(&picture);
    return n;
}

int main(int n_arguments, char **arguments)
{
    AVFormatContext *format = NULL;
    AVCodecContext *codec;
    GLint sampling[3] = {GL_LINEAR, GL_LINEAR, GL_LINEAR};
    SDL_Window *window = NULL;
    int stream, n_nearest, width, height;

    if (n_arguments < 6)
        give_up("bare_gl FILE THREADS WIDTH HEIGHT linear|luma|nearest [window]");
    width = atoi(arguments[3]);
    height = atoi(arguments[4]);
    n_nearest = !strcmp(arguments[5], "nearest") ? 3 : !strcmp(arguments[5], "luma");
    for (int i = 0; i < n_nearest; i++)
        sampling[i] = GL_NEAREST;
    if (n_arguments > 6)
        window = open_window(width, height);
    else
        open_egl(width, height);
    glViewport(0, 0, width, height);
    open_program();
    if (avformat_open_input(&format, arguments[1], NULL, NULL) < 0 ||
        avformat_find_stream_info(format, NULL) < 0)
        give_up("cannot open the file");
    codec = open_decoder(format, &stream, atoi(arguments[2]));
    open_textures(codec->width, codec->height, sampling);
    printf("{\"frames\": %ld, \"renderer\": \"%s\"}\n", play(format, codec, stream, window),
           (const char *)glGetString(GL_RENDERER));
    avcodec_free_context(&codec);
    avformat_close_input(&format);
    return 0;
}
