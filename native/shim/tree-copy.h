/* The content of one directory copied into another.  */
#ifndef TS_TREE_COPY_H
#define TS_TREE_COPY_H

/* Copies what is below FROM into TO, with owners, modes and times, and WITH_TOP those of FROM
   itself.  Goes into no other mount and follows no link.  0, or -1 with errno.  */
int tree_copy (int from, int to, int with_top);

#endif
