/* What is known of a process by its number, as long as it is a child that was not waited for.  */
#ifndef TS_PROCESS_H
#define TS_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* Field 22 of /proc/PID/stat (proc_pid_stat(5)); 0 when there is none.  */
uint64_t process_start_time (pid_t pid);

/* A descriptor for the file NAME in its directory, or -1.  */
int process_open (pid_t pid, const char *name, int flags);

int process_set_oom_score (pid_t pid, int32_t score);

#endif
