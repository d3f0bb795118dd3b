#!/usr/bin/env python3
"""What dumpdiff says first, of programs of which the answer is known.
usage: judge_causes.py PROGRAM DUMPS ANSWERS [SCENARIO ...]

DUMPS holds a folder a program with its dumps or snapshots, oldest first: NAME/NAME.0.core, NAME/NAME.1.core, ...
ANSWERS says of each what it does:
  group        leak | native | finalizer | threads | non-leak
  top_growing  types one of which the first cause names
  holder_path  names in their order on the path of that cause
  threads      what a thread of that name does: stuck, deadlock, runaway, or anything else
  accept       [optional] by the name of a thread, what else may be said of it
  causes       [optional] how many causes are a warning or worse
  needs        [optional] how many dumps it takes to tell: 3 where the first and the last alone show less
  names        [optional] texts that the first cause holds
Judged are all dumps, the first and the last alone, and snapshots of all, which have to say the same.
A cause that is a warning or worse and about something else fails too."""
import os, re, sys, tempfile

from known_answers import SICK, Tally, diff, programs, run, whole, wrong_and_causes

LOUD = ('critical', 'warning')
GROWTH = ('leak', 'growth', 'loader', 'handles', 'threads', 'exceptions', 'finalizer', 'blocked', 'starvation')


def words(cause):
    """All that a cause says of where and what, from the root down."""
    said = [cause.get('root') or '']
    for step in cause.get('path') or []:
        said += [step.get('edge') or '', step.get('type') or '']
    return said


def in_order(names, said):
    at = 0
    for text in said:
        while at < len(names) and names[at].lower() in text.lower():
            at += 1
    return at == len(names)


def loud(causes):
    return [c for c in causes if c['severity'].lower() in LOUD]


def says(cause, name):
    last = re.split(r'[.+]', re.sub(r'[<\[].*', '', name))[-1]
    texts = [cause['subject'] or '', cause['summary']] + words(cause) + [t['type'] for t in cause.get('types') or []]
    return any(name in t or (len(last) > 4 and last in t) for t in texts)


def wrong_leak(answer, causes, two):
    if not causes:
        return ['no cause at all']
    first, wrong = causes[0], []
    if two and fills(answer):
        first = next((c for c in loud(causes) if any(says(c, n) for n in answer['top_growing'])), first)
    if first['severity'].lower() not in LOUD:
        wrong.append(f'the first cause is a {first["severity"]}')
    if first['kind'] not in GROWTH:
        wrong.append(f'the first cause is of kind {first["kind"]}')
    about = answer.get('top_growing', [])
    if about and not any(says(first, name) for name in about + answer.get('holder_path', [])[:1]):
        wrong.append(f'the first cause does not name {about}')
    several = len(about) > 1  # of which one is held like that
    if not any(in_order(answer.get('holder_path', []), words(c)) for c in (loud(causes) if several else [first])):
        wrong.append(f'path is not {answer["holder_path"]}')
    names = about + answer.get('holder_path', []) + answer.get('also', []) + list(answer.get('verdicts', {}))
    if two and fills(answer):
        return wrong
    return wrong + [f'unrelated: {c["severity"]} {c["summary"]}' for c in loud(causes)[1:] if not any(says(c, n) for n in names)]


def fills(answer):
    """Does something grow beside, that two dumps do not tell from a leak?"""
    return any(v in ('saturating', 'step') for v in answer.get('verdicts', {}).values())


def wrong_threads(answer, causes):
    """Each that is in trouble is told of, and nobody else is."""
    kinds = {'deadlock': ('deadlock',), 'stuck': ('blocked', 'deadlock', 'starvation', 'finalizer'), 'runaway': ('runaway',)}
    states = answer.get('threads') or {}
    sick = {state for state in states.values() if state in SICK}
    wrong = []
    if 'deadlock' not in sick and not any('deadlock' in states for states in (answer.get('accept') or {}).values()):
        wrong += [f'no deadlock: {c["summary"]}' for c in causes if c['kind'] == 'deadlock' and c['severity'].lower() in LOUD]
    for state in sorted(sick):
        if not any(c['kind'] in kinds[state] for c in loud(causes)):
            wrong.append(f'nothing of {state}')
    if 'deadlock' in sick and causes and causes[0]['kind'] != 'deadlock':
        wrong.append(f'the first cause is of kind {causes[0]["kind"]}')
    also = {state for states in (answer.get('accept') or {}).values() for state in states if state in SICK}
    allowed = {kind for state in sick | also for kind in kinds[state]}
    return wrong + [f'unrelated: {c["kind"]} {c["severity"]} {c["summary"]}' for c in loud(causes) if c['kind'] not in allowed]


def wrong_kind(kind, answer, causes):
    names = answer.get('top_growing', []) + answer.get('holder_path', []) + answer.get('also', []) + list(answer.get('verdicts', {}))
    if not causes or causes[0]['kind'] != kind or causes[0]['severity'].lower() not in LOUD:
        first = f'{causes[0]["kind"]} {causes[0]["severity"]} {causes[0]["summary"]}' if causes else 'none'
        return [f'the first cause is no {kind} that is a warning: {first}']
    return [f'unrelated: {c["severity"]} {c["summary"]}' for c in loud(causes)[1:]
            if c['kind'] != kind and not any(says(c, n) for n in names)]


def wrong_causes(answer, causes, two):
    """What is wrong with what is said; nothing is fine. Two dumps show no verdict, so that what only filled may be told."""
    group = answer['group']
    if group == 'leak':
        wrong = wrong_leak(answer, causes, two)
    elif group in ('native', 'finalizer'):
        wrong = wrong_kind(group, answer, causes)
    elif group == 'threads':
        wrong = wrong_threads(answer, causes)
    else:
        wrong = [] if two and fills(answer) else \
            [f'false: {c["severity"]} {c["kind"]} {c["summary"]}' for c in loud(causes)]
    if not two and 'causes' in answer and len(loud(causes)) != answer['causes']:
        wrong.append(f'{len(loud(causes))} causes, not {answer["causes"]}')
    first = causes[0]['summary'] + (causes[0]['next'] or '') + ' '.join(words(causes[0])) if causes else ''
    return wrong + [f'the first cause does not say {name}' for name in answer.get('names', []) if name not in first]


def of_snapshots(program, files, folder):
    made = []
    for file in files:
        made.append(os.path.join(folder, re.sub(r'\.core(\.\w+)?$', '.snap', os.path.basename(file))))
        done = run(program, 'snapshot', file, '-o', made[-1])
        if done.returncode:
            raise RuntimeError(f'snapshot: exit status {done.returncode}: {done.stderr.strip()[:200]}')
    return diff(program, made)


def told(causes):
    """Without what says how the input is asked further: a dump is, a snapshot no more."""
    return [{k: v for k, v in c.items() if k not in ('next', 'findings')} for c in causes]


def judge(program, name, answer, files):
    """Pairs: what was judged, and what is wrong."""
    all_of_them = diff(program, files)['causes']
    yield 'all dumps', wrong_causes(answer, all_of_them, False), all_of_them
    if answer.get('needs', 2) == 2:
        ends = diff(program, [files[0], files[-1]])['causes']
        yield 'first and last', wrong_causes(answer, ends, True), ends
    if not files[0].endswith('.snap'):
        with tempfile.TemporaryDirectory() as folder:
            kept = of_snapshots(program, files, folder)['causes']
        yield 'snapshots', [] if told(kept) == told(all_of_them) else ['not what the dumps say'], kept


def main(program, dumps, answers, *wanted):
    tally = Tally()
    for name, answer, files in programs(tally, dumps, answers, wanted):
        try:
            for what, wrong, causes in judge(program, name, answer, whole(program, name, files)):
                tally.judged(not wrong, f'{name}, {what}', wrong_and_causes(wrong, causes[:4]))
        except RuntimeError as error:
            tally.judged(False, f'{name}: {error}')
    return tally.close('program(s) without dumps')


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
