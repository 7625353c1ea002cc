/* SPDX-License-Identifier: MIT */
#include "rtsp/auth.h"

#include "base/memory_private.h"

#include <inttypes.h>
#include <libavutil/base64.h>
#include <libavutil/error.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <libavutil/sha.h>
#include <libavutil/sha512.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEX_BYTES (2 * 32 + 1)

static bool copy_parameter(const char *challenge, const char *name, char *to, size_t to_bytes)
{
    size_t bytes;
    const char *value = rtsp_parameter(challenge, ',', name, &bytes);

    *to = '\0';
    if (!value)
        return true;
    if (bytes >= to_bytes)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        i += i + 1 < bytes && rtsp_is_escape(value + i);
        *to++ = value[i];
    }
    *to = '\0';
    return true;
}

static bool has_word(const char *challenge, const char *name, const char *word)
{
    size_t bytes;
    const char *value = rtsp_parameter(challenge, ',', name, &bytes);
    char words[64];

    if (!value || bytes >= sizeof(words))
        return false;
    memcpy(words, value, bytes);
    words[bytes] = '\0';
    value = rtsp_parameter(words, ',', word, &bytes);
    return value && bytes == 0;
}

static enum rtsp_auth_scheme digest_of(const char *algorithm, bool *is_session)
{
    static const struct {
        const char *name;
        enum rtsp_auth_scheme scheme;
        bool is_session;
    } known[] = {
        {"", RTSP_AUTH_DIGEST_MD5, false},
        {"MD5", RTSP_AUTH_DIGEST_MD5, false},
        {"MD5-sess", RTSP_AUTH_DIGEST_MD5, true},
        {"SHA-256", RTSP_AUTH_DIGEST_SHA256, false},
        {"SHA-256-sess", RTSP_AUTH_DIGEST_SHA256, true},
        {"SHA-512-256", RTSP_AUTH_DIGEST_SHA512_256, false},
        {"SHA-512-256-sess", RTSP_AUTH_DIGEST_SHA512_256, true},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcasecmp(known[i].name, algorithm)) {
            *is_session = known[i].is_session;
            return known[i].scheme;
        }
    return RTSP_AUTH_NONE;
}

/* One challenge; scheme NONE if it is not understood. */
static struct rtsp_auth read_challenge(const char *challenge)
{
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    size_t bytes;

    if (!strncasecmp(challenge, "Basic", 5)) {
        auth.scheme = RTSP_AUTH_BASIC;
        return auth;
    }
    if (strncasecmp(challenge, "Digest ", 7) != 0)
        return auth;
    challenge += 7;
    if (!copy_parameter(challenge, "algorithm", auth.algorithm, sizeof(auth.algorithm)) ||
        !copy_parameter(challenge, "realm", auth.realm, sizeof(auth.realm)) ||
        !copy_parameter(challenge, "nonce", auth.nonce, sizeof(auth.nonce)) ||
        !copy_parameter(challenge, "opaque", auth.opaque, sizeof(auth.opaque)) || !auth.nonce[0])
        return auth;
    auth.has_qop = rtsp_parameter(challenge, ',', "qop", &bytes) != NULL;
    if (auth.has_qop && !has_word(challenge, "qop", "auth"))
        return auth; /* auth-int alone: of no use without a body */
    auth.is_stale = has_word(challenge, "stale", "true");
    auth.scheme = digest_of(auth.algorithm, &auth.is_session);
    return auth;
}

static bool begins_challenge(const char *text)
{
    static const char *const schemes[] = {"Basic", "Digest"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i]);

        if (!strncasecmp(text, schemes[i], length) && strchr(" \t,", text[length]))
            return true;
    }
    return false;
}

/* Bytes of the first of a list of challenges (RFC 7235 section 4.1). What follows a comma is mostly
 * another parameter of it, or a word of a list that lacks its quotes. */
static size_t challenge_bytes(const char *list)
{
    bool is_quoted = false;
    size_t n = 0;

    for (; list[n]; n++) {
        if (is_quoted && rtsp_is_escape(list + n)) {
            n++;
            continue;
        }
        is_quoted ^= list[n] == '"';
        if (list[n] == ',' && !is_quoted &&
            begins_challenge(list + n + 1 + strspn(list + n + 1, " \t,")))
            return n + 1;
    }
    return n;
}

/* The strongest of a list. */
static struct rtsp_auth read_challenges(const char *list)
{
    struct rtsp_auth best = {.scheme = RTSP_AUTH_NONE}, auth;
    char challenge[RTSP_AUTH_HEADER_BYTES];

    for (size_t bytes; *list; list += bytes) {
        list += strspn(list, " \t,");
        bytes = challenge_bytes(list);
        snprintf(challenge, sizeof(challenge), "%.*s", (int)bytes, list);
        auth = read_challenge(challenge);
        if (auth.scheme > best.scheme)
            best = auth;
    }
    return best;
}

int rtsp_auth_take(struct rtsp_auth *auth, const struct rtsp_item *answer, uint64_t random)
{
    struct rtsp_auth best = {.scheme = RTSP_AUTH_NONE};
    const char *value = NULL;
    bool was_asked = auth->n_asked > 0;

    while ((value = rtsp_item_next_header(answer, "WWW-Authenticate", value))) {
        struct rtsp_auth strongest = read_challenges(value);

        if (strongest.scheme > best.scheme)
            best = strongest;
    }
    if (best.scheme == RTSP_AUTH_NONE)
        return AVERROR(ENOSYS);
    /* a new nonce alone does not make a wrong password right */
    if (was_asked && !auth->was_right && best.scheme == auth->scheme && !best.is_stale &&
        !strcmp(best.realm, auth->realm))
        return AVERROR(EACCES);
    best.client = random;
    *auth = best;
    return 0;
}

static void write_hex(char hex[HEX_BYTES], const uint8_t *sum, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

/* The sum of a text, as its scheme has it. */
static int add_up(enum rtsp_auth_scheme scheme, const char *text, char hex[HEX_BYTES])
{
    const uint8_t *bytes = (const uint8_t *)text;
    uint8_t sum[32];
    size_t length = strlen(text);
    struct AVSHA *sha;
    struct AVSHA512 *sha512;

    switch (scheme) {
    case RTSP_AUTH_DIGEST_MD5:
        av_md5_sum(sum, bytes, length);
        write_hex(hex, sum, 16);
        return 0;
    case RTSP_AUTH_DIGEST_SHA256:
        sha = memory_permits() ? av_sha_alloc() : NULL;
        if (!sha)
            return AVERROR(ENOMEM);
        av_sha_init(sha, 256);
        av_sha_update(sha, bytes, length);
        av_sha_final(sha, sum);
        av_free(sha);
        break;
    default:
        sha512 = memory_permits() ? av_sha512_alloc() : NULL;
        if (!sha512)
            return AVERROR(ENOMEM);
        av_sha512_init(sha512, 256);
        av_sha512_update(sha512, bytes, length);
        av_sha512_final(sha512, sum);
        av_free(sha512);
        break;
    }
    write_hex(hex, sum, 32);
    return 0;
}

static int write_basic(const struct rtsp_auth_user *user, char text[RTSP_AUTH_HEADER_BYTES])
{
    char both[2 * RTSP_AUTH_TEXT_BYTES], encoded[AV_BASE64_SIZE(sizeof(both))];
    int length = snprintf(both, sizeof(both), "%s:%s", user->user, user->password);

    if (length < 0 || (size_t)length >= sizeof(both))
        return AVERROR(ENOSPC);
    av_base64_encode(encoded, sizeof(encoded), (const uint8_t *)both, length);
    snprintf(text, RTSP_AUTH_HEADER_BYTES, "Basic %s", encoded);
    return 0;
}

/* RFC 7616 section 3.4.1 */
static int write_response(const struct rtsp_auth *auth, const struct rtsp_auth_user *user,
                          const char *method, const char *uri, char response[HEX_BYTES])
{
    char text[RTSP_AUTH_HEADER_BYTES], ha1[HEX_BYTES], ha2[HEX_BYTES];
    size_t room = sizeof(text);
    int ret;

    if ((size_t)snprintf(text, room, "%s:%s:%s", user->user, auth->realm, user->password) >= room)
        return AVERROR(ENOSPC);
    ret = add_up(auth->scheme, text, ha1);
    if (ret >= 0 && auth->is_session) {
        snprintf(text, room, "%s:%s:%016" PRIx64, ha1, auth->nonce, auth->client);
        ret = add_up(auth->scheme, text, ha1);
    }
    if (ret >= 0 && (size_t)snprintf(text, room, "%s:%s", method, uri) >= room)
        ret = AVERROR(ENOSPC);
    if (ret >= 0)
        ret = add_up(auth->scheme, text, ha2);
    if (ret < 0)
        return ret;
    if (auth->has_qop)
        snprintf(text, room, "%s:%s:%08" PRIx32 ":%016" PRIx64 ":auth:%s", ha1, auth->nonce,
                 auth->n_asked, auth->client, ha2);
    else
        snprintf(text, room, "%s:%s:%s", ha1, auth->nonce, ha2);
    return add_up(auth->scheme, text, response);
}

struct writer {
    char *at;
    size_t left;
    bool is_full;
};

static LIMEF_PRINTF(2, 3) void append(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(writer->at, writer->left, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= writer->left) {
        writer->is_full = true;
        return;
    }
    writer->at += n;
    writer->left -= (size_t)n;
}

/* name="value", with what RFC 7230 section 3.2.6 wants before some characters. */
static void append_quoted(struct writer *writer, const char *name, const char *value)
{
    append(writer, "%s=\"", name);
    for (; *value; value++)
        append(writer, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
    append(writer, "\"");
}

int rtsp_auth_write(struct rtsp_auth *auth, const struct rtsp_auth_user *user, const char *method,
                    const char *uri, char text[RTSP_AUTH_HEADER_BYTES])
{
    struct writer writer = {text, RTSP_AUTH_HEADER_BYTES, false};
    char response[HEX_BYTES];
    int ret;

    if (auth->scheme == RTSP_AUTH_NONE)
        return AVERROR(EINVAL);
    auth->n_asked++;
    if (auth->scheme == RTSP_AUTH_BASIC)
        return write_basic(user, text);
    ret = write_response(auth, user, method, uri, response);
    if (ret < 0)
        return ret;
    append_quoted(&writer, "Digest username", user->user);
    append_quoted(&writer, ", realm", auth->realm);
    append_quoted(&writer, ", nonce", auth->nonce);
    append(&writer, ", uri=\"%s\", response=\"%s\"", uri, response);
    if (auth->algorithm[0])
        append(&writer, ", algorithm=%s", auth->algorithm);
    if (auth->has_qop)
        append(&writer, ", qop=auth, nc=%08" PRIx32, auth->n_asked);
    if (auth->has_qop || auth->is_session)
        append(&writer, ", cnonce=\"%016" PRIx64 "\"", auth->client);
    if (auth->opaque[0])
        append_quoted(&writer, ", opaque", auth->opaque);
    return writer.is_full ? AVERROR(ENOSPC) : 0;
}
