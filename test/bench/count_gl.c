/* SPDX-License-Identifier: MIT */
/*
 * Counts what any program hands to OpenGL, preloaded before its libraries: bytes of pixels and of
 * buffers, and pictures that it shows; and of these what OpenGL, drawing by the CPU, hands to an X
 * server.
 *
 *   LIMEF_COUNT_GL=FILE LD_PRELOAD=libcount_gl.so PROGRAM ...
 *
 * At its end the program adds a line to FILE: "textures B buffers B mapped B shown N sent B". Of
 * buffers that are mapped for writing the whole range counts, each time that it is mapped.
 */
#include <EGL/egl.h>
#include <GLES3/gl3.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*function_pointer)(void);

/* Of GLX, whose header wants X's: a display, and a number of its window. */
void glXSwapBuffers(void *display, unsigned long drawable);
function_pointer glXGetProcAddress(const unsigned char *name);
function_pointer glXGetProcAddressARB(const unsigned char *name);

/* Of X's headers: displays, contexts and images are pointers, what is drawn into is a number.
 * Either library sends images, through the connection or through memory that the server sees as
 * well. */
struct sequence {
    unsigned number;
};
int XPutImage(void *display, unsigned long drawable, void *gc, void *image, int from_x, int from_y,
              int x, int y, unsigned width, unsigned height);
int XShmPutImage(void *display, unsigned long drawable, void *gc, void *image, int from_x,
                 int from_y, int x, int y, unsigned width, unsigned height, int send_event);
struct sequence xcb_put_image(void *connection, uint8_t format, uint32_t drawable, uint32_t gc,
                              uint16_t width, uint16_t height, int16_t x, int16_t y,
                              uint8_t left_pad, uint8_t depth, uint32_t n_bytes,
                              const uint8_t *data);
struct sequence xcb_shm_put_image(void *connection, uint32_t drawable, uint32_t gc,
                                  uint16_t total_width, uint16_t total_height, uint16_t from_x,
                                  uint16_t from_y, uint16_t width, uint16_t height, int16_t x,
                                  int16_t y, uint8_t depth, uint8_t format, uint8_t send_event,
                                  uint32_t segment, uint32_t offset);

static atomic_ullong texture_bytes, buffer_bytes, mapped_bytes, n_shown, sent_bytes;

static void *real_dlsym(void *handle, const char *name)
{
    static void *(*_Atomic next)(void *, const char *);

    if (!next) {
        void *found = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");

        if (!found)
            found = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
        next = (void *(*)(void *, const char *))(uintptr_t)found;
    }
    return next(handle, name);
}

/* What is counted, and who finds functions; whose they are. */
enum { N_NAMES = 14 };
static const struct {
    const char *name, *library;
} names[N_NAMES] = {
    {"glTexSubImage2D", "libGL.so.1"},   {"glTexImage2D", "libGL.so.1"},
    {"glBufferData", "libGL.so.1"},      {"glBufferSubData", "libGL.so.1"},
    {"glMapBufferRange", "libGL.so.1"},  {"eglSwapBuffers", "libEGL.so.1"},
    {"glXSwapBuffers", "libGL.so.1"},    {"eglGetProcAddress", "libEGL.so.1"},
    {"glXGetProcAddress", "libGL.so.1"}, {"glXGetProcAddressARB", "libGL.so.1"},
    {"XPutImage", "libX11.so.6"},        {"XShmPutImage", "libXext.so.6"},
    {"xcb_put_image", "libxcb.so.1"},    {"xcb_shm_put_image", "libxcb-shm.so.0"},
};
/* where the real ones are, once somebody has asked */
static void *_Atomic found_as[N_NAMES];

static int number_of(const char *name)
{
    for (int i = 0; i < N_NAMES; i++)
        if (!strcmp(name, names[i].name))
            return i;
    return -1;
}

/* The library may have been loaded for its user alone: then it is where that one found it. */
static void *real(const char *name)
{
    int i = number_of(name);
    void *found = found_as[i], *library;

    if (!found)
        found = real_dlsym(RTLD_NEXT, name);
    if (!found) { /* linked by a plugin */
        library = dlopen(names[i].library, RTLD_NOW);
        found = library ? real_dlsym(library, name) : NULL;
    }
    return found;
}

static size_t pixel_bytes(GLenum format, GLenum type)
{
    size_t n = format == GL_RED || format == GL_LUMINANCE || format == GL_ALPHA ? 1
               : format == GL_RG || format == GL_LUMINANCE_ALPHA                ? 2
               : format == GL_RGB                                               ? 3
                                                                                : 4;

    if (type == GL_UNSIGNED_SHORT || type == GL_HALF_FLOAT)
        return 2 * n;
    if (type == GL_FLOAT)
        return 4 * n;
    return type == GL_UNSIGNED_SHORT_5_6_5 ? 2 : n;
}

void glTexSubImage2D(GLenum target, GLint level, GLint x, GLint y, GLsizei width, GLsizei height,
                     GLenum format, GLenum type, const void *pixels)
{
    static void (*_Atomic next)(GLenum, GLint, GLint, GLint, GLsizei, GLsizei, GLenum, GLenum,
                                const void *);

    if (!next)
        next = real("glTexSubImage2D");
    texture_bytes += (size_t)width * (size_t)height * pixel_bytes(format, type);
    next(target, level, x, y, width, height, format, type, pixels);
}

void glTexImage2D(GLenum target, GLint level, GLint internal, GLsizei width, GLsizei height,
                  GLint border, GLenum format, GLenum type, const void *pixels)
{
    static void (*_Atomic next)(GLenum, GLint, GLint, GLsizei, GLsizei, GLint, GLenum, GLenum,
                                const void *);

    if (!next)
        next = real("glTexImage2D");
    if (pixels)
        texture_bytes += (size_t)width * (size_t)height * pixel_bytes(format, type);
    next(target, level, internal, width, height, border, format, type, pixels);
}

void glBufferData(GLenum target, GLsizeiptr bytes, const void *data, GLenum usage)
{
    static void (*_Atomic next)(GLenum, GLsizeiptr, const void *, GLenum);

    if (!next)
        next = real("glBufferData");
    if (data)
        buffer_bytes += (size_t)bytes;
    next(target, bytes, data, usage);
}

void glBufferSubData(GLenum target, GLintptr at, GLsizeiptr bytes, const void *data)
{
    static void (*_Atomic next)(GLenum, GLintptr, GLsizeiptr, const void *);

    if (!next)
        next = real("glBufferSubData");
    buffer_bytes += (size_t)bytes;
    next(target, at, bytes, data);
}

void *glMapBufferRange(GLenum target, GLintptr at, GLsizeiptr bytes, GLbitfield access)
{
    static void *(*_Atomic next)(GLenum, GLintptr, GLsizeiptr, GLbitfield);

    if (!next)
        next = (void *(*)(GLenum, GLintptr, GLsizeiptr, GLbitfield))real("glMapBufferRange");
    if (access & GL_MAP_WRITE_BIT)
        mapped_bytes += (size_t)bytes;
    return next(target, at, bytes, access);
}

EGLBoolean eglSwapBuffers(EGLDisplay display, EGLSurface surface)
{
    static EGLBoolean (*_Atomic next)(EGLDisplay, EGLSurface);

    if (!next)
        next = (EGLBoolean(*)(EGLDisplay, EGLSurface))real("eglSwapBuffers");
    n_shown++;
    return next(display, surface);
}

void glXSwapBuffers(void *display, unsigned long drawable)
{
    static void (*_Atomic next)(void *, unsigned long);

    if (!next)
        next = real("glXSwapBuffers");
    n_shown++;
    next(display, drawable);
}

/* 4 bytes a pixel, as all of the screens that this is used with. */
int XPutImage(void *display, unsigned long drawable, void *gc, void *image, int from_x, int from_y,
              int x, int y, unsigned width, unsigned height)
{
    static int (*_Atomic next)(void *, unsigned long, void *, void *, int, int, int, int, unsigned,
                               unsigned);

    if (!next)
        next = real("XPutImage");
    sent_bytes += 4 * (size_t)width * height;
    return next(display, drawable, gc, image, from_x, from_y, x, y, width, height);
}

int XShmPutImage(void *display, unsigned long drawable, void *gc, void *image, int from_x,
                 int from_y, int x, int y, unsigned width, unsigned height, int send_event)
{
    static int (*_Atomic next)(void *, unsigned long, void *, void *, int, int, int, int, unsigned,
                               unsigned, int);

    if (!next)
        next = real("XShmPutImage");
    sent_bytes += 4 * (size_t)width * height;
    return next(display, drawable, gc, image, from_x, from_y, x, y, width, height, send_event);
}

struct sequence xcb_put_image(void *connection, uint8_t format, uint32_t drawable, uint32_t gc,
                              uint16_t width, uint16_t height, int16_t x, int16_t y,
                              uint8_t left_pad, uint8_t depth, uint32_t n_bytes,
                              const uint8_t *data)
{
    static struct sequence (*_Atomic next)(void *, uint8_t, uint32_t, uint32_t, uint16_t, uint16_t,
                                           int16_t, int16_t, uint8_t, uint8_t, uint32_t,
                                           const uint8_t *);

    if (!next)
        next = real("xcb_put_image");
    sent_bytes += n_bytes;
    return next(connection, format, drawable, gc, width, height, x, y, left_pad, depth, n_bytes,
                data);
}

struct sequence xcb_shm_put_image(void *connection, uint32_t drawable, uint32_t gc,
                                  uint16_t total_width, uint16_t total_height, uint16_t from_x,
                                  uint16_t from_y, uint16_t width, uint16_t height, int16_t x,
                                  int16_t y, uint8_t depth, uint8_t format, uint8_t send_event,
                                  uint32_t segment, uint32_t offset)
{
    static struct sequence (*_Atomic next)(void *, uint32_t, uint32_t, uint16_t, uint16_t, uint16_t,
                                           uint16_t, uint16_t, uint16_t, int16_t, int16_t, uint8_t,
                                           uint8_t, uint8_t, uint32_t, uint32_t);

    if (!next)
        next = real("xcb_shm_put_image");
    sent_bytes += 4 * (size_t)width * height;
    return next(connection, drawable, gc, total_width, total_height, from_x, from_y, width, height,
                x, y, depth, format, send_event, segment, offset);
}

static void *ours(const char *name, void *found);

static function_pointer get(const char *by, const char *name)
{
    function_pointer (*next)(const char *) = NULL;

    *(void **)&next = real(by);
    return (function_pointer)(uintptr_t)ours(name, (void *)(uintptr_t)next(name));
}

__eglMustCastToProperFunctionPointerType eglGetProcAddress(const char *name)
{
    return get("eglGetProcAddress", name);
}

function_pointer glXGetProcAddress(const unsigned char *name)
{
    return get("glXGetProcAddress", (const char *)name);
}

function_pointer glXGetProcAddressARB(const unsigned char *name)
{
    return get("glXGetProcAddressARB", (const char *)name);
}

/* What a program gets for a name that was found. */
static void *ours(const char *name, void *found)
{
    function_pointer all[N_NAMES] = {
        (function_pointer)glTexSubImage2D,   (function_pointer)glTexImage2D,
        (function_pointer)glBufferData,      (function_pointer)glBufferSubData,
        (function_pointer)glMapBufferRange,  (function_pointer)eglSwapBuffers,
        (function_pointer)glXSwapBuffers,    (function_pointer)eglGetProcAddress,
        (function_pointer)glXGetProcAddress, (function_pointer)glXGetProcAddressARB,
        (function_pointer)XPutImage,         (function_pointer)XShmPutImage,
        (function_pointer)xcb_put_image,     (function_pointer)xcb_shm_put_image,
    };
    int i = found ? number_of(name) : -1;

    if (i < 0 || found == (void *)(uintptr_t)all[i])
        return found;
    found_as[i] = found;
    return (void *)(uintptr_t)all[i];
}

void *dlsym(void *handle, const char *name)
{
    return ours(name, real_dlsym(handle, name));
}

__attribute__((destructor)) static void say(void)
{
    const char *path = getenv("LIMEF_COUNT_GL");
    FILE *file = path && (texture_bytes || n_shown) ? fopen(path, "a") : NULL;

    if (!file)
        return;
    fprintf(file, "textures %llu buffers %llu mapped %llu shown %llu sent %llu\n", texture_bytes,
            buffer_bytes, mapped_bytes, n_shown, sent_bytes);
    fclose(file);
}
