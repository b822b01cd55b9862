// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console in the browser, and the description of the interface: files that are in
 * the program. The page asks for everything with the token that its user gives it.
 */
#include <stdio.h>
#include <string.h>

#include "center/http/routes.h"

/* A file as it is, between NAME_begin and NAME_end. */
#define FILE_INCLUDE(name, path) \
	extern const char name##_begin[], name##_end[]; \
	__asm__(".section .rodata\n" \
		#name "_begin:\n.incbin \"" path "\"\n" \
		#name "_end:\n.byte 0\n.previous\n")

FILE_INCLUDE(console_html, "center/console/index.html");
FILE_INCLUDE(console_css, "center/console/console.css");
FILE_INCLUDE(console_js, "center/console/console.js");
FILE_INCLUDE(openapi_json, "center/http/openapi.json");

/* Nothing from anywhere else, nothing inline, in nobody's frame. */
#define POLICY "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
	"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static enum MHD_Result file_send(struct exchange *exchange, const char *type, const char *begin,
				 const char *end)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(end - begin, (void *)begin, MHD_RESPMEM_PERSISTENT);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, "Content-Security-Policy", POLICY);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	return exchange_queue(exchange, MHD_HTTP_OK, response);
}

enum MHD_Result console_page(struct exchange *exchange)
{
	return file_send(exchange, "text/html; charset=utf-8", console_html_begin,
			 console_html_end);
}

enum MHD_Result console_style(struct exchange *exchange)
{
	return file_send(exchange, "text/css; charset=utf-8", console_css_begin, console_css_end);
}

enum MHD_Result console_script(struct exchange *exchange)
{
	return file_send(exchange, "text/javascript; charset=utf-8", console_js_begin,
			 console_js_end);
}

enum MHD_Result console_openapi(struct exchange *exchange)
{
	return file_send(exchange, "application/json", openapi_json_begin, openapi_json_end);
}
