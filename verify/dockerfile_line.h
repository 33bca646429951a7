/* Where in a Dockerfile an instruction of an image's history stands. */
#ifndef VERIFY_DOCKERFILE_LINE_H
#define VERIFY_DOCKERFILE_LINE_H

/* The line (from 1) where `instruction`, as blame_instruction gives it, begins in text; 0 where it
 * is not there. Lines that are continued count as one, blanks are all alike, and what an
 * instruction of the file has behind its first variable is not compared. The last one that fits
 * wins: an earlier one is of another stage. */
unsigned dockerfile_line_find(const char *text, const char *instruction);

#endif
