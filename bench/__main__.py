"""`make bench`: every claim, one script after another; ends with 1 when one does not hold.

python -m bench [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

SCRIPTS: Final = ("linkage", "log", "start", "miio", "face", "flywheel", "flywheel_cdnow")


def main() -> int:
    here = Path(__file__).parent
    wanted = sys.argv[1:] or SCRIPTS
    failed = [name for name in wanted if subprocess.run([sys.executable, here / f"{name}.py"], check=False).returncode]
    print(f"\n{'all claims hold' if not failed else 'claims that do not hold: ' + ', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
