"""`python -m tests.soak [--minutes 60] [--streams 60] [--seed N] [--out FOLDER]`: see the package.

nginx with RTMP, publishers that this program breaks, the agent with two workers. For what it does to disks and names
it needs root on Linux; what cannot be injected is said. Exit status 0: all promises held, 1: not all, 2: it cannot run,
or was cut short. The folder holds what happened as it happens, and a report of how it stands, new every minute.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e import servers
from tests.soak import report
from tests.soak.kept import Kept
from tests.soak.run import soak
from tests.soak.session import CANNOT, NICE, apart


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=60, help="streams that play (a few more never do)")
    parser.add_argument("--shows", type=int, default=5, help="publishers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nice", type=int, default=NICE, help=f"of all of it beside other sessions; default: {NICE}")
    parser.add_argument("--only", help="kinds of faults, with commas")
    parser.add_argument("--out", type=Path, help="a folder for the report, what happened when, and the agent's log")
    return parser.parse_args()


def main() -> int:
    said = arguments()
    if lacking := [one for one in servers.missing() if one != "chromium"]:
        print(f"this machine lacks {', '.join(lacking)}", file=sys.stderr)
        return CANNOT
    kept = Kept(said.out)
    with tempfile.TemporaryDirectory(prefix="qoe-soak-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)

        def work() -> int:
            document = asyncio.run(soak(said, home, kept))
            print(report.text(document))
            return report.status(document)

        status = apart(work, said.nice)
        if status < 0 and (home / "disk").is_mount():
            subprocess.run(["umount", "-l", str(home / "disk")], check=False)
    if status < 0:
        kept.crashed(f"the soak itself was ended by signal {-status}")
    return max(status, CANNOT) if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
