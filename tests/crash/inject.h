/* What the runner of the crash matrix and the programs under it share: one file, mapped by all of them. */
#ifndef WEFT_INJECT_H
#define WEFT_INJECT_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    INJECT_MAGIC = 0x77666a31,
    INJECT_TEXT = 160,
    INJECT_HEAD = 4096, /* the log begins here: texts of INJECT_TEXT bytes */
    INJECT_LOG_MAX = 65536,
};

enum inject_action {
    INJECT_NONE,  /* calls are counted and logged */
    INJECT_FAIL,  /* the call does nothing and gives the error */
    INJECT_SHORT, /* it does half of its work */
    INJECT_TEAR,  /* it does half of its work, and the process is killed */
    INJECT_KILL,  /* the process is killed before the call */
};

/* tests/crash/injector.py reads and writes it by these offsets. */
struct inject_plan {
    uint32_t magic;
    _Atomic uint32_t is_armed;   /* 0: calls pass uncounted */
    _Atomic uint32_t action;     /* enum inject_action */
    _Atomic uint32_t error;      /* errno of INJECT_FAIL */
    _Atomic uint32_t is_lasting; /* and from then on of every call that needs space */
    _Atomic uint32_t nth;        /* which of the target's calls, from 1 */
    _Atomic uint32_t seen;       /* calls of the target */
    _Atomic uint32_t fired;      /* 1 from the fault on */
    _Atomic uint32_t len;        /* texts in the log */
    _Atomic uint32_t later_s;    /* the wall clock goes ahead by as much */
    char target[INJECT_TEXT];    /* who, call, file */
};

#endif
