/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interpretation means (333): a script (12) and its definition (331) become the
 * list of events that the script gives (S21, S22; embodiment 4). The document is
 * read as a stream by libxml2's SAX2 parser and wholly checked before anything of
 * it can run.
 */
#ifndef LIB_SCRIPT_INTERPRETATION_H
#define LIB_SCRIPT_INTERPRETATION_H

#include <stddef.h>

#include "lib/error.h"
#include "lib/script/definition.h"
#include "lib/script/program.h"

#define SCRIPT_SIZE_MAX (16 << 20)
#define SCRIPT_ATTRIBUTE_MAX 4096
#define SCRIPT_DEPTH_MAX 64
#define SCRIPT_ELEMENTS_MAX 1000000

/**
 * interpretation_compile - validate a script and list its events
 * @name: what errors call the script
 * @data: the document, UTF-8; it need not end in a zero byte
 * @err: says line, column, what was found and what is allowed
 *
 * A script has no DOCTYPE, no entities but the five of XML itself, no namespaces
 * and no text. Comments and processing instructions are skipped. Beyond the limits
 * above: -EFBIG; all else that is refused: -EINVAL.
 *
 * Return: freed with program_free(); NULL with @err set.
 */
struct program *interpretation_compile(const struct definition *definition,
				       const char *name, const char *data,
				       size_t size, struct error *err);

#endif /* LIB_SCRIPT_INTERPRETATION_H */
