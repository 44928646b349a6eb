/* main.c: the runtime for AWS Lambda. */
#include "lambda.h"

int main(void)
{
    return 1;
}
