"""A real Slurm of one node on this machine, for as long as a `with` block or a command runs.

It needs root and Debian's packages, and listens on the loopback only. It keeps accounts, in
a MariaDB of its own, so that `sacct` answers. By hand: python one_node_slurm.py COMMAND ...
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

PACKAGES = (
    *("slurmctld", "slurmd", "slurm-client", "munge"),
    *("slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server-core"),
)
# In the order in which they start.
DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd")
# The one place where every Slurm command looks, also those that Snakemake runs within a job.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
PORT = 26817
TEXT = """
ClusterName=one_node
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={port}
SlurmdPort=26818
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
MailProg=/bin/true
MpiDefault=none
TaskPlugin=task/none
ProctrackType=proctrack/linuxproc
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort=26819
AccountingStoragePass=socket={folder}/munge.socket

# A job over its memory is killed within a second or so, one over its time within half a minute.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=2

# Ended jobs stay listed, so that tests can count submissions.
MinJobAge=86400
# A node whose slurmd is silent for so many seconds is down.
SlurmdTimeout=10
ReturnToService=2
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# Refuse what can never run.
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cores} RealMemory=16000
PartitionName=only Nodes=localhost Default=YES
"""
ACCOUNTS = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort=26819
SlurmUser=root
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=26820
StorageUser=root
StorageLoc=accounts
"""
ADDED = ("sacctmgr", "--immediate", "add", "cluster", "one_node")
# What a new database needs to know of itself.
TABLES = Path("/usr/share/mysql/mysql_system_tables.sql")


class Unavailable(Exception):
    """Slurm cannot run here, and why."""


class Job(NamedTuple):
    """A submission as squeue shows it."""

    id: int
    state: str
    cores: str
    name: str
    comment: str


def wait_until(condition, seconds: float = 300) -> None:
    """Return as soon as `condition()` holds; fail if it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition} did not come true within {seconds} s")
        time.sleep(0.1)


def install() -> None:
    """Install Slurm from Debian's packages where it is missing.

    Raises
    ------
    Unavailable
        Not on Linux, not root, no apt-get, no packages, or a Slurm of this machine's own.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Unavailable("a one-node Slurm needs Linux and root")
    with socket.socket() as probe:
        left = CONFIGURATION.is_symlink() and probe.connect_ex(("127.0.0.1", PORT))
    if CONFIGURATION.exists() and not left:
        raise Unavailable(f"there is another Slurm here, with {CONFIGURATION}")
    if all(shutil.which(program) for program in (*DAEMONS, "squeue")):
        return
    if not shutil.which("apt-get"):
        raise Unavailable("Slurm is not installed, and there is no apt-get to install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        run = subprocess.run(
            ["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True
        )
        if run.returncode:
            raise Unavailable(f"apt-get cannot install Slurm: {run.stderr.strip()}")


class OneNodeSlurm:
    """Context of a running Slurm; its daemons are children of this process."""

    def __init__(self, cores: int = 4):
        """Prepare a node that claims so many cores."""
        self.cores = cores
        self.daemons = {}

    def __enter__(self):
        """Start the daemons and wait until the node takes jobs."""
        install()
        # Short, since a socket's path must be.
        self.folder = Path(mkdtemp(prefix="slurm-"))
        self.folder.chmod(0o755)  # or munged refuses its socket
        for name, mode in (("munge", 0o700), ("state", 0o755), ("spool", 0o755), ("db", 0o700)):
            (self.folder / name).mkdir(mode)
        (self.folder / "munge" / "key").write_bytes(os.urandom(1024))
        (self.folder / "munge" / "key").chmod(0o600)
        text = TEXT.format(folder=self.folder, cores=self.cores, port=PORT)
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "slurmdbd.conf").write_text(ACCOUNTS.format(folder=self.folder))
        (self.folder / "slurmdbd.conf").chmod(0o600)
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.unlink(missing_ok=True)  # left by a run that was killed
        CONFIGURATION.symlink_to(self.folder / "slurm.conf")
        try:
            subprocess.run(
                [*self._database(), "--bootstrap"],
                input=f"create database mysql;\nuse mysql;\n{TABLES.read_text()}",
                text=True,
                check=True,
                stderr=subprocess.DEVNULL,
            )
            for name in DAEMONS:
                self.start(name)
            wait_until(lambda: self.node() == "idle", 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """End all jobs and daemons and leave nothing behind."""
        with suppress(Exception):
            self.clear()
        for name in reversed(list(self.daemons)):
            self.stop(name)
        CONFIGURATION.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str) -> None:
        """Start a daemon."""
        munge = self.folder / "munge"
        arguments = {
            "munged": [
                *("-F", f"--key-file={munge}/key", f"--socket={self.folder}/munge.socket"),
                *(f"--pid-file={munge}/pid", f"--log-file={munge}/log"),
                f"--seed-file={munge}/seed",
            ],
            "mariadbd": [*self._database()[1:], f"--socket={self.folder}/db.socket"],
        }.get(name, ["-D"])
        environment = dict(os.environ)
        if name == "slurmdbd":  # which looks for its settings beside these
            environment["SLURM_CONF"] = str(self.folder / "slurm.conf")
        with (self.folder / f"{name}.log").open("a") as log:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(name), *arguments],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ready = {
            "munged": (self.folder / "munge.socket").exists,
            "mariadbd": (self.folder / "db.socket").exists,
            "slurmdbd": lambda: (
                "one_node" in self._ask("sacctmgr", "-i", "add", "cluster", "one_node")
            ),
        }
        if name in ready:
            wait_until(ready[name], 30)

    def stop(self, name: str, how: int = signal.SIGTERM) -> None:
        """End a daemon; jobs go on without slurmd."""
        daemon = self.daemons.pop(name)
        daemon.send_signal(how)
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def node(self) -> str:
        """Return the state of the node."""
        return self._ask("sinfo", "--noheader", "--format=%T").strip()

    def drain(self, on: bool = True) -> None:
        """Have the node take no more jobs, or take them again."""
        state = ["State=DRAIN", "Reason=tried"] if on else ["State=RESUME"]
        subprocess.run(["scontrol", "update", "NodeName=localhost", *state], check=True)

    def jobs(self) -> list[Job]:
        """Return all submissions since the start, ended ones too."""
        listed = self._ask("squeue", "--noheader", "--states=all", "--format=%i|%T|%C|%j|%k")
        rows = (line.split("|") for line in listed.splitlines())
        return sorted(Job(int(id), *others) for id, *others in rows)

    def running(self) -> list[Job]:
        """Return the submissions that have not ended, waiting ones too."""
        ended = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
        return [job for job in self.jobs() if job.state not in ended]

    def clear(self) -> None:
        """Cancel all jobs and wait until they are gone."""
        for job in self.running():
            subprocess.run(["scancel", str(job.id)], check=True)
        wait_until(lambda: not self.running(), 30)

    def _database(self) -> list[str]:
        """Return the command of a small database without passwords, on the loopback."""
        return [
            *(shutil.which("mariadbd"), "--no-defaults", "--user=root", "--skip-grant-tables"),
            *(f"--datadir={self.folder}/db", "--bind-address=127.0.0.1", "--port=26820"),
            *("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M"),
        ]

    def _ask(self, *command: str) -> str:
        with suppress(subprocess.TimeoutExpired):  # of a daemon that is not there yet
            return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
        return ""


if __name__ == "__main__":
    try:
        with OneNodeSlurm(cores=os.cpu_count()):
            sys.exit(subprocess.call(sys.argv[1:]))
    except Unavailable as reason:
        sys.exit(str(reason))
