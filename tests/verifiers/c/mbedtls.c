/* mbedTLS: the verification of chains that its TLS does, and the purpose that it then looks for in the leaf. */
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "verdicts.h"

const char *version(void) {
    return MBEDTLS_VERSION_STRING;
}

/* As its TLS counts them: that it cannot parse all certificates of a peer is a refusal. */
static int parse(mbedtls_x509_crt *into, const char *file, char *why, size_t size) {
    mbedtls_x509_crt_init(into);
    int code = mbedtls_x509_crt_parse_file(into, file);
    if (code < 0)
        mbedtls_strerror(code, why, size);
    else if (code > 0)
        snprintf(why, size, "%d certificates cannot be parsed", code);
    return code;
}

static int verify(mbedtls_x509_crt *chain, mbedtls_x509_crt *roots, int is_client, char *why, size_t size) {
    const char *purpose = is_client ? MBEDTLS_OID_CLIENT_AUTH : MBEDTLS_OID_SERVER_AUTH;
    size_t length = is_client ? MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH) : MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH);
    uint32_t flags = 0;
    int code = mbedtls_x509_crt_verify(chain, roots, NULL, NULL, &flags, NULL, NULL);
    if (code != 0)
        snprintf(why, size, "flags %#x", (unsigned)flags);
    else if ((code = mbedtls_x509_crt_check_extended_key_usage(chain, purpose, length)) != 0)
        snprintf(why, size, "extended key usage");
    return code;
}

int judge(const struct question *question, char *why, size_t size) {
    mbedtls_x509_crt chain, roots;
    int code = parse(&roots, question->roots, why, size);
    mbedtls_x509_crt_init(&chain);
    if (code == 0)
        code = parse(&chain, question->chain, why, size);
    if (code == 0)
        code = verify(&chain, &roots, question->is_client, why, size);
    mbedtls_x509_crt_free(&chain);
    mbedtls_x509_crt_free(&roots);
    return code;
}
