/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an application's runtime makes once, so that it starts faster from then on,
 * such as an archive of a Java application's classes (runtimes.xml, prepare).
 *
 * It is made by the application's own code, so in its sandbox, as its user, in a
 * folder that is there for nothing else; what comes of it is copied to where the
 * application can read and not write it. The application itself goes first: it is
 * made once that runs, and a start that finds none does without.
 */
#ifndef SUPERVISORD_PREPARATION_H
#define SUPERVISORD_PREPARATION_H

#include "supervisord/remote/application.h"

struct preparation;

/** preparation_find - the file that the application is to be started with; to be freed; NULL: none */
char *preparation_find(const struct app *app);

/** preparation_wish - the application runs: it is prepared now, where it can be and is not */
void preparation_wish(struct app *app);

/**
 * preparation_distrust - the application had a fault soon after its start
 *
 * It may have been the file: the next start does without, and none is made
 * again before the supervisor is started anew.
 */
void preparation_distrust(struct app *app);

/** preparation_end - it is made no further */
void preparation_end(struct app *app);

/** preparation_drop - the bundle is another one, or none: what was made of it is deleted */
void preparation_drop(struct app *app);

#endif /* SUPERVISORD_PREPARATION_H */
