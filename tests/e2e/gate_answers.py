#!/usr/bin/env python3
"""One budget against programs of which the answer is known: it fails on each leak and hang, and passes on all others.
usage: gate_answers.py PROGRAM BUDGET [DUMPS [ANSWERS [SCENARIO ...]]]

DUMPS (else what DUMPDIFF_ZOO names) holds a folder a program with its dumps or snapshots, oldest first: NAME/NAME.0.core,
NAME/NAME.1.core, ... ANSWERS (else zoo/expected.json of the folder that DUMPDIFF_SHARED names) says of each what it
does. Judged are all dumps together, and the first and the last alone: two never make a leak pass, and what does not
leak is at most inconclusive then. Where there are no dumps the test is skipped, aloud."""
import os, sys

from known_answers import SICK, Tally, programs, run, whole

NAME = os.path.basename(__file__)


def is_sick(answer):
    """Does it leak or hang? Threads alone that work or wait do not."""
    if answer['group'] == 'threads':
        return any(state in SICK for state in (answer.get('threads') or {}).values())
    return answer['group'] != 'non-leak'


def may_be_sick(answer):
    """May one of its threads be told of, too?"""
    return any(state in SICK for states in (answer.get('accept') or {}).values() for state in states)


def main(program, budget, dumps=os.environ.get('DUMPDIFF_ZOO', ''),
         answers=os.environ.get('DUMPDIFF_SHARED', '../shared') + '/zoo/expected.json', *wanted):
    if not dumps or not os.path.isdir(dumps) or not os.path.exists(answers):
        print(f'[  SKIPPED ] {NAME}: no dumps of programs with known answers (DUMPDIFF_ZOO names a folder of them)')
        return 0
    tally = Tally()
    for name, answer, files in programs(tally, dumps, answers, wanted):
        files = whole(program, name, files)
        statuses = (1,) if is_sick(answer) else (0, 1) if may_be_sick(answer) else (0,)
        all_right = statuses if len(files) > 2 else statuses + (3,)  # others were left out
        for what, of, right in (('all dumps', files, all_right),
                                ('first and last', [files[0], files[-1]], statuses + (3,))):
            done = run(program, 'gate', '--budget', budget, *of)
            status = done.returncode
            if status in right:
                tally.judged(True, f'{name}, {what}: {status}')
            else:
                tally.judged(False, f'{name}, {what}: exit status {status}, not {" or ".join(map(str, right))}',
                             ['  ' + line for line in (done.stdout + done.stderr).splitlines()[:20]])
    return tally.close('program(s) without dumps')


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
