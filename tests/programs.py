"""Installs the programs that some tests need, where it can, from Debian. Those tests skip, saying so, without them."""

import os
import shutil
import subprocess

PROGRAMS = ("chromium", "strace")  # each a package of the same name: for browsers, and for what leaves the machine

missing = [program for program in PROGRAMS if shutil.which(program) is None]
if missing and shutil.which("apt-get") and os.name == "posix" and os.geteuid() == 0:
    print(f"Installing {' and '.join(missing)} for the tests", flush=True)
    subprocess.run(["apt-get", "update"], check=False, capture_output=True)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    subprocess.run(install, check=False, capture_output=True)
for program in PROGRAMS:
    if shutil.which(program) is None:
        print(f"No {program} here: the tests that need it will be skipped.")
