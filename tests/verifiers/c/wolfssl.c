/* wolfSSL: a handshake of TLS 1.2 in memory, in which one side verifies the other. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>

#include "verdicts.h"

const char *version(void) {
    return LIBWOLFSSL_VERSION_STRING;
}

/* What one side has sent and the other has not yet read. */
struct wire {
    char bytes[1 << 16];
    int length;
};

/* The two wires of one side. */
struct side {
    struct wire *in, *out;
};

static int receive(WOLFSSL *ssl, char *buffer, int size, void *context) {
    struct wire *in = ((struct side *)context)->in;
    (void)ssl;
    if (in->length == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    int count = size < in->length ? size : in->length;
    memcpy(buffer, in->bytes, count);
    memmove(in->bytes, in->bytes + count, in->length -= count);
    return count;
}

static int send_on(WOLFSSL *ssl, char *buffer, int size, void *context) {
    struct wire *out = ((struct side *)context)->out;
    (void)ssl;
    if (size > (int)sizeof out->bytes - out->length)
        return WOLFSSL_CBIO_ERR_GENERAL;
    memcpy(out->bytes + out->length, buffer, size);
    out->length += size;
    return size;
}

static WOLFSSL_CTX *context(WOLFSSL_METHOD *method) {
    WOLFSSL_CTX *made = wolfSSL_CTX_new(method);
    if (made == NULL)
        fail("no context");
    wolfSSL_CTX_set_verify(made, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_SetIORecv(made, receive);
    wolfSSL_SetIOSend(made, send_on);
    return made;
}

static int present(WOLFSSL_CTX *context, const struct question *question) {
    int code = wolfSSL_CTX_use_certificate_chain_file(context, question->chain);
    if (code != WOLFSSL_SUCCESS)
        return code;
    return wolfSSL_CTX_use_PrivateKey_file(context, question->key, WOLFSSL_FILETYPE_PEM);
}

static int trust(WOLFSSL_CTX *context, const struct question *question) {
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return wolfSSL_CTX_load_verify_locations(context, question->roots, NULL);
}

/* One step of a side. Returns 1 if it waits, 0 if it is through, -1 if it has failed. */
static int step(WOLFSSL *ssl, int code, char *why, size_t size) {
    if (code == WOLFSSL_SUCCESS)
        return 0;
    int error = wolfSSL_get_error(ssl, code);
    if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
        return 1;
    char text[WOLFSSL_MAX_ERROR_SZ];
    snprintf(why, size, "%s", wolfSSL_ERR_error_string(error, text));
    return -1;
}

static int shake_hands(WOLFSSL *client, WOLFSSL *server, char *why, size_t size) {
    int asking = 1, answering = 1;
    for (int flights = 0; flights < 100 && (asking == 1 || answering == 1); flights++) {
        if (asking == 1)
            asking = step(client, wolfSSL_connect(client), why, size);
        if (answering == 1 && asking >= 0)
            answering = step(server, wolfSSL_accept(server), why, size);
        if (asking < 0 || answering < 0)
            return -1;
    }
    if (asking == 1 || answering == 1)
        fail("the handshake does not end");
    return 0;
}

static int connect_both(WOLFSSL_CTX *of_client, WOLFSSL_CTX *of_server, char *why, size_t size) {
    static struct wire there, back;
    there.length = back.length = 0;
    struct side of[2] = {{&back, &there}, {&there, &back}};
    WOLFSSL *client = wolfSSL_new(of_client), *server = wolfSSL_new(of_server);
    if (client == NULL || server == NULL)
        fail("no session");
    for (int number = 0; number < 2; number++) {
        wolfSSL_SetIOReadCtx(number ? server : client, &of[number]);
        wolfSSL_SetIOWriteCtx(number ? server : client, &of[number]);
    }
    int code = shake_hands(client, server, why, size);
    wolfSSL_free(client);
    wolfSSL_free(server);
    return code;
}

int judge(const struct question *question, char *why, size_t size) {
    wolfSSL_Init();
    WOLFSSL_CTX *client = context(wolfTLSv1_2_client_method()), *server = context(wolfTLSv1_2_server_method());
    int code = trust(question->is_client ? server : client, question);
    /* A server needs a certificate of its own, also where it is the one that verifies. */
    int presented = present(server, question);
    if (question->is_client && presented == WOLFSSL_SUCCESS)
        presented = present(client, question);
    if (code != WOLFSSL_SUCCESS || presented != WOLFSSL_SUCCESS)
        snprintf(why, size, "cannot be loaded: roots %d, chain %d", code, presented);
    else
        code = connect_both(client, server, why, size) == 0 ? WOLFSSL_SUCCESS : -1;
    wolfSSL_CTX_free(client);
    wolfSSL_CTX_free(server);
    return code == WOLFSSL_SUCCESS && presented == WOLFSSL_SUCCESS ? 0 : -1;
}
