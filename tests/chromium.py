"""Installs what the browser tests need, where it can: Debian's chromium. They skip, saying so, where it is absent."""

import os
import shutil
import subprocess

if shutil.which("chromium") is None and shutil.which("apt-get") and os.name == "posix" and os.geteuid() == 0:
    print("Installing chromium for the browser tests", flush=True)
    subprocess.run(["apt-get", "update"], check=False, capture_output=True)
    install = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
    subprocess.run(install, check=False, capture_output=True)
if shutil.which("chromium") is None:
    print("No chromium here: the browser tests will be skipped.")
