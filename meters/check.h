/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Checks of our own promises, and the mark for results that must be read.
 *
 *  MT_CHECK states what the code guarantees; it is never used on input from outside, which is
 *  handled. It stays on in release builds: a broken promise stops the program, and the ledger is
 *  the way back.
 */
#ifndef METERS_CHECK_H
#define METERS_CHECK_H

/** Stop the program unless the condition holds: a bug of ours, not bad input. */
#define MT_CHECK(cond)        \
    do {                      \
        if (!(cond)) {        \
            __builtin_trap(); \
        }                     \
    } while (0)

/** The result must be looked at. */
#define MT_MUST_USE __attribute__((warn_unused_result))

#endif
