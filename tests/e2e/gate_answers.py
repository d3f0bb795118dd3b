#!/usr/bin/env python3
"""One budget against programs of which the answer is known: it fails on each leak and hang, and passes on all others.
usage: gate_answers.py PROGRAM BUDGET [DUMPS [ANSWERS [SCENARIO ...]]]

DUMPS (else what DUMPDIFF_ZOO names) holds a folder a program with its dumps or snapshots, oldest first: NAME/NAME.0.core,
NAME/NAME.1.core, ... ANSWERS (else zoo/expected.json of the folder that DUMPDIFF_SHARED names) says of each what it
does. Judged are all dumps together, and the first and the last alone: two never make a leak pass, and what does not
leak is at most inconclusive then. Where there are no dumps the test is skipped, aloud."""
import glob, json, os, re, subprocess, sys

NAME = os.path.basename(__file__)
SICK = ('stuck', 'deadlock', 'runaway')


def dumps_of(folder, name):
    for ext in ('core', 'core.zst', 'core.gz', 'snap'):
        end = r'\.(\d+)\.' + re.escape(ext) + '$'
        files = [f for f in glob.glob(f'{folder}/{name}/{name}.*.{ext}') if re.search(end, f)]
        if len(files) > 1:
            return sorted(files, key=lambda f: int(re.search(end, f).group(1)))
    return []


def is_sick(answer):
    """Does it leak or hang? Threads alone that work or wait do not."""
    if answer['group'] == 'threads':
        return any(state in SICK for state in (answer.get('threads') or {}).values())
    return answer['group'] != 'non-leak'


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def whole(program, name, files):
    """Without those that were taken in the middle of a collection: they hold figures of no moment."""
    kept = []
    for file in files:
        status, said = run(program, 'show', '--no-paths', '--format', 'json', file)
        if '"in_progress":true' in said.replace(' ', ''):
            print(f'[  SKIPPED ] {name}: {os.path.basename(file)} was taken in the middle of a collection')
        else:
            kept.append(file)
    return kept


def main(program, budget, dumps=os.environ.get('DUMPDIFF_ZOO', ''),
         answers=os.environ.get('DUMPDIFF_SHARED', '../shared') + '/zoo/expected.json', *wanted):
    if not dumps or not os.path.isdir(dumps) or not os.path.exists(answers):
        print(f'[  SKIPPED ] {NAME}: no dumps of programs with known answers (DUMPDIFF_ZOO names a folder of them)')
        return 0
    with open(answers) as file:
        known = json.load(file)
    tests = missing = failed = 0
    for name, answer in known.items():
        files = dumps_of(dumps, name)
        if name.startswith('_') or (wanted and name not in wanted):
            continue
        if not files:
            missing += 1
            print(f'[  SKIPPED ] {name}: no dumps')
            continue
        files = whole(program, name, files)
        sick = is_sick(answer)
        for what, of, right in (('all dumps', files, (1,) if sick else (0,)),
                                ('first and last', [files[0], files[-1]], (1, 3) if sick else (0, 3))):
            status, said = run(program, 'gate', '--budget', budget, *of)
            tests += 1
            if status in right:
                print(f'[       OK ] {name}, {what}: {status}')
                continue
            failed += 1
            print(f'[  FAILED  ] {name}, {what}: exit status {status}, not {" or ".join(map(str, right))}')
            print('\n'.join('  ' + line for line in said.splitlines()[:20]))
    print(f'[==========] {tests} test(s) run.' + (f' {missing} program(s) without dumps.' if missing else ''))
    print(f'[  FAILED  ] {failed} test(s).' if failed else f'[  PASSED  ] {tests} test(s).')
    return int(failed > 0)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
