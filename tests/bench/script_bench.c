// SPDX-License-Identifier: GPL-2.0-only
/*
 * script-bench [--write FOLDER]: what it costs to validate and compile a script (lib/script),
 * beside libxml2's bare SAX2 parser, which checks nothing, and beside its
 * validating reader, which is what "xmllint --valid --stream" uses.
 *
 * Half of the documents have identifiers: each block is called something and refers
 * to the block before and to one behind. The reader's time for them grows with their
 * square, so that it is left out beyond IDENTIFIED_MAX.
 *
 * With --write nothing is measured: the definition and the documents of 10 MB are
 * written, as others can read them.
 *
 * An event is a start or an end of a tag. Each figure is processor time, the best
 * of ROUNDS, in which the three take turns: what the code costs when the machine
 * does nothing else; and the most memory that was in use, beside the document and its compiled form.
 */
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/file.h"
#include "lib/script/interpretation.h"
#include "tests/unit/memory.h"

#define ROUNDS 9
#define SMALL_REPEATED 2000
#define IDENTIFIED_MAX 200000

static const char dtd[] =
	"<!ELEMENT service (block*)>\n"
	"<!ATTLIST service event CDATA #FIXED 'service.start' end-event CDATA #FIXED 'service.end'>\n"
	"<!ELEMENT block (set | wait | read)*>\n"
	"<!ATTLIST block event CDATA #FIXED 'block.start' end-event CDATA #FIXED 'block.end'\n"
	" name ID #IMPLIED name.type CDATA #FIXED 'token'\n"
	" see IDREFS #IMPLIED see.type CDATA #FIXED 'string'>\n"
	"<!ELEMENT set EMPTY>\n"
	"<!ATTLIST set event CDATA #FIXED 'set' celsius NMTOKEN #REQUIRED\n"
	" celsius.type CDATA #FIXED 'decimal' celsius.minimum CDATA #FIXED '16'\n"
	" celsius.maximum CDATA #FIXED '30'>\n"
	"<!ELEMENT wait EMPTY><!ATTLIST wait event CDATA #FIXED 'wait'>\n"
	"<!ELEMENT read EMPTY><!ATTLIST read event CDATA #FIXED 'read'>\n";

static const char block[] = "\t<block%s>\n"
			    "\t\t<set celsius=\"24.5\"/>\n"
			    "\t\t<wait/>\n"
			    "\t\t<read/>\n"
			    "\t</block>\n";
#define BLOCK_ELEMENTS 4

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

struct document {
	const char *name;
	char *text;
	size_t size;
	char *with_dtd; /* the same with the definition as its DOCTYPE */
	size_t with_dtd_size;
	size_t events;
	int repeated;
	bool identified;
};

static struct document document_make(const char *name, size_t blocks, bool identified, int repeated)
{
	struct document document = { .name = name, .repeated = repeated, .identified = identified };
	char attributes[64] = "", *p;

	document.events = 2 * (1 + BLOCK_ELEMENTS * blocks);
	document.text = malloc(64 + blocks * (strlen(block) + sizeof(attributes)));
	p = stpcpy(document.text, "<service>\n");
	for (size_t i = 0; i < blocks; i++) {
		if (identified)
			sprintf(attributes, " name=\"b%zu\" see=\"b%zu b%zu\"", i, i ? i - 1 : 0,
				blocks - 1 - i);
		p += sprintf(p, block, attributes);
	}
	p = stpcpy(p, "</service>\n");
	document.size = p - document.text;
	document.with_dtd = malloc(document.size + sizeof(dtd) + 64);
	document.with_dtd_size = sprintf(document.with_dtd, "<!DOCTYPE service [\n%s]>\n%s", dtd,
					 document.text);
	return document;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *address, int n_namespaces, const xmlChar **namespaces,
		     int n_attributes, int n_defaulted, const xmlChar **attributes)
{
	++*(size_t *)user;
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *address)
{
	++*(size_t *)user;
}

static int run_sax(const struct document *document, const struct definition *definition)
{
	xmlSAXHandler handlers = {
		.initialized = XML_SAX2_MAGIC, .startElementNs = on_start, .endElementNs = on_end,
	};
	size_t events = 0;
	int code = xmlSAXUserParseMemory(&handlers, &events, document->text, document->size);

	return code || events != document->events;
}

static int run_compile(const struct document *document, const struct definition *definition)
{
	struct error err = { 0 };
	struct program *program = interpretation_compile(definition, document->name,
							 document->text, document->size, &err);

	if (!program)
		fprintf(stderr, "%s\n", err.text);
	program_free(program);
	return !program;
}

static int run_reader(const struct document *document, const struct definition *definition)
{
	xmlTextReader *reader = xmlReaderForMemory(document->with_dtd, document->with_dtd_size,
						   NULL, NULL, XML_PARSE_DTDVALID);
	int code;

	while ((code = xmlTextReaderRead(reader)) == 1)
		;
	code = code || xmlTextReaderIsValid(reader) != 1;
	xmlFreeTextReader(reader);
	return code;
}

static const struct contender {
	const char *name;
	int (*run)(const struct document *document, const struct definition *definition);
} contenders[] = {
	{ "SAX2 alone", run_sax },
	{ "compiled script", run_compile },
	{ "validating reader", run_reader },
};

#define CONTENDERS (sizeof(contenders) / sizeof(*contenders))

/* ns an event, or a negative number when the document was refused. */
static double contender_measure(const struct contender *contender,
				const struct document *document,
				const struct definition *definition)
{
	double start = now_ns();

	for (int i = 0; i < document->repeated; i++)
		if (contender->run(document, definition))
			return -1;
	return (now_ns() - start) / document->repeated / document->events;
}

static void document_measure(const struct document *document,
			     const struct definition *definition)
{
	long memory[CONTENDERS];
	double best[CONTENDERS];

	size_t contending = document->identified && document->size > IDENTIFIED_MAX ? CONTENDERS - 1 :
										       CONTENDERS;

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < contending; i++) {
			double ns;

			memory_measure();
			ns = contender_measure(&contenders[i], document, definition);
			memory[i] = memory_peak();
			best[i] = !round || ns < best[i] ? ns : best[i];
		}
	for (size_t i = 0; i < contending; i++)
		printf("%-20s %-18s %10.1f %8.2f %11ld kB\n", document->name,
		       contenders[i].name, best[i], best[i] / best[0], memory[i] / 1000);
}

static struct definition *definition_make(void)
{
	char folder[] = "/tmp/script_bench.XXXXXX", path[64];
	struct definition *definition = NULL;
	struct error err = { 0 };

	if (!mkdtemp(folder))
		return NULL;
	snprintf(path, sizeof(path), "%s/service.dtd", folder);
	if (!file_write(path, dtd, strlen(dtd), 0600, &err))
		definition = definition_load(path, &err);
	if (!definition)
		fprintf(stderr, "%s\n", err.text);
	folder_remove(folder, NULL);
	return definition;
}

static int documents_write(const char *folder)
{
	size_t blocks = (10 << 20) / strlen(block);
	struct error err = { 0 };

	for (int identified = 0; identified < 2; identified++) {
		struct document document = document_make("", identified ? blocks * 2 / 3 : blocks, identified, 0);
		char path[256];

		snprintf(path, sizeof(path), "%s/%s.xml", folder, identified ? "identified" : "plain");
		if (file_write(path, document.text, document.size, 0644, &err))
			break;
		snprintf(path, sizeof(path), "%s/%s-doctype.xml", folder, identified ? "identified" : "plain");
		if (file_write(path, document.with_dtd, document.with_dtd_size, 0644, &err))
			break;
		free(document.text);
		free(document.with_dtd);
	}
	if (!err.code) {
		char path[256];

		snprintf(path, sizeof(path), "%s/service.dtd", folder);
		file_write(path, dtd, strlen(dtd), 0644, &err);
	}
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	return err.code != 0;
}

int main(int argc, char **argv)
{
	struct definition *definition;
	struct document documents[7];
	size_t blocks = (10 << 20) / strlen(block);

	if (argc == 3 && !strcmp(argv[1], "--write"))
		return documents_write(argv[2]);

	memory_of_libxml();
	definition = definition_make();
	if (!definition)
		return 1;
	documents[0] = document_make("30 elements", 7, false, SMALL_REPEATED);
	documents[1] = document_make("1 MB", blocks / 10, false, 3);
	documents[2] = document_make("10 MB", blocks, false, 1);
	/* A block with its identifiers is half as long again. */
	documents[3] = document_make("30 elements, IDREFs", 7, true, SMALL_REPEATED);
	documents[4] = document_make("50 kB, IDREFs", blocks / 300, true, 3);
	documents[5] = document_make("100 kB, IDREFs", blocks / 150, true, 3);
	documents[6] = document_make("10 MB, IDREFs", blocks * 2 / 3, true, 1);
	printf("%-20s %-18s %10s %8s %14s\n", "document", "", "ns/event", "ratio", "memory");
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		document_measure(&documents[i], definition);
		free(documents[i].text);
		free(documents[i].with_dtd);
	}
	definition_free(definition);
	return 0;
}
