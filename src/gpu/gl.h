/* SPDX-License-Identifier: MIT */
/*
 * The EGL and OpenGL ES functions that are used here, loaded when an output is
 * opened: a process that shows nothing does not even map the libraries.
 */
#ifndef LIMEF_SRC_GPU_GL_H
#define LIMEF_SRC_GPU_GL_H

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES2/gl2.h>
#include <GLES2/gl2ext.h>
#include <GLES3/gl3.h>

#include <stdbool.h>
#include <string.h>

#define GL_EGL_FUNCTIONS(X)                                                                        \
    X(EGLDisplay, GetDisplay, (EGLNativeDisplayType))                                              \
    X(EGLBoolean, Initialize, (EGLDisplay, EGLint *, EGLint *))                                    \
    X(EGLBoolean, Terminate, (EGLDisplay))                                                         \
    X(EGLBoolean, BindAPI, (EGLenum))                                                              \
    X(EGLBoolean, ChooseConfig, (EGLDisplay, const EGLint *, EGLConfig *, EGLint, EGLint *))       \
    X(EGLBoolean, GetConfigAttrib, (EGLDisplay, EGLConfig, EGLint, EGLint *))                      \
    X(EGLContext, CreateContext, (EGLDisplay, EGLConfig, EGLContext, const EGLint *))              \
    X(EGLSurface, CreateWindowSurface,                                                             \
      (EGLDisplay, EGLConfig, EGLNativeWindowType, const EGLint *))                                \
    X(EGLBoolean, DestroySurface, (EGLDisplay, EGLSurface))                                        \
    X(EGLBoolean, SwapBuffers, (EGLDisplay, EGLSurface))                                           \
    X(EGLBoolean, SwapInterval, (EGLDisplay, EGLint))                                              \
    X(EGLBoolean, DestroyContext, (EGLDisplay, EGLContext))                                        \
    X(EGLBoolean, MakeCurrent, (EGLDisplay, EGLSurface, EGLSurface, EGLContext))                   \
    X(const char *, QueryString, (EGLDisplay, EGLint))                                             \
    X(EGLint, GetError, (void))                                                                    \
    X(EGLDisplay, GetCurrentDisplay, (void))                                                       \
    X(EGLBoolean, ReleaseThread, (void))                                                           \
    X(__eglMustCastToProperFunctionPointerType, GetProcAddress, (const char *))

#define GL_FUNCTIONS(X)                                                                            \
    X(void, ActiveTexture, (GLenum))                                                               \
    X(void, AttachShader, (GLuint, GLuint))                                                        \
    X(void, BindAttribLocation, (GLuint, GLuint, const GLchar *))                                  \
    X(void, BindBuffer, (GLenum, GLuint))                                                          \
    X(void, BindFramebuffer, (GLenum, GLuint))                                                     \
    X(void, BindRenderbuffer, (GLenum, GLuint))                                                    \
    X(void, BindTexture, (GLenum, GLuint))                                                         \
    X(void, BlendFunc, (GLenum, GLenum))                                                           \
    X(void, BufferData, (GLenum, GLsizeiptr, const void *, GLenum))                                \
    X(GLenum, CheckFramebufferStatus, (GLenum))                                                    \
    X(void, Clear, (GLbitfield))                                                                   \
    X(void, ClearColor, (GLfloat, GLfloat, GLfloat, GLfloat))                                      \
    X(void, CompileShader, (GLuint))                                                               \
    X(GLuint, CreateProgram, (void))                                                               \
    X(GLuint, CreateShader, (GLenum))                                                              \
    X(void, DeleteBuffers, (GLsizei, const GLuint *))                                              \
    X(void, DeleteFramebuffers, (GLsizei, const GLuint *))                                         \
    X(void, DeleteProgram, (GLuint))                                                               \
    X(void, DeleteRenderbuffers, (GLsizei, const GLuint *))                                        \
    X(void, DeleteShader, (GLuint))                                                                \
    X(void, DeleteTextures, (GLsizei, const GLuint *))                                             \
    X(void, Disable, (GLenum))                                                                     \
    X(void, DrawArrays, (GLenum, GLint, GLsizei))                                                  \
    X(void, Enable, (GLenum))                                                                      \
    X(void, EnableVertexAttribArray, (GLuint))                                                     \
    X(void, Finish, (void))                                                                        \
    X(void, FramebufferRenderbuffer, (GLenum, GLenum, GLenum, GLuint))                             \
    X(void, FramebufferTexture2D, (GLenum, GLenum, GLenum, GLuint, GLint))                         \
    X(void, GenBuffers, (GLsizei, GLuint *))                                                       \
    X(void, GenFramebuffers, (GLsizei, GLuint *))                                                  \
    X(void, GenRenderbuffers, (GLsizei, GLuint *))                                                 \
    X(void, GenTextures, (GLsizei, GLuint *))                                                      \
    X(GLenum, GetError, (void))                                                                    \
    X(void, GetIntegerv, (GLenum, GLint *))                                                        \
    X(void, GetProgramInfoLog, (GLuint, GLsizei, GLsizei *, GLchar *))                             \
    X(void, GetProgramiv, (GLuint, GLenum, GLint *))                                               \
    X(void, GetShaderInfoLog, (GLuint, GLsizei, GLsizei *, GLchar *))                              \
    X(void, GetShaderiv, (GLuint, GLenum, GLint *))                                                \
    X(const GLubyte *, GetString, (GLenum))                                                        \
    X(GLint, GetUniformLocation, (GLuint, const GLchar *))                                         \
    X(void, LinkProgram, (GLuint))                                                                 \
    X(void, PixelStorei, (GLenum, GLint))                                                          \
    X(void, ReadPixels, (GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, void *))                  \
    X(void, RenderbufferStorage, (GLenum, GLenum, GLsizei, GLsizei))                               \
    X(void, Scissor, (GLint, GLint, GLsizei, GLsizei))                                             \
    X(void, ShaderSource, (GLuint, GLsizei, const GLchar *const *, const GLint *))                 \
    X(void, TexImage2D,                                                                            \
      (GLenum, GLint, GLint, GLsizei, GLsizei, GLint, GLenum, GLenum, const void *))               \
    X(void, TexParameteri, (GLenum, GLenum, GLint))                                                \
    X(void, TexSubImage2D,                                                                         \
      (GLenum, GLint, GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, const void *))               \
    X(void, Uniform1i, (GLint, GLint))                                                             \
    X(void, Uniform2f, (GLint, GLfloat, GLfloat))                                                  \
    X(void, Uniform3fv, (GLint, GLsizei, const GLfloat *))                                         \
    X(void, Uniform4f, (GLint, GLfloat, GLfloat, GLfloat, GLfloat))                                \
    X(void, Uniform4fv, (GLint, GLsizei, const GLfloat *))                                         \
    X(void, UniformMatrix2fv, (GLint, GLsizei, GLboolean, const GLfloat *))                        \
    X(void, UseProgram, (GLuint))                                                                  \
    X(void, VertexAttribPointer, (GLuint, GLint, GLenum, GLboolean, GLsizei, const void *))        \
    X(void, Viewport, (GLint, GLint, GLsizei, GLsizei))

/* Loaded by gl_look() where the driver names their extensions, NULL elsewhere. */
#define GL_EGL_EXTENSIONS(X)                                                                       \
    X(EGLImageKHR, CreateImageKHR,                                                                 \
      (EGLDisplay, EGLContext, EGLenum, EGLClientBuffer, const EGLint *))                          \
    X(EGLBoolean, DestroyImageKHR, (EGLDisplay, EGLImageKHR))                                      \
    X(EGLBoolean, QueryDmaBufFormatsEXT, (EGLDisplay, EGLint, EGLint *, EGLint *))                 \
    X(EGLBoolean, QueryDmaBufModifiersEXT,                                                         \
      (EGLDisplay, EGLint, EGLint, EGLuint64KHR *, EGLBoolean *, EGLint *))

/* The same, of EGL_ANDROID_native_fence_sync. */
#define GL_EGL_FENCES(X)                                                                           \
    X(EGLSyncKHR, CreateSyncKHR, (EGLDisplay, EGLenum, const EGLint *))                            \
    X(EGLBoolean, DestroySyncKHR, (EGLDisplay, EGLSyncKHR))                                        \
    X(EGLint, WaitSyncKHR, (EGLDisplay, EGLSyncKHR, EGLint))                                       \
    X(EGLint, DupNativeFenceFDANDROID, (EGLDisplay, EGLSyncKHR))

/* The same, of OpenGL ES 3. */
#define GL_FENCE_FUNCTIONS(X)                                                                      \
    X(GLsync, FenceSync, (GLenum, GLbitfield))                                                     \
    X(GLenum, ClientWaitSync, (GLsync, GLbitfield, GLuint64))                                      \
    X(void, DeleteSync, (GLsync))

struct gl {
#define GL_MEMBER(result, name, arguments) result(*name) arguments;
    GL_FUNCTIONS(GL_MEMBER)
    struct {
        GL_EGL_FUNCTIONS(GL_MEMBER)
        GL_EGL_EXTENSIONS(GL_MEMBER)
        GL_EGL_FENCES(GL_MEMBER)
    } egl;
    GL_FENCE_FUNCTIONS(GL_MEMBER)
    void (*EGLImageTargetTexture2DOES)(GLenum, GLeglImageOES);
    /* of OpenGL ES 3.2; NULL: it is not there, or a GPU draws as quickly as it copies */
    void (*CopyImageSubData)(GLuint, GLenum, GLint, GLint, GLint, GLint, GLuint, GLenum, GLint,
                             GLint, GLint, GLint, GLsizei, GLsizei, GLsizei);
#undef GL_MEMBER
    /* filled by gl_look() */
    EGLDisplay display;        /* of the current context; EGL_NO_DISPLAY: it is not EGL's */
    const char *cannot_import; /* why no dma-buf becomes a texture; NULL: it does */
    bool import_modifiers;     /* the driver says which modifiers it takes */
    bool external_images;      /* samplerExternalOES */
    bool native_fences;        /* the GPU waits for sync_files, and makes them */
    int major;                 /* 2 or 3; OpenGL counts as 3 */
    bool desktop;              /* OpenGL, not OpenGL ES */
    bool core_shaders;         /* of OpenGL: 3.3 or later */
    bool software;             /* the CPU renders */
    bool row_length;           /* GL_UNPACK_ROW_LENGTH works */
    bool red_green;            /* one- and two-channel textures are RED and RG, not LUMINANCE */
    bool storage16;            /* 16-bit normalised textures */
    int max_texture;           /* pixels a side */
};

/*
 * Loads the libraries and their functions.
 * 0; AVERROR(ENODEV): not installed, or too old. Logged.
 */
int gl_load(struct gl *gl, const char *name);

/*
 * The same for the context that somebody else made current: functions come from get. EGL's are
 * loaded if the context is EGL's, and NULL if it is not.
 */
int gl_load_from(struct gl *gl, void *(*get)(void *context, const char *name), void *context,
                 const char *name);

/* Finds out what the current context can do. strict_2: nothing beyond plain ES 2. */
void gl_look(struct gl *gl, bool strict_2);

/* Whether the CPU renders, by the name of the current context's renderer. Inline: the windows'
 * modules link against nothing of the library. */
static inline bool gl_is_software(const struct gl *gl)
{
    const char *renderer = (const char *)gl->GetString(GL_RENDERER);

    /* Mesa's: llvmpipe (LLVM 15.0.6, 256 bits), softpipe, SWR (...); Google's, of Chromium */
    return renderer && (strstr(renderer, "llvmpipe") || strstr(renderer, "softpipe") ||
                        strncmp(renderer, "SWR", 3) == 0 || strstr(renderer, "SwiftShader"));
}

/* What went wrong before is somebody else's. */
static inline void gl_forget_errors(const struct gl *gl)
{
    for (int i = 0; i < 16 && gl->GetError() != GL_NO_ERROR; i++)
        ;
}

/* Whether a space-separated list has this word. */
bool gl_has_word(const char *list, const char *word);

#endif
