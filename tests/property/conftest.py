"""The state machines run under plain pytest (revm), and under `ape test` (anvil)."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / "scripts" / "solc"))
os.environ["PATH"] = f"{ROOT / 'scripts' / 'bin'}{os.pathsep}{os.environ['PATH']}"
