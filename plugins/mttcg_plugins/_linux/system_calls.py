"""The system calls of Linux, as ISAs have them that came to it later, and their arguments.

Numbers, names and arguments: linux: include/uapi/asm-generic/unistd.h, scripts/syscall.tbl and the
manual pages of section 2. A row is a number, a name and the kind of each argument, of those in
`mttcg_plugins._linux.arguments`.
"""

from collections.abc import Mapping
from typing import NamedTuple

TABLE = """
0 io_setup uint ptr
1 io_destroy ptr
2 io_submit ptr int ptr
3 io_cancel ptr ptr ptr
4 io_getevents ptr int int ptr ptr
5 setxattr path path ptr uint hex
6 lsetxattr path path ptr uint hex
7 fsetxattr fd path ptr uint hex
8 getxattr path path ptr uint
9 lgetxattr path path ptr uint
10 fgetxattr fd path ptr uint
11 listxattr path ptr uint
12 llistxattr path ptr uint
13 flistxattr fd ptr uint
14 removexattr path path
15 lremovexattr path path
16 fremovexattr fd path
17 getcwd filled uint
19 eventfd2 uint hex
20 epoll_create1 hex
21 epoll_ctl fd epoll fd ptr
22 epoll_pwait fd ptr int int ptr uint
23 dup fd
24 dup3 fd fd flags_alone
25 fcntl fd fcntl fcntl_argument
26 inotify_init1 hex
27 inotify_add_watch fd path hex
28 inotify_rm_watch fd int
29 ioctl fd ioctl ptr
30 ioprio_set int int int
31 ioprio_get int int
32 flock fd lock
33 mknodat at path mode hex
34 mkdirat at path mode
35 unlinkat at path at_flags
36 symlinkat path at path
37 linkat at path at path at_flags
38 renameat at path at path
39 umount2 path hex
40 mount path path path mount ptr
41 pivot_root path path
43 statfs path ptr
44 fstatfs fd ptr
45 truncate path int
46 ftruncate fd int
47 fallocate fd hex int int
48 faccessat at path access
49 chdir path
50 fchdir fd
51 chroot path
52 fchmod fd mode
53 fchmodat at path mode
54 fchownat at path id id at_flags
55 fchown fd id id
56 openat at path open_flags created_mode
57 close fd
58 vhangup
59 pipe2 fd_pair flags_alone
60 quotactl hex path int ptr
61 getdents64 fd ptr uint
62 lseek fd int whence
63 read fd filled uint
64 write fd bytes uint
65 readv fd ptr int
66 writev fd ptr int
67 pread64 fd filled uint int
68 pwrite64 fd bytes uint int
69 preadv fd ptr int int
70 pwritev fd ptr int int
71 sendfile fd fd ptr uint
72 pselect6 int ptr ptr ptr ptr ptr
73 ppoll ptr uint ptr ptr uint
74 signalfd4 fd ptr uint hex
75 vmsplice fd ptr uint hex
76 splice fd ptr fd ptr uint hex
77 tee fd fd uint hex
78 readlinkat at path filled uint
79 newfstatat at path ptr at_flags
80 fstat fd ptr
81 sync
82 fsync fd
83 fdatasync fd
84 sync_file_range fd int int hex
85 timerfd_create clock hex
86 timerfd_settime fd hex ptr ptr
87 timerfd_gettime fd ptr
88 utimensat at path ptr at_flags
89 acct path
90 capget ptr ptr
91 capset ptr ptr
92 personality hex
93 exit int
94 exit_group int
95 waitid int int ptr wait ptr
96 set_tid_address ptr
97 unshare clone_flags
98 futex ptr futex uint ptr ptr hex
99 set_robust_list ptr uint
100 get_robust_list int ptr ptr
101 nanosleep ptr ptr
102 getitimer int ptr
103 setitimer int ptr ptr
104 kexec_load ptr uint ptr hex
105 init_module ptr uint path
106 delete_module path flags_alone
107 timer_create clock ptr ptr
108 timer_gettime int ptr
109 timer_getoverrun int
110 timer_settime int hex ptr ptr
111 timer_delete int
112 clock_settime clock ptr
113 clock_gettime clock ptr
114 clock_getres clock ptr
115 clock_nanosleep clock hex ptr ptr
116 syslog int ptr int
117 ptrace int int ptr ptr
118 sched_setparam int ptr
119 sched_setscheduler int int ptr
120 sched_getscheduler int
121 sched_getparam int ptr
122 sched_setaffinity int uint ptr
123 sched_getaffinity int uint ptr
124 sched_yield
125 sched_get_priority_max int
126 sched_get_priority_min int
127 sched_rr_get_interval int ptr
128 restart_syscall
129 kill int signal
130 tkill int signal
131 tgkill int int signal
132 sigaltstack ptr ptr
133 rt_sigsuspend ptr uint
134 rt_sigaction signal ptr ptr uint
135 rt_sigprocmask mask_change ptr ptr uint
136 rt_sigpending ptr uint
137 rt_sigtimedwait ptr ptr ptr uint
138 rt_sigqueueinfo int signal ptr
139 rt_sigreturn
140 setpriority int int int
141 getpriority int int
142 reboot hex hex hex ptr
143 setregid id id
144 setgid id
145 setreuid id id
146 setuid id
147 setresuid id id id
148 getresuid ptr ptr ptr
149 setresgid id id id
150 getresgid ptr ptr ptr
151 setfsuid id
152 setfsgid id
153 times ptr
154 setpgid int int
155 getpgid int
156 getsid int
157 setsid
158 getgroups int ptr
159 setgroups int ptr
160 uname ptr
161 sethostname bytes uint
162 setdomainname bytes uint
163 getrlimit limit ptr
164 setrlimit limit ptr
165 getrusage int ptr
166 umask mode
167 prctl int hex hex hex hex
168 getcpu ptr ptr ptr
169 gettimeofday ptr ptr
170 settimeofday ptr ptr
171 adjtimex ptr
172 getpid
173 getppid
174 getuid
175 geteuid
176 getgid
177 getegid
178 gettid
179 sysinfo ptr
180 mq_open path open_flags created_mode ptr
181 mq_unlink path
182 mq_timedsend fd ptr uint uint ptr
183 mq_timedreceive fd ptr uint ptr ptr
184 mq_notify fd ptr
185 mq_getsetattr fd ptr ptr
186 msgget int hex
187 msgctl int int ptr
188 msgrcv int ptr uint int hex
189 msgsnd int ptr uint hex
190 semget int int hex
191 semctl int int int hex
192 semtimedop int ptr uint ptr
193 semop int ptr uint
194 shmget int uint hex
195 shmctl int int ptr
196 shmat int ptr hex
197 shmdt ptr
198 socket family socket_type int
199 socketpair family socket_type int ptr
200 bind fd ptr uint
201 listen fd int
202 accept fd ptr ptr
203 connect fd ptr uint
204 getsockname fd ptr ptr
205 getpeername fd ptr ptr
206 sendto fd bytes uint hex ptr uint
207 recvfrom fd filled uint hex ptr ptr
208 setsockopt fd int int ptr uint
209 getsockopt fd int int ptr ptr
210 shutdown fd int
211 sendmsg fd ptr hex
212 recvmsg fd ptr hex
213 readahead fd int uint
214 brk ptr
215 munmap ptr uint
216 mremap ptr uint uint remap ptr
217 add_key path path ptr uint int
218 request_key path path path int
219 keyctl int hex hex hex hex
220 clone clone_flags ptr ptr ptr ptr
221 execve path texts environment
222 mmap ptr uint protection map fd hex
223 fadvise64 fd int uint int
224 swapon path hex
225 swapoff path
226 mprotect ptr uint protection
227 msync ptr uint hex
228 mlock ptr uint
229 munlock ptr uint
230 mlockall hex
231 munlockall
232 mincore ptr uint ptr
233 madvise ptr uint advice
234 remap_file_pages ptr uint hex uint hex
235 mbind ptr uint int ptr uint hex
236 get_mempolicy ptr ptr uint ptr hex
237 set_mempolicy int ptr uint
238 migrate_pages int uint ptr ptr
239 move_pages int uint ptr ptr ptr hex
240 rt_tgsigqueueinfo int int signal ptr
241 perf_event_open ptr int int fd hex
242 accept4 fd ptr ptr socket_type
243 recvmmsg fd ptr uint hex ptr
258 riscv_hwprobe ptr uint uint ptr hex
259 riscv_flush_icache ptr ptr hex
260 wait4 int ptr wait ptr
261 prlimit64 int limit ptr ptr
262 fanotify_init hex hex
263 fanotify_mark fd hex hex at path
264 name_to_handle_at at path ptr ptr at_flags
265 open_by_handle_at fd ptr open_flags
266 clock_adjtime clock ptr
267 syncfs fd
268 setns fd clone_flags
269 sendmmsg fd ptr uint hex
270 process_vm_readv int ptr uint ptr uint hex
271 process_vm_writev int ptr uint ptr uint hex
272 kcmp int int int hex hex
273 finit_module fd path hex
274 sched_setattr int ptr hex
275 sched_getattr int ptr uint hex
276 renameat2 at path at path hex
277 seccomp int hex ptr
278 getrandom random uint random_flags
279 memfd_create path hex
280 bpf int ptr uint
281 execveat at path texts environment at_flags
282 userfaultfd hex
283 membarrier int hex int
284 mlock2 ptr uint hex
285 copy_file_range fd ptr fd ptr uint hex
286 preadv2 fd ptr int int int hex
287 pwritev2 fd ptr int int int hex
288 pkey_mprotect ptr uint protection int
289 pkey_alloc hex hex
290 pkey_free int
291 statx at path at_flags hex ptr
292 io_pgetevents ptr int int ptr ptr ptr
293 rseq ptr hex hex hex
294 kexec_file_load fd fd uint path hex
424 pidfd_send_signal fd signal ptr hex
425 io_uring_setup uint ptr
426 io_uring_enter fd uint uint hex ptr uint
427 io_uring_register fd uint ptr uint
428 open_tree at path hex
429 move_mount at path at path hex
430 fsopen path hex
431 fsconfig fd int path ptr int
432 fsmount fd hex hex
433 fspick at path hex
434 pidfd_open int hex
435 clone3 ptr uint
436 close_range fd fd hex
437 openat2 at path ptr uint
438 pidfd_getfd fd fd hex
439 faccessat2 at path access at_flags
440 process_madvise fd ptr uint advice hex
441 epoll_pwait2 fd ptr int ptr ptr uint
442 mount_setattr at path hex ptr uint
443 quotactl_fd fd hex int ptr
444 landlock_create_ruleset ptr uint hex
445 landlock_add_rule fd int ptr hex
446 landlock_restrict_self fd hex
447 memfd_secret hex
448 process_mrelease fd hex
449 futex_waitv ptr uint hex ptr clock
450 set_mempolicy_home_node ptr uint uint hex
451 cachestat fd ptr ptr hex
452 fchmodat2 at path mode at_flags
453 map_shadow_stack ptr uint hex
454 futex_wake ptr hex int hex
455 futex_wait ptr hex hex hex ptr clock
456 futex_requeue ptr hex int int
457 statmount ptr ptr uint hex
458 listmount ptr ptr uint hex
459 lsm_get_self_attr uint ptr ptr hex
460 lsm_set_self_attr uint ptr uint hex
461 lsm_list_modules ptr ptr hex
462 mseal ptr uint hex
463 setxattrat at path at_flags path ptr uint
464 getxattrat at path at_flags path ptr uint
465 listxattrat at path at_flags ptr uint
466 removexattrat at path at_flags path
"""


class SystemCall(NamedTuple):
    """A system call: its name, and the kind of each argument."""

    name: str
    kinds: tuple[str, ...]


def _read() -> dict[int, SystemCall]:
    rows = (line.split() for line in TABLE.split("\n") if line)
    return {int(number): SystemCall(name, tuple(kinds)) for number, name, *kinds in rows}


SYSTEM_CALLS: Mapping[int, SystemCall] = _read()
"""By number."""


def system_call(number: int) -> SystemCall:
    """The call of a number; one that is not known has six numbers as arguments."""
    return SYSTEM_CALLS.get(number) or SystemCall(f"syscall_{number:#x}", ("hex",) * 6)
