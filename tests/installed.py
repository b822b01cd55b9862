# SPDX-License-Identifier: GPL-2.0-only
"""What an installation has of the gateway's part, and the room that it may take."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

BUDGET_KIB = 1024
# The rest is the center's, of those who verify applications, the module's sources and docs/.
GATEWAY = (
    *(f"usr/libexec/faultline/{name}" for name in ("faultlined", "faultline-link", "faultline-keeper",
      "faultline-gate", "faultline-unpack")),
    "usr/bin/faultctl", "usr/share/faultline/**/*", "etc/faultline/**/*", "lib/systemd/system/faultlined.service",
    *(f"usr/share/man/{page}" for page in ("man1/faultctl.1", "man4/faultline.4", "man5/faultline-application.5",
                                           "man8/faultlined.8")),
)


def install(root):
    done = subprocess.run(["make", "-s", "install", f"DESTDIR={root}"], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def gateway_sizes(root):
    """In bytes, by the path in `root`; what a pattern does not find is an error."""
    sizes = {}
    for pattern in GATEWAY:
        found = [path for path in Path(root).glob(pattern) if path.is_file()]
        assert found, f"{pattern} is not installed"
        sizes |= {str(path.relative_to(root)): path.stat().st_size for path in found}
    return sizes
