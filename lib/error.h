/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An error for a person: one line that says what, where and what to do next,
 * beside the negative errno that the program acts on.
 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#define ERROR_TEXT_MAX 512

/**
 * struct error - why something failed
 * @code: negative errno, 0 while nothing failed
 * @line: line of the input that is at fault, 0 where there is none
 * @column: likewise, from 1
 * @text: one line of UTF-8, without a line break
 */
struct error {
	int code;
	int line;
	int column;
	char text[ERROR_TEXT_MAX];
};

/**
 * error_set - fill in an error; the first one stays
 * @err: may be NULL
 * @code: negative errno
 *
 * Return: @code, so that a function can fail in one statement.
 */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** error_at - error_set() with a place in the input */
int error_at(struct error *err, int code, int line, int column,
	     const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif /* LIB_ERROR_H */
