/* What the programs here have in common. Each line of the file that such a program is given is a question: the files of
 * chain, key and roots, the role of the leaf ("server" or "client") and a time in seconds, with tabs between them. For
 * each the program prints "accepted", or "refused: " and why; with the argument "version" its library's version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct question {
    const char *chain, *key, *roots;
    int is_client;
};

/* Returns 0 if the library accepts the chain; else writes why not. */
int judge(const struct question *question, char *why, size_t size);

const char *version(void);

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(2);
}

int main(int count, char **arguments) {
    char line[8192], why[512];
    if (count == 2 && strcmp(arguments[1], "version") == 0) {
        printf("%s\n", version());
        return 0;
    }
    FILE *questions = count == 2 ? fopen(arguments[1], "r") : NULL;
    if (questions == NULL)
        fail("give a file with questions");
    while (fgets(line, sizeof line, questions) != NULL) {
        struct question question = {strtok(line, "\t"), strtok(NULL, "\t"), strtok(NULL, "\t"), 0};
        question.is_client = strcmp(strtok(NULL, "\t"), "client") == 0;
        if (judge(&question, why, sizeof why) == 0)
            printf("accepted\n");
        else
            printf("refused: %s\n", why);
    }
    return 0;
}
