import signal
import time

import pytest

from gaedist.cli.interrupts import heard_interrupts


def test_an_interrupt_is_raised():
    with pytest.raises(KeyboardInterrupt), heard_interrupts():
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_in_a_callback_of_llvm_comes_after_it():
    finished = []

    def _raw_object_cache_notify():
        signal.raise_signal(signal.SIGINT)
        finished.append(True)

    def compile_and_run():
        _raw_object_cache_notify()
        while True:
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt), heard_interrupts():
        compile_and_run()
    assert finished


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)
    with heard_interrupts():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM)) == before
