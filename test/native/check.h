/* The smallest test harness: TEST names an obligation, CHECK says what must hold, REPORT ends main.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int check_passed, check_failed;
static bool check_has_failed;
static const char *check_name;

static inline void check_end (void)
{
  if (check_name == NULL)
    return;
  if (check_has_failed)
    check_failed++;
  else
    check_passed++;
  check_name = NULL;
}

static inline void check_begin (const char *name)
{
  check_end ();
  check_name = name;
  check_has_failed = false;
}

static inline void check_that (bool holds, const char *claim, const char *file, int line)
{
  if (holds)
    return;
  check_has_failed = true;
  fprintf (stderr, "%s:%d: %s: not true: %s\n", file, line, check_name, claim);
}

static inline int check_report (const char *file)
{
  const char *slash = strrchr (file, '/');

  check_end ();
  printf ("%s\n%d passed, %d failed\n", slash != NULL ? slash + 1 : file, check_passed,
          check_failed);
  return check_failed > 0;
}

#define TEST(name) check_begin (name)
#define CHECK(claim) check_that ((claim), #claim, __FILE__, __LINE__)
#define REPORT() check_report (__FILE__)
