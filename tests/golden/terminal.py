#!/usr/bin/env python3
"""Runs a command on a terminal of its own, prints what came there without carriage returns, and exits as it did.

usage: terminal.py [COLUMNSxLINES] [VARIABLE=VALUE...] [keys=TEXT[@AFTER]] [--] COMMAND...

Of the environment PATH, TMP and what is given stay; TERM is xterm, LC_ALL is C.UTF-8. VARIABLE= (empty) unsets it.
keys  are typed when AFTER (any output, if not given) has come; ^C is Ctrl-C
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

SECONDS = 120


def arguments(words):
    size, keys, after = (100, 40), b'', b''
    env = {name: os.environ[name] for name in ('PATH', 'TMP', 'TMPDIR', 'HOME', 'DUMPDIFF') if name in os.environ}
    env.update(TERM='xterm', LC_ALL='C.UTF-8')
    while words:
        word = words[0]
        if word == '--':
            words.pop(0)
            break
        if word.startswith('keys='):
            text, _, after = word[5:].partition('@')
            keys, after = text.replace('^C', '\x03').encode(), after.encode()
        elif '=' in word and '/' not in word.split('=')[0]:
            name, value = word.split('=', 1)
            env[name] = value
            if not value and name not in ('PAGER', 'DUMPDIFF_PAGER'):
                del env[name]
        elif word.replace('x', '').isdigit():
            size = tuple(int(n) for n in word.split('x'))
        else:
            break
        words.pop(0)
    return words, env, size, keys, after


def main():
    command, env, (columns, lines), keys, after = arguments(sys.argv[1:])
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))
        os.execvpe(command[0], command, env)
    end, came = time.monotonic() + SECONDS, b''
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        if not ready:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        came += part
        if keys and after in came:
            time.sleep(0.2)
            os.write(terminal, keys)
            keys = b''
    _, status = os.waitpid(pid, 0)
    sys.stdout.buffer.write(came.replace(b'\r\n', b'\n'))
    sys.stdout.flush()
    return os.waitstatus_to_exitcode(status) & 0xff


sys.exit(main())
