/* export.c */
#include "cli.h"

int footfall__cli_export(struct footfall_cli *cli)
{
    (void)cli;
    return footfall__cli_complain(FOOTFALL_CLI_FAILED, "not there yet");
}
