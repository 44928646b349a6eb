/* curl.c: libcurl, started once, and what each handle of ours has in common (client.h). What is asked, and of whom, is for those
 * who take a handle. */
#include "client.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int started;
static const char *system_folder; /* of certificates by their hashes; NULL: there is none */
static const char *system_bundle; /* in the place of libcurl's own; NULL: that one is there, or none is */

static int has_hashed(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry = NULL;
    int found = 0;
    while (entries != NULL && !found && (entry = readdir(entries)) != NULL)
        found = strspn(entry->d_name, "0123456789abcdef") == 8 && strcmp(entry->d_name + 8, ".0") == 0;
    if (entries != NULL)
        closedir(entries);
    return found;
}

static void look_for_certificates(void)
{
    static const char hashed[] = "/etc/pki/ca-trust/extracted/pem/directory-hash"; /* Amazon Linux, Fedora */
    static const char *const bundles[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Amazon Linux, Fedora */
    };
    const char *own = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (has_hashed(hashed))
        system_folder = hashed;
    if (own == NULL || access(own, R_OK) == 0)
        return;
    for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]) && system_bundle == NULL; i++)
        if (access(bundles[i], R_OK) == 0)
            system_bundle = bundles[i];
}

static void start(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    look_for_certificates();
}

int footfall__dynamodb_curl(void)
{
    (void)pthread_once(&once, start);
    return started ? 0 : -1;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* As libcurl has it, with two exceptions. Of a folder with the names that OpenSSL looks for one certificate is read, where a bundle is
 * read whole, for 20 ms. And a libcurl that was built for another system does not know where this one has its bundle. */
static CURLcode trust_system(CURL *handle)
{
    if (system_folder != NULL && curl_easy_setopt(handle, CURLOPT_CAPATH, system_folder) == CURLE_OK)
        return curl_easy_setopt(handle, CURLOPT_CAINFO, NULL);
    return system_bundle != NULL ? curl_easy_setopt(handle, CURLOPT_CAINFO, system_bundle) : CURLE_OK;
}

/* As the curl tool does it, and as AWS's tools: the first of the bundles, or SSL_CERT_FILE and SSL_CERT_DIR together. */
static CURLcode trust(CURL *handle)
{
    const char *bundle = variable("AWS_CA_BUNDLE");
    const char *folder = NULL;
    CURLcode code = CURLE_OK;
    if (bundle == NULL)
        bundle = variable("CURL_CA_BUNDLE");
    if (bundle == NULL) {
        bundle = variable("SSL_CERT_FILE");
        folder = variable("SSL_CERT_DIR");
    }
    if (bundle == NULL && folder == NULL)
        return trust_system(handle);
    if (bundle != NULL)
        code = curl_easy_setopt(handle, CURLOPT_CAINFO, bundle);
    if (code == CURLE_OK && folder != NULL)
        code = curl_easy_setopt(handle, CURLOPT_CAPATH, folder);
    return code;
}

CURL *footfall__dynamodb_curl_handle(void)
{
    CURL *handle = footfall__dynamodb_curl() == 0 ? curl_easy_init() : NULL;
    if (handle == NULL)
        return NULL;
    if (curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
        curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
        /* a resolver that hangs must not hold up whoever gives up on it */
        curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK || trust(handle) != CURLE_OK) {
        curl_easy_cleanup(handle);
        return NULL;
    }
    return handle;
}
