/* dynamodb_sign_lines.c: signs what it reads, for dynamodb_sign.py. A line in is an object with host, region, target, body, utc_ms,
 * id, secret and perhaps token; a line out is the date and the Authorization header. One signer for all, as a client has it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static int64_t asked, failed;

static int one(struct dynamodb_signer *signer, json_t *line)
{
    struct dynamodb_credentials who = { 0 };
    struct dynamodb_signable request = { 0 };
    char date[DYNAMODB_DATE_BYTES];
    char out[DYNAMODB_AUTHORIZATION_BYTES];
    json_int_t utc_ms = 0;
    asked++;
    if (json_unpack(line, "{s:s, s:s, s:s, s:s%, s:I, s:s, s:s, s?s}", "host", &request.host, "region", &request.region,
                    "target", &request.target, "body", &request.body, &request.body_bytes, "utc_ms", &utc_ms, "id",
                    &who.access_key_id, "secret", &who.secret_access_key, "token", &who.session_token) != 0)
        return -1;
    footfall__dynamodb_date(date, utc_ms);
    request.date = date;
    if (footfall__dynamodb_sign(out, signer, &who, &request) != 0)
        return -1;
    printf("%s %s\n", date, out);
    return 0;
}

int main(void)
{
    struct dynamodb_signer signer = { 0 };
    char *text = NULL;
    size_t room = 0;
    ssize_t bytes = 0;
    while ((bytes = getline(&text, &room, stdin)) > 0) {
        json_t *line = json_loadb(text, (size_t)bytes, JSON_ALLOW_NUL, NULL);
        if (line == NULL || one(&signer, line) != 0) {
            printf("refused\n");
            failed++;
        }
        json_decref(line);
    }
    free(text);
    fprintf(stderr, "%" PRId64 " of %" PRId64 " signed\n", asked - failed, asked);
    return 0;
}
