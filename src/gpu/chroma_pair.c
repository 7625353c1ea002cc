/* SPDX-License-Identifier: MIT */
#include "gpu/chroma_pair.h"

void chroma_pair_clear(struct chroma_pair *pair, const struct gl *gl)
{
    if (pair->texture) {
        gl->DeleteTextures(1, &pair->texture);
        gl->DeleteFramebuffers(1, &pair->framebuffer);
    }
    *pair = (struct chroma_pair){0};
}

/* Makes what is drawn into, and leaves it bound. */
static void make(struct chroma_pair *pair, const struct gl *gl, int width, int height)
{
    chroma_pair_clear(pair, gl);
    pair->width = width;
    pair->height = height;
    gl_forget_errors(gl);
    gl->GenTextures(1, &pair->texture);
    gl->GenFramebuffers(1, &pair->framebuffer);
    gl->BindTexture(GL_TEXTURE_2D, pair->texture);
    gl->TexImage2D(GL_TEXTURE_2D, 0, GL_RG8, width, height, 0, GL_RG, GL_UNSIGNED_BYTE, NULL);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    gl->BindFramebuffer(GL_FRAMEBUFFER, pair->framebuffer);
    gl->FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, pair->texture, 0);
    pair->refused = gl->CheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE ||
                    gl->GetError() != GL_NO_ERROR;
}

bool chroma_pair_fill(struct textures *textures, const struct gl *gl, const struct program *program)
{
    static const GLfloat straight[4] = {1, 0, 0, 1};
    struct chroma_pair *pair = &textures->pair;
    GLint framebuffer = 0;
    int width, height;

    picture_plane_size(&textures->format, 1, textures->width, textures->height, &width, &height);
    if (pair->width == width && pair->height == height && (pair->refused || pair->filled))
        return pair->filled;
    gl->GetIntegerv(GL_FRAMEBUFFER_BINDING, &framebuffer);
    if (pair->width == width && pair->height == height)
        gl->BindFramebuffer(GL_FRAMEBUFFER, pair->framebuffer);
    else
        make(pair, gl, width, height);
    if (!pair->refused) {
        textures_bind(textures, gl, true, true);
        gl->UseProgram(program->id);
        gl->Uniform4f(program->place, -1, -1, 2, 2);
        gl->UniformMatrix2fv(program->turn, 1, GL_FALSE, straight);
        gl->Uniform2f(program->turn_at, 0, 0);
        gl->Viewport(0, 0, width, height);
        gl->Scissor(0, 0, width, height);
        gl->DrawArrays(GL_TRIANGLE_STRIP, 0, 4);
        pair->filled = true;
    }
    gl->BindFramebuffer(GL_FRAMEBUFFER, (GLuint)framebuffer);
    return pair->filled;
}
