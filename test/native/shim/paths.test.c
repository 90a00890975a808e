#define _GNU_SOURCE
#include "check.h"
#include "files.h"
#include "paths.h"
#include "util.h"

#include <errno.h>

static char directory[64];

static int exists (const char *name)
{
  char path[192];
  struct stat st;

  snprintf (path, sizeof path, "%s/%s", directory, name);
  return lstat (path, &st) == 0;
}

static int made (int root, const char *path, enum ts_create create)
{
  int fd = make_below (root, path, create);

  if (fd >= 0)
    close (fd);
  return fd >= 0;
}

static void test_below (int root)
{
  TEST ("missing directories and the file at the end are made");
  CHECK (made (root, "/a/b/c", TS_CREATE_DIRECTORY) && exists ("root/a/b/c"));
  CHECK (made (root, "/a/f/g", TS_CREATE_FILE) && exists ("root/a/f/g"));
  CHECK (made (root, "//a///b//d/", TS_CREATE_DIRECTORY) && exists ("root/a/b/d"));
  CHECK (!made (root, "/none", TS_CREATE_NOTHING) && errno == ENOENT);

  TEST ("links inside are followed, links that lead out end at the root");
  CHECK (symlinkat ("/a/b", root, "inside") == 0);
  CHECK (made (root, "/inside/e", TS_CREATE_DIRECTORY) && exists ("root/a/b/e"));
  CHECK (symlinkat ("../../../../outside", root, "out") == 0);
  CHECK (!made (root, "/out/x", TS_CREATE_DIRECTORY) && !exists ("outside/x"));
  CHECK (mkdirat (root, "outside", 0755) == 0);
  CHECK (made (root, "/out/x", TS_CREATE_DIRECTORY) && exists ("root/outside/x"));
  CHECK (!exists ("outside/x"));

  TEST ("a link to nowhere is not made through");
  CHECK (symlinkat ("/nowhere", root, "dangling") == 0);
  CHECK (!made (root, "/dangling", TS_CREATE_FILE) && !exists ("root/nowhere"));
  CHECK (!made (root, "/dangling/x", TS_CREATE_DIRECTORY) && !exists ("root/nowhere"));

  TEST ("links of /proc are not followed");
  CHECK (symlinkat ("/self", root, "proc") == 0);
  int proc = open ("/", O_PATH | O_DIRECTORY);
  CHECK (open_below (proc, "/proc/self/cwd", O_PATH) < 0 && errno == ELOOP);
  CHECK (open_below (proc, "/proc/self/fd/0", O_PATH) < 0 && errno == ELOOP);
  close (proc);

  TEST ("the parent is found, with the name below it");
  const char *name = NULL;
  int parent = make_parent_below (root, "/x/y/z", &name);
  CHECK (parent >= 0 && strcmp (name, "z") == 0 && exists ("root/x/y") && !exists ("root/x/y/z"));
  close (parent);
  CHECK (make_parent_below (root, "/x/", &name) < 0 && errno == EINVAL);
}

static void test_numbers (void)
{
  char text[TS_NUMBER_MAX];
  char small[16];
  size_t length = 0;
  const char *at = "123 45x";

  TEST ("numbers are written and read");
  CHECK (format_number (text, 0) == 1 && strcmp (text, "0") == 0);
  CHECK (format_number (text, UINT64_MAX) == 20 && strcmp (text, "18446744073709551615") == 0);
  CHECK (scan_number (&at) == 123 && *at == ' ');

  TEST ("a text that would not fit is refused and stays as it is");
  CHECK (append_text (small, sizeof small, &length, "123456789012345") == 0 && length == 15);
  CHECK (append_text (small, sizeof small, &length, "6") < 0 && errno == ENAMETOOLONG);
  CHECK (length == 15 && strcmp (small, "123456789012345") == 0);
}

int main (void)
{
  char command[160];
  char path[160];

  make_directory (directory);
  snprintf (command, sizeof command, "mkdir %s/root %s/outside", directory, directory);
  if (system (command) != 0)
    return 1;
  snprintf (path, sizeof path, "%s/root", directory);
  int root = open (path, O_PATH | O_DIRECTORY);
  test_below (root);
  test_numbers ();
  close (root);
  snprintf (command, sizeof command, "rm -r %s", directory);
  return system (command) != 0 || REPORT ();
}
