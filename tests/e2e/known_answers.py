"""What the judges of programs with known answers share: which dumps there are, and what they print of each."""
import glob, json, os, re, subprocess

SICK = ('stuck', 'deadlock', 'runaway')


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True)


def dumps_of(folder, name):
    """Its dumps, oldest first: NAME/NAME.0.core, NAME/NAME.1.core, ..."""
    for ext in ('core', 'core.zst', 'core.gz', 'snap'):
        end = r'\.(\d+)\.' + re.escape(ext) + '$'
        files = [f for f in glob.glob(f'{folder}/{name}/{name}.*.{ext}') if re.search(end, f)]
        if len(files) > 1:
            return sorted(files, key=lambda f: int(re.search(end, f).group(1)))
    return []


def whole(program, name, files):
    """Without those that were taken in the middle of a collection: they hold figures of no moment."""
    kept = []
    for file in files:
        said = run(program, 'show', '--force', '--no-paths', '--format', 'json', file).stdout
        if '"in_progress":true' in said.replace(' ', ''):
            print(f'[  SKIPPED ] {name}: {os.path.basename(file)} was taken in the middle of a collection')
        else:
            kept.append(file)
    return kept


def diff(program, files):
    """The report on them, whole."""
    done = run(program, 'diff', '--all', '--format', 'json', *files)
    if done.returncode:
        raise RuntimeError(f'exit status {done.returncode}: {done.stderr.strip()[:300]}')
    return json.loads(done.stdout)


def wrong_and_causes(wrong, causes):
    """Lines: what is wrong, and what was said first instead."""
    return ['    ' + line for line in wrong] + [f'      {c["severity"]} {c["kind"]}: {c["summary"]}' for c in causes]


class Tally:
    """Counts what is judged, and prints it as CMocka does. VERBOSE=1: details of what is right, too."""

    def __init__(self):
        self.tests = self.failed = self.left_out = 0

    def judged(self, right, what, details=()):
        """details: lines that are printed where it is not right."""
        self.tests += 1
        self.failed += not right
        print(f'[{"       OK " if right else "  FAILED  "}] {what}', flush=True)
        for line in () if right and not os.environ.get('VERBOSE') else details:
            print(line, flush=True)

    def skipped(self, what):
        self.left_out += 1
        print(f'[  SKIPPED ] {what}', flush=True)

    def close(self, left_out):
        """left_out: what those are that were skipped. Returns the exit status."""
        print(f'[==========] {self.tests} test(s) run.' + (f' {self.left_out} {left_out}.' if self.left_out else ''))
        print(f'[  FAILED  ] {self.failed} test(s).' if self.failed else f'[  PASSED  ] {self.tests} test(s).')
        return int(self.failed > 0)


def programs(tally, dumps, answers, wanted):
    """Name, answer and dumps of those that are wanted, of all where none is named."""
    with open(answers) as file:
        known = json.load(file)
    for name, answer in known.items():
        if name.startswith('_') or (wanted and name not in wanted):
            continue
        files = dumps_of(dumps, name)
        if files:
            yield name, answer, files
        else:
            tally.skipped(f'{name}: no dumps')
