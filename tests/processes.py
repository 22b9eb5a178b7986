"""Run gaedist, or a script, in a process of its own, with the streams that a test wants."""

import os
import pty
import signal
import subprocess
import sys


def shell(command, **environment):
    """Run a command line in bash; return the exit code, standard output and standard error."""
    line = f"{sys.executable} -m gaedist {command}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def python(script, **environment):
    """Run a script of Python; return its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def start(*arguments, **options):
    """Start gaedist with pipes as its output streams."""
    return subprocess.Popen(
        [sys.executable, "-m", "gaedist", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def terminal_output(arguments, interrupt_at=None, **environment):
    """Run with a terminal as standard error; return the exit code, standard output and what it shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gaedist", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"} | environment,
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
            if interrupt_at and interrupt_at in shown:
                process.send_signal(signal.SIGINT)
                interrupt_at = None
    except OSError:  # the terminal is closed when the process ends
        pass
    os.close(leader)
    out, _ = process.communicate()
    return process.returncode, out.decode(), shown.decode()


def shown_on_terminal(arguments, columns=80, **environment):
    """Run with a terminal as standard output; return what it shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "gaedist", *map(str, arguments)],
        stdout=follower,
        env=os.environ | {"TERM": "xterm", "COLUMNS": str(columns)} | environment,
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # the terminal is closed when the process ends
        pass
    os.close(leader)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")
