"""The number of threads follows the affinity, the control groups and NUMBA_NUM_THREADS.

Control groups are read from a folder that stands for the root of the file system.
"""

import os

import pytest

from gaedist.engine.run import cpus


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(cpus, "_ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    cpus._quota.cache_clear()
    yield tmp_path
    cpus._quota.cache_clear()


def test_without_control_groups_the_affinity_decides(root):
    assert cpus.available_threads() == 16


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("max 100000", 16),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("1000 100000", 1),
        ("9900000 100000", 16),
    ],
)
def test_quotas_of_version_2(root, text, count):
    write(root, "proc/self/cgroup", "0::/\n")
    write(root, "sys/fs/cgroup/cpu.max", text + "\n")
    assert cpus.available_threads() == count


def test_parent_groups_limit_too(root):
    write(root, "proc/self/cgroup", "0::/pod/box\n")
    write(root, "sys/fs/cgroup/pod/cpu.max", "300000 100000\n")
    write(root, "sys/fs/cgroup/pod/box/cpu.max", "max 100000\n")
    assert cpus.available_threads() == 3


@pytest.mark.parametrize(("quota", "count"), [("-1", 16), ("400000", 4), ("0", 16)])
def test_quotas_of_version_1(root, quota, count):
    write(root, "proc/self/cgroup", "5:cpu,cpuacct:/\n3:memory:/elsewhere\n")
    write(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", quota + "\n")
    write(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert cpus.available_threads() == count


def test_unreadable_quotas_do_not_limit(root):
    write(root, "proc/self/cgroup", "0::/\n")
    for text in ("", "nonsense", "1 2 3", "100 0"):
        write(root, "sys/fs/cgroup/cpu.max", text)
        cpus._quota.cache_clear()
        assert cpus.available_threads() == 16


def test_the_limit_of_numba_is_respected(root, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert cpus.available_threads() == 3


def test_quotas_are_read_once_and_the_affinity_each_time(root, monkeypatch):
    write(root, "proc/self/cgroup", "0::/\n")
    write(root, "sys/fs/cgroup/cpu.max", "300000 100000\n")
    assert cpus.available_threads() == 3
    (root / "proc/self/cgroup").unlink()
    assert cpus.available_threads() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    assert cpus.available_threads() == 2
